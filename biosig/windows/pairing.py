"""Which detected beat belongs to which annotated beat: one answer, for labels in training and for scoring."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["pair_beats"]

_NEVER = 1 << 62


def pair_beats(
    reference: Sequence[int] | NDArray[np.int64],
    test: Sequence[int] | NDArray[np.int64],
    *,
    window: int,
    stop: int | None = None,
) -> NDArray[np.int64]:
    """Positions of paired beats in order of time, int64 (n, 2): reference, test; -1 = stayed alone.

    The pairing of ANSI/AAMI EC57:2012, 4.3, as its reference program decides it: each beat is used once. Of the
    earliest beats left, one of each side, the earlier is paired with the later if they lie at most ``window`` apart
    and the next beat of the earlier's side is not as near or nearer to the later. Otherwise it stays alone.

    Parameters
    ----------
    reference, test : sample numbers, ascending.
    window : largest distance of a pair, samples.
    stop : last sample, inclusive; later beats count only as partners of beats up to it. None = no end.

    Raises
    ------
    ValueError
        Where ``window`` is negative or the samples are not in order.
    """
    if window < 0:
        raise ValueError(f"window must be 0 samples or more, got {window}")
    if np.any(np.diff(reference) < 0) or np.any(np.diff(test) < 0):
        raise ValueError("reference and test samples must be in ascending order; sort them first")
    references = [*np.asarray(reference).tolist(), _NEVER, _NEVER]
    tests = [*np.asarray(test).tolist(), _NEVER, _NEVER]
    last = _NEVER - 1 if stop is None else stop
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while (early := min(references[i], tests[j])) <= last:
        if tests[j] < references[i]:
            late, rival = references[i], tests[j + 1]
        else:
            late, rival = tests[j], references[i + 1]
        if late - early <= window and late - early < abs(late - rival):
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif tests[j] < references[i]:
            pairs.append((-1, j))
            j += 1
        else:
            pairs.append((i, -1))
            i += 1
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)

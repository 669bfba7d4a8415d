"""Which windows go through a network together: sequences, and batches of them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from biosig.windows.index import Windows

__all__ = ["Sequences", "batches_of_like_length", "cut_sequences", "own_sequences"]

Sequences = tuple[NDArray[np.int64], NDArray[np.bool_]]
"""``rows`` int64 (n, k), window numbers, where short sequences repeat their last window; ``counts`` bool (n, k),
windows that count in the loss."""

POOL = 8
"""Batches of like length are made of this many batches drawn together: less padding, yet other company each epoch."""


def cut_sequences(windows: Windows, k: int, burn_in: int, generator: np.random.Generator) -> Sequences:
    """Sequences of up to ``k`` consecutive windows that together count every window once, from drawn offsets.

    The first ``burn_in`` windows of a sequence give context and do not count, except at the start
    of a recording, where there is nothing before them live either.
    """
    if not 0 <= burn_in < k:
        raise ValueError(f"burn_in must lie in [0, context={k}), got {burn_in}")
    bounds = np.searchsorted(windows.recording, np.arange(len(windows.names) + 1))
    step = k - burn_in
    rows, counts = [], []
    for first, end in pairwise(bounds):
        if end == first:
            continue
        counted_from = np.arange(first - int(generator.integers(step)), end, step)
        begin = np.maximum(counted_from - burn_in, first)
        place = begin[:, None] + np.arange(k)[None, :]
        stop = np.minimum(counted_from + step, end)
        rows.append(np.minimum(place, stop[:, None] - 1))
        counts.append((place >= counted_from[:, None]) & (place < stop[:, None]))
    return np.concatenate(rows), np.concatenate(counts)


def own_sequences(windows: Windows, wanted: NDArray[np.bool_], k: int) -> Sequences:
    """For every wanted window the last ``k`` windows of its recording, as an answer about it looks back on them.

    Only the wanted window itself counts. Where the last window of a recording alone is wanted and ``k`` is as long
    as any recording, each sequence is a recording at its own length.

    Parameters
    ----------
    wanted : bool (n_windows,).
    """
    chosen = np.flatnonzero(wanted)
    first = np.searchsorted(windows.recording, windows.recording[chosen])
    place = np.maximum(chosen - k + 1, first)[:, None] + np.arange(k)[None, :]
    return np.minimum(place, chosen[:, None]), place == chosen[:, None]


def batches_of_like_length(
    sequences: Sequences, order: NDArray[np.int64], size: int, generator: np.random.Generator
) -> list[Sequences]:
    """The sequences in batches of about ``size`` that are as wide as their longest, in drawn order.

    Parameters
    ----------
    order : int64, in which they were drawn; what is drawn together stays near each other.
    """
    rows, counts = sequences
    width = counts.shape[1] - counts[:, ::-1].argmax(axis=1)
    batches = []
    for pool in np.array_split(order, math.ceil(len(order) / (POOL * size))):
        by_width = pool[np.argsort(width[pool], kind="stable")]
        for part in np.array_split(by_width, math.ceil(len(pool) / size)):
            longest = width[part].max()
            batches.append((rows[part, :longest], counts[part, :longest]))
    return [batches[number] for number in generator.permutation(len(batches))]

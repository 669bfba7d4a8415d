"""How regular intervals between beats are: figures that tell sinus rhythm, extra beats and fibrillation apart.

Only intervals that follow each other are compared, so that a stretch from which disturbed ones were left out has no
steps that never were. Sources: evidence of atrial fibrillation from the scatter of successive steps, Sarkar,
Ritscher & Mehra 2008, doi:10.1109/TBME.2007.903707; coefficient of sample entropy, Lake & Moorman 2011,
doi:10.1152/ajpheart.00561.2010.
"""

from __future__ import annotations

from math import log

import numpy as np
from numpy.typing import NDArray

__all__ = ["REGULARITY_FEATURES", "count", "regularity", "share"]

Signal = NDArray[np.float64]

REGULARITY_FEATURES: tuple[str, ...] = (
    "intervals",
    "rate_mean",
    "rate",
    "rate_fast",
    "rate_slow",
    "spread",
    "step_rms",
    "step",
    "step_75",
    "step_90",
    "over_20ms",
    "over_50ms",
    "over_tenth",
    "over_fifth",
    "early",
    "early_count",
    "very_early",
    "short",
    "long",
    "pause",
    "made_up",
    "made_up_count",
    "turns",
    "entropy",
    "scatter_cells",
    "scatter_still",
    "scatter_evidence",
    "scatter_entropy",
)
"""Rates in beats per minute; ``spread`` and ``step*`` relative to the interval; ``over_*``, ``early``, ``short``,
``long``, ``pause``, ``made_up`` (an early beat whose pause follows) and ``turns`` are shares; ``scatter_*`` of the
plane that successive steps span."""

FEWEST = 4
"""Fewer intervals say nothing."""
_EARLY, _VERY_EARLY, _LATE = 0.87, 0.75, 1.15
_CELL_S, _REACH_S = 0.04, 0.6
_CELLS = round(2 * _REACH_S / _CELL_S)
_STILL = slice(_CELLS // 2 - 2, _CELLS // 2 + 2)
"""Steps of at most 80 ms, the origin of Sarkar et al."""
_ALIKE_S = 0.03
"""Intervals this near each other are the same to sample entropy."""


def regularity(rr_s: Signal, follows: NDArray[np.bool_]) -> list[float]:
    """``REGULARITY_FEATURES`` of intervals; NaN where they are too few to say.

    Parameters
    ----------
    rr_s : (n,), intervals in seconds, in order.
    follows : (n - 1,), whether each interval but the first follows the one before it at once.
    """
    if len(rr_s) < FEWEST or np.count_nonzero(follows) < FEWEST - 1:
        return [float("nan")] * len(REGULARITY_FEATURES)
    change = np.diff(rr_s)
    step, ratio = np.abs(change[follows]), (rr_s[1:] / rr_s[:-1])
    twice = follows[1:] & follows[:-1]
    made_up = ((ratio[:-1] < _EARLY) & (ratio[1:] > _LATE))[twice]
    turns = (change[1:] * change[:-1] < 0)[twice]
    ratio = ratio[follows]
    short, middle, long = np.percentile(rr_s, [5, 50, 95]).tolist()
    step_50, step_75, step_90 = np.percentile(step, [50, 75, 90]).tolist()
    relative = rr_s / middle
    return [
        float(len(rr_s)),
        60.0 / float(rr_s.mean()),
        60.0 / middle,
        60.0 / short,
        60.0 / long,
        float(rr_s.std() / rr_s.mean()),
        float(np.sqrt((step * step).mean())) / middle,
        step_50 / middle,
        step_75 / middle,
        step_90 / middle,
        share(step > 0.02),
        share(step > 0.05),
        share(step > 0.1 * middle),
        share(step > 0.2 * middle),
        share(ratio < _EARLY),
        count(ratio < _EARLY),
        share(ratio < _VERY_EARLY),
        share(relative < _EARLY),
        share(relative > _LATE),
        share(relative > 1.5),
        share(made_up),
        count(made_up),
        share(turns),
        _entropy(rr_s),
        *_scatter(change, twice),
    ]


def share(which: NDArray[np.bool_]) -> float:
    """How large a part of them it is; 0 of none."""
    return count(which) / max(len(which), 1)


def count(which: NDArray[np.bool_]) -> float:
    """How many it is."""
    return float(np.count_nonzero(which))


def _entropy(rr_s: Signal) -> float:
    """Coefficient of sample entropy of intervals, one predicting the next."""
    alike = np.abs(rr_s[:, None] - rr_s[None, :]) < _ALIKE_S
    np.fill_diagonal(alike, False)
    one = np.count_nonzero(alike[:-1, :-1])
    two = np.count_nonzero(alike[:-1, :-1] & alike[1:, 1:])
    return log((one + 2.0) / (two + 1.0)) + log(2.0 * _ALIKE_S / float(rr_s.mean()))


def _scatter(change: Signal, twice: NDArray[np.bool_]) -> list[float]:
    """Of pairs of successive steps: cells they fill, share near the origin, evidence of fibrillation, entropy."""
    pairs = np.stack([change[:-1], change[1:]])[:, twice]
    if not pairs.shape[1]:
        return [float("nan")] * 4
    place = np.clip(np.floor((pairs + _REACH_S) / _CELL_S), 0, _CELLS - 1).astype(np.int64)
    drawn = np.zeros((_CELLS, _CELLS))
    np.add.at(drawn, (place[0], place[1]), 1.0)
    n = float(pairs.shape[1])
    filled = drawn[drawn > 0] / n
    still = float(drawn[_STILL, _STILL].sum())
    drawn[_STILL, _STILL] = 0.0
    half = _CELLS // 2
    cells = float(np.count_nonzero(drawn))
    extra = sum(
        float(part.sum()) - float(np.count_nonzero(part))
        for part in (drawn[: half - 1, half + 1 :], drawn[half + 1 :, : half - 1])
    )
    return [cells / n, still / n, (cells - still - 2.0 * extra) / n, -float((filled * np.log(filled)).sum())]

"""How far a figure would move with other patients: bootstrap over subjects.

Beats of one patient resemble each other, so they are no independent draws: resampling beats gives intervals that are
several times too narrow. Here whole subjects are drawn with replacement (the cluster bootstrap: Field & Welsh 2007,
doi:10.1111/j.1467-9868.2007.00593.x), and the interval is the percentile interval (Efron & Tibshirani 1993, chapter
13, doi:10.1201/9780429246593). With few subjects, or with one who holds most beats of a class, it is still too narrow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["percentile_interval", "resampled_areas", "resampled_totals"]

_MOST_PAIRS = 64
"""Pairs of subjects per item from which on counting them costs more than passing over the items in each draw."""
_ITEMS_AT_ONCE = 2_000_000


def resampled_totals(counts: NDArray[Any], *, draws: int = 1000, seed: int = 0) -> NDArray[np.float64]:
    """Sums of ``counts`` over subjects drawn with replacement, float64 (draws, ...).

    Figures that follow from sums (confusion matrices, numbers of hits and misses) need no pass over the beats.

    Parameters
    ----------
    counts : (n_subjects, ...), what each subject adds to the sum.
    draws : how many times as many subjects as there are get drawn.
    seed : the same seed gives the same draws.

    Raises
    ------
    ValueError
        Where there is no subject or no draw.
    """
    weights = _weights(len(counts), draws, seed)
    flat = np.asarray(counts, dtype=np.float64).reshape(len(counts), -1)
    return (weights @ flat).reshape(draws, *counts.shape[1:])


def resampled_areas(
    is_class: NDArray[np.bool_],
    score: NDArray[np.float64],
    subject: NDArray[np.int64],
    *,
    draws: int = 1000,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Area under the ROC curve with subjects drawn with replacement, float64 (draws,); NaN where one side is empty.

    The area is the share of pairs, one item of the class and one of the others, whose order is right, ties half
    (Hanley & McNeil 1982, doi:10.1148/radiology.143.1.7063747). Of few subjects with many items it is counted once how
    many pairs any two of them get right, and a draw weighs these counts; with many subjects each draw passes over the
    items.

    Parameters
    ----------
    is_class, score : (n,), whether an item is of the class, and how much it seems to be.
    subject : int64 (n,), 0 to n_subjects - 1.
    draws, seed : as in :func:`resampled_totals`, with the same draws for the same seed.
    """
    n_subjects = int(subject.max()) + 1
    inside, outside = subject[is_class], subject[~is_class]
    if n_subjects**2 > _MOST_PAIRS * len(score):
        return _areas_by_item(is_class, score, subject, _weights(n_subjects, draws, seed))
    right = np.zeros((n_subjects, n_subjects))
    for other in np.unique(outside):
        below = np.sort(score[~is_class & (subject == other)])
        lower, upper = (np.searchsorted(below, score[is_class], side=side) for side in ("left", "right"))
        right[:, other] = np.bincount(inside, (lower + upper) / 2, minlength=n_subjects)
    weights = _weights(n_subjects, draws, seed)
    pairs = (weights @ np.bincount(inside, minlength=n_subjects)) * (
        weights @ np.bincount(outside, minlength=n_subjects)
    )
    won = ((weights @ right) * weights).sum(axis=1)
    return np.asarray(np.divide(won, pairs, out=np.full(draws, np.nan), where=pairs > 0))


def _areas_by_item(
    is_class: NDArray[np.bool_], score: NDArray[np.float64], subject: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The same from the items in order of score, some draws at a time."""
    order = np.argsort(score, kind="stable")
    own, who = is_class[order], subject[order]
    tied = np.flatnonzero(np.diff(score[order], prepend=-np.inf) > 0)
    areas = []
    for part in np.array_split(weights, max(1, len(weights) * len(score) // _ITEMS_AT_ONCE)):
        drawn = part[:, who]
        inside, outside = (np.add.reduceat(drawn * side, tied, axis=1) for side in (own, ~own))
        won = (inside * (np.cumsum(outside, axis=1) - outside / 2)).sum(axis=1)
        pairs = inside.sum(axis=1) * outside.sum(axis=1)
        areas.append(np.divide(won, pairs, out=np.full(len(part), np.nan), where=pairs > 0))
    return np.concatenate(areas)


def _weights(n_subjects: int, draws: int, seed: int) -> NDArray[np.float64]:
    """How often each subject is drawn, (draws, n_subjects)."""
    if n_subjects < 1 or draws < 1:
        raise ValueError(f"expected at least one subject and one draw, got {n_subjects} and {draws}")
    each = np.full(n_subjects, 1 / n_subjects)
    return np.random.default_rng(seed).multinomial(n_subjects, each, size=draws).astype(np.float64)


def percentile_interval(values: NDArray[np.float64], *, level: float = 0.95) -> list[float] | None:
    """The middle ``level`` of the draws, ``[low, high]``.

    Parameters
    ----------
    values : float64 (draws,), the figure in each draw; NaN where a draw leaves it undefined (such draws do not count).
    level : share of the draws inside, 0 to 1.

    Returns
    -------
    list or None
        None where the figure is undefined in more than half of the draws: too few subjects carry it.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie inside (0, 1), got {level}")
    defined = values[~np.isnan(values)]
    if 2 * len(defined) < max(len(values), 1):
        return None
    tail = (1 - level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return [float(low), float(high)]

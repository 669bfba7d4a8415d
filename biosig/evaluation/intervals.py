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

__all__ = ["percentile_interval", "resampled_totals"]


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
    n_subjects = len(counts)
    if n_subjects < 1 or draws < 1:
        raise ValueError(f"expected at least one subject and one draw, got {n_subjects} and {draws}")
    weights = np.random.default_rng(seed).multinomial(n_subjects, np.full(n_subjects, 1 / n_subjects), size=draws)
    flat = np.asarray(counts, dtype=np.float64).reshape(n_subjects, -1)
    return (weights.astype(np.float64) @ flat).reshape(draws, *counts.shape[1:])


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

"""Curves of a classifier's probabilities: precision against recall, and how far probabilities can be believed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve

from biosig.evaluation.counts import ratio

__all__ = ["calibration", "calibration_error", "precision_recall"]


def precision_recall(
    is_class: NDArray[np.bool_], score: NDArray[np.float64], *, points: int = 200
) -> list[list[float]]:
    """``[recall, precision]`` from the highest threshold down, at most ``points`` of them; empty without the class.

    Parameters
    ----------
    is_class : bool (n,), which items belong to the class.
    score : float64 (n,), the probability given to it.
    points : long curves keep the points that lie evenly along them, both ends among them.
    """
    if not is_class.any():
        return []
    precision, recall, _ = precision_recall_curve(is_class, score)
    curve = np.column_stack([recall, precision])[::-1]
    if len(curve) > points:
        along = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(curve, axis=0)).sum(axis=1))])
        chosen = np.searchsorted(along, np.linspace(0.0, along[-1], points))
        curve = curve[np.unique(np.minimum(chosen, len(curve) - 1))]
    return [[float(r), float(p)] for r, p in curve]


def calibration(is_class: NDArray[np.bool_], score: NDArray[np.float64], *, bins: int = 10) -> list[dict[str, Any]]:
    """Mean probability against observed share of the class in equal bins; bins without items are left out.

    Parameters
    ----------
    is_class : bool (n,), which items belong to the class.
    score : float64 (n,), the probability given to it, 0 to 1.
    bins : how many equal bins cover 0 to 1.
    """
    n, predicted, observed = _binned(is_class, score, bins)
    return [
        {
            "bin_mid": (number + 0.5) / bins,
            "predicted": float(predicted[number]),
            "observed": float(observed[number]),
            "n": int(n[number]),
        }
        for number in np.flatnonzero(n)
    ]


def calibration_error(correct: NDArray[np.bool_], confidence: NDArray[np.float64], *, bins: int = 15) -> float | None:
    """Expected calibration error: mean gap between confidence and accuracy, weighted by items; None without items.

    Guo et al. 2017, On Calibration of Modern Neural Networks, arXiv:1706.04599: 15 equal bins of the probability
    given to the predicted class.
    """
    n, predicted, observed = _binned(correct, confidence, bins)
    if not n.sum():
        return None
    gaps = np.abs(predicted - observed)
    return float(np.nansum(gaps * n) / n.sum())


def _binned(
    event: NDArray[np.bool_], score: NDArray[np.float64], bins: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Items, mean score and share of events per bin, each (bins,); NaN in empty bins."""
    number = np.clip((score * bins).astype(np.int64), 0, bins - 1)
    n = np.bincount(number, minlength=bins)
    score_sum = np.bincount(number, weights=score, minlength=bins)
    event_sum = np.bincount(number, weights=event.astype(np.float64), minlength=bins)
    return n, ratio(score_sum, n), ratio(event_sum, n)

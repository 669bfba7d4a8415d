"""Figures per class that follow from counts of hits, references and predictions, for one set or for many draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.evaluation.intervals import percentile_interval, resampled_totals

__all__ = ["ClassCounts", "intervals_of", "mean_and_sd", "plain", "ratio"]


def ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """``part / whole`` element by element, NaN where ``whole`` is 0."""
    top, bottom = np.broadcast_arrays(np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64))
    fractions = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=fractions, where=bottom != 0)
    return fractions


def plain(value: Any) -> float | None:
    """A float for JSON: None where the figure is undefined (NaN)."""
    number = float(value)
    return None if np.isnan(number) else number


def mean_and_sd(values: Sequence[float | None] | NDArray[np.float64]) -> dict[str, Any]:
    """``mean``, ``sd`` (of the sample, None for one) and ``n`` of the values that are defined: not None, not NaN."""
    every = np.array(values, dtype=np.float64)
    defined = every[~np.isnan(every)]
    return {
        "mean": float(defined.mean()) if len(defined) else None,
        "sd": float(defined.std(ddof=1)) if len(defined) > 1 else None,
        "n": len(defined),
    }


@dataclass(frozen=True, eq=False)
class ClassCounts:
    """Hits, references and predictions of k classes.

    Parameters
    ----------
    hits : (..., k), beats of a class that were called so.
    support : (..., k), beats of a class in the reference.
    predicted : (..., k), beats called so.
    """

    hits: NDArray[Any]
    support: NDArray[Any]
    predicted: NDArray[Any]

    @classmethod
    def from_matrix(cls, matrix: NDArray[Any]) -> ClassCounts:
        """Counts of square confusion matrices (..., k, k), rows reference, columns predicted."""
        return cls(np.diagonal(matrix, axis1=-2, axis2=-1), matrix.sum(axis=-1), matrix.sum(axis=-2))

    @property
    def sensitivity(self) -> NDArray[np.float64]:
        """Share of the references that were found, (..., k); NaN without references."""
        return ratio(self.hits, self.support)

    @property
    def ppv(self) -> NDArray[np.float64]:
        """Share of the predictions that were right, (..., k); NaN without predictions."""
        return ratio(self.hits, self.predicted)

    @property
    def f1(self) -> NDArray[np.float64]:
        """Harmonic mean of both, 2 hits / (support + predicted), (..., k); NaN where there is neither."""
        return ratio(2 * self.hits, self.support + self.predicted)

    @property
    def macro_f1(self) -> NDArray[np.float64]:
        """Mean F1 over the classes that occur or were predicted, (...); NaN where none is."""
        f1 = self.f1
        return ratio(np.nansum(f1, axis=-1), (~np.isnan(f1)).sum(axis=-1))

    def figures(self, number: int) -> dict[str, float | int | None]:
        """Sensitivity, ppv, F1 and support of one class, for JSON; needs counts without leading axes."""
        return {
            "sensitivity": plain(self.sensitivity[number]),
            "ppv": plain(self.ppv[number]),
            "f1": plain(self.f1[number]),
            "support": int(self.support[number]),
        }


def intervals_of(per_subject: ClassCounts, *, draws: int, seed: int) -> tuple[list[dict[str, Any]], ClassCounts]:
    """95 % intervals of sensitivity, ppv and F1 per class, and the counts of the draws they come from.

    Parameters
    ----------
    per_subject : counts (n_subjects, k).
    draws, seed : as in :func:`~biosig.evaluation.intervals.resampled_totals`.
    """
    stacked = np.stack([per_subject.hits, per_subject.support, per_subject.predicted], axis=1)
    totals = resampled_totals(stacked, draws=draws, seed=seed)
    drawn = ClassCounts(totals[:, 0], totals[:, 1], totals[:, 2])
    tables = {"sensitivity": drawn.sensitivity, "ppv": drawn.ppv, "f1": drawn.f1}
    return [
        {name: percentile_interval(values[:, number]) for name, values in tables.items()}
        for number in range(stacked.shape[2])
    ], drawn

"""One answer per recording from all of its windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.evaluation.metrics import classification_report

__all__ = ["recording_probabilities", "recording_report"]

SMALLEST = 1e-9
"""No window rules a class out for the whole recording."""

_KEPT = ("balanced_accuracy", "auroc", "macro_f1", "accuracy", "kappa", "ci95", "confusion", "classes", "subjects")


def recording_probabilities(probs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Class probabilities (n_classes,) of a recording from those of its windows (n, n_classes).

    Their geometric mean: windows of one recording repeat each other, so a sum of log probabilities, as if they were
    independent, would be sure of everything.
    """
    mean = np.log(np.maximum(probs, SMALLEST)).mean(axis=0)
    weight = np.exp(mean - mean.max())
    return np.asarray(weight / weight.sum())


def recording_report(
    recording: NDArray[np.int64],
    label: NDArray[np.int64],
    probs: NDArray[np.float64],
    subjects: Sequence[str],
    classes: Sequence[str],
    *,
    decision: NDArray[np.float64],
) -> dict[str, Any] | None:
    """Figures of recordings, each answered once; None where a recording has windows of several classes, or none.

    Parameters
    ----------
    recording, label : int64 (n,), the recording each labelled window lies in, and its class number.
    probs : float64 (n, n_classes), of each window.
    subjects : of each recording.
    classes : labels.
    decision : float64 (n, n_classes), added to log probabilities before the largest is taken.

    Returns
    -------
    dict or None
        ``balanced_accuracy``, ``auroc``, ``macro_f1``, ``accuracy``, ``kappa``, ``ci95``, ``confusion``, ``classes``
        and ``subjects`` as from :func:`biosig.evaluation.metrics.classification_report`, and ``n``.
    """
    numbers = np.unique(recording)
    rows = [np.flatnonzero(recording == number) for number in numbers]
    if not rows or any(len(np.unique(label[own])) > 1 for own in rows):
        return None
    each = np.array([recording_probabilities(probs[own]) for own in rows])
    guess = np.array(
        [
            (np.log(np.maximum(one, SMALLEST)) + decision[own].mean(axis=0)).argmax()
            for one, own in zip(each, rows, strict=True)
        ]
    )
    truth = np.array([label[own[0]] for own in rows])
    who = [subjects[number] for number in numbers]
    report = classification_report(truth, each, who, classes, predicted=guess)
    return {"n": len(rows), **{key: report[key] for key in _KEPT if key in report}}

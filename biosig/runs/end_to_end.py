"""Figures of classified windows: where they were cut at given positions, and end to end as EC57 compares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.datasets.corpus import Corpus
from biosig.evaluation.detected import detected_report
from biosig.evaluation.ec57 import compare_beats
from biosig.evaluation.metrics import classification_report
from biosig.evaluation.recordings import recording_report
from biosig.records.recording import Annotations
from biosig.windows.index import Windows

__all__ = ["report_detected", "report_labelled"]


def report_labelled(
    windows: Windows,
    probabilities: NDArray[Any],
    guess: NDArray[np.int64],
    labels: Sequence[str],
    *,
    decision: NDArray[np.float64],
) -> dict[str, Any]:
    """All figures of the labelled windows, and of recordings under ``recording`` where each has one label.

    Parameters
    ----------
    probabilities : (n_windows, n_classes).
    guess : int64 (n_windows,), class number given to each.
    labels : class names.
    decision : what is added to log probabilities before the largest is taken, one rule or one per window.
    """
    known = windows.label >= 0
    rule = np.broadcast_to(decision, probabilities.shape)[known]
    metrics = classification_report(
        windows.label[known],
        probabilities[known],
        windows.subject[known],
        labels,
        predicted=guess[known],
    )
    recordings = recording_report(
        windows.recording[known], windows.label[known], probabilities[known], windows.subjects, labels, decision=rule
    )
    return metrics if recordings is None else metrics | {"recording": recordings}


def report_detected(
    corpus: Corpus,
    channels: Sequence[str],
    windows: Windows,
    guess: NDArray[np.int64],
    labels: Sequence[str],
) -> dict[str, Any]:
    """End-to-end figures of windows cut at detected beats, every missed and every extra beat counted.

    Parameters
    ----------
    channels : of the recipe; the recordings are read again for their marks.
    windows : of whole recordings of ``corpus``, cut at detected beats.
    guess : int64 (n_windows,), class number given to each.
    labels : class names.
    """
    comparisons, subjects = {}, {}
    for number, (name, subject) in enumerate(zip(windows.names, windows.subjects, strict=True)):
        own = windows.recording == number
        recording = corpus.read(name.removeprefix(f"{corpus.name}/"), channels)
        found = Annotations.at(windows.onset_s[own], [labels[label] for label in guess[own]])
        comparisons[name] = compare_beats(recording.annotations, found, fs=recording.fs)
        subjects[name] = subject
    return detected_report(comparisons, subjects, classes=labels)

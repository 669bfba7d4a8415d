"""Detector and classifier together, compared with the annotations as EC57 does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.datasets.corpus import Corpus
from biosig.evaluation.detected import detected_report
from biosig.evaluation.ec57 import compare_beats
from biosig.records.recording import Annotations
from biosig.windows.index import Windows

__all__ = ["report_detected"]


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

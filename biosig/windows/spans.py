"""Labels that are stretches of time (a sleep stage, a seizure, a movement imagined): how far they cover windows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from biosig.records.recording import Annotations
from biosig.windows.index import Windows

__all__ = ["cover", "label_by_spans"]


def cover(annotations: Annotations, windows: Windows, labels: Sequence[str]) -> NDArray[np.float64]:
    """Share of each window that lies in annotated stretches of each label, float64 (n_windows, n_labels), 0 to 1.

    Parameters
    ----------
    annotations : marks with durations; those of one label do not overlap.
    windows : of that one recording, cut at a fixed length.
    labels : the labels asked for.
    """
    if not windows.length_s > 0:
        raise ValueError("windows around beats cannot be labelled by stretches of time; cut them with 'slide'")
    onset_s, stop_s = windows.onset_s, windows.onset_s + windows.length_s
    covered_s = np.zeros((len(windows), len(labels)))
    number = {label: column for column, label in enumerate(labels)}
    for begin_s, duration_s, label in zip(annotations.onset_s, annotations.duration_s, annotations.label, strict=True):
        if label in number:
            end_s = begin_s + duration_s
            first, last = np.searchsorted(stop_s, begin_s, side="right"), np.searchsorted(onset_s, end_s)
            shared_s = np.minimum(stop_s[first:last], end_s) - np.maximum(onset_s[first:last], begin_s)
            covered_s[first:last, number[label]] += np.maximum(shared_s, 0.0)
    return covered_s / windows.length_s


def label_by_spans(
    annotations: Annotations, windows: Windows, labels: Sequence[str], *, at_least: float = 0.5
) -> NDArray[np.int64]:
    """Number of the label that covers most of each window, int64 (n_windows,); -1 where none covers enough.

    Parameters
    ----------
    annotations, windows, labels : as in :func:`cover`.
    at_least : share of the window that the label must cover.
    """
    covered = cover(annotations, windows, labels)
    best = covered.argmax(axis=1)
    return np.where(covered[np.arange(len(best)), best] >= at_least, best, -1).astype(np.int64)

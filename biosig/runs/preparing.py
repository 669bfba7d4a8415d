"""From a database to labelled windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from biosig.datasets.corpus import Corpus
from biosig.recipe import Recipe
from biosig.windows.index import Windows
from biosig.windows.stream import cut_recording

__all__ = ["Positions", "Say", "count_labels", "prepare", "quiet"]

Say = Callable[[str], None]
Positions = Literal["detected", "reference"]


def quiet(line: str) -> None:
    """Say nothing."""


def prepare(
    corpus: Corpus,
    records: Sequence[str],
    recipe: Recipe,
    *,
    positions: Positions | None = None,
    say: Say = quiet,
) -> Windows:
    """Labelled windows of these records, cut as the recipe says.

    ``positions`` overrides whether windows are cut at detected or at annotated beats.
    """
    say(f"reading and filtering {len(records)} records of {corpus.title} ({corpus.folder.name})")
    parts = []
    for record in records:
        recording = corpus.read(record, recipe.data.channels)
        annotated = (positions or recipe.cutter.positions) == "reference"
        beats_s = corpus.reference_beats(recording) if annotated else None
        windows = cut_recording(recording, recipe.chain, recipe.cutter, beats_s=beats_s)
        parts.append(replace(windows, label=corpus.label(recording, windows, recipe.data.labels)))
    return Windows.join(parts)


def count_labels(windows: Windows, n_classes: int) -> NDArray[np.int64]:
    """Labelled windows per recording and class, int64 (n_recordings, n_classes)."""
    counts = np.zeros((len(windows.names), n_classes), dtype=np.int64)
    labelled = windows.label >= 0
    np.add.at(counts, (windows.recording[labelled], windows.label[labelled]), 1)
    return counts

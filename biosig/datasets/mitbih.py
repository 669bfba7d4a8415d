"""MIT-BIH Arrhythmia Database: 48 half-hour records of 47 people, every beat annotated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosig.datasets.corpus import Corpus, find_folder
from biosig.datasets.splits import Split
from biosig.records.recording import Recording
from biosig.windows.index import Windows
from biosig.windows.labels import aami_classes
from biosig.windows.pairing import pair_beats

__all__ = ["DS1", "DS2", "PACED", "MitBih"]

DS1 = tuple("101 106 108 109 112 114 115 116 118 119 122 124 201 203 205 207 208 209 215 220 223 230".split())  # noqa: SIM905
DS2 = tuple("100 103 105 111 113 117 121 123 200 202 210 212 213 214 219 221 222 228 231 232 233 234".split())  # noqa: SIM905
PACED = tuple("102 104 107 217".split())  # noqa: SIM905
MATCH_S = 0.150
"""A beat and an annotation are the same within 150 ms (ANSI/AAMI EC57:2012, 4.3.2)."""

SAMPLE = Path(__file__).parent / "samples" / "mitdb"
SAMPLE_TRAIN = tuple("106 109 114 118 119 203 208 209".split())  # noqa: SIM905
SAMPLE_VALIDATION = tuple("205 207 220 223".split())  # noqa: SIM905


@dataclass(frozen=True)
class MitBih(Corpus):
    """The database as PhysioNet publishes it: a folder of ``.hea``, ``.dat`` and ``.atr`` files."""

    name = "mitdb"
    title = "MIT-BIH Arrhythmia Database"
    labels_beats = True
    citation = "Moody & Mark 2001, doi:10.1109/51.932724; Goldberger et al. 2000, doi:10.1161/01.CIR.101.23.e215"

    @classmethod
    def open(cls, given: Path | None = None) -> MitBih:
        """The database in ``given``, in ``BIOSIG_DATA``, or the shipped sample."""
        return cls(*find_folder(cls.name, given, SAMPLE, ("101.hea", "100.hea", "106.hea")))

    def splits(self) -> dict[str, Split]:
        """``de-chazal`` as published, ``subjects`` without the person on both its sides, ``sample``."""
        shared = "Records 201 (train) and 202 (test) are one person; see the figures without 202."
        return {
            "de-chazal": Split(train=DS1, test=DS2, note=shared),
            "subjects": Split(train=DS1, test=tuple(record for record in DS2 if record != "202")),
            "sample": Split(
                train=SAMPLE_TRAIN,
                validation=SAMPLE_VALIDATION,
                test=SAMPLE_VALIDATION,
                note="Excerpts of 12 records, for trying out; four patients are too few: this is not a test.",
            ),
        }

    def subject_of(self, record: str) -> str:
        """Records 201 and 202 are one person."""
        return f"mitdb-{'201' if record == '202' else record}"

    def reference_beats(self, recording: Recording) -> NDArray[np.float64]:
        """Times of all annotated beats in seconds (n,), whatever their class."""
        marks = recording.annotations
        return np.asarray(marks.onset_s[aami_classes(marks.label) != ""])

    def label(self, recording: Recording, windows: Windows, labels: Sequence[str]) -> NDArray[np.int64]:
        """AAMI class of the annotated beat that pairs with each window's beat (EC57, 150 ms), -1 where none does."""
        marks = recording.annotations
        classes = aami_classes(marks.label)
        beats = np.flatnonzero(classes != "")
        pairs = pair_beats(
            marks.samples(recording.fs)[beats],
            np.rint(windows.onset_s * recording.fs).astype(np.int64),
            window=int(MATCH_S * recording.fs),
        )
        pairs = pairs[(pairs >= 0).all(axis=1)]
        number = np.array([labels.index(name) if name in labels else -1 for name in classes[beats]], dtype=np.int64)
        label = np.full(len(windows), -1, dtype=np.int64)
        label[pairs[:, 1]] = number[pairs[:, 0]]
        return label

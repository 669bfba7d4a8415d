"""EEG Motor Movement/Imagery Database: 109 people open and close fists or feet, or imagine it, on a cue."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from biosig.datasets.corpus import Corpus, find_folder
from biosig.datasets.splits import Split, every_fifth_tests
from biosig.errors import RecordError
from biosig.records.recording import Recording

__all__ = ["IRREGULAR", "EegMmidb"]

IRREGULAR = (88, 92, 100, 104)
"""Subjects whose files break the protocol: 88, 92 and 100 are recorded at 128 Hz with cues of another length, 104 with
cues of another length. Published analyses commonly leave them out."""

EXECUTED_SIDES, IMAGINED_SIDES = (3, 7, 11), (4, 8, 12)
EXECUTED_LIMBS, IMAGINED_LIMBS = (5, 9, 13), (6, 10, 14)
"""Runs by task: one fist or the other; both fists or both feet. Runs 1 and 2 are rest with eyes open and closed."""

SIDES = {"T0": "rest", "T1": "left fist", "T2": "right fist"}
LIMBS = {"T0": "rest", "T1": "both fists", "T2": "both feet"}
NOTE = (
    "No split of this database is published: every fifth subject tests. Subjects 88, 92, 100 and 104 are left out, "
    "their recordings break the protocol."
)

_RECORD = re.compile(r"S(\d{3})R(\d{2})")


@dataclass(frozen=True)
class EegMmidb(Corpus):
    """The database as PhysioNet publishes it: ``S001/S001R03.edf`` and so on, 64 channels at 160 Hz, or a part of it.

    What T1 and T2 stand for depends on the run: ``left fist`` and ``right fist``, or ``both fists`` and ``both feet``.
    The annotations in the EDF+ files are read; the ``.edf.event`` files beside them hold the same.
    """

    name = "eegmmidb"
    title = "EEG Motor Movement/Imagery Database"
    citation = (
        "Schalk et al. 2004, doi:10.1109/TBME.2004.827072; Goldberger et al. 2000, doi:10.1161/01.CIR.101.23.e215"
    )

    @classmethod
    def open(cls, given: Path | None = None) -> EegMmidb:
        """The database in ``given`` or in ``BIOSIG_DATA``; ``DatasetError`` where it is in neither."""
        return cls(*find_folder(cls.name, given, None, ("S001/S001R03.edf", "S???/S???R??.edf")))

    def splits(self) -> dict[str, Split]:
        """By task, of what is in the folder: ``sides`` (one fist or the other), ``limbs`` (fists or feet), ``tasks``
        (both), each also with ``-executed`` or ``-imagined`` movements alone, and ``rest`` (runs 1 and 2)."""
        runs = {
            "sides": (*EXECUTED_SIDES, *IMAGINED_SIDES),
            "sides-executed": EXECUTED_SIDES,
            "sides-imagined": IMAGINED_SIDES,
            "limbs": (*EXECUTED_LIMBS, *IMAGINED_LIMBS),
            "limbs-executed": EXECUTED_LIMBS,
            "limbs-imagined": IMAGINED_LIMBS,
            "tasks": tuple(range(3, 15)),
            "tasks-executed": (*EXECUTED_SIDES, *EXECUTED_LIMBS),
            "tasks-imagined": (*IMAGINED_SIDES, *IMAGINED_LIMBS),
            "rest": (1, 2),
        }
        there = sorted(path.stem for path in self.folder.glob("S???/S???R??.edf") if _RECORD.fullmatch(path.stem))
        regular = [record for record in there if _subject(record) not in IRREGULAR]
        return {
            name: every_fifth_tests([r for r in regular if _run(r) in chosen], lambda r: _subject(r) - 1, NOTE)
            for name, chosen in runs.items()
        }

    def subject_of(self, record: str) -> str:
        """The first four letters: ``S001``."""
        return f"{self.name}-{record[:4]}"

    def path_of(self, record: str) -> Path:
        """``S001/S001R03.edf``."""
        return self.folder / record[:4] / f"{record}.edf"

    def read(self, record: str, channels: Sequence[str]) -> Recording:
        """The record, its cues called by what they asked for; ``RecordError`` for a mark that is no cue."""
        recording = super().read(record, channels)
        names = SIDES if _run(record) in (*EXECUTED_SIDES, *IMAGINED_SIDES) else LIMBS
        marks = recording.annotations
        strange = sorted(set(marks.label) - set(names))
        if strange:
            raise RecordError(f"{recording.name}: expected cues T0, T1 and T2, found {strange[0]!r}")
        return replace(recording, annotations=replace(marks, label=tuple(names[label] for label in marks.label)))


def _subject(record: str) -> int:
    return int(record[1:4])


def _run(record: str) -> int:
    return int(record[5:7])

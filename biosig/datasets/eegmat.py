"""EEG during mental arithmetic: 36 people, each at rest and while subtracting in series."""

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

__all__ = ["CONDITIONS", "PEOPLE", "EegMat"]

PEOPLE = tuple(f"Subject{number:02}" for number in range(36))
CONDITIONS = {"1": "rest", "2": "arithmetic"}
"""What a record's name ends in, and what its person does: 182 s of rest, then 62 s of serial subtraction."""

SAMPLE = Path(__file__).parent / "samples" / "eegmat"
SAMPLE_TRAIN = PEOPLE[:8]
SAMPLE_VALIDATION = PEOPLE[8:12]


@dataclass(frozen=True)
class EegMat(Corpus):
    """The database as PhysioNet publishes it, or a part of it: a folder of ``Subject00_1.edf`` and the like.

    Rest lasts three times as long as arithmetic, so the time since a recording began tells them apart: nothing that
    a model sees may count it.
    """

    name = "eegmat"
    title = "EEG During Mental Arithmetic Tasks"
    citation = "Zyma et al. 2019, doi:10.3390/data4010014; Goldberger et al. 2000, doi:10.1161/01.CIR.101.23.e215"

    @classmethod
    def open(cls, given: Path | None = None) -> EegMat:
        """The database in ``given``, in ``BIOSIG_DATA``, or the shipped sample."""
        return cls(*find_folder(cls.name, given, SAMPLE, ("Subject*_1.edf",)))

    def splits(self) -> dict[str, Split]:
        """``all`` people who are in the folder, to be cross-validated; ``sample``."""
        there = [person for person in PEOPLE if all(self.has(record) for record in _records([person]))]
        part = "" if len(there) == len(PEOPLE) else f"{len(there)} of the {len(PEOPLE)} people, all in the folder. "
        return {
            "all": Split(train=_records(there), note=f"{part}No test set was published: cross-validate."),
            "sample": Split(
                train=_records(SAMPLE_TRAIN),
                validation=_records(SAMPLE_VALIDATION),
                test=_records(SAMPLE_VALIDATION),
                note="A minute each of rest and arithmetic of 12 people, for trying out; four are too few for a test.",
            ),
        }

    def path_of(self, record: str) -> Path:
        """One EDF file per record."""
        return self.folder / f"{record}.edf"

    def subject_of(self, record: str) -> str:
        """Both records of a person are one subject's."""
        return f"{self.name}-{record.removeprefix('Subject').partition('_')[0]}"

    def label(self, recording: Recording, windows: Windows, labels: Sequence[str]) -> NDArray[np.int64]:
        """What the person did throughout the recording, for each of its windows (n,); -1 where not in ``labels``."""
        condition = CONDITIONS[recording.name.rpartition("_")[2]]
        return np.full(len(windows), labels.index(condition) if condition in labels else -1, dtype=np.int64)


def _records(people: Sequence[str]) -> tuple[str, ...]:
    """Both records of each of them."""
    return tuple(f"{person}_{condition}" for person in people for condition in CONDITIONS)

"""PhysioNet/CinC Challenge 2017: short recordings of one hand-held lead, one rhythm label each."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosig.datasets.corpus import Corpus, find_folder
from biosig.datasets.splits import Split
from biosig.errors import DatasetError
from biosig.records.recording import Recording
from biosig.windows.index import Windows

__all__ = ["RHYTHMS", "Cinc2017"]

RHYTHMS = {"N": "normal", "A": "atrial fibrillation", "O": "other rhythm", "~": "too noisy"}
"""The labels of the third and last revision of the reference, and what they stand for."""

REFERENCE = "REFERENCE-v3.csv"
N_RECORDS = 8528
NOTE = (
    "All recordings in the folder, as the test set was never published: a recording that a bundle was trained on "
    "is no test. The database does not say whose a recording is, so each counts as a subject of its own."
)


@dataclass(frozen=True)
class Cinc2017(Corpus):
    """The published training set, or a part of it: 300 Hz, 9 to 61 s, channel ``ECG``.

    The folder holds ``REFERENCE-v3.csv`` and the records (``.hea``, ``.mat``), beside it as in a flat copy, in
    ``training2017`` as in the archive of that name, or in ``training/A00`` and so on as on PhysioNet.
    """

    name = "cinc2017"
    title = "PhysioNet/CinC Challenge 2017"
    citation = (
        "Clifford et al. 2017, doi:10.22489/CinC.2017.065-469; Goldberger et al. 2000, doi:10.1161/01.CIR.101.23.e215"
    )

    @classmethod
    def open(cls, given: Path | None = None) -> Cinc2017:
        """The database in ``given`` or in ``BIOSIG_DATA``; ``DatasetError`` where it is in neither."""
        return cls(*find_folder(cls.name, given, None, (REFERENCE,)))

    @cached_property
    def rhythms(self) -> dict[str, str]:
        """Record -> label, in the order of ``REFERENCE-v3.csv``; ``DatasetError`` naming a line that is not both."""
        path = self.folder / REFERENCE
        found: dict[str, str] = {}
        try:
            with path.open(encoding="utf-8", newline="") as lines:
                rows = [row for row in csv.reader(lines) if row]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DatasetError(f"{path}: cannot be read as a table of records and labels: {error}") from None
        for number, row in enumerate(rows, start=1):
            if len(row) != 2 or row[1].strip() not in RHYTHMS or row[0].strip() in found:
                raise DatasetError(
                    f"{path}: line {number} must be a record, named once, and one of {', '.join(RHYTHMS)}, "
                    f"as in A00001,N; got {','.join(row)!r}"
                )
            found[row[0].strip()] = row[1].strip()
        return found

    def splits(self) -> dict[str, Split]:
        """``all``: every recording listed in the folder, both to train on and to be scored by other bundles."""
        return {"all": Split(train=tuple(self.rhythms), test=tuple(self.rhythms), note=NOTE)}

    def path_of(self, record: str) -> Path:
        """The header, in whichever of the published layouts it lies."""
        name = f"{record}.hea"
        places = (self.folder, self.folder / "training2017", self.folder / "training" / record[:3])
        return next((place / name for place in places if (place / name).is_file()), self.folder / name)

    def subject_of(self, record: str) -> str:
        """Each recording counts as a person: who they are is not published."""
        return f"cinc2017-{record}"

    def reference_beats(self, recording: Recording) -> NDArray[np.float64] | None:
        """None: beats are not annotated."""
        return None

    def label(self, recording: Recording, windows: Windows, labels: Sequence[str]) -> NDArray[np.int64]:
        """The recording's rhythm for each of its windows (n,), -1 where it is none of ``labels``."""
        rhythm = self.rhythms[recording.name.removeprefix(f"{self.name}/")]
        return np.full(len(windows), labels.index(rhythm) if rhythm in labels else -1, dtype=np.int64)

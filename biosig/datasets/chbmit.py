"""CHB-MIT Scalp EEG Database: days of EEG of children with epilepsy, onset and end of every seizure written down."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosig.datasets.corpus import Corpus, find_folder
from biosig.datasets.splits import Split, every_fifth_tests
from biosig.errors import DatasetError
from biosig.records.pairs import as_pairs
from biosig.records.reading import read
from biosig.records.recording import Annotations, Recording
from biosig.windows.index import Windows
from biosig.windows.spans import cover

__all__ = ["MONTAGE", "ChbMit", "read_summary"]

MONTAGE = (
    "Fp1-F7", "F7-T7", "T7-P7", "P7-O1", "Fp1-F3", "F3-C3", "C3-P3", "P3-O1", "Fz-Cz",
    "Cz-Pz", "Fp2-F4", "F4-C4", "C4-P4", "P4-O2", "Fp2-F8", "F8-T8", "T8-P8", "P8-O2",
)  # fmt: skip
"""The longitudinal derivations: stored as such in all files but three of case 12, where they are made of electrodes."""

REFERENCE = "CS2"
"""What the electrodes of chb12_27 are recorded against, and called so (``FP1-CS2``)."""

MISSPELT = {"01": "O1"}
"""In chb12_28 and chb12_29 electrode O1 is written with a digit."""

NOTE = (
    "No split of this database is published: every fifth subject tests, on all of their recordings; training takes the "
    "recordings of the others that hold a seizure. Cases chb01 and chb21 are one person."
)

_RECORD = re.compile(r"chb(\d\d)[a-z]?_\d\d\+?")
_FILE = re.compile(r"File Name:\s*(\S+?)\.edf\s*", re.IGNORECASE)
_COUNT = re.compile(r"Number of Seizures in File:\s*(\d+)\s*", re.IGNORECASE)
_TIME = re.compile(r"Seizure(?:\s+\d+)?\s+(Start|End)\s+Time:\s*(\d+)\s*seconds?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class ChbMit(Corpus):
    """The database as PhysioNet publishes it, or a part of it: ``chb01/chb01_03.edf`` with ``chb01/chb01-summary.txt``.

    The montage changes from file to file. Channels are found by name in each file: dummies (``-``, ``.``), ECG and
    the vagus nerve stimulator never come in by a number; of ``T8-P8``, which most files hold twice, the first is
    taken; and where a file holds electrodes against a common reference the derivations are made of them.

    Windows are ``seizure`` where a seizure covers half of them or more, ``background`` where none touches them, and
    without a label in between.
    """

    name = "chbmit"
    title = "CHB-MIT Scalp EEG Database"
    citation = "Shoeb 2009 (PhD thesis, MIT); Guttag 2010, doi:10.13026/C2K01R; Goldberger et al. 2000, \
doi:10.1161/01.CIR.101.23.e215"

    @classmethod
    def open(cls, given: Path | None = None) -> ChbMit:
        """The database in ``given`` or in ``BIOSIG_DATA``; ``DatasetError`` where it is in neither."""
        return cls(*find_folder(cls.name, given, None, ("chb01/chb01-summary.txt", "chb??/chb??-summary.txt")))

    @cached_property
    def seizures(self) -> Mapping[str, NDArray[np.float64]]:
        """Record -> onset and end of its seizures in seconds (n, 2), from all summaries in the folder."""
        found: dict[str, NDArray[np.float64]] = {}
        for path in sorted(self.folder.glob("chb??/chb??-summary.txt")):
            found |= read_summary(path)
        return found

    def splits(self) -> dict[str, Split]:
        """``subjects``, of what is in the folder: training records hold a seizure, test records are all of a subject;
        ``all-records`` trains on all recordings, which takes memory for hundreds of hours."""
        there = sorted(path.stem for path in self.folder.glob("chb??/chb*.edf") if _RECORD.fullmatch(path.stem))
        whole = every_fifth_tests(there, _subject, NOTE)
        seizing = tuple(record for record in whole.train if len(self._seizures_of(record)))
        everything = NOTE.replace("the recordings of the others that hold a seizure", "all recordings of the others")
        return {"subjects": replace(whole, train=seizing), "all-records": replace(whole, note=everything)}

    def subject_of(self, record: str) -> str:
        """The case, chb21 being chb01 a year and a half later: ``chb01``."""
        return f"{self.name}-{_subject(record) + 1:02d}"

    def path_of(self, record: str) -> Path:
        """``chb01/chb01_03.edf``; chb17a, b and c are one case."""
        return self.folder / record[:5] / f"{record}.edf"

    def read(self, record: str, channels: Sequence[str]) -> Recording:
        """The record in these derivations, its seizures as marks.

        Raises
        ------
        DatasetError : the case's summary says nothing of the record.
        RecordError : a derivation is not in the file and cannot be made of its electrodes.
        """
        recording = read(self.path_of(record))
        names = tuple(MISSPELT.get(name, name) for name in recording.layout.channels)
        recording = replace(
            recording,
            name=f"{self.name}/{record}",
            subject=self.subject_of(record),
            layout=replace(recording.layout, channels=names),
        )
        spans = self._seizures_of(record)
        marks = Annotations.at(spans[:, 0], ["seizure"] * len(spans), duration_s=spans[:, 1] - spans[:, 0])
        return replace(as_pairs(recording, channels, reference=REFERENCE), annotations=marks)

    def label(self, recording: Recording, windows: Windows, labels: Sequence[str]) -> NDArray[np.int64]:
        """``seizure`` or ``background`` per window (n,), -1 for windows that a seizure covers less than half of."""
        covered = cover(recording.annotations, windows, ["seizure"])[:, 0]
        number = {name: labels.index(name) if name in labels else -1 for name in ("seizure", "background")}
        quiet = np.where(covered == 0, number["background"], -1)
        return np.where(covered >= 0.5, number["seizure"], quiet).astype(np.int64)

    def _seizures_of(self, record: str) -> NDArray[np.float64]:
        if record not in self.seizures:
            path = self.folder / record[:5] / f"{record[:5]}-summary.txt"
            raise DatasetError(
                f"{path}: {'says nothing of' if path.is_file() else 'missing, needed for'} {record}.edf; "
                f"fetch the database with: biosig data get {self.name} {self.folder}"
            )
        return self.seizures[record]


def read_summary(path: Path) -> dict[str, NDArray[np.float64]]:
    """Onset and end in seconds of the seizures of every file that a ``chbNN-summary.txt`` lists, record -> (n, 2).

    Starts and ends are paired in the order they stand in: the numbers in ``Seizure 2 Start Time`` are missing in the
    older cases and wrong in one file (chb09_08). Clock times (some past 24:00) and lists of channels are passed over.

    Raises
    ------
    DatasetError : a file has another number of seizures than the summary says, or one that does not end.
    """
    times: dict[str, list[tuple[str, float]]] = {}
    counts: dict[str, int] = {}
    record = ""
    try:
        lines = path.read_text(encoding="latin-1").splitlines()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from None
    for line in map(str.strip, lines):
        if found := _FILE.fullmatch(line):
            record = found[1]
            times[record] = []
        elif found := _COUNT.fullmatch(line):
            counts[record] = int(found[1])
        elif found := _TIME.fullmatch(line):
            times.setdefault(record, []).append((found[1].casefold(), float(found[2])))
    for name, marks in times.items():
        if [kind for kind, _ in marks] != ["start", "end"] * counts.get(name, 0):
            raise DatasetError(
                f"{path}: expected {counts.get(name, 0)} seizures of {name or 'a file'}.edf, each with its start and "
                f"end, found {', '.join(f'{kind} {at:g} s' for kind, at in marks) or 'none'}"
            )
    spans = {name: np.array([at for _, at in marks], dtype=np.float64).reshape(-1, 2) for name, marks in times.items()}
    for name, each in spans.items():
        if not (each[:, 1] > each[:, 0]).all():
            raise DatasetError(f"{path}: a seizure of {name}.edf ends before it starts")
    return spans


def _subject(record: str) -> int:
    """Number of the subject, from 0; case 21 is the subject of case 1."""
    case = int(record[3:5])
    return (1 if case == 21 else case) - 1

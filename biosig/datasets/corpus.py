"""What every database in biosig offers, and where its folder is found."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosig.datasets.splits import Split
from biosig.errors import DatasetError
from biosig.options import did_you_mean
from biosig.records.reading import read
from biosig.records.recording import Recording
from biosig.windows.index import Windows
from biosig.windows.spans import label_by_spans

__all__ = ["Corpus", "find_folder"]


@dataclass(frozen=True)
class Corpus(ABC):
    """A database whose folder was found.

    Parameters
    ----------
    folder : where its records lie.
    is_sample : whether it is the excerpt that ships with biosig.
    """

    folder: Path
    is_sample: bool = False

    name = ""
    title = ""
    citation = ""
    labels_beats = False
    """Whether its labels belong to heart beats, so that windows must be cut at beats."""

    @property
    def obtained(self) -> str:
        """How people get the whole database."""
        return f"biosig data get {self.name} DIR"

    @classmethod
    @abstractmethod
    def open(cls, given: Path | None = None) -> Corpus:
        """The database in ``given``, in ``BIOSIG_DATA``, or its sample; ``DatasetError`` where it is nowhere."""

    @abstractmethod
    def splits(self) -> dict[str, Split]:
        """The splits this database knows, by name."""

    @abstractmethod
    def subject_of(self, record: str) -> str:
        """Who the record is of."""

    def label(self, recording: Recording, windows: Windows, labels: Sequence[str]) -> NDArray[np.int64]:
        """Class number per window of this recording (n,), -1 where it has none of ``labels``.

        Unless overridden the annotated stretch that covers most of a window, and half of it at least.
        """
        return label_by_spans(recording.annotations, windows, labels)

    def reference_beats(self, recording: Recording) -> NDArray[np.float64] | None:
        """Annotated R peaks in seconds (n,), ``None`` for a database without beats."""
        return None

    def split(self, name: str) -> Split:
        """The named split; ``DatasetError`` listing those there are. The sample has only its own."""
        known = self.splits()
        chosen = "sample" if self.is_sample else name
        if chosen not in known:
            raise DatasetError(f"{self.name}: unknown split {name!r}{did_you_mean(name, known)}")
        return known[chosen]

    def path_of(self, record: str) -> Path:
        """The file that :func:`biosig.records.reading.read` opens for a record: a WFDB header unless overridden."""
        return self.folder / f"{record}.hea"

    def has(self, record: str) -> bool:
        """Whether the record's file is in the folder."""
        return self.path_of(record).is_file()

    def require(self, records: Sequence[str], purpose: str) -> None:
        """``DatasetError`` naming the records that are missing for ``purpose``."""
        missing = [record for record in records if not self.has(record)]
        if missing:
            raise DatasetError(
                f"{self.folder}: {len(missing)} of {len(records)} {self.name} records to {purpose} are missing "
                f"({', '.join(missing[:6])}{', ...' if len(missing) > 6 else ''}); "
                f"fetch the database with: biosig data get {self.name} {self.folder}"
            )

    def read(self, record: str, channels: Sequence[str]) -> Recording:
        """The record with its subject, only these channels, by name; ``RecordError`` where one is missing."""
        recording = read(self.path_of(record), channels=channels)
        return replace(recording, name=f"{self.name}/{record}", subject=self.subject_of(record))


def find_folder(name: str, given: Path | None, sample: Path | None, probe: Sequence[str]) -> tuple[Path, bool]:
    """The folder of a database, and whether it is the shipped sample.

    Looked for in this order: ``given`` or ``given/name``; ``BIOSIG_DATA/name``; the sample, where one ships.
    A folder counts where it holds a file that one of the ``probe`` patterns matches. ``DatasetError`` where ``given``
    holds none, or where nothing is given and there is no sample.
    """
    fetch = f"fetch it with: biosig data get {name} {given or 'DIR'}"
    if given is not None:
        for folder in (given, given / name):
            if _holds(folder, probe):
                return folder, False
        raise DatasetError(
            f"{given}: holds no {name} database (expected {probe[0]} and the like, there or in {name}/); {fetch}"
        )
    around = os.environ.get("BIOSIG_DATA")
    if around and _holds(Path(around) / name, probe):
        return Path(around) / name, False
    if sample is None:
        raise DatasetError(
            f"no sample of {name} ships with biosig: this needs the database: biosig data get {name} DIR, "
            f"then --data DIR (or BIOSIG_DATA=DIR where it lies in DIR/{name})"
        )
    return sample, True


def _holds(folder: Path, probe: Sequence[str]) -> bool:
    return any(next(folder.glob(pattern), None) is not None for pattern in probe)

"""Public databases: where they are, how to fetch them, and whether what arrived is whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from biosig.datasets.by_hand import ByHandDatabase
from biosig.datasets.cinc2017 import N_RECORDS, REFERENCE
from biosig.datasets.guinea_bissau import ELECTRODES, TABLE
from biosig.datasets.listed import ListedDatabase
from biosig.datasets.mitbih import DS1, DS2, PACED
from biosig.errors import BiosigError, DatasetError
from biosig.options import lookup
from biosig.records.reading import read

__all__ = ["PUBLIC", "PublicDatabase", "fetch", "verify"]


@dataclass(frozen=True)
class PublicDatabase:
    """A database on PhysioNet.

    Parameters
    ----------
    slug : its name there.
    records : every record it must hold, with its folder there.
    suffixes : of a record's files.
    tables : files beside the records.
    checksums : whether the headers state the checksums of their signals.
    licence : under which it may be used.
    what : what it is counted in.
    """

    slug: str
    title: str
    records: tuple[str, ...]
    suffixes: tuple[str, ...]
    licence: str
    tables: tuple[str, ...] = ()
    checksums: bool = True
    what: str = "records"

    @property
    def address(self) -> str:
        """The page that describes it."""
        return f"https://physionet.org/content/{self.slug}/"

    @property
    def lists(self) -> tuple[str, ...]:
        """Files that must be there before it is known what is missing: none."""
        return ()

    def missing(self, folder: Path) -> list[str]:
        """Files to get: those of every record that is not whole, and tables."""
        records = [record for record in self.records if verify_record(self, folder, record) is not None]
        files = [f"{record}{suffix}" for record in records for suffix in self.suffixes]
        return files + [table for table in self.tables if not (folder / table).is_file()]

    def check(self, folder: Path) -> int:
        """How many records are there, whole; ``DatasetError`` naming the first file that is not."""
        for table in self.tables:
            if not (folder / table).is_file():
                raise DatasetError(f"{folder / table}: missing")
        for record in self.records:
            problem = verify_record(self, folder, record)
            if problem is not None:
                raise DatasetError(f"{folder / record}: {problem}")
        return len(self.records)


PUBLIC: dict[str, PublicDatabase | ListedDatabase | ByHandDatabase] = {
    "mitdb": PublicDatabase(
        slug="mitdb",
        title="MIT-BIH Arrhythmia Database",
        records=tuple(sorted((*DS1, *DS2, *PACED))),
        suffixes=(".hea", ".dat", ".atr"),
        licence="Open Data Commons Attribution License 1.0",
    ),
    "cinc2017": PublicDatabase(
        slug="challenge-2017",
        title="PhysioNet/CinC Challenge 2017, training set",
        records=tuple(f"training/A{n // 1000:02}/A{n:05}" for n in range(1, N_RECORDS + 1)),
        suffixes=(".hea", ".mat"),
        licence="Open Data Commons Attribution License 1.0",
        tables=(REFERENCE,),
        checksums=False,
    ),
    "eegmat": ListedDatabase(
        slug="eegmat",
        title="EEG During Mental Arithmetic Tasks",
        wanted=("Subject??_?.edf", "subject-info.csv"),
        licence="Open Data Commons Attribution License 1.0",
    ),
    "eegmmidb": ListedDatabase(
        slug="eegmmidb",
        title="EEG Motor Movement/Imagery Database",
        wanted=("S???/S???R??.edf", "S???/S???R??.edf.event"),
        licence="Open Data Commons Attribution License 1.0",
    ),
    "guinea_bissau_eeg": ByHandDatabase(
        address="https://doi.org/10.5281/zenodo.1252141",
        title="Epilepsy and controls, Guinea-Bissau",
        table=TABLE,
        recordings="sub-*/eeg/sub-*_task-rest_eeg.edf",
        channels=ELECTRODES,
        how="one table of samples per person (128 Hz, uV) is published; biosig reads them as a BIDS folder, "
        "sub-01/eeg/sub-01_task-rest_eeg.edf with EDF+ annotations 'eyes closed' and 'eyes open', and "
        "participants.tsv with columns participant_id, group and eyes_condition",
        licence="Creative Commons Attribution 4.0",
    ),
    "sleep-edf": ListedDatabase(
        slug="sleep-edfx",
        title="Sleep-EDF Database Expanded",
        wanted=("sleep-*/*-PSG.edf", "sleep-*/*-Hypnogram.edf"),
        licence="Open Data Commons Attribution License 1.0",
    ),
    "chbmit": ListedDatabase(
        slug="chbmit",
        title="CHB-MIT Scalp EEG Database",
        wanted=("chb??/chb*.edf", "chb??/chb??-summary.txt"),
        licence="Open Data Commons Attribution License 1.0",
    ),
}


def fetch(name: str, folder: Path, *, say: Callable[[str], None]) -> Path:
    """Download what is missing of a public database in ``folder``, then verify all of it.

    Returns the folder. ``DatasetError`` where the server cannot be reached or what arrived is not whole.
    """
    database = lookup(PUBLIC, name, "public database")
    folder.mkdir(parents=True, exist_ok=True)
    lists = [file for file in database.lists if not (folder / file).is_file()]
    if lists and not isinstance(database, ByHandDatabase):
        _download(database, folder, lists)
    files = database.missing(folder)
    if files and not isinstance(database, ByHandDatabase):
        say(f"fetching {len(files)} files of {database.title} from {database.address}")
        _download(database, folder, files)
    verify(name, folder, say=say)
    return folder


def _download(database: PublicDatabase | ListedDatabase, folder: Path, files: list[str]) -> None:
    import wfdb

    try:
        wfdb.dl_files(database.slug, str(folder), files, overwrite=True)
    except (OSError, ValueError) as error:  # what requests raises is an OSError
        raise DatasetError(
            f"{database.address}: cannot be fetched ({type(error).__name__}); check the network, or download the "
            f"database by hand into {folder} and run this command again to verify it"
        ) from None


def verify(name: str, folder: Path, *, say: Callable[[str], None]) -> None:
    """Check every file of the database in ``folder``; ``DatasetError`` naming the first that is not whole."""
    database = lookup(PUBLIC, name, "public database")
    found = database.check(folder)
    say(f"{folder}: {found} {database.what} of {database.title}, whole; {database.licence}")


def verify_record(database: PublicDatabase, folder: Path, record: str) -> str | None:
    """What is wrong with a record, or ``None``: its samples are all there and match the header, its marks read.

    The first sample of a signal stands in the header, and so does, but in ``.mat`` records, the 16-bit sum of its
    samples (WFDB header specification, header(5)).
    """
    import wfdb

    path = folder / record
    if not path.with_suffix(".hea").is_file():
        return "missing"
    try:
        recording = read(path)
        if not recording.data.size:
            return "no samples"
        if ".atr" in database.suffixes and not len(recording.annotations):
            return f"no marks in {path.name}.atr"
    except BiosigError as error:
        return str(error)
    raw = wfdb.rdrecord(str(path), physical=False)
    samples = np.asarray(raw.d_signal)
    if samples[0].tolist() != raw.init_value:
        return f"first sample {samples[0].tolist()}, header says {raw.init_value}: fetch it again"
    found = [int(total) for total in samples.sum(axis=0) % 65536]
    stated = [int(total) % 65536 for total in raw.checksum]
    return (
        None if found == stated or not database.checksums else f"checksum {found}, header says {stated}: fetch it again"
    )

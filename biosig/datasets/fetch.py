"""Public databases: where they are, how to fetch them, and whether what arrived is whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

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
    slug : its name there, which is also the name of its folder.
    records : every record it must hold.
    licence : under which it may be used.
    """

    slug: str
    title: str
    records: tuple[str, ...]
    annotator: str
    licence: str

    @property
    def address(self) -> str:
        """The page that describes it."""
        return f"https://physionet.org/content/{self.slug}/"


PUBLIC = {
    "mitdb": PublicDatabase(
        slug="mitdb",
        title="MIT-BIH Arrhythmia Database",
        records=tuple(sorted((*DS1, *DS2, *PACED))),
        annotator="atr",
        licence="Open Data Commons Attribution License 1.0",
    ),
}


def fetch(name: str, folder: Path, *, say: Callable[[str], None]) -> Path:
    """Download the records of a public database that are missing in ``folder``, then verify all of them.

    Returns the folder. ``DatasetError`` where the server cannot be reached or what arrived is not whole.
    """
    database = lookup(PUBLIC, name, "public database")
    folder.mkdir(parents=True, exist_ok=True)
    missing = [record for record in database.records if verify_record(database, folder, record) is not None]
    if missing:
        say(f"fetching {len(missing)} records of {database.title} from {database.address}")
        _download(database, folder, missing)
    verify(name, folder, say=say)
    return folder


def _download(database: PublicDatabase, folder: Path, records: list[str]) -> None:
    import wfdb

    try:
        wfdb.dl_database(database.slug, str(folder), records=records, annotators=[database.annotator], overwrite=True)
    except (OSError, ValueError) as error:  # what requests raises is an OSError
        raise DatasetError(
            f"{database.address}: cannot be fetched ({type(error).__name__}); check the network, or download the "
            f"database by hand into {folder} and run this command again to verify it"
        ) from None


def verify(name: str, folder: Path, *, say: Callable[[str], None]) -> None:
    """Check every record of the database in ``folder``; ``DatasetError`` naming the first that is not whole."""
    database = lookup(PUBLIC, name, "public database")
    for record in database.records:
        problem = verify_record(database, folder, record)
        if problem is not None:
            raise DatasetError(f"{folder / record}: {problem}")
    say(f"{folder}: {len(database.records)} records of {database.title}, whole; {database.licence}")


def verify_record(database: PublicDatabase, folder: Path, record: str) -> str | None:
    """What is wrong with a record, or ``None``: it must read, have marks, and match its header's checksums.

    The checksum of a signal is the 16-bit sum of its samples (WFDB header specification, header(5)).
    """
    import wfdb

    path = folder / record
    if not path.with_suffix(".hea").is_file():
        return "missing"
    try:
        if not len(read(path, annotator=database.annotator).annotations):
            return f"no marks in {record}.{database.annotator}"
    except BiosigError as error:
        return str(error)
    raw = wfdb.rdrecord(str(path), physical=False)
    found = [int(total) for total in np.asarray(raw.d_signal).sum(axis=0) % 65536]
    stated = [int(total) % 65536 for total in raw.checksum]
    return None if found == stated else f"checksum {found}, header says {stated}: fetch it again"

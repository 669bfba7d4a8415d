"""Databases that are not published as files biosig reads: where they are, what to make of them, if that is whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from biosig.errors import BiosigError, DatasetError
from biosig.records.reading import read

__all__ = ["ByHandDatabase"]


@dataclass(frozen=True)
class ByHandDatabase:
    """A database to be downloaded and converted by hand; biosig says how, and checks the outcome.

    Parameters
    ----------
    address : the page that describes it and has its files.
    table : a file that the converted database has.
    recordings : pattern of its recordings.
    channels : that each of them must have.
    how : what is published, and what to make of it.
    licence : under which it may be used.
    what : what it is counted in.
    """

    address: str
    title: str
    table: str
    recordings: str
    channels: tuple[str, ...]
    how: str
    licence: str
    what: str = "recordings"

    @property
    def lists(self) -> tuple[str, ...]:
        """Files that must be there before it is known what is missing: none."""
        return ()

    def missing(self, folder: Path) -> list[str]:
        """Nothing that biosig could fetch; ``DatasetError`` saying how it is done where nothing is there."""
        if not (folder / self.table).is_file():
            raise DatasetError(
                f"{folder}: {self.title} cannot be fetched by biosig; download it from {self.address} and convert it: "
                f"{self.how}; then run this command again to verify it"
            )
        return []

    def check(self, folder: Path) -> int:
        """How many recordings are there; ``DatasetError`` naming the first that is not as it should be."""
        self.missing(folder)
        paths = sorted(folder.glob(self.recordings))
        for path in paths:
            try:
                read(path, channels=self.channels)
            except BiosigError as error:
                raise DatasetError(f"{path}: {error}") from None
        if not paths:
            raise DatasetError(f"{folder}: no recording named as {self.recordings}; {self.how}")
        return len(paths)

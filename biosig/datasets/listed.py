"""Databases of many files whose publisher lists the SHA-256 checksum of every one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from biosig.errors import DatasetError

__all__ = ["ListedDatabase"]

_LIST = "SHA256SUMS.txt"
_LINE = re.compile(r"([0-9a-f]{64})\s+\*?(\S.*)")


@dataclass(frozen=True)
class ListedDatabase:
    """A database on PhysioNet that says itself what it holds, in ``SHA256SUMS.txt``.

    Parameters
    ----------
    slug : its name there.
    wanted : patterns of the files wanted, with their folders there.
    licence : under which it may be used.
    what : what it is counted in.
    """

    slug: str
    title: str
    wanted: tuple[str, ...]
    licence: str
    what: str = "files"

    @property
    def address(self) -> str:
        """The page that describes it."""
        return f"https://physionet.org/content/{self.slug}/"

    @property
    def lists(self) -> tuple[str, ...]:
        """Files that must be there before it is known what is missing."""
        return (_LIST,)

    def missing(self, folder: Path) -> list[str]:
        """Files to get: wanted, and not there or of another checksum than the list says."""
        return [name for name, checksum in self._listed(folder).items() if _sha256(folder / name) != checksum]

    def check(self, folder: Path) -> int:
        """How many files are there, whole; ``DatasetError`` naming the first that is not."""
        listed = self._listed(folder)
        for name, checksum in listed.items():
            found = _sha256(folder / name)
            if found != checksum:
                problem = "missing" if not found else f"SHA-256 {found[:12]}, {_LIST} says {checksum[:12]}"
                raise DatasetError(f"{folder / name}: {problem}: fetch it again")
        return len(listed)

    def _listed(self, folder: Path) -> Mapping[str, str]:
        """Checksum of every wanted file; ``DatasetError`` where the list is missing or names none of them."""
        path = folder / _LIST
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DatasetError(f"{path}: cannot be read ({type(error).__name__}): fetch it again") from None
        pairs = [found.groups() for found in map(_LINE.fullmatch, lines) if found]
        listed = {name: checksum for checksum, name in pairs if any(fnmatchcase(name, one) for one in self.wanted)}
        if not listed:
            raise DatasetError(f"{path}: expected checksums of {self.wanted[0]} and the like, found none of them")
        return listed


def _sha256(path: Path) -> str:
    """The checksum of a file, ``""`` where there is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

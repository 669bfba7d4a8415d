"""What is checked about a file before a parser trusts it: kind, size, place, and every number in it."""

from __future__ import annotations

import math
import os
import re
import stat
from pathlib import Path

from biosig.errors import RecordError

__all__ = ["MAX_HEADER_BYTES", "decimal", "inside", "mismatch", "read_small", "regular_size", "whole"]

MAX_HEADER_BYTES = 1 << 20
"""Largest text header read, in bytes (a MIMIC master header of 5,000 segments has about 0.1 MB)."""

# ASCII digits only: str.isdigit() and \d also take Arabic-Indic digits and superscripts.
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,3})?")


def mismatch(path: Path | str, expected: str, found: str, advice: str = "") -> RecordError:
    """The one form of every complaint about a file: which file, what was expected, what was found, what to do."""
    message = f"{_short(str(path), 300)}: expected {_short(expected, 200)}, found {_short(found, 100)}"
    return RecordError(message + (f"; {advice}" if advice else ""))


def _short(text: str, limit: int) -> str:
    """``text`` without control characters (a header may hold terminal sequences), its middle left out if long."""
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable if len(printable) <= limit else f"{printable[: limit - 40]}...{printable[-37:]}"


def regular_size(path: Path) -> int:
    """Size in bytes of a regular file; ``RecordError`` where it is missing, a folder, a pipe or a device."""
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise mismatch(path, "a readable file", getattr(error, "strerror", None) or str(error)) from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe, socket or device"
        raise mismatch(path, "a regular file", kind)
    return status.st_size


def read_small(path: Path, limit: int = MAX_HEADER_BYTES) -> bytes:
    """All bytes of a file of 1 to ``limit`` bytes; ``RecordError`` for anything else."""
    size = regular_size(path)
    if size == 0:
        raise mismatch(path, "at least one byte", "an empty file")
    if size > limit:
        raise mismatch(path, f"at most {limit} bytes", f"{size} bytes")
    try:
        with open(path, "rb") as file:
            return file.read(limit)
    except OSError as error:
        raise mismatch(path, "a readable file", error.strerror or str(error)) from error


def inside(folder: Path, name: str, *, named_by: Path) -> Path:
    """The file ``name`` in ``folder``; ``RecordError`` where the name or a link leads out of the folder."""
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in name:
        raise mismatch(named_by, "file names inside the record's folder", repr(name))
    path = folder / name
    home = os.path.realpath(folder)
    if os.path.commonpath([home, os.path.realpath(path)]) != home:
        raise mismatch(
            named_by,
            "file names inside the record's folder",
            f"{name!r}, a link to {os.path.realpath(path)}",
            "copy the file into the folder",
        )
    return path


def whole(text: str, low: int, high: int, *, what: str, where: str) -> int:
    """``text`` as an integer in [low, high]; ``RecordError`` naming the field otherwise."""
    if not _WHOLE.fullmatch(text) or not low <= int(text) <= high:
        raise mismatch(where, f"{what} as a whole number from {low} to {high}", repr(text))
    return int(text)


def decimal(text: str, low: float, high: float, *, what: str, where: str) -> float:
    """``text`` as a finite number in [low, high]; ``RecordError`` naming the field otherwise (``36O``, ``360,5``)."""
    if not _DECIMAL.fullmatch(text) or not math.isfinite(float(text)) or not low <= float(text) <= high:
        raise mismatch(where, f"{what} as a number from {low:g} to {high:g}", repr(text))
    return float(text)

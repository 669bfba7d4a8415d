"""What is checked about a FIF or MATLAB file before MNE reads it: damage that hangs or crashes its parsers.

A FIF tag that points backwards makes MNE read in a circle; MATLAB elements whose sizes do not fit each other make
``scipy.io.loadmat`` end the process. Sources: MNE's FIF tag layout (kind, type, size, next; 32 bits each, big-endian);
"MAT-File Format", MathWorks, chapter 1 (level 5).
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from biosig.records.guard import mismatch

__all__ = ["check_fif", "check_mat"]

_FILE_ID = 100  # the first tag of every FIF file
_MAX_PIECE = 1 << 32  # bytes that one compressed MATLAB variable may unpack to
_MAX_DEPTH = 32
_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE, _FUNCTION, _OPAQUE = 1, 2, 3, 4, 5, 16, 17
_NUMBERS = range(6, 16)
_MATRIX, _COMPRESSED = 14, 15
_ITEM_BYTES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
_TEXT_BYTES = {1: 1, 2: 1, 3: 2, 4: 2, 17: 2, 18: 4}
_UTF8 = 16


def check_fif(path: Path) -> None:
    """``RecordError`` where the tags of a FIF file do not follow one after the other up to its end."""
    size = path.stat().st_size
    position, count = 0, 0
    try:
        with open(path, "rb", buffering=0) as file:
            while position + 16 <= size:
                file.seek(position)
                kind, _, length, following = struct.unpack(">iiii", file.read(16))
                end = position + 16 + length
                if (count == 0 and kind != _FILE_ID) or length < 0 or end > size:
                    raise mismatch(f"{path}: byte {position}", "a tag that lies inside the file", f"{length} bytes")
                if following < -1 or 0 < following < end:
                    raise mismatch(f"{path}: byte {position}", "a tag that is followed by a later one", f"{following}")
                if following == -1:
                    return
                position, count = following or end, count + 1
    except OSError as error:
        raise mismatch(path, "a readable file", error.strerror or str(error)) from error
    if count == 0:
        raise mismatch(path, "a FIF file", f"{size} bytes")


def check_mat(path: Path) -> None:
    """``RecordError`` where the elements of a MATLAB 5 file do not fit into each other; HDF5 files pass."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise mismatch(path, "a readable file", error.strerror or str(error)) from error
    if content.startswith((b"\x89HDF", b"MATLAB 7.3")):
        return
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None:
        raise mismatch(path, "a MATLAB file of version 5 or newer", repr(content[:20])[1:])
    where = f"{path}"
    position = 128
    while position < len(content):
        kind, start, end, _ = Elements(where, content, order).at(position, len(content))
        if kind == _COMPRESSED:
            unpacked = _unpacked(where, content[start:end])
            whole = Elements(where, unpacked, order)
            inner, first, last, _ = whole.at(0, len(unpacked))
            whole.expect(inner == _MATRIX, position, "a variable")
            whole.matrix(first, last, 0)
        elif kind == _MATRIX:
            Elements(where, content, order).matrix(start, end, 0)
        position = end


def _unpacked(where: str, piece: bytes) -> bytes:
    try:
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(piece, _MAX_PIECE)
    except zlib.error as error:
        raise mismatch(where, "intact compressed variables", str(error)) from error
    if not unpacker.eof:
        raise mismatch(where, "whole compressed variables", "one that is cut short")
    return content


@dataclass(frozen=True)
class Elements:
    """The bytes of a MATLAB 5 file, or of one compressed variable, as elements with type and size."""

    where: str
    content: bytes
    order: str

    def expect(self, right: bool, position: int, what: str) -> None:
        """``RecordError`` where what was expected at ``position`` is not there."""
        if not right:
            raise mismatch(f"{self.where}: byte {position}", what, "something else", "the file is damaged")

    def at(self, position: int, end: int) -> tuple[int, int, int, int]:
        """Type of the element at ``position``, where its data begin and end, and where the next one begins."""
        self.expect(position + 8 <= end, position, "an element of 8 bytes or more")
        word, size = struct.unpack_from(f"{self.order}II", self.content, position)
        if word >> 16:
            self.expect(word >> 16 <= 4, position, "a small element of at most 4 bytes")
            return word & 0xFFFF, position + 4, position + 4 + (word >> 16), position + 8
        stop = position + 8 + size
        self.expect(stop <= end, position, "an element inside the one around it")
        return word, position + 8, stop, min(end, position + 8 + -(-size // 8) * 8)

    def matrix(self, start: int, end: int, depth: int) -> None:
        """Check the variable between ``start`` and ``end``, and those in it."""
        if start == end:  # an empty variable
            return
        self.expect(depth < _MAX_DEPTH, start, f"variables in at most {_MAX_DEPTH} others")
        kind, first, last, position = self.at(start, end)
        self.expect(kind == 6 and last - first == 8, start, "the flags of a variable")
        flags = struct.unpack_from(f"{self.order}I", self.content, first)[0]
        if flags & 0xFF == _OPAQUE:  # what follows is not documented
            return
        kind, first, last, position = self.at(position, end)
        self.expect(
            kind in (5, 6) and (last - first) % 4 == 0 and 8 <= last - first <= 128, position, "sizes of a variable"
        )
        sizes = struct.unpack_from(f"{self.order}{(last - first) // 4}i", self.content, first)
        self.expect(min(sizes) >= 0, first, "sizes of a variable from 0")
        kind, first, last, position = self.at(position, end)
        self.expect(kind in (1, 2, _UTF8), position, "the name of a variable")
        self._values(flags, math.prod(sizes), position, end, depth)

    def _values(self, flags: int, count: int, position: int, end: int, depth: int) -> None:
        what = flags & 0xFF
        if what in (_CELL, _STRUCT, _OBJECT, _FUNCTION):
            if what == _OBJECT:
                position = self.at(position, end)[3]
            fields, count = 1, 1 if what == _FUNCTION else count
            if what in (_STRUCT, _OBJECT):
                fields, position = self._fields(position, end)
            self.expect(count * fields <= end - position, position, "as many variables as a cell or structure has")
            for _ in range(count * fields):
                kind, first, last, following = self.at(position, end)
                self.expect(kind == _MATRIX, position, "a variable")
                self.matrix(first, last, depth + 1)
                position = following
        elif what in _NUMBERS:
            for _ in range(2 if flags & 0x800 else 1):
                kind, first, last, following = self.at(position, end)
                fits = kind in _ITEM_BYTES and last - first == count * _ITEM_BYTES[kind]
                self.expect(fits, position, "as many numbers as the sizes say")
                position = following
        elif what == _CHAR:
            kind, first, last, _ = self.at(position, end)
            if first == last:
                fits = count == 0 or kind in (*_TEXT_BYTES, _UTF8)
            elif kind == _UTF8:
                fits = len(self.content[first:last].decode("utf-8", "replace")) == count
            else:
                fits = kind in _TEXT_BYTES and last - first == count * _TEXT_BYTES[kind]
            self.expect(fits, position, "as many characters as the sizes say")
        elif what == _SPARSE:
            for _ in range(4 if flags & 0x800 else 3):
                kind, first, last, position = self.at(position, end)
                self.expect(kind in _ITEM_BYTES, first, "places and values of a sparse matrix")
        else:
            self.expect(False, position, "a cell, structure, text or numbers")

    def _fields(self, position: int, end: int) -> tuple[int, int]:
        """Number of fields of a structure, and where its values begin."""
        kind, first, last, following = self.at(position, end)
        self.expect(kind == 5 and last - first == 4, position, "the length of field names")
        length = struct.unpack_from(f"{self.order}i", self.content, first)[0]
        kind, first, last, position = self.at(following, end)
        fits = kind == 1 and 0 < length <= 64 and (last - first) % length == 0
        self.expect(fits, following, "field names of one length")
        return (last - first) // length, position

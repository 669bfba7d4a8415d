"""WFDB annotation files (MIT format) read and written.

Source: annot(5) of the WFDB Applications Guide, https://physionet.org/physiotools/wag/annot-5.htm; symbols from
its "Annotation codes" table, https://physionet.org/physiotools/wpg/wpg_31.htm
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosig.records.guard import decimal, mismatch, read_small
from biosig.records.recording import Annotations
from biosig.records.whole import written_whole

__all__ = ["SYMBOLS", "Marks", "read_annotations", "read_marks", "write_annotations", "write_marks"]

SYMBOLS: dict[int, str] = {
    **dict(enumerate("NLRaVFJASEj/Q~", start=1)),
    16: "|",
    **dict(enumerate('sT*D"=pB^t+u?![]en@xf()r', start=18)),
}
"""Annotation code -> symbol. Codes up to 49 without a symbol are for users, and read as ``[42]``."""

_LAST_CODE, _SKIP, _NUM, _SUB, _CHN, _AUX, _NOTE = 49, 59, 60, 61, 62, 63, 22
_CODES = {SYMBOLS.get(code, f"[{code}]"): code for code in range(1, _LAST_CODE + 1)}
_MAX_FILE_BYTES = 1 << 23  # two weeks of beats take 3 MB
_RESERVED = {"hea", "dat", "mat", "xyz", "edf", "bdf", "flac", "xws"}  # files that are no annotations
_MAX_ONSET_S = 1e9
_MAX_SAMPLE = 2**53  # past it a float64 onset cannot hold every sample number


@dataclass(frozen=True, eq=False)
class Marks:
    """The marks of one annotation file as it stores them.

    Parameters
    ----------
    sample : int64 (n,), sample number of each mark.
    symbol : n annotation symbols.
    subtype : int64 (n,), -128 to 127; in ``~`` marks the noise of each lead.
    chan : int64 (n,), number of the signal it was made on, 0 to 255; -1 throughout where the file names no signal.
    num : int64 (n,), -128 to 127.
    aux : n notes, ``""`` where none.
    fs : samples per second that ``sample`` counts in, None where the file does not say.
    """

    sample: NDArray[np.int64]
    symbol: tuple[str, ...]
    subtype: NDArray[np.int64]
    chan: NDArray[np.int64]
    num: NDArray[np.int64]
    aux: tuple[str, ...]
    fs: float | None = None

    def __post_init__(self) -> None:
        columns = (self.sample, self.symbol, self.subtype, self.chan, self.num, self.aux)
        if len({len(column) for column in columns}) != 1:
            raise ValueError(f"columns of marks must have one length, got {[len(column) for column in columns]}")


def read_annotations(path: Path, *, fs: float) -> Annotations:
    """The marks of an annotation file in order of time.

    Parameters
    ----------
    path : the annotation file (``mitdb/100.atr``).
    fs : frames per second of its record in Hz; a time resolution that the file states goes before it.

    Raises
    ------
    RecordError : the file is missing, cut short, or not an annotation file of MIT format.
    """
    marks = read_marks(path)
    order = np.argsort(marks.sample, kind="stable")
    onset_s = marks.sample[order] / (marks.fs or fs)
    if len(onset_s) and onset_s[-1] > _MAX_ONSET_S:
        raise mismatch(path, f"marks in the first {_MAX_ONSET_S:g} s", f"one at {onset_s[-1]:g} s")
    return Annotations(
        onset_s=onset_s,
        duration_s=np.zeros(len(order)),
        label=tuple(marks.symbol[i] for i in order),
        aux=tuple(marks.aux[i] for i in order),
        channel=marks.chan[order],
    )


def read_marks(path: Path) -> Marks:
    """The marks of an annotation file, in its order; ``RecordError`` where it is damaged or not of MIT format.

    Marks that only describe the file (its time resolution, definitions of symbols) are understood and left out.
    """
    raw = read_small(path, _MAX_FILE_BYTES)
    words = np.frombuffer(raw[: len(raw) // 2 * 2], dtype="<u2").astype(np.int64)
    payload = _payload(words)
    ends = np.flatnonzero((words == 0) & ~payload)
    if len(ends) == 0:
        raise mismatch(path, "an end mark (two zero bytes)", f"{len(raw)} bytes without one", "the file is cut short")
    place = np.flatnonzero(~payload[: ends[0]])
    code, value = words[place] >> 10, words[place] & 0x3FF
    unknown = np.flatnonzero((code > _LAST_CODE) & (code < _SKIP))
    if len(unknown):
        raise mismatch(path, "annotation codes 0-49 and 59-63", f"{code[unknown[0]]} at byte {2 * place[unknown[0]]}")
    is_mark = code <= _LAST_CODE
    owner = np.cumsum(is_mark) - 1
    if np.any(owner[code > _SKIP] < 0):
        raise mismatch(path, "a mark before its details", "details first")
    step = np.where(is_mark, value, 0)
    skips = np.flatnonzero(code == _SKIP)
    high, low = words[place[skips] + 1], words[place[skips] + 2]
    step[skips] = ((high << 16 | low) ^ 2**31) - 2**31
    sample = np.cumsum(step)[is_mark]
    notes = [""] * len(sample)
    for index in np.flatnonzero(code == _AUX).tolist():
        begin = 2 * (int(place[index]) + 1)
        notes[owner[index]] = _text(raw[begin : begin + int(value[index])])
    return _described(
        path, code[is_mark], sample, notes,
        subtype=_last(code == _SUB, owner, _signed(value), len(sample), carry=False),
        chan=_last(code == _CHN, owner, value & 0xFF, len(sample), carry=True) if np.any(code == _CHN) else None,
        num=_last(code == _NUM, owner, _signed(value), len(sample), carry=True),
    )  # fmt: skip


def _payload(words: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which words are the inside of a SKIP or AUX and no words of their own."""
    inside = np.zeros(len(words), dtype=np.bool_)
    code = words >> 10
    covered = 0
    for place in np.flatnonzero((code == _SKIP) | (code == _AUX)).tolist():
        if place >= covered:
            length = 2 if code[place] == _SKIP else (int(words[place] & 0x3FF) + 1) // 2
            covered = place + 1 + length
            inside[place + 1 : covered] = True
    return inside


def _signed(value: NDArray[np.int64]) -> NDArray[np.int64]:
    """The low byte as a signed number."""
    return ((value & 0xFF) ^ 0x80) - 0x80


def _last(
    chosen: NDArray[np.bool_], owner: NDArray[np.int64], value: NDArray[np.int64], n: int, *, carry: bool
) -> NDArray[np.int64]:
    """A detail per mark: 0 until first given, and for later marks the same (``carry``) or 0 again."""
    given = np.zeros(n, dtype=np.int64)
    known = np.zeros(n, dtype=np.int64)
    given[owner[chosen]] = value[chosen]
    if not carry:
        return given
    known[owner[chosen]] = owner[chosen]
    carried: NDArray[np.int64] = given[np.maximum.accumulate(known)] if n else given
    return carried


def _text(raw: bytes) -> str:
    """A note: UTF-8 or else Latin-1, without the null bytes that some writers count into it."""
    try:
        return raw.rstrip(b"\0").decode("utf-8")
    except UnicodeDecodeError:
        return raw.rstrip(b"\0").decode("latin-1")


def _described(
    path: Path, code: NDArray[np.int64], sample: NDArray[np.int64], notes: list[str],
    *, subtype: NDArray[np.int64], chan: NDArray[np.int64] | None, num: NDArray[np.int64],
) -> Marks:  # fmt: skip
    """Marks with their symbols, after taking out those that describe the file itself."""
    table = [SYMBOLS.get(number, f"[{number}]") for number in range(_LAST_CODE + 1)]
    fs: float | None = None
    keep = code > 0
    defining = False
    for index in np.flatnonzero((code == _NOTE) & (sample == 0)).tolist():
        resolution = re.match(r"## time resolution:\s*(\S+)", notes[index])
        definition = re.match(r"([0-9]{1,2})\s+(\S+)", notes[index])
        if resolution:
            fs = decimal(resolution[1], 1e-6, 1e9, what="time resolution in Hz", where=str(path))
        elif defining and definition and int(definition[1]) <= _LAST_CODE:
            table[int(definition[1])] = definition[2]
        keep[index] = not (defining or notes[index].startswith("## "))
        defining = (defining or notes[index] == "## annotation type definitions") and (
            notes[index] != "## end of definitions"
        )
    chosen = np.flatnonzero(keep)
    if len(chosen) and not (sample[chosen].min() >= 0 and sample[chosen].max() <= _MAX_SAMPLE):
        raise mismatch(path, "marks from sample 0 on", f"samples {sample[chosen].min()} to {sample[chosen].max()}")
    return Marks(
        sample=sample[chosen],
        symbol=tuple(table[number] for number in code[chosen].tolist()),
        subtype=subtype[chosen],
        chan=np.full(len(chosen), -1, dtype=np.int64) if chan is None else chan[chosen],
        num=num[chosen],
        aux=tuple(notes[index] for index in chosen.tolist()),
        fs=fs,
    )


def write_annotations(
    folder: str | Path, record_name: str, annotations: Annotations | Iterable[Annotations], *, fs: float,
    annotator: str = "qrs", overwrite: bool = False,
) -> Path:  # fmt: skip
    """Write marks as ``folder/record_name.annotator`` in MIT format, and return that path.

    Parameters
    ----------
    folder : where to; must exist.
    record_name : the record the marks belong to (``100``).
    annotations : what to write, or pieces of it in order of time. ``label`` must be WFDB symbols (free text goes into
        ``aux`` of a ``"`` mark), ``duration_s`` 0 (a span is two marks), ``channel`` -1 throughout or 0 to 255 (-1
        among others becomes 0).
    fs : rate in Hz at which onsets become sample numbers; the file states it as its time resolution.
    annotator : suffix of the file.
    overwrite : replace an existing ``atr``, the suffix of a database's own reference marks.

    Raises
    ------
    ValueError : marks that the format cannot hold.
    RecordError : the file cannot be written, or is a reference file that is there already.
    """
    pieces = [annotations] if isinstance(annotations, Annotations) else annotations
    marks = (_marks_of(piece, fs) for piece in pieces)
    return _write(_path(folder, record_name, annotator, overwrite=overwrite), marks, fs)


def write_marks(folder: str | Path, record_name: str, marks: Marks, *, annotator: str, overwrite: bool = False) -> Path:
    """Write marks with all their details; otherwise as :func:`write_annotations`."""
    return _write(_path(folder, record_name, annotator, overwrite=overwrite), [marks], marks.fs)


def _marks_of(annotations: Annotations, fs: float) -> Marks:
    if np.any(annotations.duration_s != 0):
        raise ValueError("WFDB marks have no duration: write the start and the end of a span as two marks")
    n = len(annotations)
    samples = annotations.samples(fs)
    order = np.argsort(samples, kind="stable")
    return Marks(
        sample=samples[order],
        symbol=tuple(annotations.label[i] for i in order),
        subtype=np.zeros(n, dtype=np.int64),
        chan=annotations.channel[order],
        num=np.zeros(n, dtype=np.int64),
        aux=tuple(annotations.aux[i] for i in order),
    )


def _path(folder: str | Path, record_name: str, annotator: str, *, overwrite: bool) -> Path:
    if not re.fullmatch(r"[\w-]+", record_name):
        raise ValueError(f"record_name must be letters, digits, '_' and '-', got {record_name!r}")
    if not re.fullmatch(r"\w+", annotator) or annotator.lower() in _RESERVED:
        raise ValueError(f"annotator must be letters, digits and '_', and no suffix of signals, got {annotator!r}")
    path = Path(folder) / f"{record_name}.{annotator}"
    if annotator == "atr" and path.exists() and not overwrite:
        raise mismatch(path, "no reference annotations yet", "a file", "write with another annotator or overwrite=True")
    return path


def _write(path: Path, pieces: Iterable[Marks], fs: float | None) -> Path:
    try:
        with written_whole(path) as beside, open(beside, "wb") as file:
            file.writelines(_encode(pieces, fs))
    except OSError as error:
        raise mismatch(path, "a place to write to", error.strerror or str(error)) from error
    return path


def _encode(pieces: Iterable[Marks], fs: float | None) -> Iterator[bytes]:
    """The bytes of an annotation file, piece by piece; ``ValueError`` for marks that it cannot hold."""
    if fs is not None:
        if not (np.isfinite(fs) and fs > 0):
            raise ValueError(f"fs must be a positive number of Hz, got {fs}")
        yield _word(_NOTE, 0) + _note(f"## time resolution: {np.format_float_positional(fs, trim='-')}")
    before, chan, num = 0, 0, 0
    for marks in pieces:
        _check(marks, before)
        out = bytearray()
        signals = np.maximum(marks.chan, 0).tolist()
        columns = (marks.sample.tolist(), marks.symbol, marks.subtype.tolist(), signals, marks.num.tolist(), marks.aux)
        for sample, symbol, subtype, new_chan, new_num, aux in zip(*columns, strict=True):
            interval = sample - before
            while interval > 1023:
                skip = min(interval, 2**31 - 1)
                out += _word(_SKIP, 0) + _word_pair(skip)
                interval -= skip
            out += _word(_CODES[symbol], interval)
            if subtype:
                out += _word(_SUB, subtype & 0xFF)
            if new_chan != chan:
                out += _word(_CHN, new_chan)
            if new_num != num:
                out += _word(_NUM, new_num & 0xFF)
            if aux:
                out += _note(aux)
            before, chan, num = sample, new_chan, new_num
        yield bytes(out)
    yield b"\0\0"


def _check(marks: Marks, first: int) -> None:
    """``ValueError`` for marks that the format cannot hold, or not in order from sample ``first`` on."""
    unknown = sorted(set(marks.symbol) - set(_CODES))
    if unknown:
        raise ValueError(f"not WFDB symbols: {', '.join(map(repr, unknown))}; put free text into aux of a '\"' mark")
    if np.any(np.diff(marks.sample, prepend=first) < 0):
        raise ValueError("marks must be in order of time, from sample 0 on")
    for name, column, low, high in (
        ("subtype", marks.subtype, -128, 127),
        ("chan", marks.chan, -1, 255),
        ("num", marks.num, -128, 127),
    ):
        if len(column) and not (low <= column.min() and column.max() <= high):
            raise ValueError(f"{name} must lie in {low} to {high}, got {column.min()} to {column.max()}")


def _word(code: int, value: int) -> bytes:
    return (code << 10 | value).to_bytes(2, "little")


def _word_pair(value: int) -> bytes:
    """A PDP-11 long: the high word first, each word with its low byte first."""
    return (value >> 16).to_bytes(2, "little") + (value & 0xFFFF).to_bytes(2, "little")


def _note(text: str) -> bytes:
    raw = text.encode("utf-8")
    if len(raw) > 255 or "\0" in text:
        raise ValueError(f"a note holds at most 255 bytes and no null, got {len(raw)} bytes: {text[:40]!r}")
    return _word(_AUX, len(raw)) + raw + b"\0" * (len(raw) % 2)

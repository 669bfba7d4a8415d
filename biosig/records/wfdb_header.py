"""A WFDB header file (``.hea``) as typed values, every field checked before anyone uses it.

Source: header(5) of the WFDB Applications Guide, https://physionet.org/physiotools/wag/header-5.htm
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from biosig.records.guard import decimal, mismatch, read_small, whole

__all__ = ["Header", "Segment", "Signal", "parse_header"]

_DEFAULT_FS_HZ = 250.0  # header(5): sampling frequency where the field is absent
_DEFAULT_GAIN = 200.0  # header(5): ADC units per mV where the gain is absent or 0 (uncalibrated)
_FS_HZ = (1e-6, 1e9)
_GAIN = (1e-12, 1e12)
_INT32 = 2**31
_MAX_SIGNALS = 4096
_MAX_SAMPLES = 10**15
_MAX_SAMPLES_PER_FRAME = 10**6

_RECORD_NAME = re.compile(r"([^\s/]+)(?:/([0-9]+))?")
_FREQUENCY = re.compile(r"([^/()\s]+)(?:/([^/()\s]+)(?:\(([^()\s]+)\))?)?")
_FORMAT = re.compile(r"([0-9]{1,4})(?:x([0-9]+))?(?::([0-9]+))?(?:\+([0-9]+))?")
_GAIN_FIELD = re.compile(r"([^/()\s]+)(?:\(([^()\s]+)\))?(?:/(\S+))?")
_TIME = re.compile(r"(?:(?:([0-9]{1,2}):)?([0-9]{1,2}):)?([0-9]{1,2}(?:\.[0-9]{0,9})?)")
_DATE = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{1,4})")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CHALLENGE_DATE = re.compile(rf"[0-9]{{1,2}}-({'|'.join(_MONTHS)})-[0-9]{{4}}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Signal:
    """One signal line: where its samples lie and what they mean.

    Parameters
    ----------
    file : name of the signal file, ``~`` = no samples stored.
    format : WFDB storage format, 0 = no samples stored.
    samples_per_frame : how many samples of this signal each frame holds.
    skew : frames by which this signal lags behind frame 0 of the file.
    offset : bytes (FLAC: samples) in the file before sample 0; None where not stated.
    gain : ADC units per physical unit.
    baseline : ADC value of 0 physical units.
    units : as written, ``mV`` where not.
    calibrated : False where the gain was absent or 0 and 200 per mV is assumed.
    initial : value of sample 0 (format 8 counts from it).
    rails : lowest and highest ADC value; infinite where the resolution is not stated.
    name : description, ``""`` where absent.
    """

    file: str
    format: int
    samples_per_frame: int
    skew: int
    offset: int | None
    gain: float
    baseline: int
    units: str
    calibrated: bool
    initial: int
    name: str
    rails: tuple[float, float] = (-math.inf, math.inf)


@dataclass(frozen=True)
class Segment:
    """One segment line of a multi-segment record: record name (``~`` = a gap) and length in frames."""

    name: str
    n_frames: int


@dataclass(frozen=True)
class Header:
    """What one header file says.

    Parameters
    ----------
    path : the header file.
    name : the record's name as the header has it.
    fs : frames per second, in Hz.
    n_frames : length in frames; None where the header leaves it open.
    n_signals : how many signals the record line declares.
    start : wall-clock time of frame 0, None without a date.
    signals : the signal lines (empty for a multi-segment record).
    segments : the segment lines (empty for a single-segment record).
    comments : comment lines without ``#``.
    """

    path: Path
    name: str
    fs: float
    n_frames: int | None
    n_signals: int
    start: datetime | None
    signals: tuple[Signal, ...]
    segments: tuple[Segment, ...]
    comments: tuple[str, ...]


def parse_header(path: Path) -> Header:
    """The header in ``path``; ``RecordError`` where a field is not what header(5) allows."""
    lines, comments = _lines(path)
    if not lines:
        raise mismatch(path, "a record line", "only comments or blank lines")
    number, record_line = lines[0]
    where = f"{path} line {number}"
    fields = record_line.split()
    named = _RECORD_NAME.fullmatch(fields[0])
    if named is None or len(fields) < 2:
        raise mismatch(where, "a record line 'name[/segments] signals [fs [samples]]'", repr(record_line))
    body = lines[1:]
    n_signals = whole(fields[1], 0, _MAX_SIGNALS, what="number of signals", where=where)
    n_frames = whole(fields[3], 0, _MAX_SAMPLES, what="number of samples", where=where) if len(fields) > 3 else 0
    signals: tuple[Signal, ...] = ()
    segments: tuple[Segment, ...] = ()
    if named[2] is None:
        _expect_lines(path, "signal", n_signals, len(body))
        signals = tuple(_signal(line, f"{path} line {number}") for number, line in body)
    else:
        _expect_lines(path, "segment", whole(named[2], 1, 10**9, what="number of segments", where=where), len(body))
        segments = tuple(_segment(line, f"{path} line {number}") for number, line in body)
    return Header(
        path=path,
        name=named[1],
        fs=_frequency(fields[2], where) if len(fields) > 2 else _DEFAULT_FS_HZ,
        n_frames=n_frames or None,
        n_signals=n_signals,
        start=_start(fields[4:], where),
        signals=signals,
        segments=segments,
        comments=comments,
    )


def _lines(path: Path) -> tuple[list[tuple[int, str]], tuple[str, ...]]:
    """Numbered lines that are neither blank nor comments, and the comments."""
    raw = read_small(path)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    odd = _CONTROL.search(text)
    if odd:
        raise mismatch(path, "a text header", f"control character {odd[0]!r} at character {odd.start()}")
    lines: list[tuple[int, str]] = []
    comments: list[str] = []
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        stripped = line.strip()
        if stripped.startswith("#"):
            comments.append(stripped.lstrip("#").strip())
        elif stripped:
            lines.append((number, stripped))
    return lines, tuple(comments)


def _expect_lines(path: Path, kind: str, declared: int, found: int) -> None:
    if declared != found:
        raise mismatch(path, f"{declared} {kind} lines, as the record line declares", str(found))


def _frequency(text: str, where: str) -> float:
    """Frames per second from ``fs[/counter frequency[(base counter)]]``."""
    parts = _FREQUENCY.fullmatch(text)
    if parts is None:
        raise mismatch(where, "sampling frequency as 'fs', 'fs/counter' or 'fs/counter(base)'", repr(text))
    if parts[2] is not None:
        decimal(parts[2], *_FS_HZ, what="counter frequency in Hz", where=where)
    if parts[3] is not None:
        decimal(parts[3], -1e18, 1e18, what="base counter", where=where)
    return decimal(parts[1], *_FS_HZ, what="sampling frequency in Hz", where=where)


def _start(fields: list[str], where: str) -> datetime | None:
    """Start from ``[HH:]MM:]SS[.f] [DD/MM/YYYY]``, or from the ``DD-Mon-YYYY HH:MM:SS`` of the CinC challenges.

    None without a date, and for a date no calendar has (``0/0/0``).
    """
    if len(fields) > 1 and _CHALLENGE_DATE.fullmatch(fields[0]):
        return _calendar(fields[0], fields[1], where)
    if len(fields) > 1 and _CHALLENGE_DATE.fullmatch(fields[1]):
        return _calendar(fields[1], fields[0], where)
    if fields and not _TIME.fullmatch(fields[0]):
        raise mismatch(where, "base time as HH:MM:SS", repr(fields[0]))
    if len(fields) < 2:
        return None
    if not _DATE.fullmatch(fields[1]) or len(fields) > 2:
        raise mismatch(where, "base date as DD/MM/YYYY and nothing after it", repr(" ".join(fields[1:])))
    return _calendar(fields[1], fields[0], where)


def _calendar(date: str, time: str, where: str) -> datetime | None:
    clock = _TIME.fullmatch(time)
    if clock is None:
        raise mismatch(where, "base time as HH:MM:SS", repr(time))
    try:
        day, month, year = re.split("[/-]", date)
        number = int(month) if month.isdigit() else _MONTHS.index(month) + 1
        clock_time = timedelta(hours=int(clock[1] or 0), minutes=int(clock[2] or 0), seconds=float(clock[3]))
        return datetime(int(year), number, int(day)) + clock_time
    except (ValueError, OverflowError):
        return None


def _signal(line: str, where: str) -> Signal:
    """One signal line: file, format, gain, ADC resolution, ADC zero, initial value, checksum, block size, name."""
    fields = line.split(None, 8)
    stored = _FORMAT.fullmatch(fields[1]) if len(fields) > 1 else None
    if stored is None:
        raise mismatch(where, "a signal line 'file format[xN][:skew][+offset] ...'", repr(line))
    gain, baseline, units = _gain(fields[2], where) if len(fields) > 2 else (0.0, None, "mV")
    bits = whole(fields[3], 0, 64, what="ADC resolution in bits", where=where) if len(fields) > 3 else 0
    zero = whole(fields[4], -_INT32, _INT32, what="ADC zero", where=where) if len(fields) > 4 else 0
    initial = whole(fields[5], -_INT32, _INT32, what="initial value", where=where) if len(fields) > 5 else zero
    if len(fields) > 6:
        whole(fields[6], -_INT32, 2 * _INT32, what="checksum", where=where)
    if len(fields) > 7:
        whole(fields[7], 0, _INT32, what="block size", where=where)
    return Signal(
        file=fields[0],
        format=int(stored[1]),
        samples_per_frame=whole(stored[2] or "1", 1, _MAX_SAMPLES_PER_FRAME, what="samples per frame", where=where),
        skew=whole(stored[3] or "0", 0, _INT32, what="skew", where=where),
        offset=None if stored[4] is None else whole(stored[4], 0, _MAX_SAMPLES, what="byte offset", where=where),
        gain=gain or _DEFAULT_GAIN,
        baseline=zero if baseline is None else baseline,
        units=units,
        calibrated=gain > 0,
        initial=initial,
        name=fields[8].strip() if len(fields) > 8 else "",
        rails=(zero - 2.0 ** (bits - 1), zero + 2.0 ** (bits - 1) - 1) if bits else (-math.inf, math.inf),
    )


def _gain(text: str, where: str) -> tuple[float, int | None, str]:
    """Gain, baseline (None where absent) and units from ``gain[(baseline)][/units]``."""
    parts = _GAIN_FIELD.fullmatch(text)
    if parts is None:
        raise mismatch(where, "ADC gain as 'gain[(baseline)][/units]'", repr(text))
    gain = decimal(parts[1], 0.0, _GAIN[1], what="ADC gain", where=where)
    if 0 < gain < _GAIN[0]:
        raise mismatch(where, f"ADC gain of 0 or at least {_GAIN[0]:g}", repr(parts[1]))
    baseline = None if parts[2] is None else whole(parts[2], -_INT32, _INT32, what="baseline", where=where)
    return gain, baseline, parts[3] or "mV"


def _segment(line: str, where: str) -> Segment:
    fields = line.split()
    if len(fields) != 2:
        raise mismatch(where, "a segment line 'record samples'", repr(line))
    return Segment(fields[0], whole(fields[1], 0, _MAX_SAMPLES, what="segment length in samples", where=where))

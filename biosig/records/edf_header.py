"""The header of an EDF, EDF+ or BDF file as typed values, every field checked before anyone uses it.

Sources: EDF, Kemp et al. 1992, doi:10.1016/0013-4694(92)90009-7; EDF+, Kemp & Olivan 2003,
doi:10.1016/S1388-2457(03)00123-8, https://www.edfplus.info/specs/edfplus.html; BDF is EDF with 24-bit samples,
https://www.biosemi.com/faq/file_format.htm
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from biosig.records.guard import decimal, mismatch, regular_size, whole

__all__ = ["EdfHeader", "EdfSignal", "parse_edf_header"]

_FIXED_BYTES = 256
_MAX_SIGNALS = 4096
_MAX_RECORDS = 10**9
_MAX_RECORD_S = 1e7
_MAX_SAMPLES_PER_RECORD = 10**8
_PHYSICAL = 1e20  # past that a sample in microvolt would overflow
_MAX_FS_HZ = 1e7

_FIXED = (("patient", 8, 88), ("recording", 88, 168), ("date", 168, 176), ("time", 176, 184),
          ("header bytes", 184, 192), ("kind", 192, 236), ("data records", 236, 244),
          ("record duration", 244, 252), ("signals", 252, 256))  # fmt: skip
"""Name, first byte and end of the fields in the first 256 bytes."""

_FIELDS = (("label", 16), ("transducer", 80), ("unit", 8), ("physical minimum", 8), ("physical maximum", 8),
           ("digital minimum", 8), ("digital maximum", 8), ("prefilter", 80), ("samples per data record", 8),
           ("reserved", 32))  # fmt: skip
"""Name and bytes of the columns that follow the first 256 bytes, each with one field per signal."""

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DATE = re.compile(r"([0-9]{1,2})[.:/-]([0-9]{1,2})[.:/-]([0-9]{2})")
_TIME = re.compile(r"([0-9]{1,2})[.:]([0-9]{1,2})[.:]([0-9]{1,2})")
_LONG_DATE = re.compile(rf"Startdate +([0-9]{{1,2}})-({'|'.join(_MONTHS)})-([0-9]{{4}})(?: .*)?", re.IGNORECASE)
_PATIENT = re.compile(rf"(\S+) [FMX] (?:X|[0-9]{{1,2}}-(?:{'|'.join(_MONTHS)})-[0-9]{{4}})(?: .*)?", re.IGNORECASE)
_NO_CODE = ("X", "0", "-1")


@dataclass(frozen=True)
class EdfSignal:
    """One signal as the header describes it.

    Parameters
    ----------
    label : as written (``EEG Fp1-Ref``).
    unit : physical dimension as written, ``""`` where none (EDF+: the signal is uncalibrated).
    gain : digital units per physical unit; 0 for a placeholder.
    baseline : digital value of 0 physical units.
    samples_per_record : how many samples each data record holds.
    column : samples of other signals before it in a data record.
    rails : lowest and highest physical value that can be written.
    """

    label: str
    unit: str
    gain: float
    baseline: float
    samples_per_record: int
    column: int
    rails: tuple[float, float] = (-math.inf, math.inf)

    @property
    def holds_annotations(self) -> bool:
        """Whether its bytes are time-stamped text, not samples."""
        return self.label in {"EDF Annotations", "BDF Annotations"}

    @property
    def is_placeholder(self) -> bool:
        """Whether it only fills a place in the montage: no name but ``-`` or ``.``, and no range (CHB-MIT has many)."""
        return self.gain == 0.0


@dataclass(frozen=True)
class EdfHeader:
    """What the header says about the file.

    Parameters
    ----------
    path : the file.
    sample_bytes : 2 (EDF) or 3 (BDF).
    gaps : whether time may be missing between data records (EDF+D, BDF+D).
    patient, recording : local identification of both, as written.
    start : start of the file; None where the header holds no date (EDF+: an anonymous one).
    header_bytes : where the first data record begins.
    n_records : data records in the file.
    record_s : seconds per data record; 0 in a file of annotations only.
    signals : all of them, those with annotations too.
    """

    path: Path
    sample_bytes: int
    gaps: bool
    patient: str
    recording: str
    start: datetime | None
    header_bytes: int
    n_records: int
    record_s: float
    signals: tuple[EdfSignal, ...]

    @property
    def record_samples(self) -> int:
        """Samples of all signals in one data record."""
        return sum(signal.samples_per_record for signal in self.signals)

    @property
    def record_bytes(self) -> int:
        """Bytes of one data record."""
        return self.sample_bytes * self.record_samples

    @property
    def patient_code(self) -> str:
        """The hospital's code of the patient where EDF+ subfields give one, else ``""``."""
        found = _PATIENT.fullmatch(self.patient)
        return "" if found is None or found[1].upper() in _NO_CODE else found[1]


def parse_edf_header(path: Path) -> EdfHeader:
    """The header of the file ``path``.

    The number of data records may be -1 (EDF: a recording that was not closed); it is then as many as the file
    holds. Bytes after the declared records are ignored.

    Raises
    ------
    RecordError : the file is missing, shorter than declared, or a field is impossible.
    """
    size = regular_size(path)
    fixed = _bytes(path, 0, _FIXED_BYTES)
    if fixed[:8] not in {b"0       ", b"\xffBIOSEMI"}:
        raise mismatch(path, "an EDF or BDF file (a first field of '0' or 255 BIOSEMI)", repr(fixed[:8])[1:])
    width = 2 if fixed[:1] == b"0" else 3
    text = {name: _text(fixed[start:stop]) for name, start, stop in _FIXED}
    where = f"{path}: header"
    n_signals = whole(text["signals"], 1, _MAX_SIGNALS, what="number of signals", where=where)
    header_bytes = whole(text["header bytes"], 0, 10**8, what="number of header bytes", where=where)
    if header_bytes != _FIXED_BYTES * (1 + n_signals):
        raise mismatch(
            path, f"{_FIXED_BYTES * (1 + n_signals)} header bytes for {n_signals} signals", text["header bytes"]
        )
    signals = _signals(path, _bytes(path, _FIXED_BYTES, header_bytes - _FIXED_BYTES), n_signals, 8 * width)
    annotations_only = all(signal.holds_annotations for signal in signals)
    record_s = decimal(text["record duration"], 0, _MAX_RECORD_S, what="seconds per data record", where=where)
    fastest = max(signal.samples_per_record for signal in signals)
    if not annotations_only and fastest > _MAX_FS_HZ * record_s:
        raise mismatch(path, "data records longer than 0 s", text["record duration"])
    declared = whole(text["data records"], -1, _MAX_RECORDS, what="number of data records", where=where)
    header = EdfHeader(
        path=path,
        sample_bytes=width,
        gaps=text["kind"].startswith(("EDF+D", "BDF+D")),
        patient=text["patient"],
        recording=text["recording"],
        start=_start(text["date"], text["time"], text["recording"]),
        header_bytes=header_bytes,
        n_records=declared,
        record_s=record_s,
        signals=signals,
    )
    return _counted(header, size)


def _counted(header: EdfHeader, size: int) -> EdfHeader:
    """The header with its number of data records, after a check that the file holds them."""
    held = (size - header.header_bytes) // header.record_bytes
    n_records = held if header.n_records == -1 else header.n_records
    if n_records < 1:
        raise mismatch(header.path, "at least one data record", f"{n_records}")
    if held < n_records:
        raise mismatch(
            header.path,
            f"at least {header.header_bytes + n_records * header.record_bytes} bytes for the {n_records} data records "
            "its header declares",
            f"{size} bytes",
            "the file is cut short, get it again",
        )
    return replace(header, n_records=n_records)


def _bytes(path: Path, start: int, count: int) -> bytes:
    try:
        with open(path, "rb") as file:
            file.seek(start)
            found = file.read(count)
    except OSError as error:
        raise mismatch(path, "a readable file", error.strerror or str(error)) from error
    if len(found) < count:
        raise mismatch(path, f"a header of {start + count} bytes", f"{start + len(found)} bytes")
    return found


def _text(field: bytes) -> str:
    """A field without its padding; ASCII by the standard, but units and names also come in UTF-8 and Latin-1."""
    bare = field.strip(b" \0")
    try:
        return bare.decode("utf-8")
    except UnicodeDecodeError:
        return bare.decode("latin-1")


def _signals(path: Path, columns: bytes, n_signals: int, bits: int) -> tuple[EdfSignal, ...]:
    table: dict[str, list[str]] = {}
    place = 0
    for name, width in _FIELDS:
        table[name] = [_text(columns[place + k * width : place + (k + 1) * width]) for k in range(n_signals)]
        place += n_signals * width
    signals: list[EdfSignal] = []
    column = 0
    for index in range(n_signals):
        signal = _signal(f"{path}: signal {index + 1}", {name: table[name][index] for name in table}, column, bits)
        signals.append(signal)
        column += signal.samples_per_record
    return tuple(signals)


def _signal(where: str, text: dict[str, str], column: int, bits: int) -> EdfSignal:
    label = text["label"]
    count = whole(
        text["samples per data record"],
        1,
        _MAX_SAMPLES_PER_RECORD,
        what="samples per data record",
        where=where,
    )
    signal = EdfSignal(label, text["unit"], 1.0, 0.0, count, column)
    if signal.holds_annotations:  # its ranges mean nothing
        return signal
    where = f"{where} ({label})"
    low, high = (
        decimal(text[f"physical {end}"], -_PHYSICAL, _PHYSICAL, what=f"physical {end}", where=where)
        for end in ("minimum", "maximum")
    )
    first, last = (
        whole(text[f"digital {end}"], -(2**bits), 2**bits, what=f"digital {end}", where=where)
        for end in ("minimum", "maximum")
    )
    if (first >= last or low == high) and not any(letter.isalnum() for letter in label):
        return replace(signal, gain=0.0)
    if first >= last:
        raise mismatch(where, "a digital minimum below the digital maximum", f"{first} and {last}")
    if low == high:
        raise mismatch(where, "a physical minimum other than the physical maximum", f"{low:g} and {high:g}")
    gain = (last - first) / (high - low)
    return EdfSignal(label, text["unit"], gain, first - low * gain, count, column, (min(low, high), max(low, high)))


def _start(date: str, time: str, recording: str) -> datetime | None:
    """Wall-clock start: the four-digit year of EDF+ where there is one, else years 1985 to 2084."""
    short, clock, full = _DATE.fullmatch(date), _TIME.fullmatch(time), _LONG_DATE.fullmatch(recording)
    if short is None or clock is None:
        return None
    day, month, year = int(short[1]), int(short[2]), int(short[3]) + (1900 if int(short[3]) >= 85 else 2000)
    if full is not None:
        day, month, year = int(full[1]), _MONTHS.index(full[2].upper()) + 1, int(full[3])
    elif (day, month, year) == (1, 1, 1985) and recording.startswith("Startdate X"):
        return None
    try:
        return datetime(year, month, day, int(clock[1]), int(clock[2]), int(clock[3]))
    except ValueError:  # 00.00.00, and other ways to leave the date out
        return None

"""Small records for tests: WFDB packed bit by bit as signal(5) describes each format, EDF field by field."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

EDF_COLUMNS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)  # bytes of the header's columns, one field per signal

Pack = Callable[[Sequence[int]], bytes]


def _bits(samples: Sequence[int], group: int, unit: int, bits: int) -> list[int]:
    """Groups of samples as whole numbers, sample k shifted by ``k * unit`` bits."""
    padded = [*samples, *[0] * (-len(samples) % group)]
    return [
        sum((padded[start + k] & (2**bits - 1)) << (k * unit) for k in range(group))
        for start in range(0, len(padded), group)
    ]


def _pack_212(samples: Sequence[int]) -> bytes:
    out = bytearray()
    for first, second in zip(samples[0::2], [*samples[1::2], 0], strict=False):
        out += bytes([first & 0xFF, (first >> 8 & 0xF) | (second >> 8 & 0xF) << 4, second & 0xFF])
    return bytes(out[: -(-len(samples) * 3 // 2)])


def _pack_310(samples: Sequence[int]) -> bytes:
    out = bytearray()
    padded = [*samples, *[0] * (-len(samples) % 3)]
    for a, b, c in zip(padded[0::3], padded[1::3], padded[2::3], strict=True):
        out += ((a & 0x3FF) << 1 | (c & 0x1F) << 11).to_bytes(2, "little")
        out += ((b & 0x3FF) << 1 | (c >> 5 & 0x1F) << 11).to_bytes(2, "little")
    return bytes(out[: len(out) - 2 * (len(samples) % 3 == 1)])


def _pack_311(samples: Sequence[int]) -> bytes:
    out = b"".join(word.to_bytes(4, "little") for word in _bits(samples, 3, 10, 10))
    return out[: len(out) - (0, 2, 1)[len(samples) % 3]]


def _whole(bits: int, order: str = "little", *, shift: int = 0) -> Pack:
    def pack(samples: Sequence[int]) -> bytes:
        return b"".join(((s + shift) & (2**bits - 1)).to_bytes(bits // 8, order) for s in samples)  # type: ignore[arg-type]

    return pack


@pytest.fixture(scope="session")
def packers() -> dict[int, Pack]:
    """WFDB format -> samples in file order as bytes (format 8: the samples are differences)."""
    return {
        8: _whole(8),
        16: _whole(16),
        24: _whole(24),
        32: _whole(32),
        61: _whole(16, "big"),
        80: _whole(8, shift=128),
        160: _whole(16, shift=32768),
        212: _pack_212,
        310: _pack_310,
        311: _pack_311,
    }


@pytest.fixture
def write_record(tmp_path: Path, packers: dict[int, Pack]) -> Callable[..., Path]:
    """Write ``digital`` (n_times, n_signals) as a record of one format; returns the record's path without suffix."""

    def write(digital: np.ndarray, storage: int, name: str = "r", *, fs: float = 250, gain: str = "200/mV") -> Path:
        n_times, n_signals = digital.shape
        stored, initial = digital, [0] * n_signals
        if storage == 8:
            initial = [int(value) for value in digital[0]]
            stored = np.diff(digital, axis=0, prepend=digital[:1])
        path = tmp_path / name
        path.with_suffix(".dat").write_bytes(packers[storage](stored.reshape(-1).tolist()))
        lines = [f"{name} {n_signals} {fs:g} {n_times}"]
        lines += [f"{name}.dat {storage} {gain} 16 0 {initial[k]} 0 0 L{k}" for k in range(n_signals)]
        path.with_suffix(".hea").write_text("\n".join(lines) + "\n")
        return path

    return write


@dataclass(frozen=True)
class EdfColumn:
    """One signal to be written: digital values (n_records, samples per record), and what the header says of it."""

    label: str
    values: np.ndarray
    unit: str = "uV"
    physical: tuple[str, str] = ("-100", "100")
    digital: tuple[str, str] = ("-1000", "1000")


def _timed(lists: Sequence[bytes], n_bytes: int) -> list[bytes]:
    return [one.ljust(n_bytes, b"\0") for one in lists]


@pytest.fixture(scope="session")
def edf_bytes() -> Callable[..., bytes]:
    """An EDF, EDF+ or BDF file as bytes; ``fields`` overwrites named fields of the first 256 bytes.

    ``timed`` holds one annotation list per data record, written into a last signal "EDF Annotations".
    """

    def build(columns: Sequence[EdfColumn], *, timed: Sequence[bytes] = (), width: int = 2, **fields: str) -> bytes:
        records = len(columns[0].values) if columns else len(timed)
        lists = _timed(timed, width * -(-max(map(len, timed), default=0) // width))
        rows = [
            (one.label, "", one.unit, *one.physical, *one.digital, "", str(one.values.shape[1]), "") for one in columns
        ]
        if timed:
            label = "EDF Annotations" if width == 2 else "BDF Annotations"
            rows.append((label, "", "", "-1", "1", "-32768", "32767", "", str(len(lists[0]) // width), ""))
        said = {
            "patient": "", "recording": "", "date": "01.02.03", "time": "04.05.06",
            "header_bytes": str(256 * (1 + len(rows))), "kind": "EDF+C" if timed else "",
            "records": str(records), "duration": "1", "signals": str(len(rows)),
        } | fields  # fmt: skip
        widths = (80, 80, 8, 8, 8, 44, 8, 8, 4)
        out = b"0       " if width == 2 else b"\xffBIOSEMI"
        out += b"".join(said[name].encode("latin-1").ljust(n) for name, n in zip(said, widths, strict=True))
        for column, n in enumerate(EDF_COLUMNS):
            out += b"".join(row[column].encode("latin-1").ljust(n) for row in rows)
        for record in range(records):
            for one in columns:
                out += b"".join(int(v).to_bytes(width, "little", signed=True) for v in one.values[record])
            out += lists[record] if timed else b""
        return out

    return build


@pytest.fixture(scope="session")
def edf_column() -> type[EdfColumn]:
    """What one signal of :func:`edf_bytes` is described by."""
    return EdfColumn


@pytest.fixture
def write_edf(tmp_path: Path, edf_bytes: Callable[..., bytes]) -> Callable[..., Path]:
    """Write what :func:`edf_bytes` makes to ``name`` in a folder of its own."""

    def write(*arguments: object, name: str = "r.edf", **options: object) -> Path:
        path = tmp_path / name
        path.write_bytes(edf_bytes(*arguments, **options))
        return path

    return write

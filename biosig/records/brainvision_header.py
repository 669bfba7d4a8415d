"""The header and marker files of a BrainVision recording as typed values, every field checked.

Source: BrainVision Core Data Format 1.0, https://www.brainproducts.com/support-resources/brainvision-core-data-format-1-0/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from biosig.records.guard import decimal, inside, mismatch, read_small, whole

__all__ = ["BrainVisionHeader", "Electrode", "Marker", "parse_brainvision_header", "parse_markers"]

_FIRST_LINE = re.compile(r"\ufeff?(Brain ?Vision|V-Amp) Data (Exchange )?(?P<kind>Header|Marker) File", re.IGNORECASE)
_MAX_CHANNELS = 4096
_MAX_SAMPLES = 10**15
_INTERVAL_US = (0.1, 1e12)
_RESOLUTION = (1e-12, 1e9)
_MAX_MARKER_BYTES = 1 << 26  # a million markers have about 35 MB
_STAMP = re.compile(r"[0-9]{20}")

Sections = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Electrode:
    """One channel: its name, how much one unit of the numbers is worth, and of what."""

    name: str
    resolution: float
    unit: str


@dataclass(frozen=True)
class BrainVisionHeader:
    """What a header file says.

    Parameters
    ----------
    path : the header file.
    data, markers : the files it names; ``markers`` is None where it names none.
    number_format : ``INT_16``, ``INT_32`` or ``IEEE_FLOAT_32``, with ``BIG`` before it where bytes are swapped.
    multiplexed : whether a sample of every channel follows a sample of every channel, or channel follows channel.
    fs : Hz.
    n_times : samples per channel; None where the header does not say.
    electrodes : the channels.
    """

    path: Path
    data: Path
    markers: Path | None
    number_format: str
    multiplexed: bool
    fs: float
    n_times: int | None
    electrodes: tuple[Electrode, ...]


@dataclass(frozen=True)
class Marker:
    """One line of the marker file.

    Parameters
    ----------
    kind, description : as written (``Stimulus``, ``S  1``).
    sample : the sample it points at, counted from 0 in the file.
    n_samples : how many samples it covers.
    channel : which channel it is about, -1 = all.
    time : when it was made, where a new segment says so.
    """

    kind: str
    description: str
    sample: int
    n_samples: int
    channel: int
    time: datetime | None


def parse_brainvision_header(path: Path) -> BrainVisionHeader:
    """The header ``path`` (``.vhdr``); ``RecordError`` where it is damaged or of a kind that is not supported."""
    sections = _sections(path, read_small(path), "Header")
    common = sections.get("common infos", {})
    where = f"{path}: Common Infos"
    n_channels = whole(_need(common, "NumberOfChannels", where), 1, _MAX_CHANNELS, what="channels", where=where)
    interval_us = decimal(_need(common, "SamplingInterval", where), *_INTERVAL_US, what="microseconds", where=where)
    points = common.get("datapoints", "")
    order = common.get("dataorientation", "MULTIPLEXED").upper()
    for what, found, known in (
        ("DataFormat", common.get("dataformat", "BINARY").upper(), ("BINARY",)),
        ("DataType", common.get("datatype", "TIMEDOMAIN").upper(), ("TIMEDOMAIN",)),
        ("DataOrientation", order, ("MULTIPLEXED", "VECTORIZED")),
    ):
        if found not in known:
            raise mismatch(where, f"{what} {' or '.join(known)}", found)
    markers = _named(path, common["markerfile"]) if common.get("markerfile") else None
    channels = sections.get("channel infos", {})
    return BrainVisionHeader(
        path=path,
        data=_named(path, _need(common, "DataFile", where)),
        markers=markers,
        number_format=_number_format(path, sections.get("binary infos", {})),
        multiplexed=order == "MULTIPLEXED",
        fs=1e6 / interval_us,
        n_times=whole(points, 0, _MAX_SAMPLES, what="DataPoints", where=where) if points else None,
        electrodes=tuple(_electrode(path, channels, number) for number in range(1, n_channels + 1)),
    )


def parse_markers(path: Path) -> tuple[Marker, ...]:
    """The markers in the file ``path`` (``.vmrk``), in its order; ``RecordError`` where it is damaged."""
    found = _sections(path, read_small(path, _MAX_MARKER_BYTES), "Marker").get("marker infos", {})
    return tuple(_marker(f"{path}: {key}", value) for key, value in found.items())


def _sections(path: Path, content: bytes, kind: str) -> Sections:
    """Section -> key -> value, sections and keys in lower case; free text of ``[Comment]`` left out."""
    lines = _decoded(content).splitlines()
    first = _FIRST_LINE.match(lines[0]) if lines else None
    if first is None or first["kind"].lower() != kind.lower():
        raise mismatch(
            path, f"a first line such as 'BrainVision Data Exchange {kind} File Version 1.0'", repr("".join(lines[:1]))
        )
    sections: Sections = {}
    current: dict[str, str] = {}
    title = ""
    for line in lines[1:]:
        text = line.strip()
        if text.startswith("[") and text.endswith("]"):
            title = text[1:-1].strip().lower()
            current = sections.setdefault(title, {})
        elif title != "comment" and text and not text.startswith(";"):
            key, separator, value = text.partition("=")
            name = key.strip().lower()
            if not separator or not title:
                raise mismatch(path, "lines such as 'key=value' in a section", repr(text))
            if name in current:
                raise mismatch(path, f"{key.strip()} once in [{title}]", "it twice")
            current[name] = value.strip()
    return sections


def _decoded(content: bytes) -> str:
    """UTF-8 where it is that; older files are in the Windows code page whatever they say."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _need(section: dict[str, str], key: str, where: str) -> str:
    value = section.get(key.lower(), "")
    if not value:
        raise mismatch(where, f"a line {key}=", "none")
    return value


def _named(path: Path, name: str) -> Path:
    """A file that the header names, ``$b`` standing for the header's own name."""
    return inside(path.parent, name.replace("$b", path.stem), named_by=path)


def _number_format(path: Path, infos: dict[str, str]) -> str:
    where = f"{path}: Binary Infos"
    found = _need(infos, "BinaryFormat", where).upper()
    if found not in {"INT_16", "INT_32", "IEEE_FLOAT_32"}:
        raise mismatch(where, "BinaryFormat INT_16, INT_32 or IEEE_FLOAT_32", found)
    swapped = infos.get("usebigendianorder", "NO").upper()
    if swapped not in {"YES", "NO"}:
        raise mismatch(where, "UseBigEndianOrder YES or NO", swapped)
    return f"BIG {found}" if swapped == "YES" else found


def _electrode(path: Path, channels: dict[str, str], number: int) -> Electrode:
    """Channel ``number``; an empty resolution is 1 and an empty unit is microvolt, as the format has it."""
    where = f"{path}: Channel Infos"
    name, _, resolution, unit = [*_need(channels, f"Ch{number}", where).split(","), "", "", ""][:4]
    value = decimal(
        resolution.strip() or "1", -_RESOLUTION[1], _RESOLUTION[1], what=f"resolution of Ch{number}", where=where
    )
    if abs(value) < _RESOLUTION[0]:
        raise mismatch(where, f"resolution of Ch{number} other than 0", resolution)
    return Electrode(name.replace("\\1", ",").strip(), value, unit.strip() or "uV")


def _marker(where: str, value: str) -> Marker:
    parts = value.split(",")
    if len(parts) < 5:
        raise mismatch(where, "type, description, position, size and channel", repr(value))
    kind, description = (part.replace("\\1", ",").strip() for part in parts[:2])
    position = whole(parts[2].strip(), 1, _MAX_SAMPLES, what="position", where=where)
    size = whole(parts[3].strip() or "0", 0, _MAX_SAMPLES, what="size", where=where)
    channel = whole(parts[4].strip() or "0", -1, _MAX_CHANNELS, what="channel", where=where)
    stamp = parts[5].strip() if len(parts) > 5 and kind == "New Segment" else ""
    return Marker(kind, description, position - 1, size, max(channel - 1, -1), _time(stamp))


def _time(stamp: str) -> datetime | None:
    """``YYYYMMDDhhmmssuuuuuu``; None where there is none (or zeros)."""
    if not _STAMP.fullmatch(stamp):
        return None
    try:
        return datetime.strptime(stamp, "%Y%m%d%H%M%S%f")
    except ValueError:
        return None

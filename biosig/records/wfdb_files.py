"""WFDB records on disk -> :class:`Recording`: header, signal files, segments, annotations."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from biosig.records.guard import inside, mismatch, regular_size
from biosig.records.recording import Annotations, Layout, Recording
from biosig.records.wfdb_annotations import read_annotations
from biosig.records.wfdb_header import Header, Signal, parse_header
from biosig.records.wfdb_samples import Row, Stretch, WfdbSamples
from biosig.records.wfdb_signal import Contents, SignalFile, open_signal_file

__all__ = ["read_wfdb"]

_MAX_GRID = 8  # times the fastest channel's rate; past that a common grid is mostly NaN

_MILLIVOLT: dict[str, float] = {
    **dict.fromkeys(("v", "volt", "volts"), 1e3),
    **dict.fromkeys(("mv", "millivolt", "millivolts"), 1.0),
    **dict.fromkeys(("uv", "\u00b5v", "\u03bcv", "microv", "microvolt", "microvolts"), 1e-3),
    **dict.fromkeys(("nv", "nanovolt", "nanovolts"), 1e-6),
}
"""Voltage units as headers write them (any case), in mV."""

_ELECTRODE = re.compile(r"(Fp|AF|F|FC|FT|C|CP|P|PO|O|T|TP)(z|[0-9]{1,2})|[AM][12]", re.IGNORECASE)
_CHEST_LEAD = re.compile(r"[CV][1-9]", re.IGNORECASE)


@dataclass(frozen=True)
class _Channel:
    """One channel of the record: its name and unit in the layout, and its samples per frame."""

    name: str
    unit: str
    samples_per_frame: int


def read_wfdb(path: Path, *, channels: Sequence[str] | None = None, annotator: str | None = None) -> Recording:
    """A WFDB record, its samples read when they are asked for.

    Voltages become mV, except those of EEG channels, which become uV. Other units stay as the header has them. A
    channel whose gain is absent or 0 is computed with the 200 ADC units per mV that header(5) prescribes,
    and has the unit ``uncalibrated``. Bytes after the declared samples are ignored; a file
    with fewer is refused.

    Parameters
    ----------
    path : header (``.hea``) of the record, or any file of the record that shares its name.
    channels : names of the channels wanted, in this order; all where None.
    annotator : suffix of the annotation file; where None, ``atr`` if there is one.

    Raises
    ------
    RecordError : a file is missing, damaged or not what the header says.
    """
    record = path.with_suffix("") if path.suffix.lower() in {".hea", ".dat", ".mat"} else path
    header = parse_header(record.with_name(record.name + ".hea"))
    name = f"{record.absolute().parent.name}/{record.name}"
    stretches, layout = _segments(header) if header.segments else _single(header)
    chosen = _choose(name, layout, channels)
    grid = _grid(name, [layout[row].samples_per_frame for row in chosen])
    samples = WfdbSamples(name, stretches, len(layout), grid).pick(chosen)
    rates = tuple(header.fs * layout[row].samples_per_frame for row in chosen)
    return Recording(
        name=name,
        subject=record.name,
        layout=Layout(
            tuple(layout[row].name for row in chosen), header.fs * grid, tuple(layout[row].unit for row in chosen)
        ),
        samples=samples,
        annotations=_annotations(record, annotator, header.fs),
        start=header.start,
        comments=header.comments,
        path=header.path,
        channel_fs=rates if len(set(rates)) > 1 else (),
    )


def _annotations(record: Path, annotator: str | None, fs: float) -> Annotations:
    if annotator is not None and not re.fullmatch(r"[\w-]+", annotator):
        raise ValueError(f"annotator must be a file suffix such as 'atr', got {annotator!r}")
    path = record.with_name(f"{record.name}.{annotator or 'atr'}")
    if annotator is None and not path.exists():
        return Annotations()
    return read_annotations(path, fs=fs)


def _choose(name: str, layout: Sequence[_Channel], channels: Sequence[str] | None) -> list[int]:
    """Rows of the channels wanted; ``RecordError`` naming those there are."""
    names = [channel.name for channel in layout]
    if channels is None:
        return list(range(len(names)))
    missing = [channel for channel in channels if channel not in names]
    if missing or not channels:
        wanted = repr(missing[0]) if missing else "at least one"
        raise mismatch(name, f"lead {wanted}", ", ".join(names), "name one of these")
    return [names.index(channel) for channel in channels]


def _grid(name: str, samples_per_frame: Sequence[int]) -> int:
    """Points per frame on which every channel's samples fall."""
    fastest, grid = max(samples_per_frame, default=1), math.lcm(*samples_per_frame)
    if grid > _MAX_GRID * fastest:
        raise mismatch(
            name,
            f"sampling rates with a common grid of at most {_MAX_GRID} times the fastest",
            f"{grid // fastest} times ({', '.join(map(str, sorted(set(samples_per_frame))))} samples per frame)",
            "read some of them with channels=",
        )
    return grid


def _single(header: Header) -> tuple[tuple[Stretch, ...], tuple[_Channel, ...]]:
    layout = _layout(header)
    rows, n_frames = _rows(header, header.n_frames)
    return (Stretch(0, n_frames, rows),), layout


def _layout(header: Header) -> tuple[_Channel, ...]:
    """Names made unique (``ECG``, ``ECG (2)``), and the unit of each channel."""
    names = [signal.name or f"signal {index}" for index, signal in enumerate(header.signals)]
    unique: list[str] = []
    for name in names:
        repeated = sum(other == name or other.startswith(f"{name} (") for other in unique)
        unique.append(f"{name} ({repeated + 1})" if name in unique else name)
    eeg = _eeg(names)
    return tuple(
        _Channel(unique[index], _unit(signal, eeg[index])[0], signal.samples_per_frame)
        for index, signal in enumerate(header.signals)
    )


def _eeg(names: Sequence[str]) -> list[bool]:
    """Which names are EEG: they say so, or are 10-20 electrodes (C3 and C4 also name chest leads, so not alone)."""
    certain = [
        "EEG" in name.upper()
        or (all(_ELECTRODE.fullmatch(part) for part in name.split("-")) and not _CHEST_LEAD.fullmatch(name))
        for name in names
    ]
    return [
        sure or (any(certain) and bool(_ELECTRODE.fullmatch(name))) for sure, name in zip(certain, names, strict=True)
    ]


def _unit(signal: Signal, eeg: bool) -> tuple[str, float]:
    """The channel's unit in the layout, and what a number in the header's unit is multiplied by to get there."""
    millivolt = _MILLIVOLT.get(signal.units.casefold())
    if not signal.calibrated:
        return "uncalibrated", 1.0
    if millivolt is None:
        return signal.units, 1.0
    return ("uV", millivolt * 1e3) if eeg else ("mV", millivolt)


def _rows(header: Header, n_frames: int | None) -> tuple[tuple[Row | None, ...], int]:
    """Where each signal's samples are, and how many frames there are; every file is checked to hold them."""
    members: dict[str, list[int]] = {}
    for index, signal in enumerate(header.signals):
        if signal.file != "~" and signal.format != 0:
            members.setdefault(signal.file, []).append(index)
    files = {name: _open(header, name, [header.signals[index] for index in rows]) for name, rows in members.items()}
    if n_frames is None:
        found = {name: file.capacity() for name, file in files.items()}
        if len(set(found.values())) > 1:
            raise mismatch(header.path, "signal files of one length, or a number of samples", str(found))
        n_frames = next(iter(found.values()), 0)
    for file in files.values():
        file.require(n_frames)
    eeg = _eeg([signal.name for signal in header.signals])
    rows: list[Row | None] = [None] * len(header.signals)
    for name, indices in members.items():
        column = 0
        for index in indices:
            signal = header.signals[index]
            gain = signal.gain / _unit(signal, eeg[index])[1]
            rows[index] = Row(files[name], column, signal.samples_per_frame, signal.skew, gain, signal.baseline)
            column += signal.samples_per_frame
    return tuple(rows), n_frames


def _open(header: Header, name: str, signals: Sequence[Signal]) -> SignalFile:
    """The reader for the file that holds these signals, after a check that the header says one thing about it."""
    path = inside(header.path.parent, name, named_by=header.path)
    regular_size(path)
    for what, stated in (
        ("format", {signal.format for signal in signals}),
        ("byte offset", {signal.offset for signal in signals if signal.offset is not None}),
    ):
        if len(stated) > 1:
            raise mismatch(header.path, f"one {what} for {name}", ", ".join(map(str, sorted(stated))))
    contents = Contents(
        path=path,
        offset=next((signal.offset for signal in signals if signal.offset is not None), 0),
        samples_per_frame=tuple(signal.samples_per_frame for signal in signals),
        initial=tuple(signal.initial for signal in signals),
    )
    return open_signal_file(contents, signals[0].format, where=f"{header.path}: {name}")


def _segments(header: Header) -> tuple[tuple[Stretch, ...], tuple[_Channel, ...]]:
    """The stretches of a multi-segment record, of fixed layout (all segments alike) or variable (matched by name)."""
    known: dict[str, Header] = {}
    for segment in header.segments:
        if segment.name != "~" and segment.name not in known:
            known[segment.name] = _segment_header(header, segment.name)
    variable = header.segments[0].n_frames == 0
    pieces = header.segments[1:] if variable else header.segments
    model = known.get(header.segments[0].name)
    if model is None or model.n_signals != header.n_signals or not pieces:
        raise mismatch(header.path, f"a first segment with {header.n_signals} signals", header.segments[0].name)
    layout = _layout(model)
    opened = {name: _matched(part, layout, by_name=variable) for name, part in known.items() if part is not model}
    if not variable:
        opened[header.segments[0].name] = _matched(model, layout, by_name=False)
    stretches: list[Stretch] = []
    first = 0
    for segment in pieces:
        rows: tuple[Row | None, ...] = (None,) * len(layout)
        if segment.name != "~":
            rows, n_frames = opened[segment.name]
            if n_frames != segment.n_frames:
                raise mismatch(
                    header.path, f"{segment.n_frames} samples in segment {segment.name}", f"{n_frames} in its header"
                )
        stretches.append(Stretch(first, segment.n_frames, rows))
        first += segment.n_frames
    if header.n_frames not in (None, first):
        raise mismatch(header.path, f"segments of {header.n_frames} samples in all", str(first))
    return tuple(stretches), layout


def _segment_header(header: Header, name: str) -> Header:
    """The header of one segment: single-segment itself, and at the rate of the whole record."""
    part = parse_header(inside(header.path.parent, f"{name}.hea", named_by=header.path))
    if part.segments:
        raise mismatch(header.path, "segments that are single-segment records", f"{name} of {len(part.segments)}")
    if part.fs != header.fs:
        raise mismatch(header.path, f"segments at {header.fs:g} Hz", f"{name} at {part.fs:g} Hz")
    return part


def _matched(part: Header, layout: Sequence[_Channel], *, by_name: bool) -> tuple[tuple[Row | None, ...], int]:
    """A segment's rows in the order of the record's layout, None for a channel it lacks."""
    own = _layout(part)
    rows, n_frames = _rows(part, part.n_frames)
    names = [channel.name for channel in own]
    unknown = [name for name in names if name not in {channel.name for channel in layout}]
    if (by_name and unknown) or (not by_name and len(own) != len(layout)):
        raise mismatch(part.path, f"signals {', '.join(c.name for c in layout)}", ", ".join(names))
    arranged: list[Row | None] = []
    for place, channel in enumerate(layout):
        if by_name and channel.name not in names:
            arranged.append(None)
            continue
        index = names.index(channel.name) if by_name else place
        for what, expected, found in (
            ("unit", channel.unit, own[index].unit),
            ("samples per frame", channel.samples_per_frame, own[index].samples_per_frame),
        ):
            if expected != found:
                raise mismatch(part.path, f"{what} {expected} of {channel.name}, as in the first segment", str(found))
        arranged.append(rows[index])
    return tuple(arranged), n_frames

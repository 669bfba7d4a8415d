"""From header lines to stretches of samples: which file holds which channel, over which frames.

A multi-segment record has either a fixed layout (all segments have the same signals) or a variable one: its first
segment has length 0 and only lists the channels, and the others hold some of them (header(5), "Multi-segment records").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from biosig.records.channel_names import unique_names
from biosig.records.guard import inside, mismatch, regular_size
from biosig.records.units import eeg_channels, layout_unit
from biosig.records.wfdb_header import Header, Signal, parse_header
from biosig.records.wfdb_samples import Row, Stretch
from biosig.records.wfdb_signal import Contents, SignalFile, open_signal_file

__all__ = ["Channel", "join_segments", "single_segment"]

_NO_FILE = "~"

Rows = tuple[Row | None, ...]


@dataclass(frozen=True)
class Channel:
    """A channel of the record: its name and unit in the layout, what turns the file's unit into that one, and the
    lowest and highest value that its converter can give, in the layout's unit."""

    name: str
    unit: str
    factor: float
    samples_per_frame: int
    rails: tuple[float, float]


def single_segment(header: Header) -> tuple[tuple[Stretch, ...], tuple[Channel, ...]]:
    """The one stretch and the channels of a record without segments."""
    channels = _channels(header)
    rows, n_frames = _rows(header, channels)
    return (Stretch(0, n_frames, rows),), channels


def join_segments(header: Header) -> tuple[tuple[Stretch, ...], tuple[Channel, ...]]:
    """The stretches of a multi-segment record one after the other, and the channels of the whole."""
    lead, *rest = header.segments
    variable = lead.n_frames == 0
    if lead.name == _NO_FILE or (variable and not rest):
        raise mismatch(header.path, "a first segment that names the signals, and one with samples", lead.name)
    model = _part(header, lead.name)
    if model.n_signals != header.n_signals:
        raise mismatch(model.path, f"{header.n_signals} signals, as in {header.path.name}", str(model.n_signals))
    channels = _channels(model)
    gap: Rows = (None,) * len(channels)
    opened: dict[str, tuple[Rows, int]] = {}
    stretches: list[Stretch] = []
    first = 0
    for segment in rest if variable else header.segments:
        rows, n_frames = gap, segment.n_frames
        if segment.name != _NO_FILE:
            if segment.name not in opened:
                opened[segment.name] = _matched(_part(header, segment.name), channels, by_name=variable)
            rows, n_frames = opened[segment.name]
        if n_frames != segment.n_frames:
            raise mismatch(header.path, f"{segment.n_frames} samples in {segment.name}", f"{n_frames} in its header")
        stretches.append(Stretch(first, n_frames, rows))
        first += n_frames
    if header.n_frames not in (None, first):
        raise mismatch(header.path, f"segments of {header.n_frames} samples in all", str(first))
    return tuple(stretches), channels


def _part(header: Header, name: str) -> Header:
    """The header of one segment: single-segment itself, and at the rate of the whole record."""
    part = parse_header(inside(header.path.parent, f"{name}.hea", named_by=header.path))
    if part.segments:
        raise mismatch(header.path, "segments that are single-segment records", f"{name} with segments of its own")
    if part.fs != header.fs:
        raise mismatch(part.path, f"{header.fs:g} Hz, as in {header.path.name}", f"{part.fs:g} Hz")
    return part


def _channels(header: Header) -> tuple[Channel, ...]:
    """The channels a header describes, their names made unique (``ECG``, ``ECG (2)``)."""
    names = unique_names([signal.name or f"signal {index}" for index, signal in enumerate(header.signals)])
    channels: list[Channel] = []
    for name, signal, eeg in zip(names, header.signals, eeg_channels(names), strict=True):
        unit, factor = layout_unit(signal.units, eeg=eeg) if signal.calibrated else ("uncalibrated", 1.0)
        low, high = ((rail - signal.baseline) / signal.gain * factor for rail in signal.rails)
        channels.append(Channel(name, unit, factor, signal.samples_per_frame, (low, high)))
    return tuple(channels)


def _rows(header: Header, channels: Sequence[Channel]) -> tuple[Rows, int]:
    """Where each signal's samples are, and how many frames there are; every file is checked to hold them."""
    members: dict[str, list[int]] = {}
    for index, signal in enumerate(header.signals):
        if signal.file != _NO_FILE:
            own = members.setdefault(signal.file, [])
            if own and own[-1] != index - 1:
                # header(5) wants them so; readers differ in what they make of it otherwise.
                raise mismatch(header.path, f"the signals of {signal.file} on consecutive lines", "others in between")
            own.append(index)
    files = {name: _open(header, name, [header.signals[index] for index in of]) for name, of in members.items()}
    n_frames = _length(header, files)
    for file in files.values():
        file.require(n_frames)
    rows: list[Row | None] = [None] * len(header.signals)
    for name, of in members.items():
        column = 0
        for index in of:
            signal, spf = header.signals[index], header.signals[index].samples_per_frame
            gain = signal.gain / channels[index].factor
            rows[index] = Row(files[name], column, spf, signal.skew, gain, signal.baseline)
            column += spf
    return tuple(rows), n_frames


def _length(header: Header, files: dict[str, SignalFile]) -> int:
    """Frames in the record: as declared, or else as many as every file holds."""
    if header.n_frames is not None or not files:
        return header.n_frames or 0
    found = {name: file.capacity() for name, file in files.items()}
    shortest = min(found.values())
    if shortest != max(found.values()):
        shown = ", ".join(f"{name} {n_frames}" for name, n_frames in found.items())
        raise mismatch(header.path, "a number of samples, or signal files of one length", f"frames in {shown}")
    if shortest == 0:
        raise mismatch(header.path, "at least one frame of samples", f"none in {', '.join(found)}")
    return shortest


def _open(header: Header, name: str, signals: Sequence[Signal]) -> SignalFile:
    """The reader for the file that holds these signals, after a check that the header says one thing about it."""
    path = inside(header.path.parent, name, named_by=header.path)
    if regular_size(path) == 0:
        raise mismatch(path, "samples", "an empty file")
    offsets = {signal.offset for signal in signals if signal.offset is not None}
    for what, stated in (("format", {signal.format for signal in signals}), ("byte offset", offsets)):
        if len(stated) > 1:
            raise mismatch(header.path, f"one {what} for {name}", ", ".join(map(str, sorted(stated))))
    contents = Contents(
        path=path,
        offset=next(iter(offsets), 0),
        samples_per_frame=tuple(signal.samples_per_frame for signal in signals),
        initial=tuple(signal.initial for signal in signals),
    )
    return open_signal_file(contents, signals[0].format, where=f"{header.path}: {name}")


def _matched(part: Header, channels: Sequence[Channel], *, by_name: bool) -> tuple[Rows, int]:
    """A segment's rows in the order of the record's channels, None for a channel it lacks; and its frames."""
    own = _channels(part)
    names = [channel.name for channel in own]
    expected = [channel.name for channel in channels]
    if (by_name and not set(names) <= set(expected)) or (not by_name and names != expected):
        raise mismatch(part.path, f"signals {', '.join(expected)}, as in the first segment", ", ".join(names))
    rows, n_frames = _rows(part, own)
    place = {name: index for index, name in enumerate(names)}
    for channel in channels:
        if channel.name in place:
            found = own[place[channel.name]]
            if (found.unit, found.samples_per_frame) != (channel.unit, channel.samples_per_frame):
                raise mismatch(
                    part.path,
                    f"{channel.name} in {channel.unit}, {channel.samples_per_frame} samples per frame",
                    f"{found.unit}, {found.samples_per_frame}",
                )
    return tuple(rows[place[name]] if name in place else None for name in expected), n_frames

"""BrainVision files on disk -> :class:`Recording`: header, numbers, markers, and the pauses between segments.

Source: BrainVision Core Data Format 1.0, https://www.brainproducts.com/support-resources/brainvision-core-data-format-1-0/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.records.brainvision_header import BrainVisionHeader, Marker, parse_brainvision_header, parse_markers
from biosig.records.channel_names import choose, plain_name, unique_names
from biosig.records.guard import mismatch, regular_size
from biosig.records.recording import Annotations, Layout, Recording
from biosig.records.units import is_ecg, layout_unit
from biosig.records.wfdb_formats import PACKED, Packing
from biosig.records.wfdb_samples import Row, Stretch, WfdbSamples
from biosig.records.wfdb_signal import Contents, PackedFile

__all__ = ["read_brainvision"]

_LARGEST = 1e20  # of a float sample; past that it is damage, and would overflow in microvolt
_CLOCK_S = 1.0  # by which a new segment's time may lie before the end of the last one: clocks drift


def _floats(order: str) -> Packing:
    def decode(raw: NDArray[np.uint8]) -> Any:
        values = raw.view(f"{order}f4").astype(np.float32)
        with np.errstate(invalid="ignore"):
            values[~(np.abs(values) <= _LARGEST)] = np.nan
        return values

    return Packing(1, (0, 4), None, decode)


_PACKINGS: dict[str, Packing] = {
    "INT_16": replace(PACKED[16], invalid=None),
    "INT_32": replace(PACKED[32], invalid=None),
    "IEEE_FLOAT_32": _floats("<"),
    "BIG INT_16": replace(PACKED[61], invalid=None),
    "BIG INT_32": Packing(1, (0, 4), None, lambda raw: raw.view(">i4").astype(np.int32)),
    "BIG IEEE_FLOAT_32": _floats(">"),
}


def read_brainvision(path: Path, *, channels: Sequence[str] | None = None, annotator: str | None = None) -> Recording:
    """A BrainVision recording by its header file (``.vhdr``), its samples read when they are asked for.

    Voltages become uV, those of ECG leads mV; an empty unit is microvolt, as the format has it. Names are made plain
    as in EDF files. Markers are called ``type/description`` (``Stimulus/S  1``). Where a new segment tells its time,
    the pause before it is NaN. A number that is not finite is NaN.

    Parameters
    ----------
    path : the header file.
    channels : names of the channels wanted, in this order, and named so; all where None. ``T7`` also finds ``T3``.
    annotator : must be None: the header names the marker file.

    Raises
    ------
    RecordError : a file is missing, damaged, or not what the header says.
    """
    if annotator is not None:
        raise ValueError(f"{path.name} names its marker file: annotator must be None, got {annotator!r}")
    header = parse_brainvision_header(path)
    name = f"{path.absolute().parent.name}/{path.stem}"
    labels = [electrode.name for electrode in header.electrodes]
    names = unique_names([plain_name(label) or f"signal {row}" for row, label in enumerate(labels)])
    rows = choose(name, names, channels, labels=labels)
    n_times = _length(header)
    markers = parse_markers(header.markers) if header.markers is not None else ()
    starts, times = _segments(header, markers, n_times)
    begin = next((marker.time for marker in markers if marker.time is not None and marker.sample == 0), None)
    units, samples = _samples(header, name, rows, starts, times, n_times)
    return Recording(
        name=name,
        subject=path.stem,
        layout=Layout(
            channels=tuple(names[row] for row in rows) if channels is None else tuple(channels),
            fs=header.fs,
            units=units,
        ),
        samples=samples,
        annotations=_annotations(markers, header.fs, starts, times),
        start=begin,
        comments=tuple(f"{names[row]} is {labels[row]!r} in the file" for row in rows if names[row] != labels[row]),
        path=path,
    )


def _length(header: BrainVisionHeader) -> int:
    """Samples per channel, after a check that the file holds them."""
    packing, n_channels = _PACKINGS[header.number_format], len(header.electrodes)
    size = regular_size(header.data)
    held, rest = divmod(size, packing.bytes * n_channels)
    n_times = held if header.n_times is None else header.n_times
    if header.n_times is None and rest:
        frame = packing.bytes * n_channels
        raise mismatch(header.data, f"whole frames of {frame} bytes ({n_channels} channels)", f"{size} bytes")
    if n_times < 1:
        raise mismatch(header.data, "at least one sample per channel", f"{size} bytes")
    if held < n_times:
        needed = n_times * packing.bytes * n_channels
        raise mismatch(
            header.data,
            f"at least {needed} bytes for the {n_times} samples its header declares",
            f"{size} bytes",
            "the file is cut short, get it again",
        )
    return n_times


def _segments(
    header: BrainVisionHeader, markers: Sequence[Marker], n_times: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """First sample of every stretch without a pause, and its place in time, in samples from the first one."""
    starts, places = [0], [0.0]
    stamped = [(one.sample, one.time) for one in markers if one.time is not None and one.sample < n_times]
    stamped.sort(key=lambda one: one[0])
    for sample, time in stamped[1:]:
        place = stamped[0][0] + (time - stamped[0][1]).total_seconds() * header.fs
        late = place - (places[-1] + sample - starts[-1])
        if late < -_CLOCK_S * header.fs:
            raise mismatch(
                f"{header.markers}",
                f"the segment at sample {sample} to begin after the one before",
                time.isoformat(" "),
            )
        if late >= 0.5:
            starts.append(sample)
            places.append(place)
    return np.array(starts, dtype=np.int64), np.array(places, dtype=np.float64)


def _samples(
    header: BrainVisionHeader,
    name: str,
    rows: Sequence[int],
    starts: NDArray[np.int64],
    places: NDArray[np.float64],
    n_times: int,
) -> tuple[tuple[str, ...], WfdbSamples]:
    """Units and samples of the channels chosen; a frame is one sample of every channel."""
    packing, n_channels = _PACKINGS[header.number_format], len(header.electrodes)
    shared = PackedFile(Contents(header.data, 0, (1,) * n_channels, (0,) * n_channels), packing)
    units: list[str] = []
    columns: list[Row] = []
    for row in rows:
        electrode = header.electrodes[row]
        unit, factor = layout_unit(electrode.unit, eeg=not is_ecg(electrode.name))
        own = PackedFile(Contents(header.data, row * n_times * packing.bytes, (1,), (0,)), packing)
        gain = 1.0 / (electrode.resolution * factor)
        units.append(unit)
        columns.append(Row(shared, row, 1, 0, gain, 0.0) if header.multiplexed else Row(own, 0, 1, 0, gain, 0.0))
    ends = [*starts[1:].tolist(), n_times]
    stretches = tuple(
        Stretch(float(place), end - int(start), tuple(columns), skip=int(start))
        for start, end, place in zip(starts, ends, places, strict=True)
    )
    return tuple(units), WfdbSamples(name, stretches, len(rows), 1)


def _annotations(
    markers: Sequence[Marker], fs: float, starts: NDArray[np.int64], places: NDArray[np.float64]
) -> Annotations:
    """The markers on the time axis, pauses included."""
    opening = markers and markers[0].kind == "New Segment"  # says when the recording began, no more
    ordered = sorted(markers[1:] if opening else markers, key=lambda marker: marker.sample)
    sample = np.array([marker.sample for marker in ordered], dtype=np.int64)
    segment = np.searchsorted(starts, sample, side="right") - 1
    return Annotations(
        onset_s=(np.floor(places[segment] + 0.5) + (sample - starts[segment])) / fs,
        duration_s=np.array([marker.n_samples for marker in ordered], dtype=np.float64) / fs,
        label=tuple(f"{marker.kind}/{marker.description}" for marker in ordered),
        aux=("",) * len(ordered),
        channel=np.array([marker.channel for marker in ordered], dtype=np.int64),
    )

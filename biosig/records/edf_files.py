"""EDF, EDF+ and BDF files on disk -> :class:`Recording`: header, data records, gaps, annotations.

A data record is a frame as WFDB has them (so many samples of each signal, signal after signal), and is decoded by the
same code.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosig.records.channel_names import choose, common_grid, plain_name, unique_names
from biosig.records.edf_annotations import read_edf_annotations
from biosig.records.edf_header import EdfHeader, EdfSignal, parse_edf_header
from biosig.records.guard import mismatch
from biosig.records.recording import Layout, MemorySamples, Recording, Samples
from biosig.records.units import is_ecg, layout_unit
from biosig.records.wfdb_formats import PACKED
from biosig.records.wfdb_samples import Row, Stretch, WfdbSamples
from biosig.records.wfdb_signal import Contents, PackedFile

__all__ = ["read_edf"]

_LARGE_RECORD = 1 << 18  # samples; the channels of a larger data record are read one by one, each where it lies
_PACKING = {2: replace(PACKED[16], invalid=None), 3: replace(PACKED[24], invalid=None)}

Run = tuple[float, int, int]
"""Onset in s from the first sample, first data record, and number of records that follow each other."""


def read_edf(path: Path, *, channels: Sequence[str] | None = None, annotator: str | None = None) -> Recording:
    """An EDF, EDF+ or BDF file, its samples read when they are asked for.

    Voltages become uV, those of ECG leads mV; other units stay as the header has them, and a signal without a unit
    is ``uncalibrated``, its numbers as in the file. Names are made plain (``EEG Fp1-Ref`` -> ``Fp1``); a changed one
    stays in ``comments`` as it was, and finds the channel too. Time that is missing between data records is NaN:
    in EDF+D files wherever half a sample or more is missing, in others where a record's own time says that half a
    data record is. Annotations count from the first sample. ``subject`` is the patient code of EDF+, or else the
    file's name. A file with annotations only has no channels; placeholders without name and range are none.

    Parameters
    ----------
    path : the file.
    channels : names of the channels wanted, in this order, and named so; all where None. ``T7`` also finds ``T3``.
    annotator : must be None: the annotations are in the file.

    Raises
    ------
    RecordError : the file is missing, damaged, or not what its header says.
    """
    if annotator is not None:
        raise ValueError(f"{path.name} holds its annotations itself: annotator must be None, got {annotator!r}")
    header = parse_edf_header(path)
    name = f"{path.absolute().parent.name}/{path.stem}"
    signals = [one for one in header.signals if not (one.holds_annotations or one.is_placeholder)]
    labels = [signal.label for signal in signals]
    names = unique_names([plain_name(label) or f"signal {row}" for row, label in enumerate(labels)])
    rows = choose(name, names, channels, labels=labels) if signals or channels else []
    picked = [signals[row] for row in rows]
    grid = common_grid(name, [signal.samples_per_record for signal in picked])
    units = [_unit(signal) for signal in picked]
    timed = read_edf_annotations(header)
    first_s, runs = _runs(header, timed.record_onset_s, max(signal.samples_per_record for signal in header.signals))
    rates = tuple(signal.samples_per_record / header.record_s for signal in picked)
    return Recording(
        name=name,
        subject=header.patient_code or path.stem,
        layout=Layout(
            channels=tuple(names[row] for row in rows) if channels is None else tuple(channels),
            fs=grid / header.record_s if picked else 1.0,
            units=tuple(unit for unit, _ in units),
        ),
        samples=_samples(header, name, picked, [factor for _, factor in units], runs),
        annotations=replace(timed.notes, onset_s=timed.notes.onset_s - first_s),
        start=None if header.start is None else header.start + timedelta(seconds=first_s),
        comments=(
            *(text for text in (header.patient, header.recording) if set(text.split()) - {"X", "Startdate"}),
            *(f"{names[row]} is {labels[row]!r} in the file" for row in rows if names[row] != labels[row]),
        ),
        path=path,
        channel_fs=rates if len(set(rates)) > 1 else (),
        rails=tuple(
            (signal.rails[0] * factor, signal.rails[1] * factor)
            for signal, (_, factor) in zip(picked, units, strict=True)
        ),
    )


def _unit(signal: EdfSignal) -> tuple[str, float]:
    """The unit in the layout, and the factor to it."""
    return layout_unit(signal.unit, eeg=not is_ecg(signal.label)) if signal.unit else ("uncalibrated", 1.0)


def _runs(header: EdfHeader, onset_s: NDArray[np.float64], fastest: int) -> tuple[float, list[Run]]:
    """Time of the first sample after the start in the header, in s, and the runs of records without a gap.

    ``fastest`` is the number of samples per data record of the fastest signal.
    """
    n_records, record_s = header.n_records, header.record_s
    known = ~np.isnan(onset_s)
    if header.gaps and not known.all():
        place = f"{header.path}: data record {int(np.argmin(known)) + 1}"
        raise mismatch(place, "its onset as the first annotation, as EDF+D demands", "none")
    first_s = float(onset_s[0]) if known[0] else 0.0
    if record_s == 0:  # no signals; the first onset is what the header's whole second leaves out
        return first_s if 0.0 <= first_s < 1.0 else 0.0, []
    tolerance_s = 0.5 * record_s / (fastest if header.gaps else 1)
    runs: list[Run] = []
    begin_s, begin = 0.0, 0
    for record in np.flatnonzero(known[1:]) + 1:
        late_s = float(onset_s[record]) - first_s - (begin_s + (record - begin) * record_s)
        if late_s < -tolerance_s:
            raise mismatch(
                f"{header.path}: data record {record + 1}",
                f"an onset of {onset_s[record] - late_s:g} s or later, after the record before",
                f"{onset_s[record]:g} s",
            )
        if late_s >= tolerance_s:
            runs.append((begin_s, begin, int(record) - begin))
            begin_s, begin = float(onset_s[record]) - first_s, int(record)
    return first_s, [*runs, (begin_s, begin, n_records - begin)]


def _samples(
    header: EdfHeader, name: str, picked: Sequence[EdfSignal], factors: Sequence[float], runs: Sequence[Run]
) -> Samples:
    """The samples of the signals picked on the grid they share."""
    if not picked:
        return MemorySamples(np.zeros((0, 0), dtype=np.float32))
    counts = [signal.samples_per_record for signal in picked]
    pieces = math.gcd(*counts) if header.record_samples > _LARGE_RECORD else 1
    make = _record_by_record if pieces > 1 else _run_by_run
    stretches = tuple(make(header, list(zip(picked, factors, strict=True)), runs, pieces))
    return WfdbSamples(name, stretches, len(picked), common_grid(name, counts) // pieces)


def _run_by_run(
    header: EdfHeader, picked: Sequence[tuple[EdfSignal, float]], runs: Sequence[Run], _: int
) -> Iterator[Stretch]:
    """One stretch per run of records; a frame is a data record."""
    counts = tuple(signal.samples_per_record for signal in header.signals)
    contents = Contents(header.path, header.header_bytes, counts, (0,) * len(counts))
    file = PackedFile(contents, _PACKING[header.sample_bytes])
    rows = tuple(
        Row(file, signal.column, signal.samples_per_record, 0, signal.gain / factor, signal.baseline)
        for signal, factor in picked
    )
    for begin_s, first, n_records in runs:
        yield Stretch(begin_s / header.record_s, n_records, rows, skip=first)


def _record_by_record(
    header: EdfHeader, picked: Sequence[tuple[EdfSignal, float]], runs: Sequence[Run], pieces: int
) -> Iterator[Stretch]:
    """One stretch per data record; a frame is one of ``pieces`` equal parts of it, each signal a file of its own."""
    for begin_s, first, n_records in runs:
        for number in range(n_records):
            begin = header.header_bytes + (first + number) * header.record_bytes
            rows: list[Row] = []
            for signal, factor in picked:
                count = signal.samples_per_record // pieces
                contents = Contents(header.path, begin + header.sample_bytes * signal.column, (count,), (0,))
                file = PackedFile(contents, _PACKING[header.sample_bytes])
                rows.append(Row(file, 0, count, 0, signal.gain / factor, signal.baseline))
            yield Stretch((begin_s / header.record_s + number) * pieces, pieces, tuple(rows))

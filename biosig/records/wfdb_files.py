"""WFDB records on disk -> :class:`Recording`: header, signal files, segments, annotations.

Source: header(5) of the WFDB Applications Guide, https://physionet.org/physiotools/wag/header-5.htm
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from biosig.records.channel_names import choose, common_grid
from biosig.records.guard import inside
from biosig.records.recording import Annotations, Layout, Recording
from biosig.records.wfdb_annotations import read_annotations
from biosig.records.wfdb_header import parse_header
from biosig.records.wfdb_samples import WfdbSamples
from biosig.records.wfdb_segments import join_segments, single_segment

__all__ = ["read_wfdb"]


def read_wfdb(path: Path, *, channels: Sequence[str] | None = None, annotator: str | None = None) -> Recording:
    """A WFDB record, its samples read when they are asked for.

    Voltages become mV, those of EEG channels uV; other units stay as the header has them. A channel whose gain is
    absent or 0 is computed with the 200 ADC units per mV that header(5) prescribes, and its unit is
    ``uncalibrated``. Channels without a description are called ``signal 0`` and so on, a second ``ECG``
    ``ECG (2)``. Bytes after the declared samples are ignored; a file with fewer is refused.

    Parameters
    ----------
    path : the record (``mitdb/100``), its header, or its signal file if that has the same name.
    channels : names of the channels wanted, in this order; all where None.
    annotator : suffix of the annotation file; where None, ``atr`` if there is one. ``annotations.channel``
        counts the signals of the file, whichever ``channels`` are chosen.

    Raises
    ------
    RecordError : a file is missing, damaged, or not what the header says.
    """
    suffix = path.suffix.lower()
    record = path.with_suffix("") if suffix in {".hea", ".dat", ".mat"} else path
    header = parse_header(path if suffix == ".hea" else record.with_name(f"{record.name}.hea"))
    name = f"{record.absolute().parent.name}/{record.name}"
    stretches, rows = join_segments(header) if header.segments else single_segment(header)
    chosen = choose(name, [channel.name for channel in rows], channels)
    picked = [rows[row] for row in chosen]
    grid = common_grid(name, [channel.samples_per_frame for channel in picked])
    rates = tuple(header.fs * channel.samples_per_frame for channel in picked)
    return Recording(
        name=name,
        subject=record.name,
        layout=Layout(
            channels=tuple(channel.name for channel in picked) if channels is None else tuple(channels),
            fs=header.fs * grid,
            units=tuple(channel.unit for channel in picked),
        ),
        samples=WfdbSamples(name, stretches, len(rows), grid).pick(chosen),
        annotations=_annotations(record, annotator, header.fs),
        start=header.start,
        comments=header.comments,
        path=header.path,
        channel_fs=rates if len(set(rates)) > 1 else (),
        rails=tuple(channel.rails for channel in picked),
    )


def _annotations(record: Path, annotator: str | None, fs: float) -> Annotations:
    if annotator is not None and not re.fullmatch(r"[\w-]+", annotator):
        raise ValueError(f"annotator must be a file suffix such as 'atr', got {annotator!r}")
    path = record.with_name(f"{record.name}.{annotator or 'atr'}")
    if annotator is None and not path.is_symlink() and not path.exists():
        return Annotations()
    return read_annotations(inside(path.parent, path.name, named_by=path), fs=fs)

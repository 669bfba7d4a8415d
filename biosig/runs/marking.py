"""Beats written to and compared from annotation files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from biosig.errors import RecordError
from biosig.evaluation.ec57 import BeatComparison, compare_beats
from biosig.records.reading import read
from biosig.records.recording import Annotations
from biosig.records.wfdb_annotations import read_annotations, write_annotations
from biosig.signal.beats import RPeaks
from biosig.signal.stream import Chunk

__all__ = ["compare_files", "write_beats"]


def write_beats(record: Path, *, lead: str | None, out: Path) -> tuple[Path, int, float]:
    """Detect R peaks of a record and write them as ``out/RECORD.qrs``.

    Returns
    -------
    The file, the number of beats, and the median heart rate per minute (NaN below two beats).
    """
    recording = read(record)
    chosen = recording.pick([lead or recording.layout.channels[0]])
    stream = RPeaks().open(chosen.layout)
    found = [stream.process(Chunk.of(piece)).sample for piece in chosen.chunks(600.0)]
    peaks = np.concatenate([*found, stream.flush().sample])
    onset_s = peaks / recording.fs
    out.mkdir(parents=True, exist_ok=True)
    marks = Annotations.at(onset_s, ["N"] * len(peaks))
    name = record.with_suffix("").name
    path = write_annotations(out, name, marks, fs=recording.fs, annotator="qrs", overwrite=True)
    rate = 60.0 / float(np.median(np.diff(onset_s))) if len(peaks) > 1 else float("nan")
    return path, len(peaks), rate


def compare_files(reference: Path, test: Path, *, start_s: float = 300.0) -> BeatComparison:
    """Two beat annotation files of one record compared as EC57 does; the record's header gives the sampling rate.

    ``RecordError`` where a file is missing or the header is not beside the reference.
    """
    for path in (reference, test):
        if not path.suffix:
            raise RecordError(f"{path}: expected an annotation file such as {path}.atr")
    header = reference.with_suffix(".hea")
    if not header.is_file():
        raise RecordError(f"{reference}: expected the record's header {header.name} beside it, found none")
    fs = read(header).fs
    return compare_beats(read_annotations(reference, fs=fs), read_annotations(test, fs=fs), fs=fs, start_s=start_s)

"""Time-stamped annotation lists (TALs) of EDF+ and BDF+: when each data record begins, and what was noted when.

Source: EDF+ section 2.2, https://www.edfplus.info/specs/edfplus.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosig.records.edf_header import EdfHeader
from biosig.records.guard import mismatch
from biosig.records.recording import Annotations

__all__ = ["TimedNotes", "read_edf_annotations"]

_LIST = re.compile(
    rb"([+-][0-9]{1,10}(?:\.[0-9]{0,15})?)(?:\x15([0-9]{0,10}(?:\.[0-9]{0,15})?))?\x14((?:[^\x14]*\x14)*)", re.DOTALL
)


@dataclass(frozen=True, eq=False)
class TimedNotes:
    """What the annotation signals of a file hold.

    Parameters
    ----------
    record_onset_s : float64 (n_records,), seconds from the start in the header to each data record; NaN = not said.
    notes : the annotations, their onsets counted from the start in the header.
    """

    record_onset_s: NDArray[np.float64]
    notes: Annotations


def read_edf_annotations(header: EdfHeader) -> TimedNotes:
    """All annotations and the onset of every data record, sorted by time.

    Raises
    ------
    RecordError : an annotation list is damaged.
    """
    onsets = np.full(header.n_records, np.nan)
    found: list[tuple[float, float, str]] = []
    for record, signal, raw in _spans(header):
        for place, piece in enumerate(filter(None, raw.split(b"\0"))):
            parsed = _LIST.fullmatch(piece)
            if parsed is None:
                raise mismatch(
                    f"{header.path}: data record {record + 1}", "a time-stamped annotation list", repr(piece[:60])[1:]
                )
            onset_s, duration_s = float(parsed[1]), float(parsed[2] or 0) if parsed[2] not in {b"", b"."} else 0.0
            texts = parsed[3].split(b"\x14")[:-1]
            if signal == 0 and place == 0 and texts and not texts[0]:
                onsets[record] = onset_s
            found.extend((onset_s, duration_s, _text(text)) for text in texts if text)
    found.sort(key=lambda note: note[0])
    notes = Annotations.at(
        np.array([onset_s for onset_s, _, _ in found], dtype=np.float64),
        [text for _, _, text in found],
        duration_s=np.array([duration_s for _, duration_s, _ in found], dtype=np.float64),
    )
    return TimedNotes(onsets, notes)


def _spans(header: EdfHeader) -> Iterator[tuple[int, int, bytes]]:
    """Data record, number of the annotation signal, and its bytes there."""
    width = header.sample_bytes
    signals = [
        (width * signal.column, width * signal.samples_per_record)
        for signal in header.signals
        if signal.holds_annotations
    ]
    if not signals:
        return
    try:
        with open(header.path, "rb", buffering=0) as file:
            for record in range(header.n_records):
                begin = header.header_bytes + record * header.record_bytes
                for number, (offset, count) in enumerate(signals):
                    file.seek(begin + offset)
                    yield record, number, file.read(count)
    except OSError as error:
        raise mismatch(header.path, "a readable file", error.strerror or str(error)) from error


def _text(text: bytes) -> str:
    """UTF-8 by the standard; Latin-1 where a writer did not know."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")

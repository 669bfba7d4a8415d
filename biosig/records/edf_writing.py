"""Annotations written as EDF+: a file of time-stamped annotation lists alone, as sleep scorings are exchanged.

Source: EDF+ section 2.2, https://www.edfplus.info/specs/edfplus.html; the header is edfio's.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path

import numpy as np

from biosig.records.recording import Annotations
from biosig.records.whole import written_whole

__all__ = ["write_edf_annotations"]

_YEARS = (1985, 2084)
"""What the two digits of a year in the header can mean, EDF+ section 2.1.3.1."""
_RECORD_BYTES = 61_440
"""Largest data record, https://www.edfplus.info/specs/edf.html."""
_N_RECORDS, _N_SAMPLES, _HEADER_BYTES = slice(236, 244), slice(472, 480), 512
"""Where the header of a file with one signal tells of data records, and of two-byte samples in each."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]+")


def write_edf_annotations(
    path: Path, annotations: Annotations | Iterable[Annotations], *, subject: str = "", start: datetime | None = None
) -> Path:
    """Write marks into an EDF+ file without signals; returns its path.

    A mark's text is its label, then its note (``V``, ``alarm: 6 beats``). Such a file is read by MNE-Python
    (``mne.read_annotations``), pyEDFlib and biosig, and laid over a recording by the import functions of viewers.

    Parameters
    ----------
    path : where to; written beside first, then renamed.
    annotations : what to write, or pieces of it in order of time. Onsets count from ``start``; a duration of 0 is not
        written.
    subject : the patient code of the header; what is not printable ASCII or is a space becomes ``_``.
    start : of the recording that the marks belong to; None or a year that EDF cannot say = unknown.

    Raises
    ------
    ValueError : there is no mark, one lies before the start, or its text fills a data record: EDF+ has no way to say
        these.
    """
    known = start if start is not None and _YEARS[0] <= start.year <= _YEARS[1] else None
    offset_s = known.microsecond / 1e6 if known else 0.0
    pieces = [annotations] if isinstance(annotations, Annotations) else annotations
    header = bytearray(_header(subject, known))
    n_records = size = 0
    with written_whole(path) as beside, open(beside, "wb") as file:
        file.write(header)
        for record in _records(pieces, offset_s, where=path):
            size = max(size, len(record))
            file.write(record)
            n_records += 1
        header[_N_RECORDS] = f"{n_records:<8}".encode()
        header[_N_SAMPLES] = f"{size // 2:<8}".encode()
        file.seek(0)
        file.write(header)
    return path


def _header(subject: str, start: datetime | None) -> bytes:
    """The header of a file of annotations, but for the number and size of its data records."""
    import edfio

    edf = edfio.Edf(
        [],
        patient=edfio.Patient(code=re.sub(r"[^!-~]", "_", subject)[:40] or "X"),
        recording=edfio.Recording(
            startdate=date(start.year, start.month, start.day) if start else None, equipment_code="biosig"
        ),
        starttime=start.time().replace(tzinfo=None) if start else None,
        annotations=[edfio.EdfAnnotation(0.0, None, "")],
    )
    file = io.BytesIO()
    edf.write(file)
    return file.getvalue()[:_HEADER_BYTES]


def _records(pieces: Iterable[Annotations], offset_s: float, *, where: Path) -> Iterator[bytes]:
    """Data records of one size, as many as are needed; each begins with the time that the file begins at."""
    begin = _list(offset_s, 0.0, "")
    record, n_marks, n_records = bytearray(begin), 0, 0
    for piece in pieces:
        if len(piece) and not piece.onset_s.min() >= 0:
            raise ValueError(f"{where}: EDF+ needs one mark or more, none before 0 s, got {piece.onset_s.min()}")
        columns = (piece.onset_s.tolist(), piece.duration_s.tolist(), piece.label, piece.aux)
        for onset_s, duration_s, label, aux in zip(*columns, strict=True):
            mark = _list(round(onset_s + offset_s, 6), round(duration_s, 6), _text(label, aux))
            if len(begin) + len(mark) > _RECORD_BYTES:
                raise ValueError(f"{where}: a mark has {len(mark)} bytes, a data record {_RECORD_BYTES}: {label[:40]}")
            if len(record) + len(mark) > _RECORD_BYTES:
                yield bytes(record.ljust(_RECORD_BYTES, b"\0"))
                record, n_records = bytearray(begin), n_records + 1
            record += mark
            n_marks += 1
    if not n_marks:
        raise ValueError(f"{where}: EDF+ needs one mark or more, none before 0 s, got none")
    size = _RECORD_BYTES if n_records else len(record) + len(record) % 2
    yield bytes(record.ljust(size, b"\0"))


def _list(onset_s: float, duration_s: float, text: str) -> bytes:
    """A time-stamped annotations list of one text."""
    onset = np.format_float_positional(onset_s, trim="-", sign=True)
    duration = f"\x15{np.format_float_positional(duration_s, trim='-')}" if duration_s else ""
    return f"{onset}{duration}\x14{text}\x14\0".encode()


def _text(label: str, aux: str) -> str:
    """One line: EDF+ uses unprintable characters as brackets."""
    return _UNPRINTABLE.sub(" ", f"{label}: {aux}" if aux else label).strip() or "mark"

"""Annotations written as EDF+: a file of time-stamped annotation lists alone, as sleep scorings are exchanged.

Source: EDF+ section 2.2, https://www.edfplus.info/specs/edfplus.html; written by edfio.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path

from biosig.records.recording import Annotations

__all__ = ["write_edf_annotations"]

_YEARS = (1985, 2084)
"""What the two digits of a year in the header can mean, EDF+ section 2.1.3.1."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]+")


def write_edf_annotations(
    path: Path, annotations: Annotations, *, subject: str = "", start: datetime | None = None
) -> Path:
    """Write marks into an EDF+ file without signals; returns its path.

    A mark's text is its label, then its note (``V``, ``alarm: 6 beats``). Such a file is read by MNE-Python
    (``mne.read_annotations``), pyEDFlib and biosig, and laid over a recording by the import functions of viewers.

    Parameters
    ----------
    path : where to; written beside first, then renamed.
    annotations : onsets count from ``start``; a duration of 0 is not written.
    subject : the patient code of the header; what is not printable ASCII or is a space becomes ``_``.
    start : of the recording that the marks belong to; None or a year that EDF cannot say = unknown.

    Raises
    ------
    ValueError : there is no mark, or one lies before the start: EDF+ has no way to say either.
    """
    import edfio

    if not len(annotations) or annotations.onset_s.min() < 0:
        raise ValueError(f"{path}: EDF+ needs one mark or more, none before 0 s, got {annotations.onset_s[:1]}")
    known = start is not None and _YEARS[0] <= start.year <= _YEARS[1]
    marks = [
        edfio.EdfAnnotation(round(onset_s, 6), round(duration_s, 6) or None, _text(label, aux))
        for onset_s, duration_s, label, aux in zip(
            annotations.onset_s.tolist(),
            annotations.duration_s.tolist(),
            annotations.label,
            annotations.aux,
            strict=True,
        )
    ]
    edf = edfio.Edf(
        [],
        patient=edfio.Patient(code=re.sub(r"[^!-~]", "_", subject)[:40] or "X"),
        recording=edfio.Recording(
            startdate=date(start.year, start.month, start.day) if known and start else None, equipment_code="biosig"
        ),
        starttime=start.time().replace(tzinfo=None) if known and start else None,
        annotations=marks,
    )
    beside = path.with_name(f".{path.name}.part")
    edf.write(beside)
    beside.replace(path)
    return path


def _text(label: str, aux: str) -> str:
    """One line: EDF+ uses unprintable characters as brackets."""
    return _UNPRINTABLE.sub(" ", f"{label}: {aux}" if aux else label).strip() or "mark"

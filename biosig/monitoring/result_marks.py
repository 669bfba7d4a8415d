"""What a session found of a patient as marks in order of time, read from the store some at a time."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from biosig.records.recording import Annotations

if TYPE_CHECKING:
    from biosig.monitoring.store import Session

__all__ = ["edf_marks", "wfdb_marks"]

_SYMBOLS = {"N": "N", "S": "S", "V": "V", "F": "F"}
_UNKNOWN = "Q"
_UNUSABLE = "unusable"
_NOTE_BYTES = 255
_INSTANTS = ("acknowledged", "re-alarm", "paused", "resumed")
"""What happens to an alarm at an instant; the rest says when it begins and ends."""
_PIECE = 4096
"""Marks at a time."""

Mark = tuple[float, float, str, str]
"""Onset and duration in s, label, note."""


def wfdb_marks(session: Session, patient: str, fs: float) -> Iterator[Annotations]:
    """Beats, where windows begin to say something else, and everything that happened to alarms, in pieces.

    Windows and alarms are notes; those of windows lie from sample 1 on, as wfdb passes over notes at 0.
    """
    changes = (
        (max(onset_s, 1 / fs), 0.0, '"', _cut(f"{bundle}: {label}"))
        for onset_s, _, label, bundle in _spans(session, patient)
    )
    return _pieces(_beats(session, patient), changes, _notes(session, patient))


def edf_marks(session: Session, patient: str, watched_s: float) -> Iterator[Annotations]:
    """Beats, windows and alarms between a mark where monitoring began and one where it ended, in pieces."""
    begin = (0.0, 0.0, "monitoring begins", "biosig")
    windows = ((onset_s, duration_s, label, "") for onset_s, duration_s, label, _ in _spans(session, patient))
    end = (watched_s, 0.0, "monitoring ends", "")
    alarms = (_alarms(session, patient, watched_s), _done(session, patient))
    return _pieces([begin], _beats(session, patient), windows, *alarms, [end])


def _pieces(*streams: Iterable[Mark]) -> Iterator[Annotations]:
    """Marks of several streams, each in order of time, as one; of two at one instant the earlier stream's first."""
    marks = heapq.merge(*streams, key=lambda mark: mark[0])
    while some := list(islice(marks, _PIECE)):
        yield Annotations(
            onset_s=np.array([onset_s for onset_s, *_ in some], dtype=np.float64),
            duration_s=np.array([duration_s for _, duration_s, *_ in some], dtype=np.float64),
            label=tuple(label for _, _, label, _ in some),
            aux=tuple(aux for *_, aux in some),
            channel=np.full(len(some), -1, dtype=np.int64),
        )


def _beats(session: Session, patient: str) -> Iterator[Mark]:
    """Beats with their class; ``Q`` = not known, as where the signal was bad."""
    beats = session.pieces("scores", patient, columns=("time_s", "label"), by=("time_s", "number"), beat=True)
    for time_s, label in chain.from_iterable(beats):
        yield time_s, 0.0, _SYMBOLS.get(label, _UNKNOWN), ""


def _spans(session: Session, patient: str) -> Iterator[Mark]:
    """What windows of classifying bundles say, neighbours that say the same as one; the note is the bundle's name."""
    streams = (_spans_of(session, patient, bundle) for bundle in session.window_bundles(patient))
    return heapq.merge(*streams, key=lambda mark: mark[0])


def _spans_of(session: Session, patient: str, bundle: str) -> Iterator[Mark]:
    columns = ("start_s", "end_s", "label")
    windows = session.pieces("scores", patient, columns=columns, beat=False, anomaly=None, bundle=bundle)
    open_: tuple[float, float, str] | None = None
    for start_s, end_s, label in chain.from_iterable(windows):
        said = label or _UNUSABLE
        if open_ and open_[2] == said:
            open_ = (open_[0], end_s, said)
            continue
        if open_:
            yield open_[0], open_[1] - open_[0], open_[2], bundle
        open_ = (max(0.0, start_s), end_s, said)
    if open_:
        yield open_[0], open_[1] - open_[0], open_[2], bundle


def _notes(session: Session, patient: str) -> Iterator[Mark]:
    """Everything that happened to alarms, as WFDB notes."""
    columns = ("time_s", "alarm", "kind", "priority", "detail")
    rows = session.pieces("alarms", patient, columns=columns, by=("time_s", "number"))
    for time_s, alarm, kind, priority, detail in chain.from_iterable(rows):
        yield time_s, 0.0, '"', _cut(f"{alarm} {kind} ({priority})" + (f": {detail}" if detail else ""))


def _alarms(session: Session, patient: str, watched_s: float) -> Iterator[Mark]:
    """Alarms from their raise to their end; of those raised at one instant by name."""
    raised = chain.from_iterable(session.raised(patient))
    for start_s, together in groupby(raised, key=itemgetter(0)):
        for _, end_s, name, priority, detail in sorted(together, key=itemgetter(2)):
            stop_s = max(start_s, watched_s) if end_s is None else end_s
            yield start_s, stop_s - start_s, f"{name} ({priority})", detail


def _done(session: Session, patient: str) -> Iterator[Mark]:
    """What people did about alarms, and reminders."""
    rows = session.pieces("alarms", patient, columns=("time_s", "alarm", "kind", "detail"), by=("time_s", "number"))
    for time_s, alarm, kind, detail in chain.from_iterable(rows):
        if kind in _INSTANTS:
            yield time_s, 0.0, f"{alarm} {kind}", detail


def _cut(note: str) -> str:
    """As much of a note as a WFDB annotation holds."""
    return note.encode("utf-8")[:_NOTE_BYTES].decode("utf-8", errors="ignore")

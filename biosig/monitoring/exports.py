"""What a session found, in files that others open: WFDB annotations, EDF+ annotations, CSV, Parquet."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from biosig.errors import StoreError
from biosig.monitoring.alarm_scoring import alarm_spans
from biosig.monitoring.events import AlarmEvent
from biosig.monitoring.log import Snapshot
from biosig.records.edf_writing import write_edf_annotations
from biosig.records.recording import Annotations
from biosig.records.wfdb_annotations import write_annotations

if TYPE_CHECKING:
    from biosig.monitoring.store import Session

__all__ = ["ANNOTATOR", "alarm_table", "export"]

ANNOTATOR = "bsm"
"""Suffix of the WFDB annotation files."""

_SYMBOLS = {"N": "N", "S": "S", "V": "V", "F": "F"}
_UNKNOWN = "Q"
_UNUSABLE = "unusable"
_NOTE_BYTES = 255
_INSTANTS = ("acknowledged", "re-alarm", "paused", "resumed")
"""What happens to an alarm at an instant; the rest says when it begins and ends."""

Mark = tuple[float, float, str, str]
"""Onset and duration in s, label, note."""


def export(session: Session, folder: Path) -> list[Path]:
    """Write everything of a session so far into a folder; the files written.

    ``PATIENT.bsm`` (WFDB) holds the beats with their class (``Q`` = not known, as where the signal was bad), and what
    windows say and alarms as notes. ``PATIENT.edf`` (EDF+, annotations only) holds the same, alarms and windows with
    their durations. ``beats.csv``, ``alarms.csv`` and, where there are other windows than beats, ``windows.csv`` hold
    the same for all patients, ``.parquet`` too where pyarrow is installed.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        scores, alarms = session.frame("scores"), session.frame("alarms")
        is_beat = scores.beat.astype(bool)
        names: set[str] = set()
        for patient, snapshot in session.snapshots().items():
            name = _free(re.sub(r"[^\w-]", "_", patient, flags=re.ASCII) or "patient", names)
            found = scores[scores.patient == patient], alarms[alarms.patient == patient]
            fs = snapshot.layout.fs
            marks = _annotations([*_beats(found[0]), *_changes(found[0], fs), *_notes(found[1])])
            written.append(write_annotations(folder, name, marks, fs=fs, annotator=ANNOTATOR))
            written.append(_write_edf(folder / f"{name}.edf", patient, snapshot, *found))
        tables = {"beats": scores[is_beat], "windows": scores[~is_beat], "alarms": alarms}
        for kind, table in tables.items():
            if kind != "windows" or len(table):
                written += _tables(table.drop(columns="beat", errors="ignore"), folder / kind)
    except OSError as error:
        raise StoreError(f"{folder}: results cannot be written: {error.strerror or error}") from None
    return written


def alarm_table(session: Session) -> pd.DataFrame:
    """Raised alarms by patient: ``patient``, ``alarm``, ``priority``, ``raised`` (count), ``first_s``, ``last_s``."""
    alarms = session.frame("alarms")
    raised = alarms[alarms.kind == "raised"]
    grouped = raised.groupby(["patient", "alarm", "priority"], sort=False).time_s
    return grouped.agg(raised="count", first_s="min", last_s="max").reset_index()


def _write_edf(path: Path, patient: str, snapshot: Snapshot, scores: pd.DataFrame, alarms: pd.DataFrame) -> Path:
    """Beats, windows and alarms between a mark where monitoring began and one where it ended."""
    memory = json.loads(snapshot.memory)
    watched_s = float(memory["now_s"])
    marks = [
        (0.0, 0.0, "monitoring begins", "biosig"),
        *((time_s, 0.0, label, "") for time_s, _, label, _ in _beats(scores)),
        *((onset_s, duration_s, label, "") for onset_s, duration_s, label, _ in _spans(scores)),
        *_alarm_marks(alarms, watched_s),
        (watched_s, 0.0, "monitoring ends", ""),
    ]
    start = datetime.fromisoformat(memory["start"]) if memory["start"] else None
    return write_edf_annotations(path, _annotations(marks), subject=patient, start=start)


def _beats(scores: pd.DataFrame) -> list[Mark]:
    beats = scores[scores.beat.astype(bool)]
    return [
        (time_s, 0.0, _SYMBOLS.get(label, _UNKNOWN), "")
        for time_s, label in zip(beats.time_s.tolist(), beats.label.tolist(), strict=True)
    ]


def _spans(scores: pd.DataFrame) -> list[Mark]:
    """What windows of classifying bundles say, neighbours that say the same as one; the note is the bundle's name."""
    spans: list[Mark] = []
    windows = scores[~scores.beat.astype(bool) & scores.anomaly.isna()]
    for bundle, rows in windows.groupby("bundle", sort=False):
        columns = (rows[name].tolist() for name in ("start_s", "end_s", "label"))
        stretch: list[tuple[float, float, str]] = []
        for start_s, end_s, label in zip(*columns, strict=True):
            said = label or _UNUSABLE
            begin_s = stretch.pop()[0] if stretch and stretch[-1][2] == said else max(0.0, start_s)
            stretch.append((begin_s, end_s, said))
        spans += [(begin_s, end_s - begin_s, label, str(bundle)) for begin_s, end_s, label in stretch]
    return spans


def _changes(scores: pd.DataFrame, fs: float) -> list[Mark]:
    """Where windows begin to say something else, as WFDB notes; from sample 1 on, as wfdb passes over notes at 0."""
    return [(max(onset_s, 1 / fs), 0.0, '"', _cut(f"{note}: {label}")) for onset_s, _, label, note in _spans(scores)]


def _notes(alarms: pd.DataFrame) -> list[Mark]:
    """Everything that happened to alarms, as WFDB notes."""
    columns = (alarms[name].astype(str).tolist() for name in ("alarm", "kind", "priority", "detail"))
    notes = [
        f"{alarm} {kind} ({priority})" + (f": {detail}" if detail else "")
        for alarm, kind, priority, detail in zip(*columns, strict=True)
    ]
    return [(time_s, 0.0, '"', _cut(note)) for time_s, note in zip(alarms.time_s.tolist(), notes, strict=True)]


def _alarm_marks(alarms: pd.DataFrame, watched_s: float) -> list[Mark]:
    """Alarms from their raise to their end, and what people did about them."""
    rows = alarms[list(AlarmEvent.__slots__)].to_dict("records")
    events = [AlarmEvent(**{str(name): value for name, value in row.items()}) for row in rows]
    details = {(event.alarm, event.time_s): event for event in events if event.kind == "raised"}
    marks: list[Mark] = []
    for name, start_s, stop_s in alarm_spans(events, duration_s=watched_s):
        event = details[name, start_s]
        marks.append((start_s, stop_s - start_s, f"{name} ({event.priority})", event.detail))
    did = [event for event in events if event.kind in _INSTANTS]
    return [*marks, *((event.time_s, 0.0, f"{event.alarm} {event.kind}", event.detail) for event in did)]


def _annotations(marks: Sequence[Mark]) -> Annotations:
    """Marks in order of time."""
    ordered = sorted(marks, key=lambda mark: mark[0])
    return Annotations(
        onset_s=np.array([onset_s for onset_s, *_ in ordered], dtype=np.float64),
        duration_s=np.array([duration_s for _, duration_s, *_ in ordered], dtype=np.float64),
        label=tuple(label for _, _, label, _ in ordered),
        aux=tuple(aux for *_, aux in ordered),
        channel=np.full(len(ordered), -1, dtype=np.int64),
    )


def _cut(note: str) -> str:
    """As much of a note as a WFDB annotation holds."""
    return note.encode("utf-8")[:_NOTE_BYTES].decode("utf-8", errors="ignore")


def _free(name: str, taken: set[str]) -> str:
    """The name, with a number behind it where another patient has it already."""
    number, chosen = 1, name
    while chosen in taken:
        number += 1
        chosen = f"{name}_{number}"
    taken.add(chosen)
    return chosen


def _tables(table: pd.DataFrame, stem: Path) -> Sequence[Path]:
    """A table as CSV, and as Parquet where that can be written; written beside, then renamed."""
    written = [stem.with_suffix(".csv")]
    beside = written[0].with_name(f".{written[0].name}.part")
    table.to_csv(beside, index=False)
    beside.replace(written[0])
    if importlib.util.find_spec("pyarrow") is None:
        return written
    written.append(stem.with_suffix(".parquet"))
    beside = written[1].with_name(f".{written[1].name}.part")
    table.to_parquet(beside, index=False)
    beside.replace(written[1])
    return written

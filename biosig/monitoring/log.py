"""The log of a monitor: its entries, the snapshots of patients between them, and what people asked for.

Nothing here knows of a database; :mod:`biosig.monitoring.store` keeps these in one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Literal

from biosig.monitoring.events import AlarmEvent, SignalState
from biosig.monitoring.intake import Notice
from biosig.records.recording import Layout
from biosig.scoring.scorer import Score

__all__ = ["Action", "Entry", "Scored", "Snapshot", "now", "row_of", "told_of"]


def now() -> str:
    """The clock on the wall, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """A score, the name of the bundle that gave it, and whether it is the beat that alarms hear of."""

    bundle: str
    beat: bool
    score: Score


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One line of the event log.

    Parameters
    ----------
    patient : whom it is about.
    number : counts all entries of a patient, from 0; the log of a patient has each number once.
    what : the thing itself.
    """

    patient: str
    number: int
    what: Scored | SignalState | AlarmEvent | Notice


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A patient as of a commit.

    Parameters
    ----------
    layout : of the raw samples.
    place : where the source goes on.
    memory : what is kept as JSON.
    arrays : what is kept as arrays, in safetensors format.
    """

    layout: Layout
    place: int
    memory: str
    arrays: bytes


@dataclass(frozen=True, slots=True)
class Action:
    """What somebody asked for.

    Parameters
    ----------
    kind : ``acknowledge`` an alarm, or ``pause`` it.
    alarm : the rule's name; ``""`` = all there are.
    for_s : of a pause, seconds of signal; 0 ends one.
    who : in their own words; ``""`` = nobody said.
    asked : when, by the clock on the wall, ISO 8601 in UTC.
    number : its row in the store; None = it came straight to the monitor.
    """

    patient: str
    kind: Literal["acknowledge", "pause"]
    alarm: str = ""
    for_s: float = 0.0
    who: str = ""
    asked: str = field(default_factory=now)
    number: int | None = None


def row_of(entry: Entry) -> tuple[str, dict[str, Any]]:
    """Which log an entry stands in (``scores``, ``states``, ``alarms``, ``notices``), and its columns by name."""
    row: dict[str, Any] = {"patient": entry.patient, "number": entry.number}
    what = entry.what
    if isinstance(what, Scored):
        score = what.score
        return "scores", row | {
            "time_s": score.time_s,
            "start_s": score.start_s,
            "end_s": score.end_s,
            "ready_s": score.ready_s,
            "label": score.label,
            "good": score.good,
            "bundle": what.bundle,
            "beat": what.beat,
            "usable": bool(score.usable),
            "anomaly": None if score.anomaly != score.anomaly else score.anomaly,
            "probs": json.dumps([round(value, 6) for value in score.probs.tolist()]),
        }
    name = "states" if isinstance(what, SignalState) else "alarms" if isinstance(what, AlarmEvent) else "notices"
    return name, row | {field: getattr(what, field) for field in what.__slots__}


def told_of(name: str, row: Mapping[Any, Any]) -> Entry:
    """The entry of the log ``name`` (``alarms`` or ``notices``) of which :func:`row_of` gave this row."""
    kind: type[AlarmEvent | Notice] = AlarmEvent if name == "alarms" else Notice
    return Entry(row["patient"], row["number"], kind(**{field.name: row[field.name] for field in fields(kind)}))

"""The tables of an event store, and what each row says of the thing it holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

from biosig.monitoring.events import AlarmEvent, SignalState
from biosig.monitoring.intake import Notice
from biosig.scoring.scorer import Score

__all__ = ["METADATA", "SCHEMA", "Entry", "Scored", "table_of"]

SCHEMA = 1
"""Number of this arrangement of tables; a store of another one is refused."""


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


METADATA = MetaData()

SCHEMAS = Table("biosig_store", METADATA, Column("schema", Integer, primary_key=True))

SESSIONS = Table(
    "biosig_sessions",
    METADATA,
    Column("session", Integer, primary_key=True, autoincrement=True),
    Column("started", Text, nullable=False),
    Column("ended", Text),
    Column("config", Text, nullable=False),
)

PATIENTS = Table(
    "biosig_patients",
    METADATA,
    Column("session", ForeignKey(SESSIONS.c.session), primary_key=True),
    Column("patient", Text, primary_key=True),
    Column("channels", Text, nullable=False),
    Column("units", Text, nullable=False),
    Column("fs", Float, nullable=False),
)

SNAPSHOTS = Table(
    "biosig_snapshots",
    METADATA,
    Column("session", ForeignKey(SESSIONS.c.session), primary_key=True),
    Column("patient", Text, primary_key=True),
    Column("memory", Text, nullable=False),
    Column("arrays", LargeBinary, nullable=False),
)

ACTIONS = Table(
    "biosig_actions",
    METADATA,
    Column("action", Integer, primary_key=True, autoincrement=True),
    Column("session", ForeignKey(SESSIONS.c.session), nullable=False),
    Column("patient", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("alarm", Text, nullable=False),
    Column("for_s", Float),
    Column("time_s", Float),
)


def _log(name: str, *columns: Column[Any]) -> Table:
    """A table of entries: whose, which number, and when, before what is their own."""
    return Table(
        f"biosig_{name}",
        METADATA,
        Column("session", ForeignKey(SESSIONS.c.session), primary_key=True),
        Column("patient", Text, primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("time_s", Float, nullable=False),
        *columns,
    )


SCORES = _log(
    "scores",
    Column("start_s", Float, nullable=False),
    Column("end_s", Float, nullable=False),
    Column("ready_s", Float, nullable=False),
    Column("bundle", Text, nullable=False),
    Column("beat", Boolean, nullable=False),
    Column("label", Text, nullable=False),
    Column("usable", Boolean, nullable=False),
    Column("good", Float, nullable=False),
    Column("anomaly", Float),
    Column("probs", Text, nullable=False),
)

STATES = _log("states", *(Column(name, Float, nullable=False) for name in ("good", "flat", "saturated", "missing")))

ALARMS = _log(
    "alarms",
    Column("alarm", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("since_s", Float, nullable=False),
    Column("technical", Boolean, nullable=False),
    Column("detail", Text, nullable=False),
)

NOTICES = _log("notices", Column("kind", Text, nullable=False), Column("detail", Text, nullable=False))

LOGS: dict[str, Table] = {"scores": SCORES, "states": STATES, "alarms": ALARMS, "notices": NOTICES}
"""Every table of entries by the name it goes by."""


def table_of(entry: Entry) -> tuple[str, dict[str, Any]]:
    """The name of the table an entry stands in, and its row there, all but the session; numbers as they are."""
    row: dict[str, Any] = {"patient": entry.patient, "number": entry.number}
    what = entry.what
    if isinstance(what, Scored):
        score = what.score
        row |= {name: getattr(score, name) for name in ("time_s", "start_s", "end_s", "ready_s", "label", "good")}
        anomaly = None if score.anomaly != score.anomaly else score.anomaly
        probs = json.dumps([round(value, 6) for value in score.probs.tolist()])
        row |= {"bundle": what.bundle, "beat": what.beat, "usable": bool(score.usable)}
        return "scores", row | {"anomaly": anomaly, "probs": probs}
    name = "states" if isinstance(what, SignalState) else "alarms" if isinstance(what, AlarmEvent) else "notices"
    return name, row | {field: getattr(what, field) for field in what.__slots__}

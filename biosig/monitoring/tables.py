"""The tables of an event store."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
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

__all__ = ["ACTIONS", "LOGS", "METADATA", "PATIENTS", "SCHEMA", "SCHEMAS", "SESSIONS", "SNAPSHOTS"]

SCHEMA = 3
"""Number of this arrangement of tables and of what snapshots hold; a store of another one is refused."""


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
    Column("place", BigInteger, nullable=False),
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
    Column("for_s", Float, nullable=False),
    Column("who", Text, nullable=False),
    Column("asked", Text, nullable=False),
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

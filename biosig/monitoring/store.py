"""The event store: what was seen and where to go on from, committed together, in any database that SQLAlchemy speaks.

One transaction holds the events of a stretch of signal and the state after it, source positions included. A monitor
killed at any instant finds both as of the last commit, so what it does again gives the same events, and no event
stands in the log twice (its patient and number are the key) or is missing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from biosig.errors import StoreError
from biosig.monitoring.events import ENDS
from biosig.monitoring.log import Action, Entry, Snapshot, now, row_of, told_of
from biosig.monitoring.tables import (
    ACTIONS,
    LOGS,
    METADATA,
    PATIENTS,
    SCHEMA,
    SCHEMAS,
    SESSIONS,
    SNAPSHOTS,
)
from biosig.records.recording import Layout

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Session", "Store"]

_LOG_ORDER = ("patient", "number")
_PIECE = 4096
"""Rows that are read at a time."""


class Store:
    """A database of monitoring sessions.

    Parameters
    ----------
    url : SQLAlchemy's address of a database; :meth:`in_file` makes it for SQLite.
    wait_s : how long a write waits for another program that holds a SQLite database.

    Raises
    ------
    StoreError : the database cannot be reached, is none of ours, or was arranged by another version.
    """

    def __init__(self, url: str, *, wait_s: float = 5.0) -> None:
        try:
            address = sa.make_url(url)
            lite = address.get_backend_name() == "sqlite"
            self.engine = sa.create_engine(
                address, pool_pre_ping=not lite, connect_args={"timeout": wait_s} if lite else {}
            )
        except (ArgumentError, ImportError) as error:
            raise StoreError(f"{url}: no database: {_first_line(error)}") from None
        self.name = (address.database or url) if lite else address.render_as_string(hide_password=True)
        if lite:
            sa.event.listen(self.engine, "connect", _write_ahead)
        self._check_schema(lite)

    @classmethod
    def in_file(cls, path: Path, *, wait_s: float = 5.0) -> Store:
        """The SQLite store in a file, made where there is none."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{path}: cannot be made: {error.strerror or error}") from None
        return cls(f"sqlite:///{path}", wait_s=wait_s)

    def _check_schema(self, lite: bool) -> None:
        """Make the tables in an empty database; refuse one that is arranged otherwise."""
        with self._told(), self.engine.begin() as connection:
            there = set(sa.inspect(connection).get_table_names())
            ours = there & set(METADATA.tables)
            if SCHEMAS.name in there:
                found = connection.execute(sa.select(SCHEMAS.c.schema)).scalar()
                if found != SCHEMA or ours != set(METADATA.tables):
                    raise StoreError(
                        f"{self.name}: store of schema {found}, this biosig writes {SCHEMA}; choose another place, "
                        "or read it with the biosig that wrote it"
                    )
            elif ours or (lite and there):
                raise StoreError(
                    f"{self.name}: no event store of biosig (has {', '.join(sorted(there)[:4])}); choose another place"
                )
            else:
                METADATA.create_all(connection)
                connection.execute(SCHEMAS.insert().values(schema=SCHEMA))

    def begin(self, config: Mapping[str, Any]) -> Session:
        """A new session that watches what ``config`` says."""
        with self._told(), self.engine.begin() as connection:
            row = {"started": now(), "config": json.dumps(config, sort_keys=True)}
            key = connection.execute(SESSIONS.insert().values(row)).inserted_primary_key
        if key is None:
            raise StoreError(f"{self.name}: the database gave the session no number")
        return Session(self, int(key[0]))

    def resume(self, config: Mapping[str, Any]) -> Session:
        """The last session; ``StoreError`` where there is none, or where it watched something else."""
        with self._told(), self.engine.connect() as connection:
            last = sa.select(SESSIONS.c.session, SESSIONS.c.config).order_by(SESSIONS.c.session.desc()).limit(1)
            row = connection.execute(last).first()
        if row is None:
            raise StoreError(f"{self.name}: nothing to resume: no session there; leave --resume away")
        before, now = json.loads(row.config), json.loads(json.dumps(config))
        for key in sorted(before | now):
            if before.get(key) != now.get(key):
                raise StoreError(
                    f"{self.name}: cannot resume: {_change(key, before.get(key), now.get(key))}; "
                    "give what the first run was given, or choose another --out"
                )
        return Session(self, row.session)

    def patients(self) -> list[str]:
        """Everybody who was ever watched, by name."""
        names = sa.select(PATIENTS.c.patient).distinct().order_by(PATIENTS.c.patient)
        with self._told(), self.engine.connect() as connection:
            return list(connection.scalars(names))

    def last_of(self, patient: str) -> Session:
        """The last session that watched a patient; ``StoreError`` where none did."""
        watched = sa.select(sa.func.max(PATIENTS.c.session)).where(PATIENTS.c.patient == patient)
        with self._told(), self.engine.connect() as connection:
            number = connection.execute(watched).scalar()
        if number is None:
            others = self.patients()
            there = ", ".join(others[:5]) + (", ..." if len(others) > 5 else "")
            raise StoreError(f"{self.name}: no patient {patient!r}, has {there or 'none'}; monitor the record first")
        return Session(self, int(number))

    @property
    def n_sessions(self) -> int:
        """Sessions in the store."""
        with self._told(), self.engine.connect() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(SESSIONS)).scalar_one()

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What a database says, in one line."""
        try:
            yield
        except DBAPIError as error:
            raise StoreError(f"{self.name}: {_advice(str(error.orig))}") from None
        except SQLAlchemyError as error:
            raise StoreError(f"{self.name}: {_first_line(error)}") from None


class Session:
    """One run of a monitor, with its interruptions."""

    def __init__(self, store: Store, number: int) -> None:
        self.store = store
        self.number = number

    def commit(
        self,
        entries: Sequence[Entry],
        snapshots: Mapping[str, Snapshot],
        *,
        taken: Sequence[tuple[Action, float]] = (),
    ) -> None:
        """Write events, the state after them, and the actions they came of, all or nothing.

        Parameters
        ----------
        taken : the actions obeyed since the last commit, and when, in seconds of the patient's signal.

        Raises
        ------
        StoreError : nothing was written, and the same may be tried again (full disk, locked database).
        """
        rows: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for entry in entries:
            name, row = row_of(entry)
            rows[name].append(row | {"session": self.number})
        with self.store._told(), self.store.engine.begin() as connection:
            self._keep(connection, snapshots)
            for name, part in rows.items():
                connection.execute(LOGS[name].insert(), part)
            stored = [(action.number, time_s) for action, time_s in taken if action.number is not None]
            if stored:
                done = ACTIONS.update().where(ACTIONS.c.action == sa.bindparam("which"))
                moments = [{"which": number, "when": time_s} for number, time_s in stored]
                connection.execute(done.values(time_s=sa.bindparam("when")), moments)
            new = [self._row_of(action) | {"time_s": time_s} for action, time_s in taken if action.number is None]
            if new:
                connection.execute(ACTIONS.insert(), new)

    def _keep(self, connection: sa.Connection, snapshots: Mapping[str, Snapshot]) -> None:
        if not snapshots:
            return
        known = set(connection.scalars(sa.select(PATIENTS.c.patient).where(PATIENTS.c.session == self.number)))
        new = [
            {"session": self.number, "patient": name, "fs": one.layout.fs}
            | {"channels": json.dumps(one.layout.channels), "units": json.dumps(one.layout.units)}
            for name, one in snapshots.items()
            if name not in known
        ]
        if new:
            connection.execute(PATIENTS.insert(), new)
        old = SNAPSHOTS.delete().where(SNAPSHOTS.c.session == self.number, SNAPSHOTS.c.patient == sa.bindparam("whose"))
        connection.execute(old, [{"whose": name} for name in snapshots])
        rows = [
            {"session": self.number, "patient": name, "place": one.place, "memory": one.memory, "arrays": one.arrays}
            for name, one in snapshots.items()
        ]
        connection.execute(SNAPSHOTS.insert(), rows)

    def snapshots(self, patient: str | None = None) -> dict[str, Snapshot]:
        """Every patient, or the one, as of the last commit."""
        joined = sa.select(PATIENTS, SNAPSHOTS.c.place, SNAPSHOTS.c.memory, SNAPSHOTS.c.arrays).where(
            PATIENTS.c.session == self.number,
            SNAPSHOTS.c.session == self.number,
            SNAPSHOTS.c.patient == PATIENTS.c.patient,
        )
        if patient is not None:
            joined = joined.where(PATIENTS.c.patient == patient)
        with self.store._told(), self.store.engine.connect() as connection:
            return {
                row.patient: Snapshot(
                    Layout(tuple(json.loads(row.channels)), row.fs, tuple(json.loads(row.units))),
                    row.place,
                    row.memory,
                    bytes(row.arrays),
                )
                for row in connection.execute(joined)
            }

    def ask(self, action: Action) -> None:
        """Leave an action for the monitor of this session, which may be another program."""
        with self.store._told(), self.store.engine.begin() as connection:
            connection.execute(ACTIONS.insert().values(self._row_of(action)))

    def _row_of(self, action: Action) -> dict[str, Any]:
        fields = asdict(action)
        del fields["number"]
        return fields | {"session": self.number}

    def asked(self) -> list[Action]:
        """Actions not obeyed yet, in order."""
        waiting = sa.select(ACTIONS).where(ACTIONS.c.session == self.number, ACTIONS.c.time_s.is_(None))
        with self.store._told(), self.store.engine.connect() as connection:
            rows = connection.execute(waiting.order_by(ACTIONS.c.action)).all()
        return [
            Action(row.patient, row.kind, row.alarm, row.for_s, row.who, row.asked, number=row.action) for row in rows
        ]

    def end(self) -> None:
        """Note that every source was seen to its end."""
        with self.store._told(), self.store.engine.begin() as connection:
            connection.execute(SESSIONS.update().where(SESSIONS.c.session == self.number).values(ended=now()))

    @property
    def ended(self) -> bool:
        """Whether every source was seen to its end."""
        with self.store._told(), self.store.engine.connect() as connection:
            ended = sa.select(SESSIONS.c.ended).where(SESSIONS.c.session == self.number)
            return connection.execute(ended).scalar() is not None

    def last_told(self, most: int) -> list[Entry]:
        """The last alarms and notices of all patients, at most so many, oldest first."""
        found: list[tuple[float, int, Entry]] = []
        with self.store._told(), self.store.engine.connect() as connection:
            for name in ("alarms", "notices"):
                table = LOGS[name]
                newest = sa.select(table).where(table.c.session == self.number).limit(most)
                rows = connection.execute(newest.order_by(table.c.time_s.desc(), table.c.number.desc()))
                found += [(row["time_s"], row["number"], told_of(name, row)) for row in rows.mappings()]
        return [entry for _, _, entry in sorted(found, key=itemgetter(0, 1))][-most:]

    def pieces(
        self, name: str, patient: str | None = None, *, columns: Sequence[str] = (), by: Sequence[str] = _LOG_ORDER,
        numbers: range | None = None, **equal: Any,
    ) -> Iterator[Sequence[Sequence[Any]]]:  # fmt: skip
        """Entries of one kind (``scores``, ``states``, ``alarms``, ``notices``), some thousands at a time, in order.

        Parameters
        ----------
        columns : those wanted; default all but the session.
        by : columns that tell the order.
        numbers : of the entries; None = all.
        equal : values that columns must have; None where there must be none.
        """
        table = LOGS[name]
        chosen = sa.select(*(table.c[column] for column in columns or _own_columns(table)))
        chosen = chosen.where(table.c.session == self.number, *(table.c[key] == value for key, value in equal.items()))
        if patient is not None:
            chosen = chosen.where(table.c.patient == patient)
        if numbers is not None:
            chosen = chosen.where(table.c.number >= numbers.start, table.c.number < numbers.stop)
        chosen = chosen.order_by(*(table.c[column] for column in by)).execution_options(yield_per=_PIECE)
        with self.store._told(), self.store.engine.connect() as connection:
            yield from connection.execute(chosen).partitions()

    def raised(self, patient: str) -> Iterator[Sequence[tuple[float, float | None, str, str, str]]]:
        """A patient's alarms by the time they were raised, some thousands at a time: start and end in s (None = not
        over), name, priority and detail."""
        alarms, later = LOGS["alarms"], LOGS["alarms"].alias()
        same = (later.c[key] == alarms.c[key] for key in ("session", "patient", "alarm"))
        ends = sa.select(later.c.time_s).where(*same, later.c.number > alarms.c.number, later.c.kind.in_(ENDS))
        end = ends.order_by(later.c.number).limit(1).scalar_subquery()
        chosen = sa.select(alarms.c.time_s, end, alarms.c.alarm, alarms.c.priority, alarms.c.detail).where(
            alarms.c.session == self.number, alarms.c.patient == patient, alarms.c.kind == "raised"
        )
        chosen = chosen.order_by(alarms.c.time_s, alarms.c.number).execution_options(yield_per=_PIECE)
        with self.store._told(), self.store.engine.connect() as connection:
            yield from connection.execute(chosen).partitions()

    def window_bundles(self, patient: str) -> list[str]:
        """The bundles that tell the classes of other windows of a patient than beats, the first to do so first."""
        scores = LOGS["scores"].c
        mine = (scores.session == self.number, scores.patient == patient, ~scores.beat, scores.anomaly.is_(None))
        names = sa.select(scores.bundle).where(*mine).group_by(scores.bundle).order_by(sa.func.min(scores.number))
        with self.store._told(), self.store.engine.connect() as connection:
            return list(connection.scalars(names))

    def frame(self, name: str, patient: str | None = None) -> pd.DataFrame:
        """All entries of one kind, one row each, in order; see :meth:`pieces`."""
        import pandas as pd

        rows = [row for piece in self.pieces(name, patient) for row in piece]
        return pd.DataFrame(rows, columns=_own_columns(LOGS[name]))


def _own_columns(table: sa.Table) -> list[str]:
    """What a log says of an entry, the session apart."""
    return [column.name for column in table.c if column.name != "session"]


def _change(key: str, before: Any, now: Any) -> str:
    """What of a session is not as before: names where these differ, for checksums say nothing to people."""
    if isinstance(before, dict) and isinstance(now, dict):
        if before.keys() == now.keys():
            return f"{key} changed: {', '.join(name for name in before if before[name] != now[name])}"
        before, now = (", ".join(sorted(names)) or "none" for names in (before, now))
    return f"{key} was {before}, now is {now}"


def _write_ahead(connection: Any, _record: Any) -> None:
    """Readers and the writer do not wait for each other; the file is whole after a crash of program or machine.

    Source: https://www.sqlite.org/wal.html; ``synchronous=NORMAL`` may lose the last
    commits with the power, but never half of one.
    """
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


_ADVICE = (
    ("disk is full", "the disk is full; make room"),
    ("disk I/O error", "cannot be written (disk I/O error); is the disk full or a file limit reached?"),
    ("database is locked", "locked by another program; end it, or wait until it is done"),
    ("readonly database", "cannot be written: it is read-only"),
    ("unable to open", "cannot be opened; is its folder there and writable?"),
    ("UNIQUE constraint", "these events are there already: does another monitor write to this session?"),
    ("unique constraint", "these events are there already: does another monitor write to this session?"),
    ("not a database", "not a SQLite database; choose another place"),
)


def _advice(message: str) -> str:
    for said, advice in _ADVICE:
        if said in message:
            return advice
    return _first_line(message)


def _first_line(error: object) -> str:
    lines: Iterable[str] = str(error).strip().splitlines() or [type(error).__name__]
    return next(iter(lines))

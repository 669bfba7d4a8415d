"""The store says in one line what is wrong with it, and writes all of a commit or nothing."""

import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest
import sqlalchemy as sa

from biosig.errors import StoreError
from biosig.monitoring.events import AlarmEvent, SignalState
from biosig.monitoring.intake import Notice
from biosig.monitoring.ledger import Ledger
from biosig.monitoring.log import Action, Entry, Snapshot
from biosig.monitoring.monitor import Monitor
from biosig.monitoring.sources import Replay
from biosig.monitoring.store import Store
from biosig.records.recording import Layout

LAYOUT = Layout(("MLII", "V1"), 360.0, ("mV", "mV"))


@pytest.fixture
def open_store():
    stores = []

    def make(path, **options):
        stores.append(Store.in_file(path, **options))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


def states(first, n, patient="a"):
    return [Entry(patient, number, SignalState(number + 1.0, good=1.0)) for number in range(first, first + n)]


def snapshot(text="{}", size=10):
    return Snapshot(LAYOUT, 7, text, b"x" * size)


def test_a_commit_is_found_again_with_its_state(tmp_path, open_store):
    session = open_store(tmp_path / "events.sqlite").begin({"sources": ["x"]})
    session.commit(states(0, 2), {"a": snapshot('{"n": 2}')})
    alarm = AlarmEvent(2.5, "asystole", "high", "raised", 1.0, "no beat for 4 s")
    session.commit([*states(2, 1), Entry("a", 3, alarm)], {"a": snapshot('{"n": 4}', 70_000), "b": snapshot()})
    again = open_store(tmp_path / "events.sqlite").resume({"sources": ["x"]})
    assert again.number == session.number
    found = again.snapshots()
    assert (found["a"].memory, len(found["a"].arrays), found["a"].layout) == ('{"n": 4}', 70_000, LAYOUT)
    assert again.frame("states").number.tolist() == [0, 1, 2]
    assert again.frame("alarms", "a").drop(columns=["patient"]).to_dict("records") == [
        {"number": 3, "time_s": 2.5, "alarm": "asystole", "priority": "high", "kind": "raised", "since_s": 1.0}
        | {"technical": False, "detail": "no beat for 4 s"}
    ]


def test_an_entry_cannot_stand_in_the_log_twice(tmp_path, open_store):
    session = open_store(tmp_path / "events.sqlite").begin({})
    session.commit(states(0, 3), {"a": snapshot("first")})
    with pytest.raises(StoreError, match="does another monitor write to this session"):
        session.commit(states(2, 2), {"a": snapshot("second")})
    assert session.snapshots()["a"].memory == "first"
    assert len(session.frame("states")) == 3


def test_events_and_state_stand_or_fall_together(tmp_path, open_store):
    store = open_store(tmp_path / "events.sqlite")
    session = store.begin({})
    session.commit(states(0, 1), {"a": snapshot("first")})
    _limit(store, spare=2)
    with pytest.raises(StoreError, match=r"events\.sqlite: the disk is full; make room"):
        session.commit(states(1, 2), {"a": snapshot("second", 100_000)})
    assert session.snapshots()["a"].memory == "first"
    assert len(session.frame("states")) == 1
    _limit(store, spare=1000)
    session.commit(states(1, 2), {"a": snapshot("second", 100_000)})
    assert len(session.frame("states")) == 3


def _limit(store, *, spare):
    """Let the database grow by so many pages only: SQLite then says what it says of a full disk."""

    def limit(connection, _record):
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + spare}")

    store.close()
    sa.event.listen(store.engine, "connect", limit)


def test_a_monitor_on_a_full_disk_stops_and_goes_on_from_the_last_commit(
    tmp_path, watch, log, flutter, unbroken, open_store
):
    path = tmp_path / "events.sqlite"

    def fill(monitor, step):
        if step.ticks and monitor.beds["207"].time_s == 20.0:
            _limit(monitor._ledger.session.store, spare=3)

    with pytest.raises(StoreError, match=r"the disk is full; make room; .* --resume goes on"):
        watch(path, Replay({"207": flutter}), listeners=[fill], every_s=0.0)
    assert 0 < len(open_store(path).resume({}).frame("states")) < 60
    assert log(watch(path, Replay({"207": flutter}))) == unbroken


def test_a_file_size_limit_is_told_as_such(tmp_path):
    script = """
import resource, sys
from pathlib import Path
from biosig.errors import StoreError
from biosig.monitoring.log import Snapshot
from biosig.monitoring.store import Store
from biosig.records.recording import Layout
store = Store.in_file(Path(sys.argv[1]))
session = store.begin({})
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    session.commit([], {"a": Snapshot(Layout(("a",), 1.0, ("mV",)), 0, "", bytes(1_000_000))})
except StoreError as error:
    print(error)
"""
    path = tmp_path / "events.sqlite"
    ended = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert "cannot be written" in ended.stdout or "disk is full" in ended.stdout
    assert len(ended.stdout.splitlines()) == 1


def test_a_locked_store_is_an_error_after_a_bounded_wait(tmp_path, open_store):
    path = tmp_path / "events.sqlite"
    session = open_store(path, wait_s=0.05).begin({})
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked by another program"):
        session.commit(states(0, 1), {})
    other.rollback()
    other.close()
    session.commit(states(0, 1), {})


def test_a_monitor_goes_on_while_its_store_is_locked_and_writes_everything_later(
    tmp_path, bundle, log, flutter, unbroken, open_store
):
    store = open_store(tmp_path / "events.sqlite", wait_s=0.0)
    session = store.begin({})
    other = sqlite3.connect(tmp_path / "events.sqlite", isolation_level=None)
    troubles = []

    def lock(monitor, step):
        second = monitor.beds["207"].time_s
        if second == 5.0:
            other.execute("BEGIN IMMEDIATE")
        if second == 40.0:
            other.execute("ROLLBACK")
        troubles.append((second, "locked" in monitor.trouble))
        clock[0] += 1.0

    clock = [0.0]
    ledger = Ledger(session, every_s=1.0, hold_s=60.0, clock=lambda: clock[0])
    Monitor({"ecg": bundle}, ledger=ledger, listeners=[lock]).run([Replay({"207": flutter})])
    other.close()
    assert dict(troubles)[30.0]
    assert not dict(troubles)[60.0]
    assert log(session) == unbroken


def test_a_store_that_stays_locked_ends_the_monitor_when_it_has_held_out_long_enough(tmp_path, open_store):
    session = open_store(tmp_path / "events.sqlite", wait_s=0.0).begin({})
    other = sqlite3.connect(tmp_path / "events.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    now = [0.0]
    ledger = Ledger(session, every_s=1.0, hold_s=10.0, clock=lambda: now[0])
    ledger.add(states(0, 3))
    assert not ledger.commit({})
    now[0] = 9.0
    assert not ledger.commit({})
    now[0] = 10.0
    with pytest.raises(StoreError, match="3 events since the last commit are not written"):
        ledger.commit({})
    other.execute("ROLLBACK")
    other.close()
    assert ledger.commit({})
    assert len(session.frame("states")) == 3


def test_commits_take_a_tenth_of_the_time_at_most(tmp_path, open_store):
    session = open_store(tmp_path / "events.sqlite").begin({})
    now = [0.0]

    def clock():
        now[0] += 0.5
        return now[0]

    ledger = Ledger(session, every_s=1.0, clock=clock)
    ledger.commit({})
    done = now[0]
    while not ledger.due:
        pass
    assert now[0] - done >= 4.5


def test_where_entries_come_faster_than_a_tenth_of_the_time_writes_them_no_more_are_kept_all_the_same(
    tmp_path, open_store
):
    """At 2,000 entries a second and 0.1 ms each, each wait would be 1.8 times as long as the last."""
    store = open_store(tmp_path / "events.sqlite")
    now, most = [0.0], 0

    def take(connection, cursor, statement, parameters, *_):
        now[0] += 1e-4 * len(parameters) if statement.startswith("INSERT INTO biosig_states") else 0.0

    sa.event.listen(store.engine, "before_cursor_execute", take)
    ledger = Ledger(store.begin({}), clock=lambda: now[0])
    for number in range(400):
        ledger.add(states(number * 200, 200))
        now[0] += 0.1
        most = max(most, ledger.held)
        if ledger.due:
            ledger.commit({})
    assert most == 10_000


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("CREATE TABLE songs (name)", "no event store of biosig (has songs)"),
        ("CREATE TABLE biosig_store (schema); INSERT INTO biosig_store VALUES (0)", "store of schema 0, this biosig"),
        ("CREATE TABLE biosig_alarms (old)", "no event store of biosig (has biosig_alarms)"),
    ],
)
def test_a_database_of_others_is_refused(tmp_path, statement, message):
    path = tmp_path / "events.sqlite"
    other = sqlite3.connect(path)
    other.executescript(statement)
    other.close()
    with pytest.raises(StoreError) as refused:
        Store.in_file(path)
    assert message in str(refused.value)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "events.sqlite").write_bytes(b"This is a diary, not a database. " * 100)
    with pytest.raises(StoreError, match="not a SQLite database; choose another place"):
        Store.in_file(tmp_path / "events.sqlite")


def test_a_place_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file/events\.sqlite: cannot be made"):
        Store.in_file(tmp_path / "file" / "events.sqlite")


@pytest.mark.parametrize("url", ["nothing", "neverheard://x/y"])
def test_an_address_that_means_nothing_is_named(url):
    with pytest.raises(StoreError, match=f"{url}: no database"):
        Store(url)


def test_a_session_of_other_sources_is_not_gone_on_with(tmp_path, open_store):
    store = open_store(tmp_path / "events.sqlite")
    with pytest.raises(StoreError, match="nothing to resume"):
        store.resume({"sources": ["100"]})
    store.begin({"sources": ["100"]})
    with pytest.raises(StoreError, match=r"sources was \['100'\], now is \['101'\]"):
        store.resume({"sources": ["101"]})


def test_the_last_alarms_and_notices_are_found_again_as_they_were_told(tmp_path, open_store):
    session = open_store(tmp_path / "events.sqlite").begin({})
    alarms = [AlarmEvent(float(n), "asystole", "high", "raised", n - 4.0, "no beat", technical=n == 3) for n in (1, 3)]
    notice = Notice(2.0, "gap", "1 s never came")
    entries = [Entry("a", 0, alarms[0]), Entry("b", 0, notice), Entry("a", 1, alarms[1]), *states(0, 2, "c")]
    session.commit(entries, {})
    open_store(tmp_path / "events.sqlite").begin({}).commit([Entry("a", 0, alarms[0])], {})
    told = [(entry.patient, entry.number, entry.what) for entry in session.last_told(9)]
    assert told == [("a", 0, alarms[0]), ("b", 0, notice), ("a", 1, alarms[1])]
    assert [entry.what for entry in session.last_told(2)] == [notice, alarms[1]]


def test_actions_wait_until_they_are_obeyed(tmp_path, open_store):
    session = open_store(tmp_path / "events.sqlite").begin({})
    left = [Action("a", "pause", "pause", 60.0, "nurse"), Action("a", "acknowledge")]
    for action in left:
        session.ask(action)
    first, second = session.asked()
    assert [replace(action, number=None) for action in (first, second)] == left
    session.commit([], {}, taken=[(first, 12.5), (Action("a", "acknowledge", who="page"), 13.0)])
    assert session.asked() == [second]

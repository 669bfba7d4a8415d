"""What people ask of a running monitor is obeyed once, and the store says who asked."""

import threading
from datetime import UTC, datetime

from biosig.monitoring.events import AlarmEvent
from biosig.monitoring.log import Action
from biosig.monitoring.monitor import Monitor
from biosig.monitoring.orders import Orders
from biosig.monitoring.sources import Replay
from biosig.monitoring.tables import ACTIONS


def test_an_acknowledgement_left_in_the_store_is_obeyed_once(tmp_path, bundle, watch, log, flutter):
    path = tmp_path / "events.sqlite"

    def ask(monitor, step):
        bed = monitor.beds["207"]
        if any(alarm.alarm == "ventricular-fibrillation" for alarm in bed.engine.active) and not asked:
            asked.append(bed.time_s)
            for action in (
                Action("207", "acknowledge", alarm="ventricular-fibrillation"),
                Action("207", "acknowledge", alarm="no such alarm"),
                Action("207", "pause", for_s=10.0),
            ):
                monitor._ledger.session.ask(action)

    asked = []
    session = watch(path, Replay({"207": flutter}), listeners=[ask], every_s=0.0)
    alarms = [row for row in log(session) if row["event"] == "alarms"]
    done = [row for row in alarms if row["kind"] == "acknowledged"]
    assert [(row["alarm"], row["time_s"]) for row in done] == [("ventricular-fibrillation", asked[0])]
    assert [row["time_s"] for row in alarms if row["kind"] in ("paused", "resumed")] == [asked[0], asked[0] + 10]
    assert session.asked() == []


def test_an_order_is_obeyed_in_the_round_it_comes_and_the_store_says_who_gave_it_when(tmp_path, watch, log, flutter):
    """Asked for in another thread than the monitor's, as a page does."""
    orders = Orders()
    alarmed = threading.Event()

    def note(monitor, step):
        alarms = [entry.what for entry in step.entries if isinstance(entry.what, AlarmEvent)]
        if any((one.alarm, one.kind) == ("ventricular-fibrillation", "raised") for one in alarms):
            alarmed.set()
            nurse.join(10.0)

    def give():
        alarmed.wait(60.0)
        assert orders.ask(Action("207", "acknowledge", alarm="ventricular-fibrillation", who="nurse"))
        assert orders.ask(Action("207", "pause", for_s=10.0, who="nurse"))

    nurse = threading.Thread(target=give)
    nurse.start()
    session = watch(tmp_path / "events.sqlite", Replay({"207": flutter}), listeners=[note], orders=orders, every_s=1e9)
    alarms = [row for row in log(session) if row["event"] == "alarms"]
    alarms = [row for row in alarms if row["alarm"] in ("ventricular-fibrillation", "all")]
    raised, done = (next(row for row in alarms if row["kind"] == kind) for kind in ("raised", "acknowledged"))
    assert done["time_s"] - raised["time_s"] <= 1.0
    assert done["detail"].endswith("by nurse")
    assert next(row["detail"] for row in alarms if row["kind"] == "paused").endswith("by nurse")
    with session.store.engine.connect() as connection:
        rows = connection.execute(ACTIONS.select().order_by(ACTIONS.c.action)).all()
    assert [(row.kind, row.alarm, row.for_s, row.who) for row in rows] == [
        ("acknowledge", "ventricular-fibrillation", 0.0, "nurse"),
        ("pause", "", 10.0, "nurse"),
    ]
    for row in rows:
        assert abs((datetime.now(UTC) - datetime.fromisoformat(row.asked)).total_seconds()) < 600.0
        assert abs(row.time_s - done["time_s"]) < 1e-9
    assert session.asked() == []


def test_an_alarm_can_be_acknowledged_after_the_source_has_ended(bundle, flutter):
    monitor = Monitor({"ecg": bundle})
    monitor.run([Replay({"207": flutter})])
    monitor.acknowledge("207")
    monitor.pause("207", 60.0)
    seen = {alarm.alarm: alarm.acknowledged for alarm in monitor.beds["207"].engine.active}
    assert seen["ventricular-fibrillation"]

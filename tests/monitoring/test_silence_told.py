"""A monitor's silent sources: who is told, what is asked for, and what the store keeps of it."""

import pytest

from biosig.monitoring.intake import Packet
from biosig.monitoring.log import Action
from biosig.monitoring.monitor import Monitor
from biosig.monitoring.orders import Orders
from biosig.monitoring.sources import Delivery, Source
from biosig.monitoring.tables import ACTIONS


class Wall:
    """A clock that only passes while somebody sleeps."""

    now_s = 100.0

    def __call__(self):
        return self.now_s

    def sleep(self, seconds):
        self.now_s += seconds


class Ward(Source):
    """Live patients of one layout: what each is sent, a list of samples' numbers per poll."""

    live = True

    def __init__(self, recording, polls):
        self._recording, self._polls = recording, [dict.fromkeys(["a", "b"], 0), *polls]

    @property
    def layouts(self):
        return dict.fromkeys(["a", "b"], self._recording.layout)

    def poll(self):
        sent = self._polls.pop(0)
        self.ended = not self._polls
        fs = round(self._recording.fs)
        return [
            Delivery(name, self._recording.layout, Packet(self._recording.data[:, n : n + fs], start_sample=n))
            for name, n in sent.items()
        ]

    def due_s(self):
        return 0.25


@pytest.fixture
def wall():
    return Wall()


def of(session, patient):
    found = session.frame("alarms", patient)
    return found[found.alarm == "source-silent"]


def test_what_is_asked_of_a_silent_source_is_obeyed_and_kept(tmp_path, watch, flutter, wall):
    """Silent from 100 s on the wall; acknowledged at once, paused for 30 s, and asked by another program to go on."""
    orders = Orders()
    seen = []

    def nurse(monitor, step):
        now_s = round(wall.now_s)
        (shown,) = [alarm for alarm in monitor.beds["a"].view().alarms if alarm.alarm == "source-silent"] or [None]
        seen.append((now_s, shown and shown.acknowledged, shown and shown.shown))
        asked = {102: Action("a", "acknowledge", who="Dr N"), 110: Action("a", "pause", "source-silent", for_s=30.0)}
        if now_s in asked and now_s not in done:
            done.add(now_s)
            assert orders.ask(asked[now_s])
        if now_s == 150 and not done & {150}:
            done.add(150)
            monitor._ledger.session.ask(Action("a", "acknowledge", "source-silent"))

    done = set()
    polls = [*[{}] * 240, {"a": 360, "b": 360}]
    session = watch(
        tmp_path / "events.sqlite", Ward(flutter, polls), run={"clock": wall, "sleep": wall.sleep},
        listeners=[nurse], orders=orders, every_s=0.0,
    )  # fmt: skip
    told = of(session, "a")
    assert told.kind.tolist() == [
        "raised", "acknowledged", "paused", "suppressed", "resumed", "raised", "cleared",
    ]  # fmt: skip
    assert told.technical.all()
    assert of(session, "b").kind.tolist() == ["raised", "cleared"]
    with session.store.engine.connect() as connection:
        rows = connection.execute(ACTIONS.select().order_by(ACTIONS.c.action)).all()
    assert [(row.kind, row.alarm, row.who) for row in rows] == [
        ("acknowledge", "", "Dr N"),
        ("pause", "source-silent", ""),
        ("acknowledge", "source-silent", ""),
    ]
    assert (103, True, "raised") in seen
    assert (111, True, "paused") in seen
    assert len(seen) > 30  # looked at though nothing came


def test_one_is_silent_though_another_of_the_same_source_sends(bundle, flutter, wall):
    monitor = Monitor({"ecg": bundle})
    polls = [{"b": 360 * second} for second in range(1, 12)]
    stopped = []
    monitor.run(
        [Ward(flutter, polls)], clock=lambda: wall.sleep(0.3) or wall.now_s, sleep=wall.sleep,
        stop=lambda: stopped.append(0) or len(stopped) > 11,
    )  # fmt: skip
    assert monitor.beds["a"].view().silent
    assert not monitor.beds["b"].view().silent


def test_a_source_that_has_never_sent_anything_is_silent(bundle, flutter, wall):
    monitor = Monitor({"ecg": bundle})
    source = Ward(flutter, [{}] * 12)
    source._polls[0] = {}
    stopped = []
    monitor.run([source], clock=wall, sleep=wall.sleep, stop=lambda: stopped.append(0) or len(stopped) > 12)
    assert [alarm.alarm for alarm in monitor.beds["a"].view().alarms] == ["source-silent"]

"""The alarm engine: delays, latches, reminders, pauses and priorities, however the events were grouped."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosig.monitoring.alarms import AlarmEngine
from biosig.monitoring.conditions import Level
from biosig.monitoring.events import (
    Acknowledge,
    AlarmEvent,
    AnomalyScore,
    BeatEvent,
    FibrillationScore,
    InputEvent,
    Pause,
    SignalState,
    order,
)
from biosig.monitoring.rhythms import Gap, Run
from biosig.monitoring.rules import Rule, shipped_rules

PLAIN = Rule("x", "medium", Level("anomaly", threshold=1.0))
RULES = shipped_rules(Level("anomaly", 1.0, k=8, n=10))


def on_off(*spans: tuple[float, float]) -> list[InputEvent]:
    """A score that meets the condition from the first to the second of each pair of seconds."""
    edges = [(start, 2.0) for start, _ in spans] + [(stop, 0.0) for _, stop in spans]
    return [AnomalyScore(time_s, time_s, value) for time_s, value in edges]


def told(rules: Rule | list[Rule], events: list[InputEvent], until_s: float = 200.0) -> list[tuple[float, str, str]]:
    """Time, alarm and kind of everything the engine says."""
    engine = AlarmEngine([rules] if isinstance(rules, Rule) else rules)
    said = [one for event in sorted(events, key=order) for one in engine.advance(event)]
    return [(one.time_s, one.alarm, one.kind) for one in said + engine.advance_to(until_s)]


def kinds(rule: Rule, events: list[InputEvent], until_s: float = 200.0) -> list[tuple[float, str]]:
    return [(time_s, kind) for time_s, _, kind in told(rule, events, until_s)]


def test_an_alarm_is_raised_and_cleared_with_its_condition() -> None:
    assert kinds(PLAIN, on_off((10.0, 12.0), (15.0, 16.0))) == [
        (10.0, "raised"),
        (12.0, "cleared"),
        (15.0, "raised"),
        (16.0, "cleared"),
    ]


@pytest.mark.parametrize(("length_s", "expected"), [(2.9, []), (3.1, [(13.0, "raised"), (13.1, "cleared")])])
def test_the_on_delay_waits_before_raising(length_s: float, expected: list[tuple[float, str]]) -> None:
    assert kinds(replace(PLAIN, on_delay_s=3.0), on_off((10.0, 10.0 + length_s))) == expected


def test_the_off_delay_bridges_a_short_break_and_keeps_the_alarm_on() -> None:
    rule = replace(PLAIN, off_delay_s=5.0)
    assert kinds(rule, on_off((10.0, 12.0), (16.9, 20.0))) == [(10.0, "raised"), (25.0, "cleared")]
    assert len(kinds(rule, on_off((10.0, 12.0), (17.1, 20.0)))) == 4


def test_refractory_time_holds_back_a_new_raise_and_forgets_what_ended_in_it() -> None:
    rule = replace(PLAIN, refractory_s=10.0)
    assert kinds(rule, on_off((10.0, 12.0), (15.0, 18.0), (21.0, 30.0))) == [
        (10.0, "raised"),
        (12.0, "cleared"),
        (22.0, "raised"),
        (30.0, "cleared"),
    ]


def test_an_alarm_not_over_signals_again_and_an_acknowledgement_sets_the_time_anew() -> None:
    rule = replace(PLAIN, re_alarm_s=20.0)
    events = [*on_off((10.0, 95.0)), Acknowledge(45.0)]
    assert kinds(rule, events) == [
        (10.0, "raised"),
        (30.0, "re-alarm"),
        (45.0, "acknowledged"),
        (65.0, "re-alarm"),
        (85.0, "re-alarm"),
        (95.0, "cleared"),
    ]


def test_a_latched_alarm_is_shown_until_somebody_acknowledges_it() -> None:
    rule = replace(PLAIN, latching=True)
    assert kinds(rule, [*on_off((10.0, 12.0)), Acknowledge(50.0)]) == [
        (10.0, "raised"),
        (12.0, "latched"),
        (50.0, "acknowledged"),
        (50.0, "cleared"),
    ]


def test_an_alarm_acknowledged_while_it_lasts_does_not_latch() -> None:
    rule = replace(PLAIN, latching=True)
    events = [*on_off((10.0, 12.0)), Acknowledge(11.0, "x"), Acknowledge(11.5)]
    assert kinds(rule, events) == [(10.0, "raised"), (11.0, "acknowledged"), (12.0, "cleared")]


def test_a_latched_alarm_is_raised_again_when_its_condition_returns() -> None:
    rule = replace(PLAIN, latching=True)
    assert [kind for _, kind in kinds(rule, on_off((10.0, 12.0), (20.0, 22.0)))] == ["raised", "latched"] * 2


def test_a_pause_silences_the_patients_alarms_until_it_expires() -> None:
    technical = replace(PLAIN, name="t", technical=True)
    events = [Pause(5.0, 30.0), *on_off((10.0, 12.0), (20.0, 40.0))]
    assert told([PLAIN, technical], events) == [
        (5.0, "all", "paused"),
        (10.0, "x", "suppressed"),
        (10.0, "t", "raised"),
        (12.0, "x", "cleared"),
        (12.0, "t", "cleared"),
        (20.0, "x", "suppressed"),
        (20.0, "t", "raised"),
        (30.0, "all", "resumed"),
        (30.0, "x", "raised"),
        (40.0, "x", "cleared"),
        (40.0, "t", "cleared"),
    ]


def test_a_pause_of_one_alarm_leaves_the_others() -> None:
    other = replace(PLAIN, name="y")
    events = [Pause(5.0, 30.0, "x"), *on_off((10.0, 12.0))]
    assert (10.0, "x", "suppressed") in told([PLAIN, other], events)
    assert (10.0, "y", "raised") in told([PLAIN, other], events)


def test_a_pause_silences_an_alarm_that_is_on_and_can_be_ended_early() -> None:
    events = [*on_off((10.0, 90.0)), Pause(20.0, 80.0), Pause(40.0, 40.0)]
    assert kinds(PLAIN, events) == [
        (10.0, "raised"),
        (20.0, "paused"),
        (20.0, "suppressed"),
        (40.0, "resumed"),
        (40.0, "raised"),
        (90.0, "cleared"),
    ]


def test_a_latching_alarm_that_came_and_went_in_a_pause_is_shown_after_it() -> None:
    rule = replace(PLAIN, latching=True)
    assert kinds(rule, [Pause(5.0, 30.0), *on_off((10.0, 12.0))]) == [
        (5.0, "paused"),
        (10.0, "suppressed"),
        (30.0, "resumed"),
        (30.0, "latched"),
    ]


def test_a_higher_alarm_hides_what_it_implies_and_gives_it_back() -> None:
    low = Rule("low", "low", Level("anomaly", threshold=1.0))
    high = Rule("high", "high", Level("fibrillation", threshold=1.0), hides=("low",))
    high_on = [FibrillationScore(20.0, 20.0, 1.0), FibrillationScore(25.0, 25.0, 0.0)]
    assert told([low, high], [*on_off((10.0, 40.0)), *high_on]) == [
        (10.0, "low", "raised"),
        (20.0, "high", "raised"),
        (20.0, "low", "suppressed"),
        (25.0, "high", "cleared"),
        (25.0, "low", "raised"),
        (40.0, "low", "cleared"),
    ]


def test_what_is_hidden_from_the_start_is_never_raised() -> None:
    beats = [BeatEvent(0.4 * i, 0.4 * i, label) for i, label in enumerate("NNNVVVVVVN", start=1)]
    said = told(list(RULES), beats, until_s=4.5)
    assert [(alarm, kind) for _, alarm, kind in said] == [
        ("ventricular-run", "raised"),
        ("ventricular-tachycardia", "raised"),
        ("ventricular-run", "suppressed"),
    ]


def test_flutter_hides_asystole_before_it_is_raised_itself() -> None:
    flutter = [FibrillationScore(3.5 + 0.5 * i, 3.5 + 0.5 * i, 0.9) for i in range(10)]
    said = told(list(RULES), [BeatEvent(0.3, 0.3, "N"), *flutter], until_s=8.0)
    assert [alarm for _, alarm, kind in said if kind == "raised"] == ["pause", "ventricular-fibrillation"]


def test_what_an_alarm_hides_stays_hidden_until_it_is_over_and_what_ended_meanwhile_is_not_raised() -> None:
    low = Rule("low", "low", Level("anomaly", threshold=1.0), off_delay_s=20.0)
    high = Rule("high", "high", Level("fibrillation", threshold=1.0), off_delay_s=5.0, hides=("low",))
    high_on = [FibrillationScore(10.0, 10.0, 1.0), FibrillationScore(25.0, 25.0, 0.0)]
    said = told([low, high], [*on_off((12.0, 60.0)), *high_on])
    assert [one for one in said if one[1] == "low"] == [
        (12.0, "low", "suppressed"),
        (30.0, "low", "raised"),
        (80.0, "low", "cleared"),
    ]
    said = told([low, high], [*on_off((12.0, 20.0)), *high_on])
    assert [one for one in said if one[1] == "low"] == [(12.0, "low", "suppressed"), (40.0, "low", "cleared")]


def test_an_alarm_kept_silent_does_not_remind_and_a_new_one_is_not_acknowledged() -> None:
    rule = replace(PLAIN, re_alarm_s=20.0)
    events = [*on_off((10.0, 95.0), (100.0, 105.0)), Acknowledge(12.0), Pause(25.0, 80.0)]
    assert [time_s for time_s, kind in kinds(rule, events) if kind == "re-alarm"] == [92.0]
    engine = AlarmEngine([PLAIN])
    for event in sorted([*on_off((10.0, 20.0)), Acknowledge(12.0), AnomalyScore(30.0, 30.0, 2.0)], key=order):
        engine.advance(event)
    assert [one.acknowledged for one in engine.active] == [False]


def test_hidden_asystole_is_raised_when_flutter_was_none() -> None:
    glimpse = [FibrillationScore(4.0, 4.0, 0.9), FibrillationScore(4.5, 4.5, 0.0)]
    said = told(list(RULES), [BeatEvent(0.3, 0.3, "N"), *glimpse], until_s=8.0)
    assert [one[:2] for one in said if one[2] == "raised"] == [(2.8, "pause"), (4.5, "asystole")]


def test_alarms_of_one_instant_come_by_urgency_the_equipments_last() -> None:
    rules = [replace(PLAIN, name=f"{p}{t}", priority=p, technical=t) for t in (True, False) for p in ("low", "high")]
    said = told(rules, [AnomalyScore(10.0, 10.0, 2.0)])
    assert [alarm for _, alarm, _ in said] == ["highFalse", "highTrue", "lowFalse", "lowTrue"]
    engine = AlarmEngine(rules)
    engine.advance(AnomalyScore(1.0, 1.0, 2.0))
    assert [one.alarm for one in engine.active] == ["highFalse", "highTrue", "lowFalse", "lowTrue"]


def test_active_alarms_say_how_they_stand() -> None:
    engine = AlarmEngine([replace(PLAIN, latching=True), replace(PLAIN, name="y", hides=("x",), on_delay_s=5.0)])
    engine.advance(AnomalyScore(1.0, 1.5, 2.0))
    assert [(one.alarm, one.shown, one.since_s) for one in engine.active] == [("x", "hidden", 1.0)]
    engine.advance(Acknowledge(7.0, "y"))
    assert [(one.alarm, one.shown, one.acknowledged) for one in engine.active] == [
        ("x", "hidden", False),
        ("y", "raised", True),
    ]


def test_what_is_due_at_an_instant_waits_for_the_events_of_that_instant() -> None:
    engine = AlarmEngine([Rule("gap", "high", Gap(4.0))])
    assert engine.advance_to(4.0) == []
    assert [(one.kind, one.time_s) for one in engine.advance(BeatEvent(4.0, 4.0, "N"))] == [
        ("raised", 4.0),
        ("cleared", 4.0),
    ]


def test_events_out_of_order_are_refused() -> None:
    engine = AlarmEngine([PLAIN])
    engine.advance(BeatEvent(5.0, 6.0, "N"))
    with pytest.raises(ValueError, match=r"in order of time: now is 6.000000 s, got one of 5.500000 s"):
        engine.advance(SignalState(5.5, 1.0))
    with pytest.raises(ValueError, match=r"beats must come in order: the last was at 5.000000 s, got one at 4.500000"):
        engine.advance(BeatEvent(4.5, 7.0, "N"))
    with pytest.raises(ValueError, match="no alarm is called 'y'"):
        engine.advance(Acknowledge(8.0, "y"))
    with pytest.raises(ValueError, match="latency_s must be 0 or more"):
        AlarmEngine([PLAIN], latency_s=-1.0)


def test_an_alarm_due_before_a_refused_event_is_not_lost() -> None:
    engine = AlarmEngine([Rule("gap", "high", Gap(4.0))])
    engine.advance(BeatEvent(1.0, 1.0, "N"))
    for refused in (Acknowledge(9.0, "y"), BeatEvent(0.5, 9.0, "N"), SignalState(0.9, 1.0)):
        with pytest.raises(ValueError, match=r"no alarm is called|must come in order"):
            engine.advance(refused)
    assert [(one.kind, one.time_s) for one in engine.advance_to(9.0)] == [("raised", 5.0)]


def test_a_beat_later_than_its_latency_never_makes_time_go_back() -> None:
    engine = AlarmEngine([Rule("gap", "high", Gap(4.0))], latency_s=0.5)
    said = engine.advance(BeatEvent(1.0, 20.0, "N")) + engine.advance_to(30.0)
    assert [(one.kind, one.time_s) for one in said] == [("raised", 4.5), ("cleared", 20.0), ("raised", 20.0)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BeatEvent(2.0, 1.0, "N"), "ready_s >= 2, got 1"),
        (lambda: BeatEvent(2.0, 2.0, "Q"), r"label of a beat must be N, S, V, F or '' \(unknown\), got 'Q'"),
        (lambda: BeatEvent(float("nan"), 2.0, "N"), "time_s of a beat must be finite"),
        (lambda: SignalState(1.0, 1.5), "good of a signal state is a share from 0 to 1, got 1.5"),
        (lambda: AnomalyScore(1.0, 1.0, float("nan")), "a usable score must be a finite number"),
        (lambda: Pause(1.0, float("inf")), "a pause must end"),
    ],
)
def test_an_impossible_event_is_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


INTERVALS = st.sampled_from([0.3, 0.4, 0.42, 0.6, 0.8, 1.1, 1.6, 2.7, 4.0, 5.5])


@st.composite
def streams(draw: st.DrawFn) -> list[InputEvent]:
    """A minute or so of everything an engine can be told, in order."""
    rhythm = draw(st.lists(st.tuples(INTERVALS, st.sampled_from("NNVVVSF.")), min_size=5, max_size=60))
    time_s, events = 0.0, list[InputEvent]()
    for rr_s, label in rhythm:
        time_s += rr_s
        events.append(BeatEvent(time_s, time_s + 0.6, label.replace(".", "")))
    n = int(time_s) + 1
    for second in range(1, n):
        good = draw(st.sampled_from([1.0, 1.0, 1.0, 1.0, 0.2]))
        events.append(SignalState(float(second), good, missing=1.0 - good))
        events.append(AnomalyScore(second - 0.1, second + 0.25, draw(st.sampled_from([0.1, 2.0])), good > 0.5))
        events.append(FibrillationScore(float(second), float(second), draw(st.sampled_from([0.0, 0.3, 0.9]))))
    for at in draw(st.lists(st.integers(0, 10 * n), max_size=4)):
        events.append(draw(st.sampled_from([Acknowledge(at / 10), Pause(at / 10, at / 10 + 7.0)])))
    return sorted(events, key=order)


def whole(events: list[InputEvent], end_s: float) -> list[AlarmEvent]:
    engine = AlarmEngine(RULES, latency_s=0.6)
    return [one for event in events for one in engine.advance(event)] + engine.advance_to(end_s)


@settings(max_examples=40, deadline=None)
@given(events=streams(), stops=st.lists(st.integers(0, 1000), max_size=30), cut=st.integers(0, 200))
def test_alarms_do_not_depend_on_grouping_or_on_a_resume(events: list[InputEvent], stops: list[int], cut: int) -> None:
    end_s = events[-1].clock_s + 30.0
    engine = AlarmEngine(RULES, latency_s=0.6)
    said: list[AlarmEvent] = []
    for number, event in enumerate(events):
        if number == cut % len(events):
            saved = json.dumps(engine.state_dict(), allow_nan=False)
            engine = AlarmEngine(RULES, latency_s=0.6)
            engine.load_state_dict(json.loads(saved))
        before_s = events[number - 1].clock_s if number else 0.0
        for stop in sorted(stops):
            if before_s <= stop / 10 <= event.clock_s:
                said += engine.advance_to(stop / 10)
        said += engine.advance(event)
    said += engine.advance_to(end_s)
    assert said == whole(events, end_s)


@settings(max_examples=40, deadline=None)
@given(events=streams())
def test_every_alarm_is_raised_before_it_is_over_and_times_never_go_back(events: list[InputEvent]) -> None:
    said = whole(events, events[-1].clock_s + 60.0)
    assert all(one.time_s <= two.time_s for one, two in pairwise(said))
    for rule in RULES:
        mine = [one.kind for one in said if one.alarm == rule.name and one.kind not in ("paused", "resumed")]
        assert mine[:1] in ([], ["raised"], ["suppressed"])
        for one, two in pairwise(mine):
            allowed = {"cleared": ("raised", "suppressed"), "raised": ("cleared", "latched", "suppressed")}
            if one in allowed and two not in ("acknowledged", "re-alarm"):
                assert two in allowed[one]


@settings(max_examples=40, deadline=None)
@given(events=streams(), cut_s=st.integers(0, 60))
def test_alarms_do_not_depend_on_what_comes_later(events: list[InputEvent], cut_s: int) -> None:
    earlier = [event for event in events if event.clock_s < cut_s]
    engine = AlarmEngine(RULES, latency_s=0.6)
    said = [one for event in earlier for one in engine.advance(event)] + engine.advance_to(float(cut_s))
    assert said == [one for one in whole(events, events[-1].clock_s + 60.0) if one.time_s < cut_s]


def test_a_state_of_other_rules_is_refused() -> None:
    engine = AlarmEngine([PLAIN, Rule("run", "low", Run(3))])
    with pytest.raises(ValueError, match=r"saved alarms belong to other rules \(run\)"):
        AlarmEngine([PLAIN]).load_state_dict(engine.state_dict())
    with pytest.raises(ValueError, match=r"saved alarms belong to other rules \(an alarm that is gone\)"):
        engine.load_state_dict(AlarmEngine([PLAIN]).state_dict())


def test_an_engine_without_rules_says_nothing() -> None:
    engine = AlarmEngine([])
    assert engine.advance(BeatEvent(1.0, 1.0, "N")) == engine.advance_to(100.0) == []
    assert engine.active == ()

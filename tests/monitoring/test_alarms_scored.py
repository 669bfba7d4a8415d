"""Alarms against annotations: of beats made by hand, and of real recordings with their reference beats as input."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import biosig
from biosig.evaluation.alarms import Span
from biosig.monitoring.alarm_scoring import alarm_spans, reference_beats, score_alarms
from biosig.monitoring.alarms import AlarmEngine
from biosig.monitoring.conditions import Level
from biosig.monitoring.events import AlarmEvent, AnomalyScore, FibrillationScore, Kind, order
from biosig.monitoring.rules import Rule, shipped_rules
from biosig.records.recording import Annotations, Recording
from biosig.signal.fibrillation import Fibrillation
from biosig.signal.stream import Chunk
from biosig.windows.labels import rhythms

SAMPLE = Path(biosig.__file__).parent / "datasets" / "samples" / "mitdb"
LATENCY_S = 0.6
DS1 = (
    *("101", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122"),
    *("124", "201", "203", "205", "207", "208", "209", "215", "220", "223", "230"),
)
BARE = tuple(
    replace(rule, on_delay_s=0.0, off_delay_s=0.0, refractory_s=0.0, latching=False, hides=())
    for rule in shipped_rules()
    if not rule.technical and rule.name not in ("ventricular-fibrillation", "irregular-rhythm")
)
"""The rules about beats, each by itself and without patience."""


def event(time_s: float, kind: Kind, alarm: str = "x") -> AlarmEvent:
    return AlarmEvent(time_s, alarm, "high", kind, time_s)


def test_an_alarm_lasts_from_its_raise_until_it_is_over_or_silenced() -> None:
    events = [
        event(1.0, "raised"),
        event(2.0, "re-alarm"),
        event(3.0, "acknowledged"),
        event(4.0, "latched"),
        event(5.0, "cleared"),
        event(5.0, "suppressed", "y"),
        event(6.0, "cleared", "y"),
        event(6.5, "paused", "all"),
        event(7.0, "raised"),
        event(8.0, "suppressed"),
        event(9.0, "raised"),
    ]
    assert alarm_spans(events, duration_s=10.0) == (Span("x", 1.0, 4.0), Span("x", 7.0, 8.0), Span("x", 9.0, 10.0))


def test_reference_beats_are_known_late_and_paced_ones_have_no_class() -> None:
    marks = Annotations.at(np.array([0.5, 1.0, 1.5, 2.0, 2.5]), ["N", "+", "V", "/", "A"])
    found = [(beat.time_s, beat.ready_s, beat.label) for beat in reference_beats(marks, latency_s=0.5)]
    assert found == [(0.5, 1.0, "N"), (1.5, 2.0, "V"), (2.0, 2.5, ""), (2.5, 3.0, "S")]


def monitored(recording: Recording, rules: tuple[Rule, ...], *, beats_only: bool = False) -> list[AlarmEvent]:
    """What the rules say of the reference beats, and of the waves of lead MLII; of the beats alone without latency."""
    latency_s = 0.0 if beats_only else LATENCY_S
    events: list[Any] = list(reference_beats(recording.annotations, latency_s=latency_s))
    if not beats_only:
        lead = recording.pick(["MLII"])
        events += FibrillationScore.of(Fibrillation().open(lead.layout).process(Chunk.of(lead.data)))
    engine = AlarmEngine(rules, latency_s=latency_s)
    in_time = sorted((one for one in events if one.clock_s <= recording.duration_s), key=order)
    said = [alarm for one in in_time for alarm in engine.advance(one)]
    return said + engine.advance_to(recording.duration_s)


def spans_of(recording: Recording) -> tuple[Span, ...]:
    """The alarms of the shipped rules."""
    return alarm_spans(monitored(recording, shipped_rules()), duration_s=recording.duration_s)


def figures(recording: Recording, rules: tuple[Rule, ...], **options: bool) -> dict[str, Any]:
    said = monitored(recording, rules, **options)
    return score_alarms(said, recording.annotations, rules, duration_s=recording.duration_s)


def test_the_engine_finds_in_the_shipped_sample_what_the_definitions_find_offline() -> None:
    recording = biosig.read(SAMPLE / "208")
    kinds = figures(recording, BARE, beats_only=True)["kinds"]
    assert kinds["trigeminy"]["events"] > 0
    for kind, one in kinds.items():
        assert (kind, one["found"], one["false_alarms"]) == (kind, one["events"], 0)


@pytest.mark.parametrize("name", ["203", "207", "208"])
def test_alarms_on_anomalies_are_scored_against_abnormal_beats(name: str) -> None:
    """Scores that know the class of every beat find every stretch; one alarm that never ends is told by its burden."""
    recording = biosig.read(SAMPLE / name)
    marks = recording.annotations.where(np.array([label != "+" for label in recording.annotations.label]))
    rule = Rule("anomaly", "low", Level("anomaly", 0.5, k=3, n=4))
    for knowing in (True, False):
        engine = AlarmEngine((rule,))
        said: list[AlarmEvent] = []
        for beat in reference_beats(marks, latency_s=LATENCY_S):
            value = 0.0 if knowing and beat.label == "N" else 1.0
            said += engine.advance(AnomalyScore(beat.time_s, beat.ready_s, value))
        one = score_alarms(said, marks, (rule,), duration_s=recording.duration_s)["kinds"]["anomaly"]
        if knowing:
            assert one["found"] == one["events"] > 1
            assert one["false_alarms"] == 0
        else:
            assert one["share_of_time"] > 0.9
            assert one["alarms"] == 1


@pytest.mark.data
def test_the_engine_finds_in_every_recording_what_the_definitions_find_offline(data_dir: Path) -> None:
    events = 0
    for name in DS1:
        recording = biosig.read(data_dir / "mitdb" / name)
        if name == "207":
            continue
        for kind, one in figures(recording, BARE, beats_only=True)["kinds"].items():
            assert (name, kind, one["found"], one["false_alarms"]) == (name, kind, one["events"], 0)
            events += one["events"]
    assert events > 600


@pytest.mark.data
def test_all_flutter_of_207_is_alarmed_within_ten_seconds_and_not_as_asystole(data_dir: Path) -> None:
    recording = biosig.read(data_dir / "mitdb" / "207")
    report = figures(recording, shipped_rules())
    flutter = report["kinds"]["ventricular-fibrillation"]
    assert (flutter["found"], flutter["events"]) == (6, 6)
    assert flutter["delay_s"]["max"] <= 4.5
    assert flutter["false_alarms"] <= 1
    assert report["kinds"]["asystole"]["alarms"] <= 1


@pytest.mark.data
@pytest.mark.parametrize(("name", "least"), [("203", 2), ("205", 4), ("223", 2)])
def test_ventricular_tachycardia_is_alarmed_without_a_false_one(data_dir: Path, name: str, least: int) -> None:
    report = figures(biosig.read(data_dir / "mitdb" / name), shipped_rules())
    tachycardia = report["kinds"]["ventricular-tachycardia"]
    assert tachycardia["found"] == tachycardia["events"] >= least
    assert tachycardia["false_alarms"] == 0
    assert tachycardia["delay_s"]["max"] <= 3.0


@pytest.mark.data
@pytest.mark.parametrize("name", ["106", "119"])
def test_bigeminy_is_alarmed_where_it_is_annotated(data_dir: Path, name: str) -> None:
    recording = biosig.read(data_dir / "mitdb" / name)
    alarms = [span for span in spans_of(recording) if span.kind == "bigeminy"]
    noted = [one for one in rhythms(recording.annotations, recording.duration_s) if one.name == "B"]
    missed = [
        one
        for one in noted
        if one.stop_s - one.start_s >= 15.0
        and not any(span.start_s <= one.stop_s + LATENCY_S and span.stop_s >= one.start_s for span in alarms)
    ]
    assert len(noted) >= 15
    assert missed == []
    assert figures(recording, shipped_rules())["kinds"]["bigeminy"]["false_alarms"] == 0


@pytest.mark.data
def test_false_alarms_over_the_eleven_hours_of_ds1_stay_few(data_dir: Path) -> None:
    reports = [figures(biosig.read(data_dir / "mitdb" / name), shipped_rules()) for name in DS1]
    hours = sum(report["hours"] for report in reports)
    false = sum(report["false_alarms_per_hour"] * report["hours"] for report in reports)
    counts = {name: sum(report["challenge_2015"][name] for report in reports) for name in ("tp", "fp", "fn", "tn")}
    assert false / hours <= 1.0
    assert counts["fn"] == 0
    assert counts["fp"] <= 4

"""The definitions of the shipped rules, on beats made by hand: the last case that is not, the first that is."""

import json
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import pytest

from biosig.errors import RecipeError
from biosig.monitoring.alarms import AlarmEngine
from biosig.monitoring.conditions import Condition, Level, Signal
from biosig.monitoring.events import (
    AlarmEvent,
    AnomalyScore,
    BeatEvent,
    FibrillationScore,
    InputEvent,
    SignalState,
    order,
)
from biosig.monitoring.rhythms import Gap, Irregular, Rate, Repeat, Run
from biosig.monitoring.rules import (
    Rule,
    check_rules,
    read_rules,
    rule_from_dict,
    rule_to_dict,
    rules_to_toml,
    shipped_rules,
)

SHIPPED = {rule.name: rule for rule in shipped_rules(Level("anomaly", 1.0, k=8, n=10))}


def beats(labels: str, rr_s: float | list[float] = 0.8, start_s: float = 1.0) -> list[BeatEvent]:
    """Beats known at once: ``rr_s`` is the interval before each, ``.`` is a beat of unknown class."""
    intervals = [rr_s] * (len(labels) - 1) if isinstance(rr_s, float) else rr_s
    times = accumulate(intervals, initial=start_s)
    return [BeatEvent(t, t, label.replace(".", "")) for t, label in zip(times, labels, strict=True)]


def alone(rule: Rule) -> Rule:
    """The rule without those it hides."""
    return replace(rule, hides=())


def raised(rule: Rule, events: list[InputEvent], until_s: float | None = None) -> list[tuple[float, float]]:
    """When a rule on its own raises, and where its condition began, in ms."""
    said = run([rule], events, until_s)
    return [(round(event.time_s, 3), round(event.since_s, 3)) for event in said if event.kind == "raised"]


def run(rules: list[Rule], events: list[InputEvent], until_s: float | None = None) -> list[AlarmEvent]:
    engine = AlarmEngine([Rule(r.name, r.priority, r.watch, technical=r.technical) for r in rules])
    said = [one for event in sorted(events, key=order) for one in engine.advance(event)]
    return said + (engine.advance_to(until_s) if until_s is not None else [])


def times(name: str, labels: str, rr_s: float | list[float] = 0.8) -> list[tuple[float, float]]:
    return raised(SHIPPED[name], beats(labels, rr_s))


@pytest.mark.parametrize(
    ("gap_s", "expected"),
    [(3.9, []), (3.999, []), (4.0, [(6.0, 2.0)]), (4.1, [(6.0, 2.0)]), (60.0, [(6.0, 2.0)])],
)
def test_asystole_is_four_seconds_without_a_beat(gap_s: float, expected: list[tuple[float, float]]) -> None:
    assert times("asystole", "NNN", [1.0, gap_s]) == expected


def test_asystole_is_told_by_time_and_not_by_the_next_beat() -> None:
    engine = AlarmEngine([alone(SHIPPED["asystole"])], latency_s=0.6, start_s=9.0)
    assert engine.advance(BeatEvent(10.0, 10.6, "N")) == []
    assert engine.advance_to(14.6) == []
    (event,) = engine.advance_to(14.7)
    assert (event.time_s, event.since_s, event.kind) == (14.6, 10.0, "raised")


def test_a_recording_without_any_beat_is_asystole() -> None:
    assert raised(SHIPPED["asystole"], [], until_s=5.0) == [(4.0, 0.0)]


def test_a_beat_known_late_but_in_time_prevents_asystole() -> None:
    engine = AlarmEngine([alone(SHIPPED["asystole"])], latency_s=0.6, start_s=9.0)
    engine.advance(BeatEvent(10.0, 10.6, "N"))
    assert engine.advance(BeatEvent(13.99, 14.59, "N")) == []
    assert engine.advance_to(18.5) == []


@pytest.mark.parametrize(
    ("rr_s", "expected"),
    [
        ([1.5] * 8, []),
        ([1.51] * 3, []),
        ([1.51] * 4, [(7.04, 1.0)]),
        ([1.51] * 3 + [0.8] + [1.51] * 3, []),
        ([0.8] * 4 + [1.51] * 4, [(10.24, 4.2)]),
    ],
)
def test_bradycardia_is_below_forty_for_five_beats(rr_s: list[float], expected: list[tuple[float, float]]) -> None:
    assert times("extreme-bradycardia", "N" * (len(rr_s) + 1), rr_s) == expected


@pytest.mark.parametrize(
    ("rr_s", "expected"),
    [
        ([0.425] * 15, []),
        ([0.425] * 16, [(7.8, 1.0)]),
        ([60.0 / 140.0] * 40, []),
        ([0.8] * 3 + [0.425] * 16, [(10.2, 3.4)]),
        ([0.3, 0.6] * 12, []),
        ([0.3, 0.55] * 8, [(7.8, 1.0)]),
    ],
)
def test_tachycardia_is_above_140_for_seventeen_beats(rr_s: list[float], expected: list[tuple[float, float]]) -> None:
    assert times("extreme-tachycardia", "N" * (len(rr_s) + 1), rr_s) == expected


@pytest.mark.parametrize(
    ("labels", "rr_s", "expected"),
    [
        ("NVVVVN", 0.4, []),
        ("NVVVVVN", 0.4, [(3.0, 1.4)]),
        ("NVVVVVN", 0.6, []),
        ("NVVVVVN", 0.599, [(3.995, 1.599)]),
        ("NVVVVFV", 0.4, []),
        ("NVVVVNV", 0.4, []),
        ("NVV.VVVN", 0.4, [(3.4, 1.4)]),
        ("NVVVVVVV", [0.8, 0.8, 0.8, 0.8, 0.4, 0.4, 0.4], [(5.4, 1.8)]),
    ],
)
def test_ventricular_tachycardia_is_five_v_beats_above_100(
    labels: str, rr_s: float | list[float], expected: list[tuple[float, float]]
) -> None:
    assert times("ventricular-tachycardia", labels, rr_s) == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("NNVVN", []),
        ("NNVVVN", [(4.2, 2.6)]),
        ("NNVVSVN", []),
        ("NNVVVVVVN", [(4.2, 2.6)]),
        ("VVVNVVV", [(2.6, 1.0), (5.8, 4.2)]),
    ],
)
def test_a_ventricular_run_is_three_v_beats(labels: str, expected: list[tuple[float, float]]) -> None:
    assert times("ventricular-run", labels) == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("NNVNN", []),
        ("NNVV", []),
        ("NNVVN", [(4.2, 2.6)]),
        ("NNVVVN", []),
        ("NVVNVVS", [(3.4, 1.8), (5.8, 4.2)]),
    ],
)
def test_a_couplet_is_exactly_two_v_beats(labels: str, expected: list[tuple[float, float]]) -> None:
    assert times("couplet", labels) == expected


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("bigeminy", "NVNVNN", []),
        ("bigeminy", "NVNVNV", [(5.0, 1.8)]),
        ("bigeminy", "VNVSV", [(4.2, 1.0)]),
        ("bigeminy", "NVNVVNV", []),
        ("bigeminy", "NVNVNNVNVNV", [(9.0, 5.8)]),
        ("bigeminy", "NVNVNVNVNV", [(5.0, 1.8)]),
        ("trigeminy", "VNNVNV", []),
        ("trigeminy", "VNNVNNV", [(5.8, 1.0)]),
        ("trigeminy", "NVNVNVNV", []),
        ("trigeminy", "VNNVNNNVNNVNNV", [(11.4, 6.6)]),
    ],
)
def test_bigeminy_and_trigeminy_are_three_v_beats_in_step(
    name: str, labels: str, expected: list[tuple[float, float]]
) -> None:
    assert times(name, labels) == expected


@pytest.mark.parametrize(("gap_s", "expected"), [(2.49, []), (2.5, [(4.5, 2.0)]), (3.9, [(4.5, 2.0)])])
def test_a_pause_is_shorter_than_asystole(gap_s: float, expected: list[tuple[float, float]]) -> None:
    assert times("pause", "NNN", [1.0, gap_s]) == expected


def test_irregular_rhythm_needs_disorder_and_not_a_few_premature_beats() -> None:
    rule = SHIPPED["irregular-rhythm"]
    irregular = [0.8, 0.6, 0.9, 0.7] * 17
    premature = ([0.8] * 8 + [0.5, 1.1]) * 10
    drifting = [0.6 + 0.004 * (i if i < 60 else 120 - i) for i in range(120)]
    assert len(raised(rule, beats("N" * 69, irregular))) == 1
    assert raised(rule, beats("N" * 65, irregular[:64])) == []
    assert len(raised(rule, beats("N" * 66, irregular[:65]))) == 1
    assert raised(rule, beats("N" * 101, premature)) == []
    assert raised(rule, beats("N" * 121, drifting)) == []
    for ectopic in ("NNV", "NNF", "NN."):
        assert raised(rule, beats(ectopic * 60, [0.8, 0.5, 1.1] * 59 + [0.8, 0.5])) == []
    assert len(raised(rule, beats("NNNV" * 70, [0.9, 0.6, 0.5, 1.1] * 69 + [0.9, 0.6, 0.5]))) == 1


def test_fibrillation_is_four_seconds_of_it() -> None:
    rule = SHIPPED["ventricular-fibrillation"]
    for n, expected in ((2, []), (3, [4.0]), (20, [4.0])):
        scores = [FibrillationScore(3.0 + 0.5 * i, 3.0 + 0.5 * i, 0.9) for i in range(n)]
        engine = AlarmEngine([alone(rule)])
        said = [one for score in scores for one in engine.advance(score)]
        last = scores[-1].time_s + 0.5
        said += engine.advance(FibrillationScore(last, last, 0.0))
        assert [event.time_s for event in said if event.kind == "raised"] == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2.0] * 7 + [0.0] * 20, []),
        ([2.0] * 8, [8.0]),
        ([2.0, 2.0, 2.0, 2.0, 0.0, 2.0, 0.0, 2.0, 2.0, 2.0], [10.0]),
        ([1.0] * 8, [8.0]),
        ([0.99] * 40, []),
    ],
)
def test_an_anomaly_must_persist_in_eight_of_ten_scores(values: list[float], expected: list[float]) -> None:
    scores = [AnomalyScore(1.0 + i, 1.0 + i, value) for i, value in enumerate(values)]
    assert [at for at, _ in raised(SHIPPED["anomaly"], scores)] == expected


def test_an_unusable_score_neither_begins_nor_ends_an_alarm() -> None:
    rule = Rule("x", "low", Level("anomaly", threshold=1.0, k=2, n=2))
    values = [(2.0, True), (9.0, False), (2.0, True), (0.0, False), (0.0, False)]
    said = run([rule], [AnomalyScore(1.0 + i, 1.0 + i, v, usable) for i, (v, usable) in enumerate(values)])
    assert [(event.time_s, event.kind) for event in said] == [(3.0, "raised")]


def test_hysteresis_keeps_an_alarm_on_between_release_and_threshold() -> None:
    rule = Rule("x", "low", Level("anomaly", threshold=1.0, release=0.5))
    said = run([rule], [AnomalyScore(1.0 + i, 1.0 + i, v) for i, v in enumerate([0.9, 1.0, 0.6, 0.5, 0.49, 0.9])])
    assert [(event.time_s, event.kind) for event in said] == [(2.0, "raised"), (5.0, "cleared")]


def test_a_rate_between_limit_and_release_keeps_an_alarm_on() -> None:
    rule = Rule("x", "high", Rate(beats=2, below_bpm=40.0, release_bpm=50.0))
    said = run([rule], beats("NNNNN", [1.6, 1.4, 1.25, 1.19]))
    assert [(event.kind, round(event.time_s, 2)) for event in said] == [("raised", 2.6), ("cleared", 6.44)]


def bad(start_s: float, stop_s: float, **shares: float) -> list[SignalState]:
    """States of each second of 23 s, none of it good between ``start_s`` and ``stop_s``."""
    seconds = [float(second) for second in range(1, 24)]
    return [SignalState(t, 0.0, **shares) if start_s < t <= stop_s else SignalState(t, 1.0) for t in seconds]


def test_no_beat_is_expected_in_bad_signal() -> None:
    gone = beats("NNN", 1.0) + beats("NNN", 1.0, start_s=20.5)
    assert raised(SHIPPED["asystole"], [*gone, *bad(3.0, 19.0)]) == []
    assert raised(SHIPPED["asystole"], [*gone, *bad(3.0, 16.0)]) == [(20.0, 16.0)]
    assert raised(SHIPPED["asystole"], [*gone, *bad(0.0, 0.0)]) == [(7.0, 3.0)]


def test_intervals_across_bad_signal_are_no_heart_rate() -> None:
    slow = Rule("slow", "high", Rate(beats=2, below_bpm=40.0))
    assert raised(slow, beats("NNN", [1.0, 6.0])) == [(8.0, 2.0)]
    assert raised(slow, [*beats("NNN", [1.0, 6.0]), *bad(4.0, 5.0)]) == []
    assert raised(slow, [*beats("NNN", [1.0, 6.0], start_s=2.6), *bad(3.0, 4.0)]) == []
    assert raised(slow, [*beats("NNN", [1.0, 6.0], start_s=3.2), *bad(3.0, 4.0)]) == [(10.2, 4.2)]
    assert raised(SHIPPED["bigeminy"], [*beats("VNVNV", [1.0, 1.0, 4.0, 1.0]), *bad(4.0, 5.0)]) == []
    run_of_three = SHIPPED["ventricular-run"]
    assert raised(run_of_three, [*beats("VVVV", [1.0, 4.0, 1.0]), *bad(4.0, 5.0)]) == []


def test_intervals_across_flutter_are_no_heart_rate() -> None:
    slow = Rule("slow", "high", Rate(beats=2, below_bpm=40.0))
    gap = beats("NNN", [1.0, 6.0])
    assert raised(slow, [*gap, FibrillationScore(5.5, 5.5, 0.9)]) == []
    assert raised(slow, [*gap, FibrillationScore(5.5, 5.5, 0.4)]) == [(8.0, 2.0)]
    later = beats("NNNN", [1.0, 6.0, 2.0])
    assert raised(slow, [*later, FibrillationScore(5.5, 5.5, 0.9)]) == [(10.0, 8.0)]
    assert raised(slow, [*gap, FibrillationScore(4.5, 4.5, 0.9)]) == [(8.0, 2.0)]


def test_a_label_that_is_not_good_counts_as_a_beat_of_unknown_class() -> None:
    events = [BeatEvent(t, t, "V", good=t != 3.0) for t in (1.0, 2.0, 3.0, 4.0)]
    assert raised(SHIPPED["ventricular-run"], events) == [(4.0, 1.0)]
    assert raised(SHIPPED["ventricular-run"], events[:3]) == []


@pytest.mark.parametrize(
    ("name", "what"), [("lead-off", "missing"), ("lead-flat", "flat"), ("lead-saturated", "saturated")]
)
def test_signal_trouble_is_a_technical_alarm_of_its_own(name: str, what: str) -> None:
    said = run([SHIPPED[name]], bad(3.0, 9.0, **{what: 0.6}))
    assert [(event.time_s, event.kind, event.technical) for event in said] == [
        (4.0, "raised", True),
        (10.0, "cleared", True),
    ]
    assert run([SHIPPED[name]], bad(3.0, 9.0, **{what: 0.4})) == []


def test_a_rule_comes_back_from_its_table_in_a_recipe() -> None:
    for rule in SHIPPED.values():
        assert rule_from_dict(json.loads(json.dumps(rule_to_dict(rule)))) == rule
        assert hash(rule)


def test_rules_come_back_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "alarms.toml"
    path.write_text(rules_to_toml(tuple(SHIPPED.values())), encoding="utf-8")
    assert read_rules(path) == tuple(SHIPPED.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[alarm", "cannot be read as TOML"),
        ("", r"expected \[\[alarm\]\] tables and nothing else, got none"),
        ('alarm = ["asystole"]', r"expected \[\[alarm\]\] tables"),
        ("[[alarms]]\nname = 'x'", "nothing else, got alarms"),
        ("[[alarm]]\nname = 'x'", "alarm 'x': watch must be a table"),
    ],
)
def test_a_file_that_holds_no_rules_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "alarms.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=f"alarms.toml: .*{message}"):
        read_rules(path)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": "x", "priority": "high"}, "watch must be a table"),
        (
            {"name": "x", "priority": "high", "watch": {"condition": "Gab"}},
            "unknown condition 'Gab'; did you mean 'Gap'",
        ),
        ({"name": "x", "priority": "high", "watch": {"condition": "Gap", "at_least": 4}}, "unknown key 'at_least'"),
        (
            {"name": "x", "priority": "hi", "watch": {"condition": "Gap", "at_least_s": 4}},
            "must be one of high, medium",
        ),
        ({"name": "all", "priority": "low", "watch": {"condition": "Gap", "at_least_s": 4}}, "needs a name other than"),
        ({"priority": "low", "watch": {"condition": "Gap", "at_least_s": 4}}, "name must be given"),
    ],
)
def test_a_table_that_is_no_rule_is_refused(table: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rule_from_dict(table)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Gap(0.0), "at_least_s must be a positive number"),
        (lambda: Rate(beats=1, below_bpm=40.0), "beats >= 2, got 1"),
        (lambda: Rate(beats=5), "give below_bpm or above_bpm"),
        (lambda: Rate(beats=5, below_bpm=40.0, above_bpm=140.0), "give below_bpm or above_bpm"),
        (lambda: Rate(beats=5, below_bpm=40.0, release_bpm=30.0), "normal side of the limit 40"),
        (lambda: Rate(beats=5, above_bpm=140.0, release_bpm=150.0), "normal side of the limit 140"),
        (lambda: Run(beats=1), "beats >= 2, got 1"),
        (lambda: Run(beats=3, above_bpm=-1.0), "above_bpm must be 0 or a rate"),
        (lambda: Repeat(every=1), "every and cycles must be 2 or more"),
        (lambda: Irregular(changes=3), "changes must be 4 or more"),
        (lambda: Irregular(release=0.5), "release must lie in 0 to above"),
        (lambda: Level("anomaly", float("inf")), "threshold must be finite"),
        (lambda: Level("anomaly", 1.0, release=2.0), "release must not exceed threshold"),
        (lambda: Level("anomaly", 1.0, k=3, n=2), "1 <= k <= n, got 3 of 2"),
        (lambda: Signal("flat", share=0.0), r"share must lie in \(0, 1\]"),
    ],
)
def test_an_impossible_condition_is_refused(make: "type[Condition]", message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_rules_need_unique_names_and_hide_only_each_other() -> None:
    gap = Gap(4.0)
    with pytest.raises(ValueError, match="two rules are called 'a'"):
        check_rules([Rule("a", "low", gap), Rule("a", "low", gap)])
    with pytest.raises(ValueError, match="a hides 'paus', which is no rule; did you mean 'pause'"):
        check_rules([Rule("a", "low", gap, hides=("paus",)), Rule("pause", "low", gap)])
    with pytest.raises(ValueError, match="a cannot hide itself"):
        Rule("a", "low", gap, hides=("a",))
    with pytest.raises(ValueError, match="a: off_delay_s must be 0 or more"):
        Rule("a", "low", gap, off_delay_s=-1.0)

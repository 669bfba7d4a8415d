"""Figures that only some tasks have, on windows whose answers are given."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from biosig.datasets.corpus import Corpus
from biosig.errors import RecipeError
from biosig.monitoring.alarms import AlarmEngine
from biosig.monitoring.conditions import Level
from biosig.monitoring.events import ClassScore
from biosig.monitoring.rules import Rule
from biosig.recipe import EventsPart, Recipe, parse_recipe
from biosig.records.recording import Annotations, Layout, Recording
from biosig.runs.task_figures import Scored, check_figures, find_events, task_figures
from biosig.windows.index import Windows
from biosig.windows.stream import cut_recording


def recipe(labels: list[str], figures: list[str], length_s: float, **parts: object) -> Recipe:
    table = {
        "name": "demo", "summary": "A demonstration.",
        "data": {"dataset": "demo", "channels": ["A"], "unit": "uV", "labels": labels},
        "signal": [],
        "windows": {"cut": "slide", "options": {"length_s": length_s, "stride_s": length_s}},
        "model": {"name": "recurrent"},
        "figures": figures,
    }  # fmt: skip
    return parse_recipe(table | parts, where="demo")


@dataclass(frozen=True)
class Marked(Corpus):
    """Recordings of silence, all with the same marks; the first letter says who it is."""

    marks: Annotations = field(default_factory=Annotations)
    duration_s: float = 0.0
    name = "demo"

    @classmethod
    def open(cls, given: Path | None = None) -> "Marked":
        return cls(Path())

    def splits(self):
        return {}

    def subject_of(self, record: str) -> str:
        return record[0]

    def read(self, record: str, channels) -> Recording:
        layout = Layout(("A",), 10.0, ("uV",))
        silence = np.zeros((1, round(10 * self.duration_s)))
        return Recording.from_array(silence, layout, name=f"demo/{record}", subject=record[0], annotations=self.marks)


def scored(design: Recipe, corpus: Marked, answers: dict[str, list[float]]) -> Scored:
    """Records with the probability of the last label in each window."""
    parts = []
    for record in answers:
        recording = corpus.read(record, ["A"])
        windows = cut_recording(recording, design.chain, design.cutter)
        parts.append(replace(windows, label=corpus.label(recording, windows, design.data.labels)))
    last = np.concatenate([np.array(each) for each in answers.values()])
    k = len(design.data.labels)
    probabilities = np.column_stack([*[(1 - last) / (k - 1)] * (k - 1), last])
    return Scored(design, corpus, Windows.join(parts), probabilities, probabilities.argmax(axis=1))


def marks(*spans: tuple[float, float, str]) -> Annotations:
    onset_s, duration_s, label = zip(*spans, strict=True)
    return Annotations.at(np.array(onset_s), label, duration_s=np.array(duration_s))


def test_windows_make_events_by_k_of_n_from_the_first_hit_to_the_last():
    rule = EventsPart(label="seizure", threshold=0.6, k=2, n=3)
    value = np.array([0.9, 0.1, 0.1, 0.9, 0.1, 0.7, 0.7, 0.2, 0.1, 0.1])
    found = find_events(4.0 * np.arange(10), value, np.ones(10, dtype=bool), length_s=4.0, rule=rule)
    assert found.tolist() == [[12.0, 28.0]]


def test_hysteresis_keeps_an_event_and_unusable_windows_are_passed_over():
    rule = EventsPart(label="seizure", threshold=0.8, release=0.4, k=1, n=1)
    value = np.array([0.1, 0.9, 0.5, 0.99, 0.45, 0.3, 0.5])
    usable = np.array([True, True, True, False, True, True, True])
    found = find_events(np.arange(7.0), value, usable, length_s=2.0, rule=rule)
    assert found.tolist() == [[1.0, 6.0]]
    assert find_events(np.zeros(0), np.zeros(0), np.zeros(0, bool), length_s=2.0, rule=rule).shape == (0, 2)


def test_an_event_is_found_exactly_where_a_monitor_would_alarm():
    generator = np.random.default_rng(5)
    value = np.repeat(generator.uniform(size=60), 5) * generator.uniform(0.6, 1, 300)
    rule = EventsPart(label="seizure", threshold=0.6, release=0.5, k=3, n=5)
    found = find_events(np.arange(300.0), value, np.ones(300, bool), length_s=2.0, rule=rule)
    engine = AlarmEngine([Rule("seizure", "high", Level("class", 0.6, 0.5, 3, 5, "seizure"))])
    said = [
        event for at, p in enumerate(value) for event in engine.advance(ClassScore(at, at, float(p), True, "seizure"))
    ]
    assert [event.since_s for event in said if event.kind == "raised"] == found[:, 0].tolist()
    assert len(found) > 5


def test_seizure_figures_follow_the_recipes_rule():
    # Two hours of 4 s windows. Annotated 400-440 s; a1 is detected in it and once an hour later, b1 not at all.
    design = recipe(["background", "seizure"], ["szcore"], 4.0, events={"label": "seizure", "k": 2, "n": 2})
    corpus = Marked(Path(), marks=marks((400, 40, "seizure")), duration_s=7200)
    hit = np.full(1800, 0.1)
    hit[[101, 102, 103, 1000, 1001, 1500]] = 0.9
    report = task_figures(scored(design, corpus, {"a1": hit.tolist(), "b1": [0.1] * 1800}))
    figures = report.metrics["szcore"]
    events = figures["events"]
    assert (events["references"], events["found"], events["false_alarms"]) == (2, 1, 1)
    assert events["false_alarms_per_day"] == pytest.approx(1 / (4 / 24))
    assert figures["samples"]["found"] == 12
    assert figures["rule"] == {"label": "seizure", "threshold": 0.5, "k": 2, "n": 2}
    assert [one.caption for one in report.timelines] == [
        "demo/a1: 1 seizure, 2 detected",
        "demo/b1: 1 seizure, 0 detected",
    ]


def test_nights_are_reported_one_by_one_without_epochs_that_have_no_stage():
    design = recipe(["W", "N2", "REM"], ["hypnogram"], 30.0)
    corpus = Marked(Path(), marks=marks((0, 120, "W"), (150, 90, "REM")), duration_s=240)
    report = task_figures(scored(design, corpus, {"a1": [0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9, 0.1]}))
    night = report.metrics["nights"]["demo/a1"]
    assert (night["n"], night["accuracy"]) == (7, pytest.approx(5 / 7))
    assert night["minutes"] == {"W": 2.0, "N2": 0.0, "REM": 1.5}
    assert night["minutes_by_model"] == {"W": 2.0, "N2": 0.0, "REM": 1.5}
    assert report.timelines[0].caption.startswith("demo/a1: accuracy 0.71, Cohen's kappa 0.42")


def test_a_trial_is_answered_by_the_mean_log_probability_of_its_windows():
    design = recipe(["left fist", "right fist"], ["trials"], 1.0)
    trials = marks((0, 4, "rest"), (4, 4, "left fist"), (8, 4, "rest"), (12, 4, "right fist"))
    corpus = Marked(Path(), marks=trials, duration_s=16)
    # Subject a: the left trial is certain once and a little wrong three times, the right one is right.
    a = [0.5] * 4 + [0.01, 0.6, 0.6, 0.6] + [0.5] * 4 + [0.9] * 4
    b = [0.5] * 4 + [0.9] * 4 + [0.5] * 4 + [0.9] * 4
    report = task_figures(scored(design, corpus, {"a1": a, "b1": b})).metrics["trials"]
    assert report["n"] == 4
    assert report["subjects"] == {"a": {"n": 2, "accuracy": 1.0}, "b": {"n": 2, "accuracy": 0.5}}
    assert report["accuracy"] == report["subject_mean"]["mean"] == 0.75
    assert report["confusion"]["matrix"] == [[1, 1], [0, 2]]


def test_figures_that_cannot_be_are_refused():
    with pytest.raises(RecipeError, match="unknown figures 'hypnogramm'; did you mean 'hypnogram'"):
        check_figures(recipe(["a", "b"], ["hypnogramm"], 1.0))
    with pytest.raises(RecipeError, match=r"figures 'szcore' need \[events\]"):
        check_figures(recipe(["a", "b"], ["szcore"], 1.0))
    beats = {"cut": "beats"}
    with pytest.raises(RecipeError, match="about windows of fixed length, not beats"):
        check_figures(recipe(["a", "b"], ["trials"], 1.0, windows=beats))


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ({"label": "other"}, "events.label must be among data.labels a, b, got 'other'"),
        ({"label": "a", "k": 3, "n": 2}, "k of n needs k <= n, got 3 of 2"),
        ({"label": "a", "threshold": 0.5, "release": 0.6}, "release must not exceed threshold=0.5, got 0.6"),
    ],
)
def test_rules_that_cannot_be_are_refused(events, message):
    with pytest.raises(RecipeError, match=message):
        recipe(["a", "b"], ["szcore"], 1.0, events=events)

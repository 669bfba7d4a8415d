"""False alarms are counted as the alarm rule raises them."""

import numpy as np
import pytest

from biosig.evaluation.false_alarms import false_alarm_minutes, persistence, persistent_level
from biosig.monitoring.alarms import AlarmEngine
from biosig.monitoring.conditions import Level
from biosig.monitoring.events import AnomalyScore
from biosig.monitoring.rules import shipped_rules
from biosig.windows.beats import Beats
from biosig.windows.slide import Slide

ONE = np.zeros(120, dtype=np.int64)


def test_eight_of_ten_scores_must_reach_a_threshold():
    score = np.array([5.0] * 7 + [0.0, 0.0, 4.0] + [0.0] * 5)
    level = persistent_level(score, 8, 10)
    assert level[:7].tolist() == [-np.inf] * 7
    assert level[7:10].tolist() == [0.0, 0.0, 4.0]
    assert (level[10:] == 0.0).all()


@pytest.mark.parametrize("seed", range(5))
def test_levels_say_when_the_shipped_alarm_is_raised(seed):
    """The rule of the monitor itself, run over the same scores."""
    generator = np.random.default_rng(seed)
    score = generator.normal(size=200) + np.repeat(generator.normal(size=20), 10)
    threshold = 0.6
    met = np.flatnonzero(persistent_level(score, 8, 10) >= threshold)
    rules = [rule for rule in shipped_rules(Level("anomaly", threshold, k=8, n=10)) if rule.name == "anomaly"]
    engine = AlarmEngine(rules, latency_s=0.0)
    events = [AnomalyScore(float(at), float(at), float(value), True) for at, value in enumerate(score)]
    raised = [said for event in events for said in engine.advance(event) if said.kind == "raised"]
    assert len(met) > 0
    assert raised[0].time_s == float(met[0])


def test_an_alarm_that_does_not_end_costs_every_minute():
    score, time_s = np.ones(120), np.arange(120) * 2.0
    minutes = false_alarm_minutes(score, time_s, ONE, (8, 10))
    assert minutes.tolist() == [1.0] * 4
    assert (minutes >= 1.0).sum() == 4


def test_alarms_do_not_reach_from_one_recording_into_the_next():
    recording = np.repeat([0, 1], 60)
    score = np.concatenate([np.ones(60), np.zeros(60)])
    minutes = false_alarm_minutes(score, np.tile(np.arange(60.0), 2), recording, (8, 10))
    assert minutes.tolist() == [1.0, 0.0]


def test_ten_beats_or_ten_seconds_of_windows_are_looked_at():
    assert persistence(Beats()) == (8, 10)
    assert persistence(Slide(length_s=2.0, stride_s=0.5)) == (16, 20)
    assert persistence(Slide(length_s=30.0, stride_s=30.0)) == (2, 2)

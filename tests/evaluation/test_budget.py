"""A threshold keeps to its budget on patients it was not chosen on, and what is told of them is right."""

import numpy as np
import pytest

from biosig.evaluation.budget import (
    expected_rates,
    minutes_of_patients,
    rate_figures,
    rates,
    threshold_within,
    trade_off,
)


def ward(n, seed, *, n_minutes=60):
    """Patients of whom a few are noisy: levels of normal minutes, each patient's about a level of their own."""
    generator = np.random.default_rng(seed)
    own = generator.gamma(2.0, 0.7, size=n)
    return {f"p{i:03d}": np.sort(own[i] + generator.normal(size=n_minutes)) for i in range(n)}


def test_a_rate_is_sixty_times_the_share_of_minutes_at_or_above_the_threshold():
    minutes = {"calm": np.array([-np.inf, 0.0, 1.0]), "loud": np.array([2.0, 3.0])}
    assert rates(minutes, 1.0).tolist() == [20.0, 60.0]
    assert rates(minutes, 2.5).tolist() == [0.0, 30.0]


def test_patients_are_told_apart_and_their_recordings_are_not_joined():
    score = np.concatenate([np.ones(60), np.zeros(60), np.full(60, 2.0)])
    recording = np.repeat([0, 1, 2], 60)
    subject = np.array(["a", "a", "b"])[recording]
    minutes = minutes_of_patients(score, np.tile(np.arange(60.0), 3), recording, subject, (8, 10))
    assert {name: levels.tolist() for name, levels in minutes.items()} == {"a": [0.0, 1.0], "b": [2.0]}


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("per_hour", [0.0, 1.0, 5.0, 30.0])
def test_a_threshold_is_the_lowest_whose_bound_keeps_to_the_budget(per_hour, confidence):
    """Every threshold there is tried one by one, with means over patients drawn one by one."""
    minutes = ward(12, 3)
    drawn = np.random.default_rng(0).multinomial(12, np.full(12, 1 / 12), size=1000)

    def bound(limit):
        each = [60.0 * np.mean(levels >= limit) for levels in minutes.values()]
        return np.quantile(drawn @ each / 12, confidence)

    levels = np.unique(np.concatenate([*minutes.values()]))[200:]
    kept = [level for level in [*levels, levels[-1] + 1.0] if bound(level) <= per_hour]
    threshold = threshold_within(per_hour, minutes, confidence=confidence)
    assert bound(threshold) == bound(min(kept)) <= per_hour
    assert bound(np.max(levels[levels < threshold])) > per_hour


def test_of_one_patient_the_bound_is_the_rate():
    minutes = {"a": np.sort(np.random.default_rng(0).normal(size=240))}
    threshold = threshold_within(2.5, minutes, confidence=0.9)
    assert (minutes["a"] >= threshold).sum() == 10


def test_a_budget_that_allows_everything_gives_the_lowest_level():
    assert threshold_within(60.0, {"a": np.array([-np.inf, 1.0, 3.0])}, confidence=0.9) == 1.0


def test_every_patient_counts_the_same_however_long_they_were_recorded():
    minutes = {"long": np.zeros(600), "short": np.full(10, 5.0)}
    assert threshold_within(29.0, minutes, confidence=0.5) > 5.0
    assert 0.0 < threshold_within(30.0, minutes, confidence=0.5) <= 5.0


def test_the_bound_keeps_the_budget_on_other_patients_where_the_mean_exceeds_it():
    """Forty wards of twenty-two, and what their thresholds give on a thousand others."""
    others = ward(1000, 999)
    means = {}
    for confidence in (0.5, 0.9):
        chosen = [threshold_within(1.0, ward(22, seed, n_minutes=31), confidence=confidence) for seed in range(40)]
        means[confidence] = np.mean([rates(others, limit).mean() for limit in chosen])
    assert means[0.9] < 1.25
    assert means[0.5] > 1.5


def test_what_is_expected_of_a_patient_rests_on_the_others_alone():
    minutes = ward(8, 1)
    found = expected_rates(2.0, minutes, confidence=0.9)
    assert list(found) == list(minutes)
    for name in minutes:
        rest = {other: levels for other, levels in minutes.items() if other != name}
        limit = threshold_within(2.0, rest, confidence=0.9)
        assert found[name] == pytest.approx(60.0 * np.mean(minutes[name] >= limit))


def test_of_many_patients_some_are_left_out_together_and_of_one_nothing_is_expected():
    assert len(expected_rates(2.0, ward(120, 0, n_minutes=10), confidence=0.9)) == 120
    assert expected_rates(2.0, ward(1, 0), confidence=0.9) == {}


def test_figures_name_those_beyond_the_budget_worst_first():
    figures = rate_figures({"a": 0.0, "b": 2.0, "c": 1.0, "d": 9.0}, 1.0)
    assert (figures["mean"], figures["median"], figures["worst"], figures["n"]) == (3.0, 1.5, 9.0, 4)
    assert figures["above"] == ["d", "b"]
    assert list(figures["each"].items()) == [("d", 9.0), ("b", 2.0), ("c", 1.0), ("a", 0.0)]
    assert figures["ci95"][0] < 3.0 < figures["ci95"][1]
    assert rate_figures({"a": 2.0}, 1.0)["ci95"] is None
    assert rate_figures({"a": 0.0, "b": 0.0}, 1.0)["ci95"] is None


def test_a_trade_off_runs_from_no_false_alarm_to_one_in_every_minute():
    minutes = ward(5, 2)
    score = np.random.default_rng(1).normal(loc=3.0, size=200)
    curve = trade_off(minutes, {"V": score, "F": np.zeros(0)})
    assert list(curve["sensitivity"]) == ["V"]
    assert curve["per_hour"][0] == 0.0
    assert curve["per_hour"][-1] == pytest.approx(60.0)
    assert (np.diff(curve["threshold"]) < 0).all()
    for limit, rate, found in zip(curve["threshold"], curve["per_hour"], curve["sensitivity"]["V"], strict=True):
        assert rate == pytest.approx(np.mean([60.0 * np.mean(levels >= limit) for levels in minutes.values()]))
        assert found == pytest.approx(np.mean(score >= limit))


def test_without_enough_windows_there_is_no_threshold():
    minutes = {"a": np.array([-np.inf, -np.inf])}
    with pytest.raises(ValueError, match="got 2, none with enough of them"):
        threshold_within(1.0, minutes, confidence=0.9)
    assert trade_off(minutes, {"V": np.zeros(1)})["threshold"] == []

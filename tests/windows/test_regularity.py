"""Figures of intervals: worked out by hand for rhythms whose answer is known."""

from math import isnan

import numpy as np
import pytest
from numpy.typing import NDArray

from biosig.windows.regularity import FEWEST, REGULARITY_FEATURES, regularity


def figures(rr_s: list[float] | NDArray[np.float64], follows: NDArray[np.bool_] | None = None) -> dict[str, float]:
    rr = np.array(rr_s, dtype=np.float64)
    known = np.ones(len(rr) - 1, dtype=bool) if follows is None else follows
    return dict(zip(REGULARITY_FEATURES, regularity(rr, known), strict=True))


def test_a_metronome_has_no_steps():
    found = figures([0.75] * 20)
    assert found["intervals"] == 20
    assert found["rate"] == found["rate_mean"] == found["rate_fast"] == found["rate_slow"] == pytest.approx(80.0)
    steps = ("spread", "step_rms", "step", "over_20ms", "early", "short", "long", "made_up", "turns")
    assert [found[name] for name in steps] == pytest.approx([0.0] * len(steps), abs=1e-12)
    assert found["scatter_still"] == 1.0
    assert found["scatter_cells"] == found["scatter_entropy"] == 0.0
    assert found["scatter_evidence"] == -1.0


def test_an_extra_beat_with_its_pause_is_counted_once():
    found = figures([0.8] * 6 + [0.5, 1.1] + [0.8] * 6)
    assert found["early_count"] == 2.0  # the extra beat, and the first normal interval after the pause
    assert found["early"] == pytest.approx(2 / 13)
    assert found["very_early"] == pytest.approx(2 / 13)
    assert found["made_up_count"] == 1.0
    assert found["short"] == found["long"] == pytest.approx(1 / 14)
    assert found["pause"] == 0.0


def test_steps_are_relative_to_the_median_interval():
    found = figures([0.8, 0.9, 0.8, 0.9, 0.8])
    assert found["step"] == found["step_rms"] == pytest.approx(0.1 / 0.8)
    assert found["over_50ms"] == found["over_tenth"] == 1.0
    assert found["over_fifth"] == 0.0
    assert found["turns"] == 1.0


def test_intervals_with_something_left_out_between_them_are_not_compared():
    follows = np.ones(9, dtype=bool)
    follows[4] = False
    found = figures([0.6] * 5 + [1.0] * 5, follows)
    assert found["step_rms"] == 0.0
    assert found["early_count"] == found["turns"] == 0.0
    assert figures([0.6] * 5 + [1.0] * 5)["step_rms"] > 0.1


def test_random_intervals_are_less_predictable_than_a_cycle_of_the_same_ones():
    cycle = np.tile([0.6, 0.7, 0.8, 0.9, 1.0, 1.1], 10)
    drawn = np.random.default_rng(0).permutation(cycle)
    told, untold = figures(cycle), figures(drawn)
    for name in ("entropy", "scatter_entropy", "scatter_evidence"):
        assert untold[name] > told[name]
    assert untold["spread"] == pytest.approx(told["spread"])


def test_too_few_intervals_say_nothing():
    assert all(isnan(value) for value in regularity(np.full(FEWEST - 1, 0.8), np.ones(FEWEST - 2, dtype=bool)))
    assert all(isnan(value) for value in regularity(np.full(6, 0.8), np.zeros(5, dtype=bool)))
    assert all(isnan(value) for value in regularity(np.zeros(0), np.zeros(0, dtype=bool)))


def test_without_pairs_of_steps_only_the_scatter_is_unknown():
    found = figures([0.8] * 6, np.array([True, False, True, False, True]))
    assert {name for name, value in found.items() if isnan(value)} == {
        "scatter_cells",
        "scatter_still",
        "scatter_evidence",
        "scatter_entropy",
    }

"""The grid of 120 Hz: means over stretches of samples, whole or not."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from biosig.records.recording import Layout
from biosig.signal.beat_grid import LeadGrid


@pytest.mark.parametrize("fs", [100.0, 120.0, 250.0, 360.0, 1000.0])
def test_a_grid_sample_is_the_mean_of_its_stretch(fs: float) -> None:
    levels = np.random.default_rng(0).integers(-5000, 5000, 400)
    lead = LeadGrid(Layout(("ecg",), fs, ("mV",)), past=3)
    good = np.ones(400, dtype=np.bool_)
    good[200] = False
    lead.take(levels[:150] / 2**14, good[:150])
    lead.take(levels[150:] / 2**14, good[150:])
    step = Fraction(int(fs), 120)
    n = int(400 / step)
    edges = [k * step for k in range(n + 1)]
    for k, (begin, end) in enumerate(pairwise(edges)):
        overlaps = [max(Fraction(0), min(end, Fraction(i + 1)) - max(begin, Fraction(i))) for i in range(400)]
        mean = sum(int(level) * overlap for level, overlap in zip(levels, overlaps, strict=True)) / step
        assert abs(lead.grid[3 + k] - mean) <= Fraction(1, 2) + Fraction(1, 10**6)
        assert lead.gap[3 + k] == (overlaps[200] > 0)
    assert lead.n_grid == n
    assert np.all(lead.grid[:3] == lead.grid[3])
    assert lead.gap[:3].all()


def test_a_missing_sample_takes_the_last_real_value_and_the_lead_begins_with_the_first() -> None:
    lead = LeadGrid(Layout(("ecg",), 360.0, ("uV",)), past=0)
    data = np.array([np.nan, np.nan, 1000.0, np.nan, np.inf, 2000.0])
    lead.take(data, np.array([True, True, True, True, True, False]))
    assert lead.lead_in == 2
    assert lead.levels.tolist() == [2**14, 2**14, 2**14, 2**15]
    assert lead.lost.tolist() == [False, True, True, True]


def test_what_was_dropped_does_not_change_what_comes() -> None:
    data, good = np.random.default_rng(1).normal(size=3000), np.ones(3000, dtype=np.bool_)
    whole, recent = (LeadGrid(Layout(("ecg",), 257.3, ("mV",)), past=0) for _ in range(2))
    whole.take(data, good)
    for start in range(0, 3000, 100):
        recent.take(data[start : start + 100], good[start : start + 100])
        recent.drop(start, recent.n_grid - 20)
    assert np.array_equal(recent.grid, whole.grid[-20:])
    assert np.array_equal(recent.levels, whole.levels[recent.first_level :])

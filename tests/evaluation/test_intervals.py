"""Bootstrap over subjects against a plain resampling loop and known quantiles."""

import numpy as np
import pytest

from biosig.evaluation import intervals
from biosig.evaluation.intervals import percentile_interval, resampled_areas, resampled_totals


def test_totals_are_sums_over_as_many_subjects_as_there_are() -> None:
    totals = resampled_totals(np.ones((7, 2, 3)), draws=50, seed=1)
    assert totals.shape == (50, 2, 3)
    assert np.array_equal(totals, np.full((50, 2, 3), 7.0))


def test_a_subject_is_drawn_whole() -> None:
    counts = np.array([[1, 100], [10, 1000], [3, 300]])
    totals = resampled_totals(counts, draws=200, seed=2)
    assert np.array_equal(totals[:, 1], 100 * totals[:, 0])
    assert set(totals[:, 0]) <= {a + b + c for a in (1, 10, 3) for b in (1, 10, 3) for c in (1, 10, 3)}


def test_the_seed_fixes_the_draws() -> None:
    counts = np.arange(12).reshape(6, 2)
    assert np.array_equal(resampled_totals(counts, seed=3), resampled_totals(counts, seed=3))
    assert not np.array_equal(resampled_totals(counts, seed=3), resampled_totals(counts, seed=4))


def test_spread_of_the_totals_is_that_of_resampling_with_replacement() -> None:
    counts = np.array([2.0, 3.0, 5.0, 7.0, 11.0, 13.0])
    totals = resampled_totals(counts, draws=20_000, seed=5)
    n = len(counts)
    assert totals.mean() == pytest.approx(counts.sum(), rel=0.01)
    assert totals.std() == pytest.approx(np.sqrt(n) * counts.std(), rel=0.03)  # variance of n draws = n x variance


def test_interval_holds_the_middle_95_percent() -> None:
    assert percentile_interval(np.arange(1001.0)) == pytest.approx([25.0, 975.0])
    assert percentile_interval(np.arange(101.0), level=0.5) == pytest.approx([25.0, 75.0])


def test_undefined_draws_do_not_count_until_they_are_the_majority() -> None:
    values = np.arange(1001.0)
    assert percentile_interval(np.concatenate([values, np.full(1001, np.nan)])) == pytest.approx([25.0, 975.0])
    assert percentile_interval(np.concatenate([values, np.full(1002, np.nan)])) is None
    assert percentile_interval(np.zeros(0)) is None


def test_impossible_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one subject and one draw, got 0 and 1000"):
        resampled_totals(np.zeros((0, 2)))
    with pytest.raises(ValueError, match=r"level must lie inside \(0, 1\), got 95"):
        percentile_interval(np.zeros(3), level=95)


def test_areas_are_those_of_items_repeated_as_often_as_their_subject_is_drawn() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    subject, is_class = rng.integers(0, 4, size=200), rng.random(200) < 0.4
    score = np.round(rng.normal(size=200) + is_class, 1)
    drawn = resampled_areas(is_class, score, subject, draws=50, seed=3)
    weights = np.random.default_rng(3).multinomial(4, np.full(4, 0.25), size=50)
    for area, weight in zip(drawn, weights, strict=True):
        assert area == pytest.approx(roc_auc_score(is_class, score, sample_weight=weight[subject]))


def test_an_area_without_one_side_is_undefined() -> None:
    subject = np.array([0, 0, 1, 1])
    drawn = resampled_areas(np.array([True, True, False, False]), np.arange(4.0), subject, draws=100)
    one_side = (np.random.default_rng(0).multinomial(2, [0.5, 0.5], size=100) == 0).any(axis=1)
    np.testing.assert_array_equal(np.isnan(drawn), one_side)


def test_areas_of_many_subjects_are_those_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    subject = np.sort(generator.integers(30, size=400))
    is_class = generator.random(400) < 0.3
    score = np.round(generator.normal(size=400) + is_class, 1)
    counted = intervals.resampled_areas(is_class, score, subject, draws=60)
    monkeypatch.setattr(intervals, "_MOST_PAIRS", 0)
    monkeypatch.setattr(intervals, "_ITEMS_AT_ONCE", 4000)
    np.testing.assert_allclose(intervals.resampled_areas(is_class, score, subject, draws=60), counted)

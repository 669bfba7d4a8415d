"""Gaps held and amplitudes bounded, worked out by hand."""

import numpy as np
import pytest

from biosig.records.recording import Layout
from biosig.signal.repair import Clip, HoldGaps
from biosig.signal.stream import Chunk

TEN_HZ = Layout(("I",), 10.0, ("mV",))
X = np.nan


def held(*samples: float, max_s: float = 0.2, settle_s: float = 0.3) -> tuple[list[float], str]:
    """Output samples, and their marks as a string of + (good) and - (bad)."""
    out = HoldGaps(max_s, settle_s).open(TEN_HZ).process(Chunk.of(np.array([samples])))
    return out.data[0].tolist(), "".join("+" if good else "-" for good in out.good[0])


def test_a_gap_repeats_the_last_real_sample_and_is_bad() -> None:
    assert held(1, 2, X, X, 5) == ([1, 2, 2, 2, 5], "++--+")


def test_before_the_first_real_sample_the_output_is_zero() -> None:
    assert held(X, X, 3, 4) == ([0, 0, 3, 4], "--++")


def test_infinity_is_as_missing_as_nan() -> None:
    assert held(1, np.inf, -np.inf, 4) == ([1, 1, 1, 4], "+--+")


def test_samples_after_a_gap_longer_than_max_s_pass_but_are_bad_until_the_contact_settled() -> None:
    assert held(1, X, X, X, 5, 6, 7, 8, 9) == ([1, 1, 1, 1, 5, 6, 7, 8, 9], "+------++")


def test_a_second_long_gap_starts_the_settling_again() -> None:
    assert held(1, X, X, X, 5, X, X, X, 9, 9, 9, 9) == ([1, 1, 1, 1, 5, 5, 5, 5, 9, 9, 9, 9], "+----------+")


def test_a_short_gap_during_settling_does_not_shorten_it() -> None:
    assert held(1, X, X, X, 5, X, 7, 8) == ([1, 1, 1, 1, 5, 5, 7, 8], "+------+")


def test_marks_made_before_stay() -> None:
    chunk = Chunk(np.array([[1.0, 2.0, X]]), np.array([[False, True, True]]))
    assert HoldGaps().open(TEN_HZ).process(chunk).good.tolist() == [[False, True, False]]


def test_whole_samples_pass_without_a_copy() -> None:
    chunk = Chunk.of(np.ones((1, 5)))
    assert HoldGaps().open(TEN_HZ).process(chunk) is chunk


def test_durations_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="max_s must be a number of seconds >= 0, got -1"):
        HoldGaps(max_s=-1.0)
    with pytest.raises(ValueError, match="settle_s must be a number of seconds >= 0, got inf"):
        HoldGaps(settle_s=float("inf"))


def test_clip_bounds_samples_and_marks_what_lay_beyond() -> None:
    out = Clip(2.0).open(TEN_HZ).process(Chunk.of(np.array([[-3.0, -2.0, 0.5, 2.0, 2.1]])))
    assert out.data.tolist() == [[-2.0, -2.0, 0.5, 2.0, 2.0]]
    assert out.good.tolist() == [[False, True, True, True, False]]


@pytest.mark.parametrize("limit", [0.0, -1.0, float("inf"), float("nan")])
def test_a_limit_that_is_no_amplitude_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="limit must be a positive amplitude"):
        Clip(limit)

"""Trends: a point per ten seconds of signal, and no number where nothing is known."""

import math

import numpy as np
import pytest

from biosig.monitoring.web.trends import COLUMNS, Trend


def told(trend, seconds, *, good=1.0, start=0):
    for second in range(start + 1, start + seconds + 1):
        trend.see_signal(float(second), good)


def test_a_point_is_complete_with_every_tenth_second():
    trend = Trend(7.0)
    for beat in range(60):
        if beat * 60 / 72 < 32:
            trend.see_beat(beat * 60 / 72, "N")
    told(trend, 45)
    table = trend.table()
    assert table.shape == (len(COLUMNS), 4)
    assert table[0].tolist() == [10.0, 20.0, 30.0, 40.0]
    assert table[1].tolist() == [72.0] * 3 + [pytest.approx(math.nan, nan_ok=True)]  # the last beat was long ago
    assert table[4].tolist() == [1.0] * 4


def test_ectopic_beats_of_the_last_minute_are_counted_once_it_is_known():
    trend = Trend(7.0)
    for beat in range(90):
        trend.see_beat(beat + 0.5, "V" if beat % 10 == 0 else "S" if beat % 10 == 5 else "N")
    told(trend, 90)
    ectopics = trend.table()[2]
    assert np.isnan(ectopics[:2]).all()
    assert ectopics[-1] == 12


def test_where_the_signal_is_bad_no_ectopic_beats_are_not_zero():
    trend = Trend(7.0)
    told(trend, 60)
    told(trend, 60, good=0.1, start=60)
    table = trend.table()
    assert table[2, 5] == 0
    assert np.isnan(table[1:3, -1]).all()
    assert table[4, -1] == pytest.approx(0.1)


def test_the_highest_anomaly_of_ten_seconds_stands_and_none_is_none():
    trend = Trend(7.0)
    for score in (0.2, 1.5, 0.3):
        trend.see_anomaly(score)
    told(trend, 20)
    assert trend.table()[3, 0] == pytest.approx(1.5)
    assert math.isnan(trend.table()[3, 1])


def test_news_repeats_a_minute_so_that_a_lost_message_leaves_no_hole():
    trend = Trend(7.0)
    told(trend, 100)
    assert len(trend.news()) == 10
    told(trend, 10, start=100)
    news = trend.news()
    assert [point[0] for point in news] == [50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 110.0]
    assert all(value is None or math.isfinite(value) for point in news for value in point)

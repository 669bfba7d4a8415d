"""Charts of whole recordings: what is drawn where."""

import numpy as np
import pytest

from biosig.evaluation.timelines import plot_events, plot_hypnogram

LABELS = ["W", "N1", "N2", "N3", "REM"]


def test_stages_stand_in_the_order_of_a_hypnogram_and_differences_between():
    onset_s = 30.0 * np.arange(6)
    truth, guess = np.array([0, 1, 2, 3, 4, 0]), np.array([0, 2, 2, 3, 4, 4])
    above, between, below = plot_hypnogram(onset_s, truth, guess, LABELS).axes
    assert [text.get_text() for text in above.get_yticklabels()] == ["W", "REM", "N1", "N2", "N3"]
    assert above.lines[0].get_ydata()[::2].tolist() == [0, -2, -3, -4, -1, 0]
    assert below.lines[0].get_ydata()[::2].tolist() == [0, -3, -3, -4, -1, -1]
    np.testing.assert_allclose(np.array(above.lines[0].get_xdata()) * 3600, np.repeat(30.0 * np.arange(7), 2)[1:-1])
    (bars,) = between.collections
    assert [round(path.vertices[0, 0] * 3600) for path in bars.get_paths()] == [30, 150]


def test_an_epoch_without_a_stage_and_a_gap_in_time_break_the_line():
    onset_s = np.array([0.0, 30.0, 60.0, 600.0])
    truth = np.array([0, -1, 2, 2])
    above, between, _ = plot_hypnogram(onset_s, truth, np.array([0, 1, 2, 2]), LABELS).axes
    height = np.array(above.lines[0].get_ydata())
    np.testing.assert_array_equal(np.isnan(height), [False, False, True, True, False, False, True, False, False])
    assert len(between.collections[0].get_paths()) == 0


def test_columns_must_fit():
    with pytest.raises(ValueError, match="got 2 epochs, 1 scored and 2 predicted"):
        plot_hypnogram(np.zeros(2), np.zeros(1, dtype=int), np.zeros(2, dtype=int), LABELS)


def test_events_stand_above_their_probability():
    time_s = np.arange(0.0, 600, 2)
    above, below = plot_events(
        time_s,
        np.full(len(time_s), 0.2),
        np.array([[60.0, 120.0]]),
        np.array([[66.0, 90.0], [300.0, 330.0]]),
        duration_s=600,
        threshold=0.5,
        label="seizure",
    ).axes
    assert [text.get_text() for text in above.get_yticklabels()] == ["detected", "seizure"]
    spans = [[(p.vertices[:, 0].min(), p.vertices[:, 0].max()) for p in c.get_paths()] for c in above.collections]
    np.testing.assert_allclose(spans[0], [(1.0, 2.0)])
    np.testing.assert_allclose(spans[1], [(1.1, 1.5), (5.0, 5.5)])
    assert below.get_xlim() == (0, 10)

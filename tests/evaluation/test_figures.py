"""The charts of an evaluation and the strips of its gallery."""

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from biosig.evaluation.anomaly_figures import plot_trade_off
from biosig.evaluation.budget import rate_figures
from biosig.evaluation.figures import (
    CHART_INK,
    draw_beat_mistake,
    label_styles,
    plot_calibration,
    plot_history,
    plot_precision_recall,
)
from biosig.records.recording import Annotations, Layout, Recording


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.1 defines it."""
    channels = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def ecg(seconds=20.0):
    marks = Annotations.at(np.arange(1.0, seconds), ["N"] * len(np.arange(1.0, seconds)))
    return Recording.from_array(np.zeros((1, round(seconds * 100))), Layout(("II",), 100.0, ("mV",)), annotations=marks)


@pytest.mark.parametrize("labels", [["N", "S", "V", "F"], [f"class {place}" for place in range(8)]])
def test_lines_can_be_seen_on_white_and_on_a_dark_page(labels):
    for style in label_styles(labels).values():
        assert contrast(style["color"], "#ffffff") >= 3
        assert contrast(style["color"], "#14181d") >= 3


def test_no_two_lines_differ_by_colour_alone():
    styles = label_styles(["N", "S", "V", "F"]).values()
    assert len({(str(style["linestyle"]), style["marker"]) for style in styles}) == 4


def test_history_shows_losses_to_the_left_and_figures_to_the_right_with_the_best_epoch():
    history = [
        {"epoch": 1.0, "loss": 0.9, "seconds": 3.0, "macro_f1": 0.4, "score": 0.4},
        {"epoch": 2.0, "loss": 0.5, "seconds": 3.0, "macro_f1": 0.6, "score": 0.6},
        {"epoch": 3.0, "loss": 0.4, "seconds": 3.0, "macro_f1": 0.5, "score": 0.5},
    ]
    left, right = plot_history(history).axes
    assert list(left.lines[0].get_ydata()) == [0.9, 0.5, 0.4]
    assert list(right.lines[0].get_ydata()) == [0.4, 0.6, 0.5]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["macro F1", "best epoch, 2"]


def test_history_without_validation_is_one_chart():
    assert len(plot_history([{"epoch": 1.0, "loss": 0.9}]).axes) == 1


def test_an_empty_history_is_refused():
    with pytest.raises(ValueError, match="at least one epoch"):
        plot_history([])


def test_precision_is_drawn_over_recall():
    (axes,) = plot_precision_recall({"V": {"precision_recall": [[0.0, 1.0], [1.0, 0.5]]}, "F": {}}).axes
    assert axes.lines[0].get_xydata().tolist() == [[0.0, 1.0], [1.0, 0.5]]
    assert axes.get_xlabel().startswith("recall")
    assert len(axes.lines) == 1


def test_bins_without_items_are_left_out_of_the_calibration_curve():
    bins = [
        {"bin_mid": 0.05, "predicted": 0.04, "observed": 0.1, "n": 5},
        {"bin_mid": 0.5, "predicted": None, "observed": None, "n": 0},
        {"bin_mid": 0.95, "predicted": 0.9, "observed": 0.8, "n": 5},
    ]
    (axes,) = plot_calibration({"V": {"calibration": bins}}).axes
    assert axes.lines[1].get_xydata().tolist() == [[0.04, 0.1], [0.9, 0.8]]


def test_charts_write_in_the_ink_a_dark_page_replaces():
    (axes,) = plot_calibration({}).axes
    assert axes.xaxis.label.get_color() == CHART_INK


@pytest.mark.parametrize(
    ("rates", "named"),
    [
        ([0.0, 4.0, 0.5], ["p1", "p2", "1 others: none"]),
        ([2.0], ["p0"]),
        ([0.0, 0.0], ["2 patients: none"]),
        (np.arange(20.0, 0.0, -1.0), [*(f"p{place}" for place in range(12)), "8 others: fewer"]),
    ],
)
def test_false_alarms_are_drawn_with_the_point_chosen_and_whose_they_are(rates, named):
    curve = {"threshold": [3.0, 2.0], "per_hour": [0.0, 5.0], "sensitivity": {"S": [0.1, 0.4], "V": [0.5, 0.9]}}
    patients = rate_figures({f"p{place}": float(rate) for place, rate in enumerate(rates)}, 1.0)
    left, right = plot_trade_off(curve, patients, {"S": 0.2, "V": None}, 1.0).axes
    assert left.lines[0].get_xydata().tolist() == [[0.0, 0.1], [5.0, 0.4]]
    assert left.lines[1].get_xydata().tolist() == [[patients["mean"], 0.2]]
    assert [text.get_text() for text in right.get_yticklabels()] == named
    drawn = [bar.get_width() for bar in right.patches if bar.get_width()]
    assert drawn == [rate for rate in patients["each"].values() if rate][:12]


def test_a_mistake_stands_shaded_in_the_middle_of_its_neighbours():
    sheet = draw_beat_mistake(ecg(), 10.0, predictions=Annotations.at(np.array([9.0, 10.0]), ["N", "V"]))
    (axes,) = sheet.axes
    middle = 15 + 3 * 25
    shades = [patch for patch in axes.patches if isinstance(patch, Rectangle) and patch.get_alpha() is not None]
    assert [patch.get_x() + patch.get_width() / 2 for patch in shades] == [pytest.approx(middle)]
    framed = [text for text in axes.texts if text.get_bbox_patch() is not None]
    assert [(text.get_text(), text.get_position()[0]) for text in framed] == [("V", pytest.approx(middle))]


@pytest.mark.parametrize("beat_s", [0.2, 19.9])
def test_a_mistake_near_an_end_shows_what_there_is(beat_s):
    assert draw_beat_mistake(ecg(), beat_s).to_png().startswith(b"\x89PNG")


def test_a_beat_outside_the_recording_is_refused():
    with pytest.raises(ValueError, match="beat_s must lie in 0 to 20 s, got 21"):
        draw_beat_mistake(ecg(), 21.0)

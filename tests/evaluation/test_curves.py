"""Curves against scikit-learn and against bins filled by hand."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve

from biosig.evaluation.curves import calibration, calibration_error, precision_recall


def test_short_precision_recall_curve_is_that_of_scikit_learn() -> None:
    is_class = np.array([True, False, True, True, False])
    score = np.array([0.9, 0.8, 0.7, 0.4, 0.1])
    precision, recall, _ = precision_recall_curve(is_class, score)
    assert precision_recall(is_class, score) == np.column_stack([recall, precision])[::-1].tolist()


def test_long_curve_keeps_its_shape_in_few_points() -> None:
    rng = np.random.default_rng(0)
    is_class = rng.random(20_000) < 0.02
    score = np.clip(rng.normal(0.3 + 0.3 * is_class, 0.15), 0, 1)
    curve = np.array(precision_recall(is_class, score))
    assert len(curve) <= 200
    assert curve[0].tolist() == [0.0, 1.0]
    assert curve[-1, 0] == 1.0
    assert (np.diff(curve[:, 0]) >= 0).all()
    area = np.trapezoid(curve[:, 1], curve[:, 0])
    assert area == pytest.approx(average_precision_score(is_class, score), abs=0.02)


def test_a_class_that_does_not_occur_has_no_curve() -> None:
    assert precision_recall(np.zeros(3, dtype=bool), np.array([0.1, 0.2, 0.3])) == []


def test_calibration_bins_filled_by_hand() -> None:
    score = np.array([0.05, 0.07, 0.55, 1.0])
    event = np.array([False, True, True, True])
    assert calibration(event, score) == [
        {"bin_mid": 0.05, "predicted": pytest.approx(0.06), "observed": 0.5, "n": 2},
        {"bin_mid": 0.55, "predicted": pytest.approx(0.55), "observed": 1.0, "n": 1},
        {"bin_mid": 0.95, "predicted": 1.0, "observed": 1.0, "n": 1},
    ]


def test_calibration_error_weighs_the_gaps_by_items() -> None:
    confidence = np.array([0.9, 0.9, 0.9, 0.9, 0.6])  # bins 13 and 9 of 15
    correct = np.array([True, True, True, False, True])
    assert calibration_error(correct, confidence) == pytest.approx((4 * 0.15 + 1 * 0.4) / 5)
    assert calibration_error(np.zeros(0, dtype=bool), np.zeros(0)) is None

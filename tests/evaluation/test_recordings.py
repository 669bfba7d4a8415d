"""One answer per recording: figures by hand."""

import numpy as np
import pytest

from biosig.evaluation.recordings import recording_probabilities, recording_report

CLASSES = ("rest", "task")
PROBS = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8], [0.6, 0.4], [0.45, 0.55]])
RECORDING = np.array([0, 0, 1, 1, 2, 2])
SUBJECTS = ["a", "a", "b"]
NO_RULE = np.zeros((6, 2))


def test_a_recording_is_the_geometric_mean_of_its_windows():
    odds = np.sqrt((0.9 / 0.1) * (0.4 / 0.6))
    assert recording_probabilities(PROBS[:2])[0] == pytest.approx(odds / (1 + odds))


def test_one_impossible_window_does_not_rule_a_class_out():
    assert recording_probabilities(np.array([[0.0, 1.0], *[[0.9, 0.1]] * 30]))[0] > 0.5


def test_every_recording_counts_once():
    report = recording_report(RECORDING, np.array([0, 0, 1, 1, 1, 1]), PROBS, SUBJECTS, CLASSES, decision=NO_RULE)
    assert report is not None
    # The third recording: odds of rest sqrt(.6/.4 * .45/.55) = 1.108, called rest, so one of two tasks is found.
    assert report["confusion"]["matrix"] == [[1, 0], [1, 1]]
    assert report["balanced_accuracy"] == pytest.approx(0.75)
    assert report["auroc"] == 1.0
    assert (report["n"], set(report["subjects"])) == (3, {"a", "b"})


def test_the_rule_of_the_windows_is_the_rule_of_the_recording():
    rule = np.tile([0.0, 0.2], (6, 1))
    report = recording_report(RECORDING, np.array([0, 0, 1, 1, 1, 1]), PROBS, SUBJECTS, CLASSES, decision=rule)
    assert report is not None
    assert report["balanced_accuracy"] == 1.0


def test_windows_of_several_classes_have_no_answer_for_the_recording():
    assert recording_report(RECORDING, np.array([0, 1, 1, 1, 1, 1]), PROBS, SUBJECTS, CLASSES, decision=NO_RULE) is None
    nothing = np.zeros(0, dtype=np.int64)
    assert recording_report(nothing, nothing, PROBS[:0], SUBJECTS, CLASSES, decision=NO_RULE[:0]) is None

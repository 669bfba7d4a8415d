"""Sections that only some tasks have."""

import numpy as np

from biosig.evaluation.report_tasks import recording_tables, szcore_tables, trial_tables
from biosig.evaluation.szcore import Detected, szcore_report


def test_seizure_figures_come_overall_and_by_subject_with_undefined_ones_as_dashes():
    seizure = np.array([[1000.0, 1030.0]])
    nothing = np.zeros((0, 2))
    recordings = {"a": Detected("a", seizure, seizure, 43_200.0), "b": Detected("b", nothing, seizure, 43_200.0)}
    page = szcore_tables({"szcore": szcore_report(recordings)})
    assert "Over 24.0 h" in page
    assert "<td>1</td><td>1</td><td>1</td><td>1.000" in page
    assert "<td>1.0<small>" in page
    rows = page[page.index("Events of each subject") :]
    assert "–" in rows
    assert rows.index(">a<") < rows.index(">b<")


def test_trials_come_overall_and_by_subject():
    trials = {
        "n": 4, "accuracy": 0.75, "balanced_accuracy": 0.75, "kappa": 0.5, "macro_f1": 0.73,
        "ci95": {"accuracy": [0.5, 1.0]},
        "subjects": {"S001": {"n": 2, "accuracy": 0.5}, "S002": {"n": 2, "accuracy": 1.0}},
        "subject_mean": {"mean": 0.75, "sd": 0.354, "n": 2},
    }  # fmt: skip
    page = trial_tables({"trials": trials})
    assert "<td>0.750<small>0.50 to 1.00</small></td>" in page
    assert "Mean over subjects 0.750, sd 0.354." in page
    assert page.index("S001") < page.index("S002")


def test_other_tasks_have_no_such_sections():
    assert szcore_tables({}) == trial_tables({"trials": None}) == recording_tables({}) == ""


def test_recordings_come_with_their_confusion():
    found = {
        "n": 3, "balanced_accuracy": 0.75, "auroc": 1.0, "macro_f1": 0.7, "kappa": 0.4,
        "ci95": {"balanced_accuracy": [0.5, 1.0]},
        "confusion": {"labels": ["rest", "task"], "matrix": [[1, 0], [1, 1]]},
    }  # fmt: skip
    page = recording_tables({"recording": found})
    assert "<td>3</td><td>0.750<small>0.50 to 1.00</small></td>" in page
    assert "rest" in page

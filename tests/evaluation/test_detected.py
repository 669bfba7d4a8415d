"""End-to-end figures from EC57 matrices written down by hand."""

import json

import numpy as np
import pytest

from biosig.evaluation.detected import detected_report
from biosig.evaluation.ec57 import COLUMNS, ROWS, BeatComparison


def matrix(**cells: int) -> BeatComparison:
    """``matrix(Nn=3, Vo=1)``."""
    counts = np.zeros((7, 7), dtype=np.int64)
    for cell, count in cells.items():
        counts[ROWS.index(cell[0]), COLUMNS.index(cell[1])] = count
    return BeatComparison(counts)


RECORDS = {
    "100": matrix(Nn=900, Ns=10, No=5, Sn=4, Ss=6, Ov=3),
    "101": matrix(Nn=500, Vv=80, Vn=10, Vo=5, Vx=5, Fv=7, Ff=3, Qv=9, Xv=2, On=4),
    "102": matrix(Nn=200, Vv=20),
}
SUBJECTS = {"100": "p1", "101": "p2", "102": "p2"}


def test_missed_beats_are_misses_and_extra_beats_false_positives() -> None:
    classes = detected_report(RECORDS, SUBJECTS)["classes"]
    assert classes["V"]["support"] == 80 + 10 + 5 + 5 + 20
    assert classes["V"]["sensitivity"] == 100 / 120
    assert classes["V"]["ppv"] == 100 / (100 + 3 + 7 + 2)  # Ov Fv Xv count, Qv does not
    assert classes["V"]["f1"] == pytest.approx(2 * 100 / (120 + 112))
    assert classes["N"]["ppv"] == 1600 / (1600 + 4 + 10 + 4)
    assert classes["S"]["sensitivity"] == 0.6
    assert classes["F"] == {
        "sensitivity": 0.3, "ppv": 1.0, "f1": pytest.approx(6 / 13), "support": 10, "ci95": classes["F"]["ci95"],
    }  # fmt: skip


def test_macro_f1_is_the_mean_over_the_classes() -> None:
    report = detected_report(RECORDS, SUBJECTS)
    assert report["macro_f1"] == pytest.approx(np.mean([report["classes"][label]["f1"] for label in "NSVF"]))


def test_the_standard_figures_come_with_their_own_exclusions() -> None:
    report = detected_report(RECORDS, SUBJECTS)
    assert report["ec57"]["gross"]["veb"]["positive_predictivity"] == 100 / (100 + 3 + 2)
    assert report["qrs"]["sensitivity"] == 1749 / (1749 + 15)
    assert report["qrs"]["positive_predictivity"] == 1749 / (1749 + 9)


def test_records_of_one_subject_are_one_patient() -> None:
    report = detected_report(RECORDS, SUBJECTS)
    assert list(report["subjects"]) == ["p1", "p2"]
    assert report["subjects"]["p2"]["classes"]["N"]["support"] == 700
    assert report["patient_mean"]["V"]["n"] == 1
    assert report["without_top_patient"]["S"]["subject"] == "p1"
    assert report["without_top_patient"]["S"]["support"] == 0


def test_intervals_span_the_patients() -> None:
    report = detected_report(RECORDS, SUBJECTS)
    low, high = report["qrs"]["ci95"]["sensitivity"]
    assert low == pytest.approx((2 * 829) / (2 * 839))  # p2 drawn twice
    assert high == pytest.approx((2 * 920) / (2 * 925))  # p1 drawn twice
    assert report["ci95"]["macro_f1"][0] <= report["macro_f1"] <= report["ci95"]["macro_f1"][1]


def test_one_subject_gives_no_intervals_and_valid_json() -> None:
    report = detected_report({"102": RECORDS["102"]}, SUBJECTS)
    loaded = json.loads(json.dumps(report, allow_nan=False))
    assert loaded["ci95"]["macro_f1"] is None
    assert loaded["qrs"]["ci95"] == {"sensitivity": None, "positive_predictivity": None}
    assert loaded["classes"]["S"]["f1"] is None
    assert loaded["macro_f1"] == 1.0


def test_impossible_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="record '100' has no subject"):
        detected_report(RECORDS, {"101": "p2"})
    with pytest.raises(ValueError, match="classes must be among N, S, V, F, got 'Q'"):
        detected_report(RECORDS, SUBJECTS, classes=("N", "Q"))
    with pytest.raises(ValueError, match="at least one record"):
        detected_report({}, {})

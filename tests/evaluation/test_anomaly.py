"""Figures of anomaly scores, against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from biosig.evaluation.anomaly import anomaly_report

CLASSES = ("N", "S", "V")


def drawn(n=400, seed=0):
    generator = np.random.default_rng(seed)
    label = generator.choice(3, size=n, p=[0.7, 0.2, 0.1])
    score = generator.normal(size=n) + np.array([0.0, 1.0, 3.0])[label]
    recording = np.sort(generator.integers(4, size=n))
    return label, score, np.array(["a", "b", "c", "c"])[recording], np.arange(n) * 0.8, recording


def report(label, score, subject, time_s, recording, **options):
    given = {
        "classes": CLASSES,
        "normal": ["N"],
        "threshold": 2.0,
        "persistent": (8, 10),
        "per_hour": 1.0,
        "draws": 200,
    } | options
    return anomaly_report(label, score, subject, time_s, recording, **given)


def test_areas_are_those_of_normal_windows_against_all_others_and_each_kind():
    label, score, *rest = drawn()
    found = report(label, score, *rest)
    assert found["auroc"] == pytest.approx(roc_auc_score(label > 0, score))
    assert found["auprc"] == pytest.approx(average_precision_score(label > 0, score))
    assert list(found["classes"]) == ["S", "V"]
    for number, name in ((1, "S"), (2, "V")):
        both = (label == 0) | (label == number)
        assert found["classes"][name]["auroc"] == pytest.approx(roc_auc_score(label[both] == number, score[both]))
        assert found["classes"][name]["support"] == (label == number).sum()
        assert found["classes"][name]["sensitivity"] == pytest.approx((score[label == number] >= 2.0).mean())
    assert found["normal"]["false_positive_rate"] == pytest.approx((score[label == 0] >= 2.0).mean())


def test_intervals_hold_the_figure_and_are_wider_for_the_rarer_class():
    found = report(*drawn(2000))
    for name in ("auroc", "auprc"):
        low, high = found["ci95"][name]
        assert low <= found[name] + 0.01
        assert high >= found[name] - 0.01
    one = report(*(values[:50] for values in drawn()))
    assert len(one["subjects"]) == 1
    assert one["ci95"]["auroc"] is None


def test_a_window_that_was_never_scored_ranks_lowest_and_is_no_alarm():
    label, score, *rest = drawn()
    missed = np.flatnonzero(label == 2)[:5]
    score[missed] = -np.inf
    found = report(label, score, *rest)
    ranked = np.where(np.isfinite(score), score, score[np.isfinite(score)].min() - 1)
    assert found["auroc"] == pytest.approx(roc_auc_score(label > 0, ranked))
    assert found["classes"]["V"]["sensitivity"] == pytest.approx((score[label == 2] >= 2.0).mean())


def test_false_alarms_are_counted_on_normal_windows_alone():
    label = np.array([0] * 60 + [2] * 60)
    score = np.array([0.0] * 60 + [9.0] * 60)
    calm = report(label, score, np.full(120, "a"), np.arange(120.0), np.zeros(120, dtype=np.int64))
    patients = {"ci95": None, "n": 1}
    none = {"mean": 0.0, "median": 0.0, "worst": 0.0, "above": [], "each": {"a": 0.0}}
    assert calm["false_alarms"] == {"minutes": 0, "hours": 1 / 60, "per_hour": 0.0, "patients": patients | none}
    assert calm["subjects"]["a"]["false_alarms"] == {"minutes": 0, "hours": 1 / 60, "per_hour": 0.0}
    label[60:] = 0
    loud = report(label, score, np.full(120, "a"), np.arange(120.0), np.zeros(120, dtype=np.int64))
    half = {"mean": 30.0, "median": 30.0, "worst": 30.0, "above": ["a"], "each": {"a": 30.0}}
    assert loud["false_alarms"] == {"minutes": 1, "hours": 2 / 60, "per_hour": 30.0, "patients": patients | half}
    assert loud["auroc"] is None


def test_a_threshold_of_its_own_for_every_window_is_used():
    label, score, subject, *rest = drawn()
    limit = np.where(subject == "a", -99.0, 99.0)
    found = report(label, score, subject, *rest, threshold=limit)
    assert found["subjects"]["a"]["normal"]["false_positive_rate"] == 1.0
    assert found["subjects"]["b"]["normal"]["false_positive_rate"] == 0.0


def test_curves_run_from_nothing_to_everything_and_shares_sum_to_one():
    found = report(*drawn())
    roc = np.array(found["curves"]["all"]["roc"])
    assert roc[0].tolist() == [0.0, 0.0]
    assert roc[-1].tolist() == [1.0, 1.0]
    assert (np.diff(roc, axis=0) >= 0).all()
    assert all(sum(share) == pytest.approx(1.0) for share in found["scores"]["share"].values())


def test_no_window_is_no_report():
    with pytest.raises(ValueError, match="at least one labelled window"):
        report(*(values[:0] for values in drawn()))

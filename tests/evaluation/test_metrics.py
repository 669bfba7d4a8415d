"""The report against scikit-learn, and small sets worked by hand."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sk

from biosig.evaluation.metrics import classification_report, spread

CLASSES = ("N", "S", "V", "F")


def certain(labels: str) -> NDArray[np.float64]:
    """Probability 1 for each label, (n, 4)."""
    return np.eye(4)[[CLASSES.index(label) for label in labels]]


@pytest.fixture(scope="module")
def drawn() -> tuple[NDArray[np.str_], NDArray[np.float64], NDArray[np.str_]]:
    """3,000 items of 12 subjects whose classes are unevenly spread and often mistaken."""
    rng = np.random.default_rng(7)
    truth = rng.choice(4, size=3000, p=[0.8, 0.06, 0.1, 0.04])
    logits = rng.normal(size=(3000, 4)) + 2.0 * np.eye(4)[truth]
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    subject = np.array([f"p{number:02d}" for number in rng.integers(0, 12, 3000)])
    return np.array(CLASSES)[truth], probs, subject


def test_figures_are_those_of_scikit_learn(drawn: tuple[NDArray, NDArray, NDArray]) -> None:
    truth, probs, subject = drawn
    report = classification_report(truth, probs, subject, CLASSES)
    guess = np.array(CLASSES)[probs.argmax(axis=1)]
    ppv, sensitivity, f1, support = sk.precision_recall_fscore_support(truth, guess, labels=CLASSES)
    for number, label in enumerate(CLASSES):
        figures = report["classes"][label]
        assert figures["ppv"] == pytest.approx(ppv[number])
        assert figures["sensitivity"] == pytest.approx(sensitivity[number])
        assert figures["f1"] == pytest.approx(f1[number])
        assert figures["support"] == support[number]
        assert figures["auroc"] == pytest.approx(sk.roc_auc_score(truth == label, probs[:, number]))
        assert figures["auprc"] == pytest.approx(sk.average_precision_score(truth == label, probs[:, number]))
        others = truth != label
        assert figures["false_positive_rate"] == pytest.approx((guess[others] == label).mean())
    assert report["macro_f1"] == pytest.approx(sk.f1_score(truth, guess, average="macro"))
    assert report["accuracy"] == pytest.approx(sk.accuracy_score(truth, guess))
    assert report["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(truth, guess))
    assert report["kappa"] == pytest.approx(sk.cohen_kappa_score(truth, guess))
    assert report["confusion"]["labels"] == list(CLASSES)
    assert report["confusion"]["matrix"] == sk.confusion_matrix(truth, guess, labels=CLASSES).tolist()


def test_every_subject_has_figures_of_its_own(drawn: tuple[NDArray, NDArray, NDArray]) -> None:
    truth, probs, subject = drawn
    report = classification_report(truth, probs, subject, CLASSES)
    assert list(report["subjects"]) == sorted(set(subject))
    one = subject == "p03"
    guess = np.array(CLASSES)[probs.argmax(axis=1)]
    figures = report["subjects"]["p03"]
    assert figures["n"] == one.sum()
    assert figures["accuracy"] == pytest.approx((truth[one] == guess[one]).mean())
    assert figures["classes"]["V"]["f1"] == pytest.approx(
        sk.f1_score(truth[one], guess[one], labels=["V"], average=None)[0]
    )


def test_intervals_enclose_the_figure_and_follow_a_plain_resampling_loop(
    drawn: tuple[NDArray, NDArray, NDArray],
) -> None:
    truth, probs, subject = drawn
    report = classification_report(truth, probs, subject, CLASSES)
    low, high = report["ci95"]["macro_f1"]
    assert low < report["macro_f1"] < high
    low, high = report["classes"]["V"]["ci95"]["f1"]
    assert low < report["classes"]["V"]["f1"] < high
    guess = np.array(CLASSES)[probs.argmax(axis=1)]
    rng, names = np.random.default_rng(1), np.unique(subject)
    loop = []
    for _ in range(400):
        rows = np.concatenate([np.flatnonzero(subject == name) for name in rng.choice(names, len(names))])
        loop.append((truth[rows] == guess[rows]).mean())
    assert report["ci95"]["accuracy"] == pytest.approx(np.quantile(loop, [0.025, 0.975]), abs=0.005)


def test_the_seed_fixes_the_report(drawn: tuple[NDArray, NDArray, NDArray]) -> None:
    first, again = (classification_report(*drawn, CLASSES, seed=4, draws=100) for _ in range(2))
    assert first == again
    assert first["ci95"] != classification_report(*drawn, CLASSES, seed=5, draws=100)["ci95"]


def test_positions_and_labels_give_the_same_report(drawn: tuple[NDArray, NDArray, NDArray]) -> None:
    truth, probs, subject = drawn
    numbers = np.array([CLASSES.index(label) for label in truth])
    by_number = classification_report(numbers, probs, subject, CLASSES, draws=50)
    assert by_number == classification_report(truth, probs, subject, CLASSES, draws=50)


def test_a_decision_other_than_the_largest_probability_can_be_given() -> None:
    probs = np.array([[0.6, 0.4, 0, 0], [0.9, 0.1, 0, 0]])
    report = classification_report(["S", "N"], probs, ["a", "b"], CLASSES, predicted=["S", "N"])
    assert report["accuracy"] == 1.0
    assert classification_report(["S", "N"], probs, ["a", "b"], CLASSES)["accuracy"] == 0.5


def test_undefined_figures_are_null_and_nothing_is_nan() -> None:
    report = classification_report(["N", "N", "V"], certain("NNS"), ["a", "a", "b"], CLASSES)
    classes = json.loads(json.dumps(report, allow_nan=False))["classes"]
    assert (classes["F"]["sensitivity"], classes["F"]["ppv"], classes["F"]["f1"]) == (None, None, None)
    assert (classes["S"]["sensitivity"], classes["S"]["ppv"], classes["S"]["f1"]) == (None, 0.0, 0.0)
    assert (classes["V"]["sensitivity"], classes["V"]["ppv"], classes["V"]["f1"]) == (0.0, None, 0.0)
    assert (classes["F"]["auroc"], classes["F"]["auprc"]) == (None, None)
    assert report["macro_f1"] == pytest.approx((1.0 + 0.0 + 0.0) / 3)  # F neither occurs nor is predicted
    assert report["balanced_accuracy"] == 0.5
    assert classes["F"]["ci95"] == {"sensitivity": None, "ppv": None, "f1": None}


def test_one_class_only_leaves_kappa_undefined() -> None:
    report = classification_report(["N", "N"], certain("NN"), ["a", "b"], CLASSES)
    assert report["kappa"] is None
    assert report["accuracy"] == 1.0


def test_one_subject_gives_no_intervals() -> None:
    report = classification_report(["N", "V"], certain("NV"), ["a", "a"], CLASSES)
    assert set(report["ci95"].values()) == {None}
    assert report["classes"]["V"]["ci95"] == {"sensitivity": None, "ppv": None, "f1": None}


# Subject a: 4 S, 3 found. b: 1 S found, 1 N called S. c: 2 N right. F1 of S: a 6/7, b 2/3; c has none.
WORKED = ("SSSSSNNN", "SSSNSSNN", "aaaabbcc")


def test_patient_mean_weighs_every_patient_who_has_the_class_alike() -> None:
    truth, guess, subject = WORKED
    mean = classification_report(list(truth), certain(guess), list(subject), CLASSES)["patient_mean"]
    assert mean["S"] == {
        "f1": pytest.approx((6 / 7 + 2 / 3) / 2),
        "sd": pytest.approx(abs(6 / 7 - 2 / 3) / 2**0.5),
        "n": 2,
    }
    assert mean["V"] == {"f1": None, "sd": None, "n": 0}


def test_the_patient_who_holds_most_of_a_class_is_left_out() -> None:
    truth, guess, subject = WORKED
    report = classification_report(list(truth), certain(guess), list(subject), CLASSES)
    assert report["without_top_patient"]["S"] == {
        "subject": "a",
        "share": 0.8,
        "sensitivity": 1.0,
        "ppv": 0.5,
        "f1": pytest.approx(2 / 3),
        "support": 1,
    }
    assert report["without_top_patient"]["F"]["subject"] is None
    assert report["classes"]["S"]["f1"] == pytest.approx(2 * 4 / (5 + 5))


def test_curves_are_given_per_class(drawn: tuple[NDArray, NDArray, NDArray]) -> None:
    report = classification_report(*drawn, CLASSES, draws=10)
    assert set(report["curves"]) == set(CLASSES)
    assert len(report["curves"]["N"]["precision_recall"]) <= 200
    assert sum(one["n"] for one in report["curves"]["S"]["calibration"]) == 3000
    assert 0 <= report["calibration_error"] <= 1


def test_spread_over_folds_is_the_mean_and_the_sample_deviation() -> None:
    folds = [
        classification_report(list("NNVV"), certain(guess), list("aabb"), CLASSES, draws=10)
        for guess in ("NNVV", "NNVN", "NNNN")
    ]
    table = spread(folds)
    assert table["accuracy"] == {"mean": 0.75, "sd": 0.25, "n": 3}
    assert table["classes"]["V"]["sensitivity"] == {"mean": 0.5, "sd": 0.5, "n": 3}
    assert table["classes"]["V"]["ppv"] == {"mean": 1.0, "sd": 0.0, "n": 2}
    assert table["classes"]["F"]["f1"] == {"mean": None, "sd": None, "n": 0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["N", "Q"], certain("NN"), ["a", "b"], CLASSES), r"y_true has label 'Q', expected one of N, S, V, F"),
        (([0, 4], certain("NN"), ["a", "b"], CLASSES), r"y_true must lie in 0 to 3, got 0 to 4"),
        ((["N"], certain("NN"), ["a", "b"], CLASSES), r"got 1 items, probs \(2, 4\) and subject \(2,\)"),
        (([], np.zeros((0, 4)), [], CLASSES), "expected n > 0 items"),
        ((["N"], np.array([[2.0, 0, 0, -1]]), ["a"], CLASSES), "apply softmax to logits first"),
        ((["N"], np.full((1, 4), np.nan), ["a"], CLASSES), "without NaN"),
        (([["N"]], certain("N"), ["a"], CLASSES), "one label per item"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        classification_report(*arguments)


def test_spread_needs_reports_about_the_same_classes() -> None:
    with pytest.raises(ValueError, match="at least one report"):
        spread([])
    with pytest.raises(ValueError, match="same classes"):
        spread([{"classes": {"N": {}}}, {"classes": {"V": {}}}])


def test_many_subjects_with_one_item_each_get_no_table() -> None:
    truth = np.arange(80) % 2
    probs = np.column_stack([1 - truth, truth]) * 0.8 + 0.1
    assert "subjects" in classification_report(truth, probs, np.arange(80) // 2, ("a", "b"), draws=10)
    assert "subjects" not in classification_report(truth, probs, np.arange(80), ("a", "b"), draws=10)

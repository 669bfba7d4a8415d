"""Everything ``biosig evaluate`` reports about labels, from arrays of truth, probabilities and subjects.

These are plain figures of a square confusion matrix: every item counts, and an F beat called V is a false positive
for V. The exclusions of ANSI/AAMI EC57 (Fv, Qv and Qs are no false positives) belong to
:mod:`biosig.evaluation.ec57` and do not apply here. An undefined figure (0/0) is None, JSON null; never 0 or NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from biosig.evaluation.counts import ClassCounts, intervals_of, mean_and_sd, plain, ratio
from biosig.evaluation.curves import calibration, calibration_error, precision_recall
from biosig.evaluation.intervals import percentile_interval, resampled_areas, resampled_totals

__all__ = ["areas", "classification_report", "patient_means", "spread", "without_top_patient"]

_MANY = 60
_OVERALL = ("macro_f1", "accuracy", "balanced_accuracy", "kappa")


def classification_report(
    y_true: ArrayLike,
    probs: ArrayLike,
    subject: ArrayLike,
    classes: Sequence[str],
    *,
    predicted: ArrayLike | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """All figures of a set of classified items, in the form of ``metrics.json``.

    Parameters
    ----------
    y_true : (n,) labels, or their positions in ``classes``.
    probs : float (n, k), the probability of each class.
    subject : (n,) who each item comes from.
    classes : the k labels, in the order of the columns of ``probs``.
    predicted : (n,) labels or positions decided otherwise than by the largest probability; None = by that.
    draws, seed : of the bootstrap over subjects, see :mod:`biosig.evaluation.intervals`.

    Returns
    -------
    dict
        ``classes`` (per label: sensitivity, ppv, f1, false_positive_rate, support, auroc, auprc, ci95), ``macro_f1``
        (mean over the classes that occur or were predicted), ``accuracy``, ``balanced_accuracy`` (mean sensitivity
        over the classes that occur), ``kappa`` (Cohen 1960, doi:10.1177/001316446002000104), ``auroc`` (of the last of
        two classes, the mean over more of each against the rest, where a class occurs), ``ci95`` of these,
        ``confusion`` (rows reference), ``subjects``, ``patient_mean``, ``without_top_patient``, ``curves``,
        ``calibration_error``; ``subjects``, ``patient_mean`` and ``without_top_patient`` are missing for more
        than 60 subjects with fewer than two items on average. ``ci95`` entries are None with fewer than two subjects.

    Raises
    ------
    ValueError
        Where lengths differ, there is no item, a label is not in ``classes`` or a probability outside 0 to 1.
    """
    items = _items(y_true, probs, subject, classes, predicted)
    matrices = items.matrices()
    total = matrices.sum(axis=0)
    figures = _overall(total)
    class_intervals, overall_intervals = _intervals(matrices, draws=draws, seed=seed)
    counts, per_subject = ClassCounts.from_matrix(total), ClassCounts.from_matrix(matrices)
    by_class: dict[str, Any] = {}
    for number, label in enumerate(items.classes):
        false_positives = counts.predicted[number] - counts.hits[number]
        by_class[label] = counts.figures(number) | {
            "false_positive_rate": plain(ratio(false_positives, total.sum() - counts.support[number])),
            **areas(items.truth == number, items.probs[:, number]),
            "ci95": class_intervals[number],
        }
    confidence = items.probs[np.arange(len(items.truth)), items.guess]
    auroc, auroc_interval = _overall_area(items, by_class, draws=draws, seed=seed)
    return {
        "classes": by_class,
        **{name: plain(figures[name]) for name in _OVERALL},
        "auroc": auroc,
        "ci95": overall_intervals | {"auroc": auroc_interval},
        "confusion": {"labels": list(items.classes), "matrix": total.tolist()},
        **({} if items.of_too_many else _by_subject(items, matrices, per_subject)),
        "curves": {
            label: {
                "precision_recall": precision_recall(items.truth == number, items.probs[:, number]),
                "calibration": calibration(items.truth == number, items.probs[:, number]),
            }
            for number, label in enumerate(items.classes)
        },
        "calibration_error": calibration_error(items.truth == items.guess, confidence),
    }


@dataclass(frozen=True, eq=False)
class _Items:
    """Checked arrays: positions in ``classes`` and in ``names``."""

    truth: NDArray[np.int64]
    guess: NDArray[np.int64]
    probs: NDArray[np.float64]
    subject: NDArray[np.int64]
    classes: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def of_too_many(self) -> bool:
        """Whether there are many subjects with hardly anything each, so that no table of them tells anything."""
        return len(self.names) > _MANY and 2 * len(self.names) > len(self.truth)

    def matrices(self) -> NDArray[np.int64]:
        """Confusion matrix of every subject, int64 (n_subjects, k, k), rows reference."""
        k = len(self.classes)
        matrices = np.zeros((len(self.names), k, k), dtype=np.int64)
        np.add.at(matrices, (self.subject, self.truth, self.guess), 1)
        return matrices


def _items(
    y_true: ArrayLike, probs: ArrayLike, subject: ArrayLike, classes: Sequence[str], predicted: ArrayLike | None
) -> _Items:
    labels = tuple(classes)
    scores = np.asarray(probs, dtype=np.float64)
    names, who = np.unique(np.asarray(subject).astype(str), return_inverse=True)
    truth = _positions(y_true, labels, "y_true")
    if scores.shape != (len(truth), len(labels)) or who.shape != truth.shape or not len(truth):
        raise ValueError(
            f"expected n > 0 items with probs (n, {len(labels)}) and subject (n,), "
            f"got {len(truth)} items, probs {scores.shape} and subject {who.shape}"
        )
    if not ((scores >= -1e-6) & (scores <= 1 + 1e-6)).all():
        raise ValueError("probs must be probabilities from 0 to 1 without NaN; apply softmax to logits first")
    guess = scores.argmax(axis=1) if predicted is None else _positions(predicted, labels, "predicted")
    if guess.shape != truth.shape:
        raise ValueError(f"predicted must have one entry per item, got {guess.shape} for {truth.shape}")
    return _Items(truth, guess, scores, who, labels, tuple(str(name) for name in names))


def _positions(values: ArrayLike, labels: tuple[str, ...], what: str) -> NDArray[np.int64]:
    """Positions in ``labels`` of labels or positions, int64 (n,)."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{what} must be one label per item, got an array {array.shape}")
    if array.dtype.kind in "iu":
        if array.size and (array.min() < 0 or array.max() >= len(labels)):
            raise ValueError(f"{what} must lie in 0 to {len(labels) - 1}, got {array.min()} to {array.max()}")
        return array.astype(np.int64)
    strange = sorted(set(array.tolist()) - set(labels))
    if strange:
        raise ValueError(f"{what} has label {strange[0]!r}, expected one of {', '.join(labels)}; leave such items out")
    number = {label: position for position, label in enumerate(labels)}
    return np.array([number[label] for label in array.tolist()], dtype=np.int64)


def _overall(matrices: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Figures over all classes of confusion matrices (..., k, k); each (...), NaN where undefined."""
    counts = ClassCounts.from_matrix(matrices)
    n = counts.support.sum(axis=-1)
    sensitivity = counts.sensitivity
    observed = ratio(counts.hits.sum(axis=-1), n)
    chance = ratio((counts.support * counts.predicted).sum(axis=-1), n**2)
    return {
        "macro_f1": counts.macro_f1,
        "accuracy": observed,
        "balanced_accuracy": ratio(np.nansum(sensitivity, axis=-1), (~np.isnan(sensitivity)).sum(axis=-1)),
        "kappa": ratio(observed - chance, 1 - chance),
    }


def _intervals(
    matrices: NDArray[np.int64], *, draws: int, seed: int
) -> tuple[list[dict[str, list[float] | None]], dict[str, list[float] | None]]:
    """95 % intervals per class and overall, from the same draws; all None with fewer than two subjects."""
    if len(matrices) < 2:
        nothing = dict.fromkeys(("sensitivity", "ppv", "f1"))
        return [dict(nothing) for _ in range(matrices.shape[1])], dict.fromkeys(_OVERALL)
    per_class, _ = intervals_of(ClassCounts.from_matrix(matrices), draws=draws, seed=seed)
    drawn = _overall(resampled_totals(matrices, draws=draws, seed=seed))
    return per_class, {name: percentile_interval(drawn[name]) for name in _OVERALL}


def areas(is_class: NDArray[np.bool_], score: NDArray[np.float64]) -> dict[str, float | None]:
    """Areas under the ROC and precision-recall curves of one class against the rest; None where one side is empty."""
    if is_class.all() or not is_class.any():
        return {"auroc": None, "auprc": None}
    return {
        "auroc": float(roc_auc_score(is_class, score)),
        "auprc": float(average_precision_score(is_class, score)),
    }


def _overall_area(
    items: _Items, by_class: dict[str, Any], *, draws: int, seed: int
) -> tuple[float | None, list[float] | None]:
    """One area under the ROC curve for all classes, and its interval; None where no class has one."""
    told = range(len(items.classes))[-1:] if len(items.classes) == 2 else range(len(items.classes))
    known = [number for number in told if by_class[items.classes[number]]["auroc"] is not None]
    if not known:
        return None, None
    area = float(np.mean([by_class[items.classes[number]]["auroc"] for number in known]))
    if len(items.names) < 2:
        return area, None
    drawn = [
        resampled_areas(items.truth == number, items.probs[:, number], items.subject, draws=draws, seed=seed)
        for number in known
    ]
    return area, percentile_interval(np.mean(drawn, axis=0))


def _by_subject(items: _Items, matrices: NDArray[np.int64], per_subject: ClassCounts) -> dict[str, Any]:
    """Subject by subject, and how much one of them decides."""
    return {
        "subjects": _subjects(items, matrices),
        "patient_mean": patient_means(per_subject, items.classes),
        "without_top_patient": without_top_patient(per_subject, items.classes, items.names),
    }


def _subjects(items: _Items, matrices: NDArray[np.int64]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for name, matrix in zip(items.names, matrices, strict=True):
        counts = ClassCounts.from_matrix(matrix)
        table[name] = {
            "n": int(matrix.sum()),
            "accuracy": plain(ratio(counts.hits.sum(), matrix.sum())),
            "classes": {label: counts.figures(number) for number, label in enumerate(items.classes)},
        }
    return table


def patient_means(per_subject: ClassCounts, classes: Sequence[str]) -> dict[str, Any]:
    """F1 of each class averaged over the subjects who have that class: every patient weighs the same.

    Parameters
    ----------
    per_subject : counts (n_subjects, k).
    classes : the k labels.

    Returns
    -------
    dict
        Per label ``f1`` (mean), ``sd`` (of the sample, None for one subject) and ``n``, the subjects who have it.
    """
    means: dict[str, Any] = {}
    for number, label in enumerate(classes):
        f1 = per_subject.f1[per_subject.support[:, number] > 0, number]
        figures = mean_and_sd(f1)
        means[label] = {"f1": figures["mean"], "sd": figures["sd"], "n": figures["n"]}
    return means


def without_top_patient(per_subject: ClassCounts, classes: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
    """Figures of each class with the one subject left out who holds most beats of that class.

    Parameters
    ----------
    per_subject : counts (n_subjects, k).
    classes : the k labels.
    names : the n subjects.

    Returns
    -------
    dict
        Per label ``subject`` (None where nobody has the class), ``share`` of the class that this subject holds, and
        sensitivity, ppv, f1 and support of the class over all others.
    """
    table: dict[str, Any] = {}
    for number, label in enumerate(classes):
        support = per_subject.support[:, number]
        top = int(np.argmax(support)) if support.sum() else None
        kept = np.arange(len(names)) != (-1 if top is None else top)
        rest = ClassCounts(
            per_subject.hits[kept].sum(axis=0),
            per_subject.support[kept].sum(axis=0),
            per_subject.predicted[kept].sum(axis=0),
        )
        table[label] = {
            "subject": None if top is None else names[top],
            "share": None if top is None else plain(ratio(support[top], support.sum())),
            **rest.figures(number),
        }
    return table


def spread(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean and spread of the figures over folds or seeds.

    Parameters
    ----------
    reports : what :func:`classification_report` gave for each fold or seed, over the same classes.

    Returns
    -------
    dict
        ``classes.<label>.{sensitivity,ppv,f1,auroc,auprc}`` and ``macro_f1``, ``accuracy``, ``balanced_accuracy``,
        ``kappa``, ``auroc``, each ``{"mean", "sd", "n"}`` over the reports where the figure is defined (sd of the
        sample, None for one).

    Raises
    ------
    ValueError
        Where there is no report, or they are about different classes.
    """
    if not reports:
        raise ValueError("a spread needs at least one report, got none")
    labels = list(reports[0]["classes"])
    if any(list(report["classes"]) != labels for report in reports):
        raise ValueError(f"reports must be about the same classes, the first has {', '.join(labels)}")
    names = ("sensitivity", "ppv", "f1", "auroc", "auprc")
    by_class = {
        label: {name: mean_and_sd([report["classes"][label][name] for report in reports]) for name in names}
        for label in labels
    }
    overall = {name: mean_and_sd([report[name] for report in reports]) for name in (*_OVERALL, "auroc")}
    return {"classes": by_class, **overall}

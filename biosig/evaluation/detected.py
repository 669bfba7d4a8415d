"""End-to-end figures: detector and classifier together, every missed and every extra beat counted.

Beat positions come from the detector, so there is no item to which a label belongs; what is scored is the EC57
matrix of each record (:mod:`biosig.evaluation.ec57`). Two readings of it are given:

``classes``
    Plain figures per class, made like those at reference positions so that the two can be laid side by side. A
    reference beat that was missed (columns o, x) or called something else is a miss; a test beat with no partner (rows
    O, X) or with one of another class is a false positive, **also where an F beat is called V**. Only reference
    beats of class Q are left out, whatever they were called: the classifiers know no Q.
``ec57``
    QRS, VEB and SVEB figures with the standard's own exclusions (Fv, Qv and Qs are no false positives).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.evaluation.counts import ClassCounts, intervals_of, plain, ratio
from biosig.evaluation.ec57 import COLUMNS, ROWS, BeatComparison, RecordsComparison, Tally
from biosig.evaluation.intervals import percentile_interval, resampled_totals
from biosig.evaluation.metrics import patient_means, without_top_patient

__all__ = ["detected_report"]


def detected_report(
    comparisons: Mapping[str, BeatComparison],
    subjects: Mapping[str, str],
    *,
    classes: Sequence[str] = ("N", "S", "V", "F"),
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """End-to-end figures over records, in the form of ``metrics.json`` under ``detected``.

    Parameters
    ----------
    comparisons : record name -> comparison of reference and detected, classified beats.
    subjects : record name -> who it is; records of one subject are drawn together.
    classes : the labels to report, without Q.
    draws, seed : of the bootstrap over subjects, see :mod:`biosig.evaluation.intervals`.

    Returns
    -------
    dict
        ``classes`` (per label: sensitivity, ppv, f1, support, ci95), ``macro_f1`` over them, ``qrs`` (counts,
        sensitivity, positive_predictivity, ci95), ``ci95`` of macro_f1, ``ec57`` (gross and average), ``confusion``,
        ``subjects``, ``patient_mean``, ``without_top_patient``. ``ci95`` entries are None with fewer than two subjects.

    Raises
    ------
    ValueError
        Where there is no record, a record has no subject, or a class is none of N, S, V, F.
    """
    strange = [label for label in classes if label not in ROWS[:4]]
    if strange:
        raise ValueError(f"classes must be among {', '.join(ROWS[:4])}, got {strange[0]!r}")
    missing = [name for name in comparisons if name not in subjects]
    if missing:
        raise ValueError(f"record {missing[0]!r} has no subject; give one for every record")
    summary = RecordsComparison(comparisons)
    names = tuple(sorted({subjects[name] for name in comparisons}))
    matrices = np.zeros((len(names), len(ROWS), len(COLUMNS)), dtype=np.int64)
    for record, comparison in comparisons.items():
        matrices[names.index(subjects[record])] += comparison.matrix
    per_subject = _class_counts(matrices, classes)
    total = _class_counts(matrices.sum(axis=0), classes)
    class_intervals, overall_intervals = _intervals(matrices, per_subject, draws=draws, seed=seed)
    ec57 = summary.to_dict()
    return {
        "classes": {
            label: total.figures(number) | {"ci95": class_intervals[number]} for number, label in enumerate(classes)
        },
        "macro_f1": plain(total.macro_f1),
        "qrs": _qrs(summary.gross.qrs) | {"ci95": overall_intervals["qrs"]},
        "ci95": {"macro_f1": overall_intervals["macro_f1"]},
        "ec57": {"gross": ec57["gross"], "average": ec57["average"]},
        "confusion": {"rows": list(ROWS), "columns": list(COLUMNS), "matrix": summary.gross.matrix.tolist()},
        "subjects": {name: _subject(matrix, classes) for name, matrix in zip(names, matrices, strict=True)},
        "patient_mean": patient_means(per_subject, classes),
        "without_top_patient": without_top_patient(per_subject, classes, names),
    }


def _class_counts(matrices: NDArray[Any], classes: Sequence[str]) -> ClassCounts:
    """Counts of the classes in EC57 matrices (..., 7, 7), reference beats of class Q left out."""
    position = [ROWS.index(label) for label in classes]
    known = [row for row in range(len(ROWS)) if ROWS[row] != "Q"]
    return ClassCounts(
        hits=matrices[..., position, position],
        support=matrices[..., position, :].sum(axis=-1),
        predicted=matrices[..., known, :][..., position].sum(axis=-2),
    )


def _qrs(tally: Tally) -> dict[str, Any]:
    return {
        "sensitivity": tally.sensitivity,
        "positive_predictivity": tally.positive_predictivity,
        "true_positives": tally.true_positives,
        "false_negatives": tally.false_negatives,
        "false_positives": tally.false_positives,
    }


def _subject(matrix: NDArray[np.int64], classes: Sequence[str]) -> dict[str, Any]:
    counts = _class_counts(matrix, classes)
    return {
        "qrs": _qrs(BeatComparison(matrix).qrs),
        "classes": {label: counts.figures(number) for number, label in enumerate(classes)},
    }


def _intervals(
    matrices: NDArray[np.int64], per_subject: ClassCounts, *, draws: int, seed: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """95 % intervals per class, and of macro F1 and QRS detection, from the same draws."""
    if len(matrices) < 2:
        nothing = dict.fromkeys(("sensitivity", "ppv", "f1"))
        return [dict(nothing) for _ in range(per_subject.hits.shape[1])], {
            "macro_f1": None,
            "qrs": dict.fromkeys(("sensitivity", "positive_predictivity")),
        }
    per_class, drawn = intervals_of(per_subject, draws=draws, seed=seed)
    totals = resampled_totals(matrices, draws=draws, seed=seed)
    hits = totals[:, :5, :5].sum(axis=(1, 2))
    return per_class, {
        "macro_f1": percentile_interval(drawn.macro_f1),
        "qrs": {
            "sensitivity": percentile_interval(ratio(hits, totals[:, :5].sum(axis=(1, 2)))),
            "positive_predictivity": percentile_interval(ratio(hits, totals[:, :, :5].sum(axis=(1, 2)))),
        },
    }

"""How well scores tell anomalies from normal windows: areas under curves, and what a threshold gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_curve

from biosig.evaluation.budget import Minutes, minutes_of_patients, rate_figures, rates, trade_off
from biosig.evaluation.counts import mean_and_sd, plain, ratio
from biosig.evaluation.curves import precision_recall
from biosig.evaluation.intervals import percentile_interval, resampled_totals
from biosig.evaluation.metrics import areas

__all__ = ["anomaly_report"]

_BINS = 1000
_FEWEST = 20
"""Windows of a kind from which on a histogram of their scores says anything."""


def anomaly_report(
    label: NDArray[np.int64],
    score: NDArray[np.float64],
    subject: NDArray[np.str_],
    time_s: NDArray[np.float64],
    recording: NDArray[np.int64],
    *,
    classes: Sequence[str],
    normal: Sequence[str],
    threshold: ArrayLike,
    persistent: tuple[int, int],
    per_hour: float,
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """All figures of scored windows, in the form of ``metrics.json``.

    Parameters
    ----------
    label, score, subject, time_s, recording : (n,), in order of recording and time; labels are positions in
        ``classes``. A score of minus infinity is a window that was never scored (a missed beat): it ranks lowest.
    classes : the labels.
    normal : those that are no anomalies.
    threshold : from which on a score is an anomaly; one, or one per window (n,).
    persistent : how many of how many windows in a row make a false alarm, :mod:`biosig.evaluation.false_alarms`.
    per_hour : budget of false alarms an hour; patients beyond it are named.
    draws, seed : of the bootstrap over subjects, see :mod:`biosig.evaluation.intervals`.

    Returns
    -------
    dict
        ``auroc`` and ``auprc`` of normal windows against all others, ``classes`` (per label that is no normal one:
        support, auroc and auprc against normal windows, sensitivity at the threshold, ci95), ``normal`` (support,
        false_positive_rate), ``threshold``, ``budget_per_hour``, ``false_alarms`` (minutes, hours, per_hour of all
        minutes together, and ``patients``, :func:`~biosig.evaluation.budget.rate_figures`), ``trade_off``
        (:func:`~biosig.evaluation.budget.trade_off`), ``ci95``, ``subjects``, ``patient_mean``, ``curves``, ``scores``
        (histograms). A figure without both sides is None.
    """
    if not len(score):
        raise ValueError("a report needs at least one labelled window, got none")
    limit = np.broadcast_to(np.asarray(threshold, dtype=np.float64), score.shape)
    kinds = {name: [place] for place, name in enumerate(classes) if name not in normal}
    usual = np.isin(label, [place for place, name in enumerate(classes) if name in normal])
    ranked = np.where(np.isfinite(score), score, score[np.isfinite(score)].min(initial=0.0) - 1.0)
    flagged = score >= limit
    names, who = np.unique(subject, return_inverse=True)
    drawn = _drawn_areas(label, usual, ranked, who, [*kinds.values()], draws=draws, seed=seed)

    def minutes(value: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        scored = usual & np.isfinite(score)
        return minutes_of_patients(value[scored], time_s[scored], recording[scored], subject[scored], persistent)

    excess = minutes(score - limit)
    table = {name: _kind(np.isin(label, places), usual, ranked, flagged) for name, places in kinds.items()}
    for place, name in enumerate(kinds):
        table[name]["ci95"] = drawn[place + 1]
    return {
        **areas(~usual, ranked),
        "ci95": drawn[0],
        "classes": table,
        "normal": {
            "labels": list(normal),
            "support": int(usual.sum()),
            "false_positive_rate": plain(ratio(flagged[usual].sum(), usual.sum())),
        },
        "threshold": float(np.mean(limit)),
        "budget_per_hour": per_hour,
        "false_alarms": _false_alarms(excess) | {"patients": _patients(excess, per_hour)},
        "trade_off": trade_off(minutes(score), {name: ranked[np.isin(label, kinds[name])] for name in kinds}),
        "subjects": {
            str(name): _subject(label, usual, ranked, flagged, who == number, kinds)
            | {"false_alarms": _false_alarms({name: excess[name]} if name in excess else {})}
            for number, name in enumerate(names)
        },
        "patient_mean": _patient_mean(usual, ranked, who),
        "curves": _curves(label, usual, ranked, kinds),
        "scores": _histograms(label, usual, ranked, kinds, float(np.mean(limit))),
    }


def _false_alarms(excess: Minutes) -> dict[str, Any]:
    """Of minutes by how much the highest threshold with a false alarm exceeds the one there is."""
    every = np.concatenate([*excess.values(), np.zeros(0)])
    held, hours = int((every >= 0).sum()), len(every) / 60.0
    return {"minutes": held, "hours": hours, "per_hour": plain(ratio(np.asarray(held), np.asarray(hours)))}


def _patients(excess: Minutes, per_hour: float) -> dict[str, Any] | None:
    """Patients' rates; None where no window is normal."""
    return rate_figures(dict(zip(excess, rates(excess, 0.0).tolist(), strict=True)), per_hour) if excess else None


def _kind(
    own: NDArray[np.bool_], usual: NDArray[np.bool_], ranked: NDArray[np.float64], flagged: NDArray[np.bool_]
) -> dict[str, Any]:
    """One kind of anomaly against normal windows."""
    both = own | usual
    return {
        "support": int(own.sum()),
        **areas(own[both], ranked[both]),
        "sensitivity": plain(ratio(flagged[own].sum(), own.sum())),
    }


def _subject(
    label: NDArray[np.int64],
    usual: NDArray[np.bool_],
    ranked: NDArray[np.float64],
    flagged: NDArray[np.bool_],
    own: NDArray[np.bool_],
    kinds: dict[str, list[int]],
) -> dict[str, Any]:
    """One subject's figures."""
    return {
        "n": int(own.sum()),
        **areas(~usual[own], ranked[own]),
        "normal": {
            "support": int((usual & own).sum()),
            "false_positive_rate": plain(ratio(flagged[usual & own].sum(), (usual & own).sum())),
        },
        "classes": {
            name: _kind(np.isin(label, places)[own], usual[own], ranked[own], flagged[own])
            for name, places in kinds.items()
        },
    }


def _patient_mean(usual: NDArray[np.bool_], ranked: NDArray[np.float64], who: NDArray[np.int64]) -> dict[str, Any]:
    """AUROC within each subject who has both sides, averaged: every patient weighs the same."""
    each = [areas(~usual[who == number], ranked[who == number])["auroc"] for number in np.unique(who)]
    figures = mean_and_sd(each)
    return {"auroc": figures["mean"], "sd": figures["sd"], "n": figures["n"]}


def _drawn_areas(
    label: NDArray[np.int64],
    usual: NDArray[np.bool_],
    ranked: NDArray[np.float64],
    who: NDArray[np.int64],
    kinds: Sequence[Sequence[int]],
    *,
    draws: int,
    seed: int,
) -> list[dict[str, Any]]:
    """95 % intervals of both areas, of all anomalies first, then of each kind; None with fewer than two subjects.

    Scores are put into bins of equal numbers of windows, so that areas follow from sums over subjects.
    """
    n_subjects = int(who.max()) + 1
    if n_subjects < 2:
        return [dict.fromkeys(("auroc", "auprc")) for _ in range(len(kinds) + 1)]
    edges = np.unique(np.quantile(ranked, np.linspace(0, 1, _BINS + 1)[1:-1]))
    place = np.searchsorted(edges, ranked, side="right")
    sides = [usual, *(np.isin(label, list(places)) for places in kinds)]
    counts = np.zeros((n_subjects, len(sides), len(edges) + 1), dtype=np.float32)
    for number, side in enumerate(sides):
        np.add.at(counts[:, number], (who[side], place[side]), 1)
    totals = resampled_totals(counts, draws=draws, seed=seed)
    below, odd = totals[:, 0], totals[:, 1:]
    groups = [odd.sum(axis=1), *np.moveaxis(odd, 1, 0)]
    return [
        {"auroc": percentile_interval(auroc), "auprc": percentile_interval(auprc)}
        for auroc, auprc in (_binned_areas(below, group) for group in groups)
    ]


def _binned_areas(
    usual: NDArray[np.float64], odd: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """AUROC and AUPRC (n,) from counts per bin of score, lowest first: both (n, n_bins)."""
    n_usual, n_odd = usual.sum(axis=1), odd.sum(axis=1)
    lower = np.cumsum(usual, axis=1) - usual / 2
    auroc = ratio((odd * lower).sum(axis=1), n_usual * n_odd)
    hits, alarms = (np.cumsum(side[:, ::-1], axis=1) for side in (odd, usual))
    precision = np.nan_to_num(ratio(hits, hits + alarms))
    auprc = ratio((precision * odd[:, ::-1]).sum(axis=1), n_odd)
    return auroc, auprc


def _curves(
    label: NDArray[np.int64], usual: NDArray[np.bool_], ranked: NDArray[np.float64], kinds: dict[str, list[int]]
) -> dict[str, Any]:
    """ROC and precision-recall points of all anomalies (``all``) and of each kind against normal windows."""
    curves: dict[str, Any] = {}
    for name, own in {"all": ~usual, **{name: np.isin(label, places) for name, places in kinds.items()}}.items():
        both = own | usual
        if own.any() and usual.any():
            curves[name] = {
                "roc": _roc(own[both], ranked[both]),
                "precision_recall": precision_recall(own[both], ranked[both]),
            }
    return curves


def _roc(odd: NDArray[np.bool_], ranked: NDArray[np.float64], *, points: int = 200) -> list[list[float]]:
    """``[false positive rate, sensitivity]``, at most ``points`` of them, evenly along the curve."""
    false_positive, sensitivity, _ = roc_curve(odd, ranked)
    along = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(false_positive)) + np.diff(sensitivity))])
    chosen = np.unique(np.searchsorted(along, np.linspace(0.0, along[-1], min(points, len(along)))))
    chosen = np.minimum(chosen, len(along) - 1)
    return [[float(x), float(y)] for x, y in zip(false_positive[chosen], sensitivity[chosen], strict=True)]


def _histograms(
    label: NDArray[np.int64],
    usual: NDArray[np.bool_],
    ranked: NDArray[np.float64],
    kinds: dict[str, list[int]],
    threshold: float,
) -> dict[str, Any]:
    """Share of windows per bin of score, of normal windows and of each kind."""
    low, high = np.quantile(ranked, [0.001, 0.999])
    edges = np.linspace(min(low, threshold), max(high, threshold) + 1e-9, 61)
    sides = {"normal": usual, **{name: np.isin(label, places) for name, places in kinds.items()}}
    share = {
        name: (np.histogram(np.clip(ranked[own], edges[0], edges[-1]), edges)[0] / max(own.sum(), 1)).tolist()
        for name, own in sides.items()
        if own.sum() >= _FEWEST
    }
    return {"edges": edges.tolist(), "share": share}

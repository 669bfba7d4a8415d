"""Which threshold keeps to a budget of false alarms, and what to expect of it on patients nobody has seen.

A patient's *rate* is false alarms an hour (:mod:`biosig.evaluation.false_alarms`): sixty times the share of the minutes
with normal windows that hold one. The budget is about the mean over patients: what a patient unlike any other costs
does not depend on how long those at hand were recorded. A few patients hold most false alarms, so this mean moves much
from one group of patients to the next. A threshold therefore has to keep the mean's upper bound within the budget: the
``confidence`` quantile of means over patients drawn with replacement (:mod:`biosig.evaluation.intervals`).

With few patients the bound is still too low, for the worst kind of patient may not be among them. In a simulation (100
groups of 22 patients, each one's minutes normal about a level of their own, drawn from gamma laws of shape 0.5 to 4) a
budget of 1 chosen at 90 % gave 0.8 to 1.6 an hour on 2,000 other patients, and 27 to 59 of the groups exceeded it; at
50 %, which is about the plain mean, it gave 1.3 to 2.0, and 67 to 74 groups exceeded it. So 90 % keeps the budget about
on average. A bound that holds for any kind of patient (conformal risk control: Angelopoulos et al. 2024,
arXiv:2208.02814) has to allow for one more who alarms every minute, sixty an hour: (n * rate + 60) / (n + 1), so a
budget of one takes 59 patients without any false alarm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.evaluation.false_alarms import false_alarm_minutes
from biosig.evaluation.intervals import percentile_interval, resampled_totals

__all__ = ["Minutes", "expected_rates", "minutes_of_patients", "rate_figures", "rates", "threshold_within", "trade_off"]

Minutes = Mapping[str, NDArray[np.float64]]
"""Per patient :func:`~biosig.evaluation.false_alarms.false_alarm_minutes`, lowest first."""

_DRAWS = 1000
_MARGIN = 1e-3
_MOST_LEFT_OUT = 50
"""More patients than these are left out in as many groups."""
_POINTS = 120


def minutes_of_patients(
    score: NDArray[np.float64],
    time_s: NDArray[np.float64],
    recording: NDArray[np.int64],
    subject: NDArray[np.str_],
    persistent: tuple[int, int],
) -> dict[str, NDArray[np.float64]]:
    """The highest threshold with a false alarm of each minute, patient by patient.

    Parameters
    ----------
    score, time_s, recording, subject : (n,), of normal windows, in order of recording and time.
    persistent : from :func:`~biosig.evaluation.false_alarms.persistence`.
    """
    found = {}
    for name in np.unique(subject):
        own = subject == name
        found[str(name)] = np.sort(false_alarm_minutes(score[own], time_s[own], recording[own], persistent))
    return found


def rates(minutes: Minutes, threshold: float) -> NDArray[np.float64]:
    """False alarms an hour of each patient at a threshold, float64 (n_patients,)."""
    held = [60.0 * (len(levels) - int(np.searchsorted(levels, threshold))) / len(levels) for levels in minutes.values()]
    return np.array(held, dtype=np.float64)


def threshold_within(per_hour: float, minutes: Minutes, *, confidence: float, seed: int = 0) -> float:
    """The lowest threshold that keeps to ``per_hour`` false alarms an hour, as the mean over patients.

    Parameters
    ----------
    minutes : of patients whom training has not seen.
    confidence : quantile of the mean over drawn patients that must lie within the budget, inside (0, 1).
    seed : of the drawing.

    Raises
    ------
    ValueError : in no minute as many windows as an alarm takes.
    """
    levels = _levels(minutes)
    if not len(levels):
        n = sum(map(len, minutes.values()))
        raise ValueError(f"a threshold needs minutes of normal windows, got {n}, none with enough of them")
    share = resampled_totals(np.eye(len(minutes)), draws=_DRAWS, seed=seed) / len(minutes)
    low, high = 0, len(levels)  # rates fall as thresholds rise, in every draw alike, so the bound can be bisected
    while low < high:
        middle = (low + high) // 2
        if np.quantile(share @ rates(minutes, levels[middle]), confidence) <= per_hour:
            high = middle
        else:
            low = middle + 1
    if low == len(levels):
        return float(levels[-1] + _MARGIN)
    return float(levels[0] if low == 0 else (levels[low - 1] + levels[low]) / 2)


def expected_rates(per_hour: float, minutes: Minutes, *, confidence: float) -> dict[str, float]:
    """Each patient's false alarms an hour at the threshold that all other patients would have given.

    Nobody's rate rests on themselves, so this is what to expect of further patients, but that the threshold was chosen
    on one patient more. Of many patients some are left out together. Empty where too few are left.
    """
    names = list(minutes)
    groups = np.array_split(np.array(names), min(len(names), _MOST_LEFT_OUT))
    found: dict[str, float] = {}
    for out in groups:
        rest = {name: minutes[name] for name in names if name not in out}
        if len(_levels(rest)):
            limit = threshold_within(per_hour, rest, confidence=confidence)
            own = {name: minutes[name] for name in out.tolist()}
            found.update(zip(own, rates(own, limit).tolist(), strict=True))
    return found


def rate_figures(each: Mapping[str, float], per_hour: float) -> dict[str, Any]:
    """Patients' rates in figures: ``mean``, ``ci95`` of the mean, ``median``, ``worst``, ``n``, ``above``, ``each``.

    Without a second patient or any false alarm there is no interval: drawing from zeros tells nothing.

    Parameters
    ----------
    each : false alarms an hour of each patient, one or more; they are told worst first.
    per_hour : the budget; patients beyond it are named in ``above``.
    """
    values = np.array(list(each.values()), dtype=np.float64)
    worst_first = sorted(each.items(), key=lambda one: (-one[1], one[0]))
    drawn = resampled_totals(values, draws=_DRAWS) / len(values)
    return {
        "mean": float(values.mean()),
        "ci95": percentile_interval(drawn) if len(values) > 1 and values.any() else None,
        "median": float(np.median(values)),
        "worst": float(values.max()),
        "n": len(values),
        "above": [name for name, rate in worst_first if rate > per_hour],
        "each": dict(worst_first),
    }


def trade_off(minutes: Minutes, found: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    """What thresholds give, highest first: ``threshold``, ``per_hour`` (patients' mean) and ``sensitivity`` by kind.

    Parameters
    ----------
    minutes : of the patients.
    found : scores of each kind of anomaly (n,); kinds without any are left out.
    """
    levels = _levels(minutes)[::-1]
    if not len(levels):
        return {"threshold": [], "per_hour": [], "sensitivity": {}}
    place = np.unique(np.rint(np.geomspace(1, len(levels), min(_POINTS, len(levels)))).astype(np.int64)) - 1
    limits = np.concatenate([[levels[0] + _MARGIN], levels[place]])
    return {
        "threshold": limits.tolist(),
        "per_hour": [float(rates(minutes, limit).mean()) for limit in limits],
        "sensitivity": {
            name: ((len(score) - np.searchsorted(np.sort(score), limits)) / len(score)).tolist()
            for name, score in found.items()
            if len(score)
        },
    }


def _levels(minutes: Minutes) -> NDArray[np.float64]:
    """Every threshold at which a rate changes, lowest first."""
    parts: Sequence[NDArray[np.float64]] = [*minutes.values(), np.zeros(0)]
    every = np.unique(np.concatenate(parts))
    return every[np.isfinite(every)]

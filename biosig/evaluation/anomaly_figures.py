"""The pictures of an anomaly detector: ROC curves, how scores lie, and where in a window the error is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import FuncFormatter, NullLocator
from numpy.typing import NDArray

from biosig.evaluation.figures import CHART_INK, finish, label_styles, square
from biosig.records.paper import Sheet
from biosig.records.recording import Recording

__all__ = ["draw_error", "plot_roc", "plot_scores", "plot_trade_off"]

_ERROR = "#d9541e"
_TRACE = "#1b1f24"
_MOST_BARS = 12
_STRONGEST = 3.0
"""Error from which on a sample has its full colour."""


def plot_roc(curves: Mapping[str, Mapping[str, Any]]) -> Sheet:
    """Sensitivity over the share of normal windows called anomalies, one line per kind of anomaly.

    Parameters
    ----------
    curves : per kind ``roc``, points (false positive rate, sensitivity) from 0 to 1.
    """
    sheet, axes = square("normal windows called anomalies", "sensitivity")
    axes.plot([0, 1], [0, 1], color="#8a8f96", linewidth=1, label="chance")
    for label, style in label_styles(list(curves)).items():
        points = np.array(curves[label]["roc"], dtype=np.float64).reshape(-1, 2)
        axes.plot(*points.T, label=label, markevery=max(1, len(points) // 6), markersize=4, linewidth=1.5, **style)
    finish(axes, place="lower right")
    return sheet


def plot_scores(scores: Mapping[str, Any], threshold: float) -> Sheet:
    """How the scores of normal windows and of each kind of anomaly lie, each curve of area 1, and the threshold.

    Parameters
    ----------
    scores : ``edges`` of the bins and per kind the ``share`` of its windows in each.
    threshold : from which on a score is an anomaly.
    """
    sheet = Sheet(190, 65, layout="constrained")
    axes = sheet.add_subplot()
    edges = np.array(scores["edges"])
    middle, width = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
    for label, style in label_styles(list(scores["share"])).items():
        density = np.array(scores["share"][label]) / width
        axes.plot(middle, density, label=label, markevery=6, markersize=4, linewidth=1.5, **style)
    axes.axvline(threshold, color=CHART_INK, linewidth=1, linestyle="dotted", label=f"threshold, {threshold:.2f}")
    axes.set(xlabel="score (standard deviations of normal training windows)", ylabel="density", ylim=(0, None))
    finish(axes)
    return sheet


def plot_trade_off(
    curve: Mapping[str, Any], patients: Mapping[str, Any], sensitivity: Mapping[str, float | None], budget: float
) -> Sheet:
    """Sensitivity of each kind over false alarms an hour, the threshold there is, and whom its false alarms are from.

    Parameters
    ----------
    curve : what every threshold gives, :func:`biosig.evaluation.budget.trade_off`.
    patients : rates at the chosen threshold, :func:`biosig.evaluation.budget.rate_figures`.
    sensitivity : of each kind at the chosen threshold.
    budget : false alarms an hour.
    """
    sheet = Sheet(190, 78, layout="constrained")
    left, right = sheet.subplots(1, 2, gridspec_kw={"width_ratios": [3, 2]})
    for label, style in label_styles(list(curve["sensitivity"])).items():
        line = curve["sensitivity"][label]
        left.plot(curve["per_hour"], line, label=label, linewidth=1.5, **(style | {"marker": None}))
        if sensitivity[label] is not None:
            left.plot(patients["mean"], sensitivity[label], **(style | {"linestyle": "none"}), markersize=7)
    if patients["ci95"]:
        left.axvspan(*patients["ci95"], color="#8a8f96", alpha=0.18, linewidth=0, label="95 %, over patients")
    left.axvline(patients["mean"], color=CHART_INK, linewidth=1, label="chosen threshold")
    left.axvline(budget, color=_ERROR, linewidth=1.2, linestyle="dotted", label=f"budget, {budget:g} an hour")
    _per_hour(left)
    left.set(xlabel="false alarms an hour, mean over patients", ylabel="sensitivity", ylim=(-0.02, 1.02))
    finish(left)
    look = {"frameon": False, "fontsize": 8, "labelcolor": CHART_INK}
    left.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, **look)
    _plot_patients(right, patients, budget)
    return sheet


def _plot_patients(axes: Axes, patients: Mapping[str, Any], budget: float) -> None:
    """A bar per patient who had false alarms, worst first."""
    shown = [(name, rate) for name, rate in patients["each"].items() if rate > 0][:_MOST_BARS]
    rest = patients["n"] - len(shown)
    bars = dict(shown)
    if rest:
        bars[f"{rest} {'others' if shown else 'patients'}: {'fewer' if len(shown) == _MOST_BARS else 'none'}"] = 0.0
    names, values = list(bars), list(bars.values())
    place = np.arange(len(names))
    axes.barh(place, values, height=0.6, color=[_ERROR if value > budget else "#2a80d4" for value in values])
    axes.axvline(budget, color=_ERROR, linewidth=1.2, linestyle="dotted")
    _per_hour(axes)
    axes.set_yticks(place, names)
    axes.set(xlabel="false alarms an hour, patient by patient", ylim=(max(len(names), 6) - 0.5, -0.5))
    finish(axes)


def _per_hour(axes: Axes) -> None:
    """An axis of rates from none to one in every minute: logarithmic from 0.1 on."""
    axes.set_xscale("symlog", linthresh=0.1, linscale=0.4)
    axes.set_xlim(-0.005, 66)
    axes.set_xticks([0, 0.1, 0.3, 1, 3, 10, 30, 60], minor=False)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))


def draw_error(
    recording: Recording, start_s: float, length_s: float, error: NDArray[np.float64], *, around_s: float = 2.0
) -> Sheet:
    """A window among its neighbours, each sample of it coloured by its error, which is drawn below, too.

    Parameters
    ----------
    recording : its first channel is drawn.
    start_s, length_s : where the window lies, seconds from the recording's start.
    error : float64 (n,), evenly over the window, 0 or more, in units of the training windows' amplitude.
    around_s : seconds before and after the window.
    """
    fs = recording.fs
    first = max(0, round((start_s - around_s) * fs))
    last = min(recording.n_times, round((start_s + length_s + around_s) * fs))
    time_s = np.arange(first, last) / fs
    signal = np.asarray(recording.data[0, first:last], dtype=np.float64)
    sheet = Sheet(150, 58, layout="constrained")
    upper, lower = sheet.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1]})
    upper.plot(time_s, signal, color=_TRACE, linewidth=0.8)
    place_s = start_s + (np.arange(len(error)) + 0.5) * length_s / len(error)
    inside = (time_s >= start_s) & (time_s <= start_s + length_s)
    points = np.column_stack([time_s[inside], signal[inside]])
    if len(points) > 1:
        strength = np.interp(points[:, 0], place_s, np.clip(error / _STRONGEST, 0.0, 1.0))
        shades = [(0.851, 0.329, 0.118, float(one)) for one in (strength[1:] + strength[:-1]) / 2]
        segments = np.stack([points[:-1], points[1:]], axis=1)
        upper.add_collection(LineCollection(list(segments), colors=shades, linewidths=3.5))
    upper.axvspan(start_s, start_s + length_s, color="#2a80d4", alpha=0.08, linewidth=0)
    lower.fill_between(place_s, error, color=_ERROR, alpha=0.8, linewidth=0)
    lower.set(ylim=(0, max(1.0, float(error.max()))), xlabel="seconds", xlim=(time_s[0], time_s[-1]))
    lower.set_ylabel("error")
    upper.set_ylabel(f"{recording.layout.channels[0]} ({recording.layout.units[0]})")
    for axes in (upper, lower):
        finish(axes)
    return sheet

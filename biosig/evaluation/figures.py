"""The pictures of an evaluation: training curves, precision and recall, calibration, and single mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from biosig.records.page import plot_page
from biosig.records.paper import Paper, Sheet
from biosig.records.recording import Annotations, Recording

__all__ = [
    "CHART_INK",
    "draw_beat_mistake",
    "draw_quietly",
    "finish",
    "label_styles",
    "plot_calibration",
    "plot_history",
    "plot_precision_recall",
    "square",
]

CHART_INK = "#1b1f24"
"""Text and axes of charts; a page with a dark ground replaces exactly this colour."""

_COLOURS = {"N": "#6f7f92", "S": "#2a80d4", "V": "#d9541e", "F": "#a05fc0"}
_FURTHER_COLOURS = ("#2a80d4", "#d9541e", "#1d9a77", "#a05fc0", "#b8860b", "#6f7f92", "#d0568f", "#3f93be")
_DASHES = ("solid", (0, (6, 2)), (0, (2, 1.5)), (0, (6, 2, 1.5, 2)))
_NOT_CURVES = {"epoch", "seconds", "windows_per_s", "lr", "score"}


def label_styles(labels: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour, dash and marker of each label's line: never colour alone, and 3:1 or better on white and near-black."""
    beats = set(labels) <= set(_COLOURS)
    return {
        label: {
            "color": _COLOURS[label] if beats else _FURTHER_COLOURS[place % len(_FURTHER_COLOURS)],
            "linestyle": _DASHES[place % len(_DASHES)],
            "marker": "osD^vPX*"[place % 8],
        }
        for place, label in enumerate(labels)
    }


def plot_history(history: Sequence[Mapping[str, float]]) -> Sheet:
    """Training curves: loss to the left, every other figure (macro-F1 on validation subjects) to the right.

    Parameters
    ----------
    history : one mapping per epoch, with ``epoch`` (from 1), ``loss`` and further figures by name, as
        :func:`biosig.training.loop.fit` returns them; the epoch of the best ``score`` is marked.

    Raises
    ------
    ValueError : an empty history.
    """
    if not history:
        raise ValueError("history must hold at least one epoch, got none")
    names = [name for name in dict.fromkeys(name for row in history for name in row) if name not in _NOT_CURVES]
    losses = [name for name in names if "loss" in name]
    groups = [group for group in (losses, [name for name in names if name not in losses]) if group]
    sheet = Sheet(90 * len(groups), 70, layout="constrained")
    epochs = np.array([row.get("epoch", place) for place, row in enumerate(history, 1)])
    scores = np.array([row.get("score", np.nan) for row in history])
    for place, group in enumerate(groups, 1):
        axes = sheet.add_subplot(1, len(groups), place)
        styles = label_styles(group)
        for name in group:
            values = [row.get(name, np.nan) for row in history]
            axes.plot(
                epochs,
                values,
                label=name.replace("_", " ").replace("f1", "F1"),
                markersize=3,
                linewidth=1.4,
                **styles[name],
            )
        if np.isfinite(scores).any():
            best = epochs[np.nanargmax(scores)]
            axes.axvline(best, color="#8a8f96", linewidth=1, linestyle="dotted", label=f"best epoch, {best:g}")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        finish(axes)
    return sheet


def plot_precision_recall(curves: Mapping[str, Mapping[str, Any]]) -> Sheet:
    """Precision over recall, one line per label.

    Parameters
    ----------
    curves : per label ``precision_recall``, points (recall, precision) from 0 to 1.
    """
    sheet, axes = square("recall (sensitivity)", "precision (PPV)")
    for label, style in label_styles(list(curves)).items():
        points = np.array(curves[label].get("precision_recall") or [], dtype=np.float64).reshape(-1, 2)
        if len(points):
            every = max(1, len(points) // 6)
            axes.plot(*points.T, label=label, markevery=every, markersize=4, linewidth=1.5, **style)
    finish(axes, place="lower left")
    return sheet


def plot_calibration(curves: Mapping[str, Mapping[str, Any]]) -> Sheet:
    """How often a label is true where the model gives it a certain probability; on the diagonal both agree.

    Parameters
    ----------
    curves : per label ``calibration``, bins with ``predicted`` and ``observed`` (0 to 1 or None) and count ``n``.
    """
    sheet, axes = square("predicted probability", "observed share")
    axes.plot([0, 1], [0, 1], color="#8a8f96", linewidth=1, label="perfect")
    for label, style in label_styles(list(curves)).items():
        bins = [
            (entry["predicted"], entry["observed"])
            for entry in curves[label].get("calibration") or []
            if entry.get("observed") is not None and entry.get("predicted") is not None
        ]
        if bins:
            axes.plot(*np.array(bins, dtype=np.float64).T, label=label, markersize=4, linewidth=1.5, **style)
    finish(axes, place="upper left")
    return sheet


def draw_beat_mistake(
    recording: Recording,
    beat_s: float,
    *,
    predictions: Annotations | None = None,
    channels: Sequence[str] | None = None,
    around_s: float = 3.0,
) -> Sheet:
    """One beat in the middle of its neighbours on ECG paper, shaded, with reference and predicted labels above.

    Parameters
    ----------
    recording : the recording with its reference marks.
    beat_s : the beat's time in seconds.
    predictions : the model's label of every beat around it; framed where it differs from the reference.
    channels : leads to draw; None = all.
    around_s : seconds before and after the beat, fewer where the recording begins or ends.

    Raises
    ------
    ValueError : the beat lies outside the recording.
    """
    if not 0 <= beat_s <= recording.duration_s:
        raise ValueError(f"{recording.name}: beat_s must lie in 0 to {recording.duration_s:g} s, got {beat_s:g}")
    return plot_page(
        recording,
        max(0.0, beat_s - around_s),
        beat_s + around_s,
        channels=channels,
        marks=predictions,
        highlight=(beat_s - 0.15, beat_s + 0.15),
        paper=Paper(row_s=2 * around_s + 1),
    )


def square(xlabel: str, ylabel: str) -> tuple[Sheet, Axes]:
    """A chart of two shares, 0 to 1."""
    sheet = Sheet(95, 85, layout="constrained")
    axes = sheet.add_subplot()
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    return sheet, axes


def draw_quietly(axes: Axes) -> None:
    """The frame that all charts share: two lines, small figures, ink that a dark page can replace."""
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(CHART_INK)
    axes.tick_params(colors=CHART_INK, labelsize=8)
    for text in (axes.xaxis.label, axes.yaxis.label):
        text.set(color=CHART_INK, fontsize=9)


def finish(axes: Axes, *, place: Literal["best", "lower left", "lower right", "upper left"] = "best") -> None:
    """The look of a chart of lines: a quiet frame, a faint grid, a legend without a box."""
    draw_quietly(axes)
    axes.grid(color="#8a8f96", alpha=0.25, linewidth=0.6)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc=place, frameon=False, fontsize=8, labelcolor=CHART_INK, handlelength=2.6)

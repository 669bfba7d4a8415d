"""The page of beat templates: each group's beats laid over each other on ECG paper, and when they occurred."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from biosig.records.paper import CLASS_COLOURS, INK, QUIET_INK, Sheet, draw_grid
from biosig.records.recording import Recording
from biosig.records.symbols import aami_class

__all__ = ["plot_templates"]

BEFORE_S, AFTER_S = 0.3, 0.6
MM_PER_S, MM_PER_MV = 50.0, 10.0
CELL_MM, FIELD_MM = 52.0, 40.0
COLUMNS = 4
HEAD_MM, TITLE_MM, STRIP_MM, MARGIN_MM, FOOT_MM = 12.0, 10.0, 5.0, 6.0, 10.0
MEMBERS = 40
"""Beats of a template that are drawn, evenly taken from first to last."""


def plot_templates(
    recording: Recording, lead: str, beats: pd.DataFrame, templates: pd.DataFrame, *, most: int
) -> Sheet:
    """Draw the largest templates of a recording.

    Parameters
    ----------
    recording : the beats are drawn from it as recorded, moved so that their median lies on the baseline.
    lead : the channel to draw, in mV.
    beats, templates : as in :class:`biosig.runs.clustering.Templates`.
    most : templates drawn; the rest is named in a line.

    Returns
    -------
    A figure at 50 mm/s and 10 mm/mV: a field per template, below them a line of time for each.
    """
    shown = templates.head(most)
    rows = -(-len(shown) // COLUMNS)
    width = 2 * MARGIN_MM + COLUMNS * CELL_MM
    cell_height = HEAD_MM + FIELD_MM + 3
    height = TITLE_MM + rows * cell_height + 6 + len(shown) * STRIP_MM + FOOT_MM
    sheet = Sheet(width, height)
    axes = sheet.millimetres()
    rest = templates.iloc[len(shown) :]
    title = f"{recording.name}, lead {lead}: {len(templates)} beat templates"
    if len(rest):
        title += f"; not drawn: {len(rest)} with {rest.beats.sum():,} beats in all"
    axes.text(MARGIN_MM, height - 6, title, size=10, color=INK, va="center", weight="bold")
    channel = recording.pick([lead])
    for place, row in enumerate(shown.to_dict("records")):
        left = MARGIN_MM + (place % COLUMNS) * CELL_MM
        top = height - TITLE_MM - (place // COLUMNS) * cell_height
        _draw_cell(axes, left, top, row, _beats_of(channel, beats.time_s[beats.template == row["template"]].to_numpy()))
    _draw_times(axes, height - TITLE_MM - rows * cell_height - 3, width, recording.duration_s, beats, shown)
    return sheet


def _beats_of(channel: Recording, times_s: NDArray[np.float64]) -> NDArray[np.float32]:
    """Samples around some of the beats, (n, length) in mV, each less its median; those at the very ends left out."""
    fs = channel.fs
    before, after = round(BEFORE_S * fs), round(AFTER_S * fs)
    chosen = times_s[np.unique(np.linspace(0, len(times_s) - 1, MEMBERS).astype(np.int64))]
    places = np.rint(chosen * fs).astype(np.int64)
    inside = [at for at in places if at >= before and at + after <= channel.n_times]
    waves = [channel.samples.read(at - before, at + after)[0] for at in inside]
    if not waves:
        return np.full((1, before + after), np.nan, dtype=np.float32)
    array = np.array(waves, dtype=np.float32)
    return np.asarray(array - np.nan_to_num(np.nanmedian(array, axis=1, keepdims=True)))


def _draw_cell(axes: Axes, left: float, top: float, row: dict[Hashable, Any], waves: NDArray[np.float32]) -> None:
    """One template: what it is, its members in grey, their mean on top."""
    colour = CLASS_COLOURS.get(aami_class(row["label"]) or "Q", INK)
    name = "" if row["label"] == "Q" else f"  {row['label']}"
    axes.text(left, top - 4, f"T{row['template']}{name}", size=11, color=colour, weight="bold", va="center")
    share = f"{row['beats']:,} beats, {100 * row['share']:.1f} %" if row["beats"] != 1 else "1 beat"
    axes.text(left + 16, top - 4, share, size=8, color=INK, va="center")
    rhythm = "" if np.isnan(row["rr_s"]) else f"RR {row['rr_s']:.2f} s, {100 * row['prematurity']:.0f} % of usual"
    axes.text(left, top - 9, rhythm, size=7, color=QUIET_INK, va="center")
    bottom, width = top - HEAD_MM - FIELD_MM, (BEFORE_S + AFTER_S) * MM_PER_S
    draw_grid(axes, left, bottom, width, FIELD_MM, ecg=True, mm_per_s=MM_PER_S)
    mean = np.nanmean(waves, axis=0) if np.isfinite(waves).any() else waves[0]
    low, high = np.nan_to_num(np.nanmin(mean)), np.nan_to_num(np.nanmax(mean))
    baseline = bottom + FIELD_MM / 2 - MM_PER_MV * (low + high) / 2
    x = left + np.linspace(0, width, waves.shape[1])
    field = Rectangle((left, bottom), width, FIELD_MM, transform=axes.transData)
    segments = [np.column_stack([x, baseline + MM_PER_MV * wave]) for wave in waves]
    members = axes.add_collection(LineCollection(segments, colors="#8a8a8a", linewidths=0.35, alpha=0.5, zorder=2))
    (line,) = axes.plot(x, baseline + MM_PER_MV * mean, color=colour, linewidth=1.3, zorder=3)
    for drawn in (members, line):
        drawn.set_clip_path(field)


def _draw_times(
    axes: Axes, top: float, width: float, duration_s: float, beats: pd.DataFrame, shown: pd.DataFrame
) -> None:
    """A line of time per template, a tick for each of its beats."""
    left, length = MARGIN_MM + 12, width - 2 * MARGIN_MM - 12
    for place, row in enumerate(shown.to_dict("records")):
        y = top - (place + 0.5) * STRIP_MM
        colour = CLASS_COLOURS.get(aami_class(str(row["label"])) or "Q", INK)
        axes.text(MARGIN_MM, y, f"T{row['template']}", size=7, color=colour, va="center")
        x = left + length * beats.time_s[beats.template == row["template"]].to_numpy() / duration_s
        ticks = [[(at, y - STRIP_MM * 0.35), (at, y + STRIP_MM * 0.35)] for at in x]
        axes.add_collection(LineCollection(ticks, colors=colour, linewidths=0.4))
    bottom = top - len(shown) * STRIP_MM
    axes.plot([left, left + length], [bottom, bottom], color=QUIET_INK, linewidth=0.5)
    for share, text in _clock(duration_s):
        axes.text(left + share * length, bottom - 2.5, text, size=6.5, color=QUIET_INK, ha="center", va="center")


def _clock(duration_s: float) -> Sequence[tuple[float, str]]:
    """Where a line of time is marked, as a share of it, and with what: five times from start to end."""
    times = np.linspace(0, duration_s, 5)
    return [(at / duration_s, f"{int(at // 3600)}:{int(at % 3600 // 60):02d}:{int(at % 60):02d}") for at in times]

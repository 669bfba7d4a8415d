"""What is written above the traces of a page: beat symbols, rhythms, notes, and marks from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from biosig.records.paper import CLASS_COLOURS, QUIET_INK
from biosig.records.recording import Annotations
from biosig.records.symbols import RHYTHM_NAMES, aami_class

__all__ = ["draw_marks", "marks_height"]

BAND_MM = 5.0

MATCH_S = 0.150
"""A mark and a beat belong together up to this distance (ANSI/AAMI EC57, match window)."""


def marks_height(own: Annotations, other: Annotations | None) -> float:
    """Millimetres of paper that the bands of marks take above a row."""
    return BAND_MM * ((2 if len(own) else 0) + (other is not None))


def draw_marks(
    axes: Axes,
    own: Annotations,
    other: Annotations | None,
    *,
    span: tuple[float, float],
    left: float,
    top: float,
    mm_per_s: float,
) -> None:
    """Write the marks of one row downwards from ``top`` mm: notes, the recording's own symbols, then ``other``."""
    begin, end = span
    if len(own):
        notes = [(left + (time - begin) * mm_per_s, text) for time, text in _notes(own, begin, end)]
        _write_notes(axes, notes, top - 3.6, left + (end - begin) * mm_per_s)
        top -= 2 * BAND_MM
        for place in np.flatnonzero((own.onset_s >= begin) & (own.onset_s < end)):
            symbol = own.label[place]
            if symbol != "+" and len(symbol) <= 2:
                _write_symbol(axes, left + (own.onset_s[place] - begin) * mm_per_s, top, symbol, framed=False)
    if other is not None:
        positions_only = len(set(other.label)) <= 1
        if len(own):
            axes.text(1, top + 1.6, "reference", fontsize=5.5, color=QUIET_INK, va="baseline")
        name = "detected" if positions_only else "predicted"
        axes.text(1, top - BAND_MM + 1.6, name, fontsize=5.5, color=QUIET_INK, va="baseline")
        for place in np.flatnonzero((other.onset_s >= begin) & (other.onset_s < end)):
            symbol, time = other.label[place], other.onset_s[place]
            framed = len(own) > 0 and not _agrees(own, float(time), None if positions_only else symbol)
            text = "▼" if positions_only else symbol
            _write_symbol(axes, left + (time - begin) * mm_per_s, top - BAND_MM, text, framed=framed)


def _agrees(own: Annotations, time_s: float, symbol: str | None) -> bool:
    """Whether a beat lies within the match window, of the AAMI class of ``symbol`` (None: of any)."""
    near = np.flatnonzero(np.abs(own.onset_s - time_s) <= MATCH_S)
    classes = {aami_class(own.label[place]) for place in near} - {None}
    return bool(classes) if symbol is None else (aami_class(symbol) or symbol) in classes


def _notes(own: Annotations, begin: float, end: float) -> list[tuple[float, str]]:
    """Time and text of each note of a row, what goes on from an earlier row (a rhythm, a span) first."""
    notes: list[tuple[float, str]] = []
    for time, duration, label, aux in zip(own.onset_s, own.duration_s, own.label, own.aux, strict=True):
        if time >= end:
            break
        text = aux.strip("\x00 ").lstrip("(") if aux else label if len(label) > 2 else ""
        goes_on = (label == "+" and aux.startswith("(")) or time + duration > begin
        if text and time < begin and goes_on:
            notes = [(begin, text)]
        elif text and time >= begin:
            notes.append((float(time), text))
    return notes


def _write_notes(axes: Axes, notes: Sequence[tuple[float, str]], y: float, right: float) -> None:
    """Write notes side by side, each in full, by its code, or cut short, as the next leaves room."""
    for place, (x, text) in enumerate(notes):
        room = (notes[place + 1][0] if place + 1 < len(notes) else right) - x
        letters = max(1, int((room - 1) / 1.55))
        text = next((name for name in (RHYTHM_NAMES.get(text, text), text) if len(name) <= letters), text)
        text = text if len(text) <= letters else text[: letters - 1] + "…"
        axes.plot([x, x], [y - 0.6, y + 2.2], color=QUIET_INK, linewidth=0.9, zorder=4)
        axes.text(x + 0.7, y, text, fontsize=7.5, style="italic", color="#333333", va="baseline", zorder=4)


def _write_symbol(axes: Axes, x: float, y: float, symbol: str, *, framed: bool) -> None:
    name = aami_class(symbol)
    colour = CLASS_COLOURS[name] if name else QUIET_INK
    weight = "bold" if name not in (None, "N") else "normal"
    frame = {"boxstyle": "round,pad=0.18", "facecolor": "#fff3b8", "edgecolor": colour, "linewidth": 0.8}
    axes.text(
        x,
        y + 1.6,
        symbol,
        fontsize=8.5 if name else 7,
        color=colour,
        weight=weight,
        ha="center",
        va="baseline",
        bbox=frame if framed else None,
        zorder=5,
    )
    if name:
        axes.plot([x, x], [y + 0.9, y - 0.3], color=colour, linewidth=0.8, zorder=4)

"""The paper a recording is drawn on: a sheet in millimetres, its grid, pulses, and the colours of beats."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from biosig.records.channel_names import is_electrode

__all__ = [
    "CLASS_COLOURS",
    "CLASS_NAMES",
    "INK",
    "QUIET_INK",
    "SENSITIVITIES",
    "Paper",
    "Sheet",
    "draw_grid",
    "draw_pulse",
    "side_ink",
]

INK = "#111111"
QUIET_INK = "#5a5a5a"

CLASS_COLOURS = {"N": INK, "S": "#0057a8", "V": "#b32400", "F": "#7a2f8f", "Q": "#5a5a5a"}
"""Colour of a beat's symbol by AAMI class: at least 5:1 against the paper, and told apart by people who
confuse red with green or blue with yellow (the letter says the same)."""

CLASS_NAMES = {
    "N": "normal",
    "S": "supraventricular ectopic",
    "V": "ventricular ectopic",
    "F": "fusion",
    "Q": "paced or unclassifiable",
}


SENSITIVITIES = (1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, 70.0, 100.0, 150.0, 200.0)
"""Of an EEG, in uV per mm; routine recordings are read at 5 to 10 (ACNS guideline 1: Sinha et al. 2016,
doi:10.1097/WNP.0000000000000308)."""

LEFT_INK, RIGHT_INK = "#0b3d91", "#9c1b1b"
"""Of electrodes on the left and on the right of the head."""


def side_ink(name: str) -> str:
    """Colour of a trace: blue for electrodes on the left (odd numbers), red for the right, black for all else."""
    sites = name.partition("-")[0]
    if not is_electrode(sites) or not sites.rstrip("h")[-1].isdigit():
        return INK
    return LEFT_INK if int(sites.rstrip("h")[-1]) % 2 else RIGHT_INK


@dataclass(frozen=True)
class Paper:
    """How a page is ruled and how much of it a second and a millivolt take.

    Parameters
    ----------
    mm_per_s : paper speed; 25 is the usual one, 50 where detail matters.
    mm_per_mv : gain of channels in mV; 10 is the usual one. Other units choose their own.
    row_s : seconds in one row before the trace goes on in the next.
    uv_per_mm : sensitivity of channels in uV; None = one of the usual ones, to fit.
    note : what else a reader must know, written beside the scale.
    """

    mm_per_s: float = 25.0
    mm_per_mv: float = 10.0
    row_s: float = 10.0
    uv_per_mm: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        for name in ("mm_per_s", "mm_per_mv", "row_s", "uv_per_mm"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a positive number, got {value}")


class Sheet(Figure):
    """A figure of a given size in millimetres that needs no pyplot and shows itself in a notebook.

    Parameters
    ----------
    width_mm, height_mm : size on paper; a PDF of it prints at that size.
    """

    def __init__(self, width_mm: float, height_mm: float, *, layout: Literal["constrained"] | None = None) -> None:
        super().__init__(figsize=(width_mm / 25.4, height_mm / 25.4), dpi=120, facecolor="white", layout=layout)
        FigureCanvasAgg(self)

    def to_png(self, *, dpi: float = 120) -> bytes:
        """The sheet as a PNG file's bytes."""
        buffer = BytesIO()
        self.savefig(buffer, format="png", dpi=dpi)
        return buffer.getvalue()

    def _repr_png_(self) -> bytes:
        return self.to_png()

    def millimetres(self) -> Axes:
        """Axes over the whole sheet, counted in millimetres from its lower left corner."""
        width_in, height_in = self.get_size_inches()
        axes = self.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, width_in * 25.4)
        axes.set_ylim(0, height_in * 25.4)
        axes.axis("off")
        return axes


def draw_grid(
    axes: Axes, left: float, bottom: float, width: float, height: float, *, ecg: bool, mm_per_s: float
) -> None:
    """Rule a field of ``width`` x ``height`` mm: ECG paper (1 and 5 mm, pink), or plain lines of time (0.2 and 1 s)."""
    paper, fine, bold = ("#fff7f5", "#f7d5d0", "#eda79f") if ecg else ("#fdfdfd", "#eeeeee", "#cfcfcf")
    axes.add_patch(Rectangle((left, bottom), width, height, facecolor=paper, edgecolor="none", zorder=0))
    step = 1.0 if ecg else mm_per_s / 5
    for lines, colour, points, order in ((1, fine, 0.35, 0.1), (5, bold, 0.55, 0.2)):
        across = left + np.arange(0, width + 1e-6, step * lines)
        segments = [[(x, bottom), (x, bottom + height)] for x in across]
        if ecg:
            up = bottom + np.arange(0, height + 1e-6, lines)
            segments += [[(left, y), (left + width, y)] for y in up]
        axes.add_collection(LineCollection(segments, colors=colour, linewidths=points, zorder=order))


def draw_pulse(axes: Axes, left: float, baseline: float, height: float) -> None:
    """The calibration pulse: up by ``height`` mm for 5 mm of paper, standing on the baseline."""
    x = left + np.array([0.0, 1.5, 1.5, 6.5, 6.5, 8.0])
    y = baseline + height * np.array([0.0, 0, 1, 1, 0, 0])
    axes.plot(x, y, color=INK, linewidth=0.8, solid_joinstyle="miter", zorder=3)

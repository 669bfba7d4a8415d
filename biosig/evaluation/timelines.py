"""What a model said over a whole recording beside what was there: hypnograms, and events with their probability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from biosig.evaluation.figures import CHART_INK, draw_quietly
from biosig.evaluation.szcore import Spans
from biosig.records.paper import Sheet

__all__ = ["DEPTH", "plot_events", "plot_hypnogram"]

DEPTH = ("W", "REM", "N1", "N2", "N3")
"""Sleep stages from top to bottom as a hypnogram has them (AASM manual, Iber et al. 2007)."""

_MODEL = "#2a80d4"
_WRONG = "#d9541e"
_QUIET = "#8a8f96"


def plot_hypnogram(
    onset_s: NDArray[np.float64],
    truth: NDArray[np.int64],
    guess: NDArray[np.int64],
    labels: Sequence[str],
    *,
    epoch_s: float = 30.0,
) -> Sheet:
    """The night as it was scored by hand, above; as the model scored it, below; in between where they differ.

    REM is a thick line, and stretches without a stage a gap.

    Parameters
    ----------
    onset_s : float64 (n,), start of each sleep epoch, in order.
    truth, guess : int64 (n,), positions in ``labels``, -1 = none.
    labels : names of the stages.
    epoch_s : length of a sleep epoch.

    Raises
    ------
    ValueError : no sleep epoch, or columns of unlike length.
    """
    if not len(onset_s) or not len(onset_s) == len(truth) == len(guess):
        raise ValueError(
            f"a hypnogram needs one stage of each kind per sleep epoch, got {len(onset_s)} epochs, "
            f"{len(truth)} scored and {len(guess)} predicted"
        )
    ordered = [*(name for name in DEPTH if name in labels), *(name for name in labels if name not in DEPTH)]
    sheet = Sheet(260, 95, layout="constrained")
    above, between, below = sheet.subplots(3, 1, sharex=True, height_ratios=(10, 1, 10))
    for axes, stages, colour, name in ((above, truth, CHART_INK, "scored by hand"), (below, guess, _MODEL, "model")):
        _steps(axes, onset_s, stages, [*labels], ordered, epoch_s, colour)
        axes.set_ylabel(name, color=CHART_INK, fontsize=9)
    wrong = (truth >= 0) & (truth != guess)
    between.broken_barh([(at / 3600, epoch_s / 3600) for at in onset_s[wrong]], (0, 1), facecolors=_WRONG, linewidth=0)
    between.set(ylim=(0, 1), yticks=[0.5], yticklabels=["differs"])
    below.set_xlabel("hours from the start of the recording")
    below.set_xlim(onset_s[0] / 3600, (onset_s[-1] + epoch_s) / 3600)
    for axes in (above, between, below):
        draw_quietly(axes)
    return sheet


def _steps(
    axes: Axes,
    onset_s: NDArray[np.float64],
    stages: NDArray[np.int64],
    labels: Sequence[str],
    ordered: Sequence[str],
    epoch_s: float,
    colour: str,
) -> None:
    """One staircase; neighbouring epochs join, a gap in time or an epoch without a stage breaks the line."""
    depth = np.array([-ordered.index(name) for name in labels] + [np.nan])
    height = depth[stages]
    broken = np.flatnonzero(np.diff(onset_s) > 1.5 * epoch_s) + 1
    time_h = np.insert(np.repeat(onset_s, 2) + np.tile([0, epoch_s], len(onset_s)), 2 * broken, np.nan) / 3600
    level = np.insert(np.repeat(height, 2), 2 * broken, np.nan)
    axes.plot(time_h, level, color=colour, linewidth=1, solid_joinstyle="miter")
    if "REM" in ordered:
        rem = np.where(level == -ordered.index("REM"), level, np.nan)
        axes.plot(time_h, rem, color=colour, linewidth=3, solid_capstyle="butt")
    axes.set(ylim=(-len(ordered) + 0.6, 0.4), yticks=[-k for k in range(len(ordered))], yticklabels=list(ordered))
    axes.yaxis.grid(True, color=_QUIET, alpha=0.25, linewidth=0.6)


def plot_events(
    time_s: NDArray[np.float64],
    probability: NDArray[np.float64],
    reference: Spans,
    detected: Spans,
    *,
    duration_s: float,
    threshold: float,
    label: str,
) -> Sheet:
    """Probability of an event over the recording, above it bars where events were and where they were detected.

    Parameters
    ----------
    time_s, probability : float64 (n,), of each window; NaN where it was not usable.
    reference, detected : onset and end of events in seconds (n, 2).
    duration_s : length of the recording.
    threshold : at which a window counts.
    label : what the events are called.
    """
    sheet = Sheet(260, 62, layout="constrained")
    above, below = sheet.subplots(2, 1, sharex=True, height_ratios=(1, 4))
    for spans, row, colour in ((reference, 1.1, CHART_INK), (detected, 0.1, _WRONG)):
        above.broken_barh([(on / 60, (off - on) / 60) for on, off in spans], (row, 0.8), facecolors=colour, linewidth=0)
    above.set(ylim=(0, 2), yticks=[0.5, 1.5], yticklabels=["detected", label])
    below.plot(time_s / 60, probability, color=_MODEL, linewidth=1)
    below.axhline(threshold, color=_QUIET, linewidth=1, linestyle="dashed")
    below.set(ylim=(0, 1.02), xlim=(0, duration_s / 60), xlabel="minutes from the start of the recording")
    below.set_ylabel("probability")
    for axes in (above, below):
        draw_quietly(axes)
    return sheet

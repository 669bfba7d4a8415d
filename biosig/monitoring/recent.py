"""What was last said of a patient: what alarms hear of it, and what people are shown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from biosig.monitoring.events import AnomalyScore, BeatEvent, ClassScore, InputEvent
from biosig.monitoring.log import Scored

__all__ = ["RATE_BEATS", "Recent", "heart_rate"]

_REMEMBERED = 16
"""Beats kept for people to see."""
RATE_BEATS = 9
"""Beats whose intervals the heart rate shown is the mean of."""
_BEATS = ("N", "S", "V", "F")


@dataclass
class Recent:
    """The last scores of a patient; all of it JSON.

    Parameters
    ----------
    beats : the last beats, seconds and label (``?`` = not known).
    windows : by bundle that tells of windows, not beats: its last label (``?`` = not known) and since when it is that.
    anomaly : the last usable anomaly score; None = none, or the last was not usable.
    """

    beats: list[list[Any]] = field(default_factory=list)
    windows: dict[str, list[Any]] = field(default_factory=dict)
    anomaly: float | None = None

    def hear(
        self, scored: Sequence[Scored], *, anomaly: str | None, events: Mapping[str, tuple[str, int]]
    ) -> list[InputEvent]:
        """What alarms hear of new scores; of anomalies only what the bundle of the name ``anomaly`` says.

        ``events`` are the bundles whose windows make events, with the label and its place among the classes.
        """
        heard: list[InputEvent] = []
        for one in scored:
            score = one.score
            if one.beat:
                label = score.label if score.label in _BEATS else ""
                heard.append(BeatEvent(score.time_s, score.ready_s, label, good=score.usable))
                self.beats = [*self.beats, [score.time_s, label or "?"]][-_REMEMBERED:]
            if one.bundle in events:
                label, column = events[one.bundle]
                heard.append(ClassScore(score.time_s, score.ready_s, float(score.probs[column]), score.usable, label))
            if one.bundle == anomaly and math.isfinite(score.anomaly):
                heard.append(AnomalyScore(score.time_s, score.ready_s, score.anomaly, score.usable))
                self.anomaly = score.anomaly if score.usable else None
            elif not one.beat and math.isnan(score.anomaly):
                label = score.label or "?"
                if self.windows.get(one.bundle, [""])[0] != label:
                    self.windows[one.bundle] = [label, max(0.0, score.start_s)]
        return heard

    def heart_rate(self, now_s: float, fresh_s: float) -> float:
        """Beats per minute; NaN where beats are too few or the last is ``fresh_s`` ago."""
        return heart_rate([time_s for time_s, _ in self.beats[-RATE_BEATS:]], now_s, fresh_s)


def heart_rate(times_s: Sequence[float], now_s: float, fresh_s: float) -> float:
    """Beats per minute of the last beats, :data:`RATE_BEATS` at most; NaN where there are too few or none is fresh."""
    if len(times_s) <= 2 or now_s - times_s[-1] >= fresh_s:
        return math.nan
    return 60.0 * (len(times_s) - 1) / (times_s[-1] - times_s[0])

"""Trends of a patient: one point per ten seconds of signal, for a day."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from biosig.monitoring.conditions import USABLE
from biosig.monitoring.web.wire import number

__all__ = ["COLUMNS", "Trend"]

COLUMNS = ("time_s", "heart_rate", "ectopics_per_min", "anomaly", "good")
"""Seconds of signal; beats per minute; beats of classes S, V and F in the last minute (not known unless most of it
was usable: no beats seen is not none there); highest usable anomaly score; mean usable share of the signal."""

POINT_S = 10.0
MOST_POINTS = 8640
"""A day."""
_MINUTE_S = 60.0
_LEAST_GOOD = 30
_AGAIN_S = 60.0
"""Points are told for so long, so that one message lost to a newer one leaves no hole."""


class Trend:
    """The points so far, and what the next one is made of."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, ...]] = deque(maxlen=MOST_POINTS)
        self._ectopics_s: deque[float] = deque()
        self._good_s: deque[float] = deque()
        self._highest = math.nan
        self._good: list[float] = []
        self._told_s = -math.inf

    def see_beat(self, time_s: float, label: str) -> None:
        """Count a beat; an empty label is no ectopic beat but one nobody knows the class of."""
        if label in ("S", "V", "F"):
            self._ectopics_s.append(time_s)

    def see_anomaly(self, score: float) -> None:
        """Keep the highest usable anomaly score."""
        self._highest = score if math.isnan(self._highest) else max(self._highest, score)

    def see_signal(self, time_s: float, good: float, heart_rate: float) -> None:
        """A second of signal has passed; with every tenth, a point is complete.

        Parameters
        ----------
        heart_rate : as people are shown it now, beats per minute; NaN = not known.
        """
        self._good.append(good)
        if good >= USABLE:
            self._good_s.append(time_s)
        last_s = self._points[-1][0] if self._points else 0.0
        if math.floor(time_s / POINT_S) <= math.floor(last_s / POINT_S):
            return
        for moments in (self._ectopics_s, self._good_s):
            while moments and moments[0] <= time_s - _MINUTE_S:
                moments.popleft()
        ectopics = float(len(self._ectopics_s)) if len(self._good_s) >= _LEAST_GOOD else math.nan
        self._points.append((time_s, heart_rate, ectopics, self._highest, sum(self._good) / len(self._good)))
        self._highest, self._good = math.nan, []

    def news(self) -> list[list[float | None]]:
        """Points not told yet, with those of a minute before."""
        fresh: list[tuple[float, ...]] = []
        for point in reversed(self._points):
            if point[0] <= self._told_s - _AGAIN_S:
                break
            fresh.append(point)
        if fresh:
            self._told_s = fresh[0][0]
        return [[number(value) for value in point] for point in reversed(fresh)]

    def table(self) -> NDArray[np.float32]:
        """All points, float32 (len(COLUMNS), n), NaN = not known."""
        return np.array(self._points, dtype=np.float32).reshape(-1, len(COLUMNS)).T

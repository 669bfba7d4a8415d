"""Trends of a patient: one point per ten seconds of signal, for a day."""

from __future__ import annotations

import heapq
import math
from collections import deque
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from biosig.monitoring.conditions import USABLE
from biosig.monitoring.recent import RATE_BEATS, heart_rate
from biosig.monitoring.web.wire import number

if TYPE_CHECKING:
    from biosig.monitoring.store import Session

__all__ = ["COLUMNS", "WARM", "Trend", "recalled"]

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


WARM = 2000
"""Entries that the next points may be made of: more than a minute of them, of two bundles at 300 beats a minute too."""


class Trend:
    """The points so far, and what the next one is made of.

    Parameters
    ----------
    fresh_s : a heart rate is not known once the last beat is that many seconds ago.
    """

    def __init__(self, fresh_s: float) -> None:
        self._fresh_s = fresh_s
        self._beats_s: deque[float] = deque(maxlen=RATE_BEATS)
        self._points: deque[tuple[float, ...]] = deque(maxlen=MOST_POINTS)
        self._ectopics_s: deque[float] = deque()
        self._good_s: deque[float] = deque()
        self._highest = math.nan
        self._good: list[float] = []
        self._told_s = -math.inf

    def see_beat(self, time_s: float, label: str) -> None:
        """Count a beat; an empty label is no ectopic beat but one nobody knows the class of."""
        self._beats_s.append(time_s)
        if label in ("S", "V", "F"):
            self._ectopics_s.append(time_s)

    def see_anomaly(self, score: float) -> None:
        """Keep the highest usable anomaly score."""
        self._highest = score if math.isnan(self._highest) else max(self._highest, score)

    def see_signal(self, time_s: float, good: float) -> None:
        """A second of signal has passed; with every tenth, a point is complete."""
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
        rate = heart_rate(tuple(self._beats_s), time_s, self._fresh_s)
        self._points.append((time_s, rate, ectopics, self._highest, sum(self._good) / len(self._good)))
        self._highest, self._good = math.nan, []

    def forget(self, until_s: float) -> None:
        """Drop the points until then."""
        while self._points and self._points[0][0] < until_s:
            self._points.popleft()

    def put_before(self, earlier: Trend) -> None:
        """Take the points of an earlier stretch of signal, and of our own those after it."""
        last_s = earlier._points[-1][0] if earlier._points else 0.0
        self.forget(last_s + POINT_S / 2)
        self._points = deque([*earlier._points, *self._points], maxlen=MOST_POINTS)

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


def recalled(session: Session, patient: str, anomaly: str | None, *, fresh_s: float, numbers: range) -> Trend:
    """The trends of a patient as they were after some entries of their log, from the store.

    Parameters
    ----------
    anomaly : name of the bundle whose anomaly scores are told; None = none.
    numbers : of the entries; points that would need earlier ones are left out.

    Raises
    ------
    StoreError : the store cannot be read.
    """
    trend = Trend(fresh_s)
    columns = ("number", "time_s", "beat", "label", "bundle", "usable", "anomaly")
    scores = chain.from_iterable(session.pieces("scores", patient, columns=columns, numbers=numbers))
    states = chain.from_iterable(
        session.pieces("states", patient, columns=("number", "time_s", "good"), numbers=numbers)
    )
    first_s: float | None = None
    for _, time_s, what, *of_score in heapq.merge(scores, states, key=itemgetter(0)):
        if not of_score:
            first_s = time_s if first_s is None else first_s
            trend.see_signal(time_s, what)
            continue
        label, bundle, usable, score = of_score
        if what:
            trend.see_beat(time_s, label)
        if bundle == anomaly and usable and score is not None:
            trend.see_anomaly(score)
    if numbers.start > 0 and first_s is not None:
        trend.forget(first_s + _MINUTE_S + POINT_S)
    return trend

"""How a beat's timing compares with the patient's rhythm so far.

Several answers to "what interval is normal here" stand side by side, for no single one is right: the median of the
last beats follows a tachycardia at once, the base interval hardly follows a sudden one, and the intervals weighted by
the *time* spent in them tell a heart that is slow most of the time from one whose premature beats are the majority
of beats. All are in natural logarithms of seconds, so differences are ratios.
"""

from __future__ import annotations

from bisect import bisect_left
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from biosig.signal.stream import State

__all__ = ["PACE_FEATURES", "Pace"]

PACE_FEATURES: tuple[str, ...] = (
    "rr",
    "next",
    "next_late",
    "second",
    "second_late",
    "rr_to_median8",
    "rr_to_mean8",
    "rr_to_median32",
    "rr_to_mean32",
    "rr_to_long32",
    "rr_to_base",
    "rr_to_time30",
    "rr_to_time180",
    "rr_to_long180",
    "rank30",
    "rank180",
    "rr_to_previous",
    "next_to_rr",
    "next_to_base",
    "next_to_time180",
    "second_to_base",
    "previous_to_base",
    "pair_to_base",
    "irregular8",
    "irregular32",
    "spread32",
    "base",
    "time180",
    "time30_to_time180",
)
"""Logarithms of intervals in seconds and of their ratios, except ``*_late`` (1 = the beat did not come in time),
``rank*`` (share of the last 30 or 180 s spent in shorter intervals) and ``irregular*`` (mean step of intervals)."""

_FIRST_RR_S = 0.8
"""Stands in for the interval before the first beat: 75 beats per minute."""
_SHORTEST_S = 0.15
_BINS, _LOW, _HIGH = 80, log(0.2), log(4.0)
_CENTRES: list[float] = (_LOW + (np.arange(_BINS) + 0.5) * (_HIGH - _LOW) / _BINS).tolist()
_FAST_S, _SLOW_S = 30.0, 180.0
_PREMATURE = 0.15
"""Shorter than the base by this (in log, 14 %) is premature; within it, the base follows."""
_START = 8
_FOLLOW, _LENGTHEN, _SHORTEN, _CREEP = 1 / 16, 0.006, 0.001, 0.002
"""Steps of the base interval per beat. Half an octave faster for good takes it some 150 beats: long enough to see a
run of supraventricular tachycardia as fast to its end, short enough never to be stuck."""


class Pace:
    """The intervals of one patient.

    Parameters
    ----------
    look_ahead_s : beats up to this long after a beat are known when it is judged.
    """

    def __init__(self, look_ahead_s: float) -> None:
        self._look_ahead_s = look_ahead_s
        self.reset()

    def reset(self) -> None:
        """Forget every interval."""
        self._beats = 0
        self._last_s = 0.0
        self._base = log(_FIRST_RR_S)
        self._intervals: list[float] = []
        self._steps: list[float] = []
        self._time = np.zeros((2, _BINS))
        self._after_odd = False

    def interval(self, peak_s: float) -> float:
        """Log of the interval that a beat at ``peak_s`` ends."""
        return log(max(peak_s - self._last_s, _SHORTEST_S) if self._beats else _FIRST_RR_S)

    def premature(self, peak_s: float) -> bool:
        """Whether a beat at ``peak_s`` comes early by the base interval."""
        return self._beats > 0 and self.interval(peak_s) < self._base - _PREMATURE

    def features(self, peak_s: float, later_s: NDArray[np.float64]) -> list[float]:
        """``PACE_FEATURES`` of a beat at ``peak_s``; ``later_s`` are the beats known to follow it, in order."""
        rr = self.interval(peak_s)
        past = self._intervals or [rr]
        previous = past[-1]
        come = [float(s) - peak_s for s in later_s[:2] if s - peak_s <= self._look_ahead_s]
        gap = come[0] if come else self._look_ahead_s
        following = log(max(gap, _SHORTEST_S))
        second = log(max(come[1] - come[0] if len(come) > 1 else self._look_ahead_s - gap, _SHORTEST_S))
        recent, many = past[-8:], past[-32:]
        low, ordered = sorted(recent), sorted(many)
        median8, median32 = low[len(low) // 2], ordered[len(ordered) // 2]
        short, long = ordered[len(ordered) // 10], ordered[len(ordered) * 9 // 10]
        base = self._base if self._beats > 2 else median8
        time30, time180, long180, rank30, rank180 = self._by_time(rr)
        steps = self._steps or [0.05]
        last_steps = steps[-8:]
        return [
            rr,
            following,
            float(not come),
            second,
            float(len(come) < 2),
            rr - median8,
            rr - sum(recent) / len(recent),
            rr - median32,
            rr - sum(many) / len(many),
            rr - long,
            rr - base,
            rr - time30,
            rr - time180,
            rr - long180,
            rank30,
            rank180,
            rr - previous,
            following - rr,
            following - base,
            following - time180,
            second - base,
            previous - base,
            log((exp(rr) + max(gap, _SHORTEST_S)) / 2) - base,
            sum(last_steps) / len(last_steps),
            sum(steps) / len(steps),
            long - short,
            base,
            time180,
            time30 - time180,
        ]

    def _by_time(self, rr: float) -> tuple[float, float, float, float, float]:
        """Median interval by time of the last 30 and 180 s, 80 % one of the latter, and where ``rr`` ranks in both."""
        if self._beats < 2:
            return rr, rr, rr, 0.5, 0.5
        share = np.add.accumulate(self._time, axis=1)
        share /= share[:, -1:]
        fast, slow = share.tolist()
        place = int(_bin(rr))
        rank30, rank180 = ((row[place] + (row[place - 1] if place else 0.0)) / 2 for row in (fast, slow))
        time30, time180, long180 = (
            _CENTRES[bisect_left(row, part)] for row, part in ((fast, 0.5), (slow, 0.5), (slow, 0.8))
        )
        return time30, time180, long180, rank30, rank180

    def add(self, peak_s: float, *, normal: bool) -> None:
        """Learn a beat; ``normal`` = it has the shape of the patient's normal beats."""
        rr = self.interval(peak_s)
        premature = self.premature(peak_s)
        if self._beats:
            self._follow(rr, normal and not self._after_odd)
            if self._intervals:
                self._steps = [*self._steps[-31:], min(abs(rr - self._intervals[-1]), 1.0)]
            self._intervals = [*self._intervals[-31:], rr]
            duration = min(exp(rr), exp(_HIGH))
            self._time[0] *= exp(-duration / _FAST_S)
            self._time[1] *= exp(-duration / _SLOW_S)
            self._time[:, int(_bin(rr))] += duration
        self._after_odd = premature or not normal
        self._last_s = peak_s
        self._beats += 1

    def _follow(self, rr: float, trusted: bool) -> None:
        """Move the base interval towards an interval between two beats of which neither was odd, and creep always."""
        if self._beats <= _START:
            so_far = sorted([*self._intervals, rr])
            self._base = so_far[len(so_far) // 2]
            return
        off = rr - self._base
        if trusted and abs(off) < _PREMATURE:
            self._base += _FOLLOW * off
        elif trusted:
            self._base += _LENGTHEN if off > 0 else -_SHORTEN
        self._base += _CREEP if off > 0 else -_CREEP

    def state_dict(self) -> State:
        """Everything needed to go on later, as arrays."""
        return {
            "beats": np.array([self._beats, int(self._after_odd)], dtype=np.int64),
            "levels": np.array([self._last_s, self._base], dtype=np.float64),
            "intervals": np.array(self._intervals, dtype=np.float64),
            "steps": np.array(self._steps, dtype=np.float64),
            "time": self._time.copy(),
        }

    def load_state_dict(self, state: State) -> None:
        """Go on from a ``state_dict()`` of a pace of the same design."""
        self._beats, self._after_odd = int(state["beats"][0]), bool(state["beats"][1])
        self._last_s, self._base = (float(value) for value in state["levels"])
        self._intervals, self._steps = state["intervals"].tolist(), state["steps"].tolist()
        self._time = state["time"].copy()


def _bin(value: float) -> float:
    """Which bin of log intervals a value falls in."""
    return (min(max(value, _LOW), _HIGH - 1e-9) - _LOW) / (_HIGH - _LOW) * _BINS

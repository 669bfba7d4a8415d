"""How a beat's timing compares with the patient's rhythm so far.

Several answers to "what interval is normal here" stand side by side, for no single one is right: the median of the
last beats follows a tachycardia at once, the base interval hardly follows a sudden one, and the intervals weighted by
the *time* spent in them tell a heart that is slow most of the time from one whose premature beats are the majority
of beats. All are in natural logarithms of seconds, so differences are ratios.
"""

from __future__ import annotations

from math import exp, log

import numpy as np
from numpy.typing import NDArray

from biosig.compiled import compiled
from biosig.signal.stream import State

__all__ = ["PACE_FEATURES", "Pace"]

Signal = NDArray[np.float64]

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
_FIRST_STEP = 0.05
_SHORTEST_S = 0.15
_MANY, _FEW = 32, 8
"""Intervals that the slower and the faster answers rest on."""
_BINS, _LOW, _HIGH = 80, log(0.2), log(4.0)
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
        self._recent = np.zeros((2, _MANY))
        self._time = np.zeros((2, _BINS))
        self._after_odd = False

    def interval(self, peak_s: float) -> float:
        """Log of the interval that a beat at ``peak_s`` ends."""
        return log(max(peak_s - self._last_s, _SHORTEST_S) if self._beats else _FIRST_RR_S)

    def premature(self, peak_s: float) -> bool:
        """Whether a beat at ``peak_s`` comes early by the base interval."""
        return self._beats > 0 and self.interval(peak_s) < self._base - _PREMATURE

    def features(self, peak_s: float, later_s: Signal) -> Signal:
        """``PACE_FEATURES`` of a beat at ``peak_s``; ``later_s`` are the beats known to follow it, in order."""
        rr = self.interval(peak_s)
        return _measure(rr, later_s - peak_s, self._look_ahead_s, self._beats, self._base, self._recent, self._time)

    def add(self, peak_s: float, *, normal: bool) -> None:
        """Learn a beat; ``normal`` = it has the shape of the patient's normal beats."""
        rr = self.interval(peak_s)
        premature = self.premature(peak_s)
        if self._beats:
            trusted = normal and not self._after_odd
            self._base = _learn(rr, trusted, self._beats, self._base, self._recent, self._time)
        self._after_odd = premature or not normal
        self._last_s = peak_s
        self._beats += 1

    def state_dict(self) -> State:
        """Everything needed to go on later, as arrays."""
        return {
            "beats": np.array([self._beats, int(self._after_odd)], dtype=np.int64),
            "levels": np.array([self._last_s, self._base], dtype=np.float64),
            "recent": self._recent.copy(),
            "time": self._time.copy(),
        }

    def load_state_dict(self, state: State) -> None:
        """Go on from a ``state_dict()`` of a pace of the same design."""
        self._beats, self._after_odd = int(state["beats"][0]), bool(state["beats"][1])
        self._last_s, self._base = (float(value) for value in state["levels"])
        self._recent, self._time = state["recent"].copy(), state["time"].copy()


@compiled
def _measure(
    rr: float, later_s: Signal, look_ahead_s: float, beats: int, base: float, recent: Signal, time: Signal
) -> Signal:
    """``PACE_FEATURES`` of a beat.

    Parameters
    ----------
    rr : log of the interval that it ends.
    later_s : beats that follow, seconds after it, of which those within ``look_ahead_s`` count.
    beats : how many came before it.
    recent : (2, ``_MANY``), logs of the last intervals and their steps, the last one at the end.
    time : (2, ``_BINS``), time spent in intervals of each length, lately and for longer.
    """
    come = 0
    while come < min(2, len(later_s)) and later_s[come] <= look_ahead_s:
        come += 1
    gap = later_s[0] if come else look_ahead_s
    following = log(max(gap, _SHORTEST_S))
    second = log(max(later_s[1] - gap if come == 2 else look_ahead_s - gap, _SHORTEST_S))
    past = recent[0, _MANY - min(max(beats - 1, 1), _MANY) :]
    steps = recent[1, _MANY - min(max(beats - 2, 1), _MANY) :]
    if beats < 2:
        past = np.full(1, rr)
    if beats < 3:
        steps = np.full(1, _FIRST_STEP)
    low, ordered = _sorted(past[-_FEW:]), _sorted(past)
    median8, median32 = low[len(low) // 2], ordered[len(ordered) // 2]
    short, long = ordered[len(ordered) // 10], ordered[len(ordered) * 9 // 10]
    if beats < 3:
        base = median8
    time30, rank30, _ = _by_time(rr, beats, time[0])
    time180, rank180, long180 = _by_time(rr, beats, time[1])
    return np.array(
        (
            rr,
            following,
            0.0 if come else 1.0,
            second,
            1.0 if come < 2 else 0.0,
            rr - median8,
            rr - past[-_FEW:].mean(),
            rr - median32,
            rr - past.mean(),
            rr - long,
            rr - base,
            rr - time30,
            rr - time180,
            rr - long180,
            rank30,
            rank180,
            rr - past[-1],
            following - rr,
            following - base,
            following - time180,
            second - base,
            past[-1] - base,
            log((exp(rr) + max(gap, _SHORTEST_S)) / 2) - base,
            steps[-_FEW:].mean(),
            steps.mean(),
            long - short,
            base,
            time180,
            time30 - time180,
        )
    )


@compiled
def _by_time(rr: float, beats: int, time: Signal) -> tuple[float, float, float]:
    """Median interval by the time (``_BINS``,) spent in each, where ``rr`` ranks in it, and the 80 % one."""
    if beats < 2:
        return rr, 0.5, rr
    spent = 0.0
    share = time.copy()
    for place in range(_BINS):
        spent += time[place]
        share[place] = spent
    for place in range(_BINS):
        share[place] /= spent
    place = _bin(rr)
    rank = (share[place] + (share[place - 1] if place else 0.0)) / 2
    return _centre(share, 0.5), rank, _centre(share, 0.8)


@compiled
def _centre(share: Signal, part: float) -> float:
    """Log of the interval up to which a part of the time was spent; ``share`` rises to 1."""
    place = 0
    while share[place] < part:
        place += 1
    return _LOW + (place + 0.5) * (_HIGH - _LOW) / _BINS


@compiled
def _learn(rr: float, trusted: bool, beats: int, base: float, recent: Signal, time: Signal) -> float:
    """Take an interval into ``recent`` and ``time``; the base interval with it.

    The base moves towards an interval between two beats of which neither was odd (``trusted``), and creeps always.
    """
    if beats <= _START:
        so_far = recent[0, _MANY - beats :].copy()
        so_far[0] = rr
        base = _sorted(so_far)[beats // 2]
    else:
        off = rr - base
        if trusted and abs(off) < _PREMATURE:
            base += _FOLLOW * off
        elif trusted:
            base += _LENGTHEN if off > 0 else -_SHORTEN
        base += _CREEP if off > 0 else -_CREEP
    for place in range(_MANY - 1):
        recent[0, place], recent[1, place] = recent[0, place + 1], recent[1, place + 1]
    recent[0, -1] = rr
    recent[1, -1] = min(abs(rr - recent[0, -2]), 1.0) if beats > 1 else 0.0
    duration = min(exp(rr), exp(_HIGH))
    fast, slow = exp(-duration / _FAST_S), exp(-duration / _SLOW_S)
    for place in range(_BINS):
        time[0, place] *= fast
        time[1, place] *= slow
    time[0, _bin(rr)] += duration
    time[1, _bin(rr)] += duration
    return base


@compiled
def _bin(log_s: float) -> int:
    """Which bin of log intervals one falls in."""
    return int((min(max(log_s, _LOW), _HIGH - 1e-9) - _LOW) / (_HIGH - _LOW) * _BINS)


@compiled
def _sorted(values: Signal) -> Signal:
    """A few values in rising order, by insertion."""
    rising = values.copy()
    for last in range(1, len(rising)):
        value, place = rising[last], last
        while place and rising[place - 1] > value:
            rising[place] = rising[place - 1]
            place -= 1
        rising[place] = value
    return rising

"""R peaks of one ECG lead, found live: every beat is known at most 0.6 s after its peak.

A beat is a bump of the lead that a small network tells from T waves, P waves and noise
(:mod:`biosig.signal.beat_scores`). What the detector knows is the last 10 s of signal and the time of the last beat:
there is no threshold that could get stuck, so it recovers from anything that has left that window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from biosig.compiled import compiled
from biosig.records.recording import Layout
from biosig.signal.beat_candidates import AHEAD, PAST, Past, find_candidates
from biosig.signal.beat_grid import GRID_HZ, LeadGrid
from biosig.signal.beat_scores import BeatNetwork
from biosig.signal.stream import Chunk

__all__ = ["BeatStream", "Beats", "RPeaks", "r_peaks"]

Index = NDArray[np.int64]
Score = NDArray[np.float64]
Marks = NDArray[np.bool_]

_RIVAL = 13
_WAIT = AHEAD + _RIVAL
_PEAK_REACH = 10
_FRESH_SCORE = 1.5 * 1024.0
_BLOCK = 2048
_NARROW_S, _WIDE_S = 0.03, 0.25


def _no_beats() -> Index:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Beats:
    """Beats in order of time.

    Parameters
    ----------
    sample : int64 (n,), the R peak (largest deflection of the QRS complex), in input samples from the stream's start.
    decided : int64 (n,), the input sample with which the beat became known; ``decided - sample <= 0.6 * fs``.
    """

    sample: Index = field(default_factory=_no_beats)
    decided: Index = field(default_factory=_no_beats)

    @classmethod
    def join(cls, parts: Sequence[Beats]) -> Beats:
        """Consecutive beats as one."""
        if not parts:
            return cls()
        return cls(
            sample=np.concatenate([part.sample for part in parts]),
            decided=np.concatenate([part.decided for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.sample)


class _Rule(NamedTuple):
    """What makes a beat, and where its R peak is.

    Parameters
    ----------
    threshold, fresh_threshold : scores that a beat passes, the latter shortly after a gap.
    refractory : grid samples between beats.
    step : samples to a grid sample.
    narrow, wide : samples to either side of one in the two means that an R peak sets apart.
    """

    threshold: float
    fresh_threshold: float
    step: float
    refractory: int
    narrow: int
    wide: int


@dataclass(frozen=True)
class RPeaks:
    """The design of an R-peak detector for one lead.

    Parameters
    ----------
    threshold : log odds above which a candidate is a beat; higher misses more and invents less. In the first 0.5 s
        and after gaps it is at least 1.5: with nothing to compare, T waves look like beats (67 of 167 beats there).
    refractory_s : no two beats are closer than about this, in seconds (0.15 to 0.4).
    """

    threshold: float = -1.5
    refractory_s: float = 0.18

    def __post_init__(self) -> None:
        if not np.isfinite(self.threshold):
            raise ValueError(f"threshold must be a finite log odds, got {self.threshold}")
        if not 0.15 <= self.refractory_s <= 0.4:
            raise ValueError(f"refractory_s must lie in 0.15 to 0.4 s, got {self.refractory_s}")

    def open(self, layout: Layout) -> BeatStream:
        """A fresh detector for one patient; ``ValueError`` unless ``layout`` is one lead at 100 to 1000 Hz."""
        if layout.n_channels != 1:
            raise ValueError(
                f"R peaks need a layout of 1 lead, got {layout.n_channels} ({', '.join(layout.channels)}); pick one"
            )
        if not 100.0 <= layout.fs <= 1000.0:
            raise ValueError(f"R peaks need fs from 100 to 1000 Hz, got {layout.fs:g} Hz; resample first")
        return BeatStream(self, layout)


class BeatStream:
    """The state of one patient's R-peak detector.

    ``process`` gives the same beats however the input was cut. A missing sample (NaN, or ``good`` false) is
    held at the last value; stretches of 0.1 s and more are left out, and no beat lies on a missing sample.
    """

    delay_s: float = 0.6

    def __init__(self, design: RPeaks, layout: Layout, network: BeatNetwork | None = None) -> None:
        self.design = design
        self.layout = layout
        self._network = network or BeatNetwork.fitted()
        self._lead = LeadGrid(layout, PAST)
        self._block = int(_BLOCK * self._lead.step)
        threshold = design.threshold * 1024.0
        self._rule = _Rule(
            threshold=threshold,
            fresh_threshold=max(threshold, _FRESH_SCORE),
            step=self._lead.step,
            refractory=round(design.refractory_s * GRID_HZ),
            narrow=round(_NARROW_S * layout.fs) // 2,
            wide=round(_WIDE_S * layout.fs) // 2,
        )
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next sample is the first."""
        self._lead.reset()
        self._next = 0
        self._last = -self._rule.refractory
        self._past = Past()

    def process(self, chunk: Chunk) -> Beats:
        """Push samples (1, n), get every beat that is now known."""
        if chunk.data.shape[0] != 1:
            raise ValueError(f"expected a chunk of 1 lead, got {chunk.data.shape[0]}")
        found = []
        for start in range(0, chunk.n_times, self._block):
            part = slice(start, start + self._block)
            self._lead.take(chunk.data[0, part], chunk.good[0, part])
            until = self._lead.n_grid - _WAIT
            if until > self._next:
                found.append(self._decide(until))
        return found[0] if len(found) == 1 else Beats.join(found)

    def flush(self) -> Beats:
        """The beats still undecided when a recording ends, as if its last value were held; then ``reset``."""
        n = self._lead.lead_in + self._lead.n
        rest = np.full((1, int((_WAIT + 2) * self._lead.step) + 1), self._lead.held / self._lead.scale)
        late = self.process(Chunk(data=rest, good=np.ones(rest.shape, dtype=np.bool_))) if self._lead.n else Beats()
        self.reset()
        inside = late.sample < n
        return Beats(sample=late.sample[inside], decided=np.minimum(late.decided[inside], n - 1))

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Everything needed to go on later, as arrays."""
        return {**self._lead.state_dict(), "decisions": np.array([self._next, self._last], dtype=np.int64)}

    def load_state_dict(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from a ``state_dict()`` of a stream of the same design and layout."""
        self._lead.load_state_dict(state)
        self._next, self._last = (int(place) for place in state["decisions"])
        self._past = Past()

    def _decide(self, until: int) -> Beats:
        """The beats among the candidates before grid sample ``until`` not judged yet, those after as their rivals."""
        lead, grid = self._lead, self._lead.grid
        begin = lead.n_grid - len(grid)
        new = find_candidates(grid, lead.gap, self._past, self._next - begin)
        self._past.forget(_RIVAL)
        self._next = until
        sample = decided = _no_beats()
        if len(new.at):
            sample, decided, self._last = _mark(
                new.at + begin,
                self._network.score(new.features),
                new.fresh,
                until,
                self._last,
                lead.levels,
                lead.lost,
                lead.first_level,
                self._rule,
            )
        lead.drop(int((until - _PEAK_REACH) * lead.step) - self._rule.wide, until - PAST)
        return Beats(sample=sample + lead.lead_in, decided=decided + lead.lead_in)


@compiled
def _mark(
    at: Index,
    score: Score,
    fresh: Marks,
    until: int,
    last: int,
    levels: Index,
    lost: Marks,
    first_level: int,
    rule: _Rule,
) -> tuple[Index, Index, int]:
    """The R peaks of candidates before ``until`` that are beats, when they become known, and the last one's place.

    A beat's score passes the threshold by more than that of any candidate of the next 0.11 s does, and the beat before
    it, at first ``last``, is far enough away.
    """
    sample, decided = np.empty(len(at), dtype=np.int64), np.empty(len(at), dtype=np.int64)
    odds = np.empty(len(at))
    for i in range(len(at)):
        odds[i] = score[i] - (rule.fresh_threshold if fresh[i] else rule.threshold)
    count = 0
    for i in range(len(at)):
        best = odds[i] > 0.0 and at[i] < until and at[i] - last >= rule.refractory
        later = i + 1
        while best and later < len(at) and at[later] - at[i] <= _RIVAL:
            best = odds[later] <= odds[i]
            later += 1
        if best:
            last = at[i]
            peak = _r_peak(levels, lost, first_level, math.ceil((last - _PEAK_REACH + 0.5) * rule.step), rule)
            if peak >= 0:
                sample[count], decided[count] = peak, math.ceil((last + _WAIT + 1) * rule.step) - 1
                count += 1
    return sample[:count], decided[:count], last


@compiled
def _r_peak(levels: Index, lost: Marks, first_level: int, first: int, rule: _Rule) -> int:
    """The R peak from sample ``first`` on, -1 where all of these samples are missing; ``levels`` from ``first_level``.

    The peak is where the mean of 30 ms leaves the mean of the 250 ms around it furthest, upward deflections
    counting half as much again: so one shape of beat is marked at one place.
    """
    narrow, wide, end = rule.narrow, rule.wide, len(levels) - 1
    near = around = 0
    highest, peak = -1, -1
    begin = first - first_level
    for place in range(begin - narrow, begin + narrow):
        near += levels[min(max(place, 0), end)]
    for place in range(begin - wide, begin + wide):
        around += levels[min(max(place, 0), end)]
    for place in range(begin, begin + int(2 * _PEAK_REACH * rule.step)):
        near += levels[min(max(place + narrow, 0), end)]
        around += levels[min(max(place + wide, 0), end)]
        leave = (2 * wide + 1) * near - (2 * narrow + 1) * around
        height = 3 * leave if leave > 0 else -2 * leave
        if 0 <= place <= end and not lost[place] and height > highest:
            highest, peak = height, place + first_level
        near -= levels[min(max(place - narrow, 0), end)]
        around -= levels[min(max(place - wide, 0), end)]
    return peak


def r_peaks(samples: NDArray[Any], fs: float, design: RPeaks | None = None) -> Index:
    """R peaks of a whole lead, int64 (n,) sample numbers: the stream fed once and flushed.

    Parameters
    ----------
    samples : (n_times,) in mV, NaN = not recorded.
    fs : samples per second, 100 to 1000 Hz.
    design : which detector; by default ``RPeaks()``.
    """
    lead = np.asarray(samples, dtype=np.float64)
    if lead.ndim != 1:
        raise ValueError(f"samples must be one lead (n_times,), got shape {lead.shape}")
    stream = (design or RPeaks()).open(Layout(channels=("ecg",), fs=float(fs), units=("mV",)))
    return Beats.join([stream.process(Chunk.of(lead)), stream.flush()]).sample

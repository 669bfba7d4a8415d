"""R peaks of one ECG lead, found live: every beat is known at most 0.6 s after its peak.

A beat is a bump of the lead that a small network tells from T waves, P waves and noise
(:mod:`biosig.signal.beat_scores`). What the detector knows is the last 10 s of signal and the time of the last beat:
there is no threshold that could get stuck, so it recovers from anything that has left that window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.records.recording import Layout
from biosig.signal.beat_grid import GRID_HZ, LeadGrid
from biosig.signal.beat_scores import AHEAD, PAST, BeatNetwork, find_candidates
from biosig.signal.stream import Chunk

__all__ = ["BeatStream", "Beats", "RPeaks", "r_peaks"]

Index = NDArray[np.int64]

_MARGIN = 40
_RIVAL = 13
_WAIT = AHEAD + _RIVAL
_PEAK_REACH = 10
_FRESH_SCORE = 1.5 * 1024.0
_BLOCK = 1 << 16
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
        self._lead = LeadGrid(layout, PAST + _MARGIN)
        self._step = self._lead.step
        self._threshold = design.threshold * 1024.0
        self._refractory = round(design.refractory_s * GRID_HZ)
        self._narrow = round(_NARROW_S * layout.fs) // 2
        self._wide = round(_WIDE_S * layout.fs) // 2
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next sample is the first."""
        self._lead.reset()
        self._next = 0
        self._last = -self._refractory

    def process(self, chunk: Chunk) -> Beats:
        """Push samples (1, n), get every beat that is now known."""
        if chunk.data.shape[0] != 1:
            raise ValueError(f"expected a chunk of 1 lead, got {chunk.data.shape[0]}")
        found = []
        size = int(_BLOCK * self._step)
        for start in range(0, chunk.n_times, size):
            part = slice(start, start + size)
            self._lead.take(chunk.data[0, part], chunk.good[0, part])
            if self._lead.n_grid - _WAIT > self._next:
                found.append(self._decide())
        return Beats.join(found)

    def flush(self) -> Beats:
        """The beats still undecided when a recording ends, as if its last value were held; then ``reset``."""
        n = self._lead.lead_in + self._lead.n
        rest = np.full((1, int((_WAIT + 2) * self._step) + 1), self._lead.held / self._lead.scale)
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

    def _decide(self) -> Beats:
        """Judge the candidates whose future is long enough by now."""
        lead = self._lead
        until = lead.n_grid - _WAIT
        found = find_candidates(lead.grid, lead.gap, self._next - lead.first_grid)
        needed = np.where(found.fresh, max(self._threshold, _FRESH_SCORE), self._threshold)
        score = self._network.score(found.features) - needed
        chosen = self._choose(found.at + lead.first_grid, score, until)
        beats = self._peaks(np.array(chosen, dtype=np.int64)) if chosen else Beats()
        self._next = until
        lead.drop(int((until - _PEAK_REACH) * self._step) - self._wide, until - PAST - _MARGIN)
        return beats

    def _choose(self, at: Index, score: NDArray[np.float64], until: int) -> list[int]:
        """Candidates before ``until`` that are beats: ``score`` above 0, best of the next 0.11 s, not refractory."""
        chosen = []
        likely = np.flatnonzero(score > 0.0)
        places, scores = at[likely].tolist(), score[likely].tolist()
        for i, place in enumerate(places):
            if place >= until:
                break
            later = i + 1
            while later < len(places) and places[later] - place <= _RIVAL and scores[later] <= scores[i]:
                later += 1
            beaten = later < len(places) and places[later] - place <= _RIVAL
            if not beaten and place - self._last >= self._refractory:
                chosen.append(place)
                self._last = place
        return chosen

    def _peaks(self, at: Index) -> Beats:
        """The R peaks near these grid samples, those left out that lie on missing samples only.

        The peak is where the mean of 30 ms leaves the mean of the 250 ms around it furthest, upward deflections
        counting half as much again: so one shape of beat is marked at one place.
        """
        decided = np.ceil((at + _WAIT + 1) * self._step).astype(np.int64) - 1
        lead = self._lead
        edge = self._wide + 1
        total = np.cumsum(
            np.concatenate(([0], lead.levels[:1].repeat(edge), lead.levels, lead.levels[-1:].repeat(edge)))
        )
        first = np.ceil((at - _PEAK_REACH + 0.5) * self._step).astype(np.int64) - lead.first_level
        place = first[:, None] + np.arange(int(2 * _PEAK_REACH * self._step))
        inside = (place >= 0) & (place < len(lead.levels))
        place = np.clip(place, 0, len(lead.levels) - 1)
        near, wide = (
            total[place + edge + reach + 1] - total[place + edge - reach] for reach in (self._narrow, self._wide)
        )
        leave = (2 * self._wide + 1) * near - (2 * self._narrow + 1) * wide
        height = np.where(inside & ~lead.lost[place], np.where(leave > 0, 3 * leave, -2 * leave), -1)
        best = np.argmax(height, axis=1)[:, None]
        found = np.take_along_axis(height, best, axis=1)[:, 0] >= 0
        sample = np.take_along_axis(place, best, axis=1)[:, 0] + lead.first_level + lead.lead_in
        return Beats(sample=sample[found], decided=decided[found] + lead.lead_in)


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

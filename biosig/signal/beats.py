"""R peaks of one ECG lead, found live: every beat is known at most 0.6 s after its peak.

A beat is a bump of the lead that a small network tells from T waves, P waves and noise
(:mod:`biosig.signal.beat_scores`). What the detector knows is the last 10 s of signal and the time of the last beat:
there is no threshold that could get stuck, so it recovers from anything that has left that window.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.records.recording import Layout
from biosig.signal.beat_grid import GRID_HZ, LeadGrid, take_together
from biosig.signal.beat_scores import AHEAD, BEFORE, PAST, BeatNetwork, Past, find_candidates
from biosig.signal.stream import Chunk

__all__ = ["BeatStream", "Beats", "RPeaks", "r_peaks"]

Index = NDArray[np.int64]

_MARGIN = 40
_RIVAL = 13
_WAIT = AHEAD + _RIVAL
_PEAK_REACH = 10
_FRESH_SCORE = 1.5 * 1024.0
_BLOCK = 1 << 16
_TOGETHER = 64
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
        self._past = Past()
        self._seen = 0
        self._next = 0
        self._last = -self._refractory

    def process(self, chunk: Chunk) -> Beats:
        """Push samples (1, n), get every beat that is now known."""
        return self.process_together([self], [chunk])[0]

    @staticmethod
    def process_together(streams: Sequence[BeatStream], chunks: Sequence[Chunk]) -> list[Beats]:
        """What each stream's ``process`` gives, in order, with the same bits; streams of one rate and network."""
        alike: defaultdict[int, list[int]] = defaultdict(list)
        for place, chunk in enumerate(chunks):
            if chunk.data.shape[0] != 1:
                raise ValueError(f"expected a chunk of 1 lead, got {chunk.data.shape[0]}")
            alike[chunk.n_times].append(place)
        found: list[list[Beats]] = [[] for _ in streams]
        for n_times, places in alike.items():
            data = np.concatenate([chunks[place].data for place in places])
            good = np.concatenate([chunks[place].good for place in places])
            size = int(_BLOCK * streams[0]._step)
            for start in range(0, n_times, size):
                part = slice(start, start + size)
                take_together([streams[place]._lead for place in places], data[:, part], good[:, part])
                _decide([streams[place] for place in places], [found[place] for place in places])
        return [Beats.join(parts) for parts in found]

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
        self._past, self._seen = Past(), 0
        self._next, self._last = (int(place) for place in state["decisions"])

    @property
    def _company(self) -> Hashable:
        """Streams whose new grid can be judged together have this in common; None = there is nothing to judge."""
        if self._lead.n_grid - _WAIT <= self._next:
            return None
        return (
            self._past.empty and len(self._lead.grid),
            self._lead.n_grid - self._seen,
            self._lead.n_grid - self._next,
        )

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

    def _first_sample(self, at: Index) -> Index:
        """First of the samples (after ``lead_in``) among which the peaks near these grid samples are looked for."""
        first: Index = np.ceil((at - _PEAK_REACH + 0.5) * self._step).astype(np.int64)
        return first

    def _around(self, at: Index) -> tuple[Index, NDArray[np.bool_]]:
        """Levels where these peaks are looked for and ``_wide`` to both sides, and which of the former may be one."""
        lead = self._lead
        n = int(2 * _PEAK_REACH * self._step)
        place = (self._first_sample(at) - lead.first_level)[:, None] + np.arange(-self._wide, n + self._wide)
        inside = np.clip(place, 0, len(lead.levels) - 1)
        own = slice(self._wide, self._wide + n)
        return lead.levels[inside], (inside == place)[:, own] & ~lead.lost[inside[:, own]]

    def _beats(self, at: Index, place: Index) -> Beats:
        """Beats of these grid samples, the peaks ``place`` samples after the first where they were looked for."""
        decided = np.ceil((at + _WAIT + 1) * self._step).astype(np.int64) - 1
        return Beats(sample=self._first_sample(at) + place + self._lead.lead_in, decided=decided + self._lead.lead_in)

    def _forget(self, until: int) -> None:
        """Drop what no beat still to come can need: every candidate before ``until`` is decided."""
        self._next, self._seen = until, self._lead.n_grid
        self._lead.drop(int((until - _PEAK_REACH) * self._step) - self._wide, until - PAST - _MARGIN)


def _decide(streams: Sequence[BeatStream], found: Sequence[list[Beats]]) -> None:
    """Judge the candidates whose future is long enough by now; append each stream's beats to what it has ``found``."""
    alike: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place, stream in enumerate(streams):
        company = stream._company
        if company is not None:
            alike[company].append(place)
    for places in alike.values():
        for first in range(0, len(places), _TOGETHER):
            some = places[first : first + _TOGETHER]
            beats = _judge([streams[place] for place in some])
            for place, new in zip(some, beats, strict=True):
                found[place].append(new)


def _judge(streams: Sequence[BeatStream]) -> list[Beats]:
    """New beats of streams in company."""
    one = streams[0]
    length = len(one._lead.grid) if one._past.empty else one._lead.n_grid - one._next + BEFORE
    candidates = find_candidates(
        np.stack([stream._lead.grid[-length:] for stream in streams]),
        np.stack([stream._lead.gap[-length:] for stream in streams]),
        [stream._past for stream in streams],
        length if one._past.empty else one._lead.n_grid - one._seen,
        length - (one._lead.n_grid - one._next),
    )
    score = one._network.score(candidates.features)
    edges = np.searchsorted(candidates.lead, np.arange(len(streams) + 1))
    chosen = []
    for stream, a, b in zip(streams, edges[:-1], edges[1:], strict=True):
        needed = np.where(candidates.fresh[a:b], max(stream._threshold, _FRESH_SCORE), stream._threshold)
        at = candidates.at[a:b] + (stream._lead.n_grid - length)
        places = stream._choose(at, score[a:b] - needed, stream._lead.n_grid - _WAIT)
        chosen.append(np.array(places, dtype=np.int64))
    beats = _peaks(streams, chosen)
    for stream in streams:
        stream._forget(stream._lead.n_grid - _WAIT)
    return beats


def _peaks(streams: Sequence[BeatStream], chosen: Sequence[Index]) -> list[Beats]:
    """The R peaks near the chosen grid samples of each stream, those left out that lie on missing samples only.

    The peak is where the mean of 30 ms leaves the mean of the 250 ms around it furthest, upward deflections
    counting half as much again: so one shape of beat is marked at one place.
    """
    if not any(len(at) for at in chosen):
        return [Beats() for _ in chosen]
    one = streams[0]
    span = np.arange(int(2 * _PEAK_REACH * one._step))
    edges = np.concatenate(([0], np.cumsum([len(at) for at in chosen])))
    levels, usable = (
        np.concatenate(columns)
        for columns in zip(*(stream._around(at) for stream, at in zip(streams, chosen, strict=True)), strict=True)
    )
    total = np.zeros((len(levels), levels.shape[1] + 1), dtype=np.int64)
    np.cumsum(levels, axis=1, out=total[:, 1:])
    middle = span + one._wide
    near, wide = (
        total[:, middle[0] + reach + 1 : middle[-1] + reach + 2] - total[:, middle[0] - reach : middle[-1] - reach + 1]
        for reach in (one._narrow, one._wide)
    )
    leave = (2 * one._wide + 1) * near - (2 * one._narrow + 1) * wide
    height = np.where(usable, np.where(leave > 0, 3 * leave, -2 * leave), -1)
    best = np.argmax(height, axis=1)
    real = height[np.arange(len(best)), best] >= 0
    return [
        stream._beats(at[real[a:b]], best[a:b][real[a:b]])
        for stream, at, a, b in zip(streams, chosen, edges[:-1], edges[1:], strict=True)
    ]


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

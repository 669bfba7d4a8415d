"""How much like ventricular flutter or fibrillation a lead looks, twice a second: an oscillation without QRS complexes.

Two measures of the last 3 s, band-passed at 1-20 Hz, neither of which depends on amplitude:

* the leakage of a filter matched to the mean period (Kuo & Dillman, Computers in Cardiology 1978, 347-349; as
  compared by Amann, Tratnig & Unterkofler 2005, doi:10.1186/1475-925X-4-60): an oscillation added to itself half a
  period later vanishes, QRS complexes do not;
* the kurtosis of the slope: QRS complexes are rare steep slopes between flat ones, an oscillation is always steep.

The mean period must lie in that of 150 to 375 waves a minute, which muscle noise does not. The weights are a logistic
regression: the six spans of flutter of MIT-BIH record 207 (498 windows, both leads) against all other windows of 26
MIT-BIH records (both leads) and of the three NSTDB noises (190,339). **Flutter of one patient only**: how well it
finds the fibrillation of others is not known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from biosig.compiled import compiled
from biosig.records.recording import TO_MV, Layout
from biosig.signal.filters import BandPass
from biosig.signal.repair import HoldGaps
from biosig.signal.stream import Chain, Chunk, State, joined, part_of, restore

__all__ = ["FIBRILLATING", "WINDOW_S", "Fibrillation", "FibrillationStream", "FibrillationValues"]

Signal = NDArray[np.float64]

_BAND_HZ = (1.0, 20.0)
WINDOW_S = 3.0
"""Seconds of signal that each value speaks of."""

FIBRILLATING = 0.5
"""The value from which a stretch looks like flutter or fibrillation."""

_HOP_S = 0.5
_LEAKAGE, _LOG_KURTOSIS, _OFFSET = -26.0, -9.9, 31.0
_SHORTEST_S, _LONGEST_S = 0.16, 0.40
_TINY = 1e-9


def _none() -> Signal:
    return np.zeros(0)


@dataclass(frozen=True, eq=False)
class FibrillationValues:
    """Values in order of time.

    Parameters
    ----------
    time_s : float64 (n,), end of the 3 s that each speaks of, and the instant it is known.
    known : int64 (n,), samples that had come by then, counted from the first.
    value : float64 (n,), 0 to 1; ``FIBRILLATING`` and more looks like flutter or fibrillation.
    usable : bool (n,), false where less than 90 % of the 3 s was good signal.
    """

    time_s: Signal = field(default_factory=_none)
    known: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    value: Signal = field(default_factory=_none)
    usable: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    @classmethod
    def join(cls, parts: Sequence[FibrillationValues]) -> FibrillationValues:
        """Consecutive values as one."""
        if not parts:
            return cls()
        return cls(
            time_s=np.concatenate([part.time_s for part in parts]),
            known=np.concatenate([part.known for part in parts]),
            value=np.concatenate([part.value for part in parts]),
            usable=np.concatenate([part.usable for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.time_s)


@dataclass(frozen=True)
class Fibrillation:
    """The design of a watch on one lead as recorded; it filters for itself.

    Parameters
    ----------
    fine_mv : largest deflection in the band, in mV, below which an oscillation is called noise on a flat line.
    min_good : share of good samples that a window must have to be usable.
    """

    fine_mv: float = 0.1
    min_good: float = 0.9

    def __post_init__(self) -> None:
        if not (math.isfinite(self.fine_mv) and self.fine_mv > 0):
            raise ValueError(f"fine_mv must be a positive amplitude, got {self.fine_mv:g}")
        if not 0.0 < self.min_good <= 1.0:
            raise ValueError(f"min_good must lie in (0, 1], got {self.min_good:g}")

    def open(self, layout: Layout) -> FibrillationStream:
        """A fresh watch for one patient; ``ValueError`` unless ``layout`` is one lead at 60 Hz or more."""
        if layout.n_channels != 1:
            raise ValueError(f"expected a layout of 1 lead, got {layout.n_channels} ({', '.join(layout.channels)})")
        if layout.fs < 60.0:
            raise ValueError(f"fibrillation needs fs of 60 Hz or more, got {layout.fs:g} Hz")
        return FibrillationStream(self, layout)


class FibrillationStream:
    """The last 3 s of one patient. ``process`` gives the same values, to the bit, however the input was cut."""

    def __init__(self, design: Fibrillation, layout: Layout) -> None:
        self.design = design
        self.layout = layout
        self._chain = Chain((HoldGaps(), BandPass(*_BAND_HZ, order=2))).open(layout)
        self._fine = design.fine_mv / TO_MV.get(layout.unit, 1.0)
        self._window = round(WINDOW_S * layout.fs)
        self._hop = round(_HOP_S * layout.fs)
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next sample is the first."""
        self._chain.reset()
        self._n = 0
        self._wave: Signal = np.zeros(0)
        self._good: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)

    def process(self, chunk: Chunk) -> FibrillationValues:
        """Push samples (1, n), get every value that is now known."""
        filtered = self._chain.process(chunk)
        self._wave = np.concatenate([self._wave, filtered.data[0]])
        self._good = np.concatenate([self._good, filtered.good[0]])
        self._n += filtered.n_times
        first = self._n - len(self._wave)
        ends = list(range(self._next_end(first), self._n + 1, self._hop))
        found = [self._judge(slice(end - self._window - first, end - first)) for end in ends]
        keep = (ends[-1] + self._hop if ends else self._next_end(first)) - self._window - first
        self._wave, self._good = self._wave[max(0, keep) :].copy(), self._good[max(0, keep) :].copy()
        return FibrillationValues(
            time_s=np.array(ends, dtype=np.float64) / self.layout.fs,
            known=np.array(ends, dtype=np.int64),
            value=np.array([value for value, _ in found], dtype=np.float64),
            usable=np.array([usable for _, usable in found], dtype=np.bool_),
        )

    def _next_end(self, first: int) -> int:
        """End of the first window that begins at or after sample ``first``."""
        return self._window + -(-first // self._hop) * self._hop

    def _judge(self, part: slice) -> tuple[float, bool]:
        usable = float(np.count_nonzero(self._good[part])) >= self.design.min_good * self._window
        return likeness(self._wave[part], self.layout.fs, self._fine), usable

    def state_dict(self) -> State:
        """Everything needed to go on later, as arrays."""
        own = {"n": np.array(self._n), "wave": self._wave.copy(), "good": self._good.copy()}
        return own | joined({"chain": self._chain.state_dict()})

    def load_state_dict(self, state: State) -> None:
        """Go on from a ``state_dict()`` of a watch of the same design and layout."""
        self._chain.load_state_dict(part_of(state, "chain"))
        self._wave = restore(state, "wave", self._wave, free_axis=0)
        self._good = restore(state, "good", self._good, free_axis=0)
        self._n = int(restore(state, "n", np.array(0)))


@compiled
def likeness(wave: Signal, fs: float, fine: float) -> float:
    """How much like flutter or fibrillation a stretch of band-passed signal looks, 0 to 1.

    Parameters
    ----------
    wave : (n,), a few seconds.
    fs : its rate, Hz.
    fine : largest deflection, in the unit of ``wave``, below which it is called noise: 0.
    """
    n = len(wave)
    mean = 0.0
    for value in wave:
        mean += value / n
    largest = size = way = power = square = 0.0
    for i in range(n):
        off = abs(wave[i] - mean)
        largest = max(largest, off)
        size += off
        if i:
            slope = wave[i] - wave[i - 1]
            way += abs(slope)
            power += slope * slope
            square += slope * slope * slope * slope
    half = math.pi * size / (way + _TINY)
    if largest < fine or not _SHORTEST_S * fs <= 2.0 * half <= _LONGEST_S * fs:
        return 0.0
    shift = round(half)
    left = both = 0.0
    for i in range(shift, n):
        one, other = wave[i] - mean, wave[i - shift] - mean
        left += abs(one + other)
        both += abs(one) + abs(other)
    kurtosis = square * (n - 1) / (power * power + _TINY * _TINY)
    odds = _LEAKAGE * left / (both + _TINY) + _LOG_KURTOSIS * math.log(kurtosis + _TINY) + _OFFSET
    return 1.0 / (1.0 + math.exp(-min(max(odds, -30.0), 30.0)))

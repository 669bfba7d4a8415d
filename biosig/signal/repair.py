"""What stands between raw samples and the first filter: gaps held, amplitudes bounded.

One NaN into an IIR filter ruins everything after it, so ``HoldGaps`` comes first in a chain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from biosig.records.recording import Layout
from biosig.signal.stream import Chunk, State, Stateless, Step, Stream, restore

__all__ = ["Clip", "HoldGaps"]


@dataclass(frozen=True)
class HoldGaps(Step):
    """Finite samples always: what was not recorded repeats the channel's last real sample and is marked bad.

    Before a channel's first real sample the output is 0. The last value is held for as long
    as a gap lasts, because a causal step cannot know how long it will last, and any other
    value would be a jump of its own.

    When samples come back after a gap longer than ``max_s``, a lead was off rather than a
    packet lost: the value jumps, and a new contact takes a while to settle. Samples pass from
    the first on, but stay marked bad for ``settle_s``. Filters downstream start anew from the
    first good sample after a second of bad ones (:mod:`biosig.signal.filters`), so neither
    the jump nor the settling rings through the pass band.

    Parameters
    ----------
    max_s : longest gap in seconds after which samples are trusted at once.
    settle_s : how long samples stay marked bad after a longer gap, in seconds.
    """

    max_s: float = 1.0
    settle_s: float = 0.5

    def __post_init__(self) -> None:
        for name, value in (("max_s", self.max_s), ("settle_s", self.settle_s)):
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be a number of seconds >= 0, got {value:g}")

    def open(self, layout: Layout) -> HoldGapsStream:
        return HoldGapsStream(layout, self)


class HoldGapsStream(Stream):
    """Last real value, length of the running gap and settling left (in samples), per channel."""

    per_channel: ClassVar[Mapping[str, int]] = {"_last": 0, "_gap": 0, "_settling": 0}

    _last: NDArray[np.float64]
    _gap: NDArray[np.int64]
    _settling: NDArray[np.int64]

    def __init__(self, layout: Layout, step: HoldGaps) -> None:
        self.layout = layout
        self._longest = math.floor(step.max_s * layout.fs)
        self._settle = math.ceil(step.settle_s * layout.fs)
        self.reset()

    def process(self, chunk: Chunk) -> Chunk:
        """Samples (n_channels, n_times) without a NaN or infinity; the same arrays where nothing was missing."""
        if chunk.n_times == 0:
            return chunk
        missing = ~np.isfinite(chunk.data)
        rows = np.flatnonzero(missing.any(axis=1) | (self._gap > 0) | (self._settling > 0))
        if not len(rows):
            self._last = chunk.data[:, -1].copy()
            return chunk
        data, good = chunk.data.copy(), chunk.good & ~missing
        for row in rows.tolist():
            self._hold(row, data[row], good[row], missing[row])
        self._last = data[:, -1].copy()
        return Chunk(data=data, good=good)

    def _hold(self, row: int, data: NDArray[np.float64], good: NDArray[np.bool_], missing: NDArray[np.bool_]) -> None:
        """Repair one channel in place (n_times,) and carry its counts on."""
        n = len(data)
        good[: self._settling[row]] = False
        settling = max(0, int(self._settling[row]) - n)
        real = np.flatnonzero(~missing)
        if len(real):
            gaps = np.diff(real, prepend=-1 - int(self._gap[row])) - 1
            for back in real[gaps > self._longest]:
                good[back : back + self._settle] = False
                settling = max(0, int(back) + self._settle - n)
        source = np.maximum.accumulate(np.where(missing, -1, np.arange(n)))
        data[:] = np.where(source < 0, self._last[row], data[source])
        gap = n - 1 - int(real[-1]) if len(real) else n + int(self._gap[row])
        self._gap[row], self._settling[row] = min(gap, self._longest + 1), settling

    def state_dict(self) -> State:
        return {"last": self._last.copy(), "gap": self._gap.copy(), "settling": self._settling.copy()}

    def load_state_dict(self, state: State) -> None:
        last, gap = restore(state, "last", self._last), restore(state, "gap", self._gap)
        self._settling = restore(state, "settling", self._settling)
        self._last, self._gap = last, gap

    def reset(self) -> None:
        self._last = np.zeros(self.layout.n_channels)
        self._gap = np.zeros(self.layout.n_channels, dtype=np.int64)
        self._settling = np.zeros(self.layout.n_channels, dtype=np.int64)


@dataclass(frozen=True)
class Clip(Step):
    """Samples held within ``-limit`` to ``limit``; what lay beyond is marked bad.

    Parameters
    ----------
    limit : largest amplitude let through, in the layout's unit (mV for ECG, uV for EEG).
    """

    limit: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.limit) and self.limit > 0):
            raise ValueError(f"limit must be a positive amplitude in the layout's unit, got {self.limit:g}")

    def open(self, layout: Layout) -> ClipStream:
        return ClipStream(layout, self)


class ClipStream(Stateless):
    """Nothing to remember."""

    per_channel: ClassVar[Mapping[str, int]] = {}

    def __init__(self, layout: Layout, step: Clip) -> None:
        self.layout = layout
        self.limit = step.limit

    def process(self, chunk: Chunk) -> Chunk:
        """Samples (n_channels, n_times) within the limit; the same arrays where none lay beyond."""
        within = np.abs(chunk.data) <= self.limit
        if within.all():
            return chunk
        return Chunk(data=np.clip(chunk.data, -self.limit, self.limit), good=chunk.good & within)

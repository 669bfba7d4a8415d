"""Windows of fixed length at a fixed stride."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosig.records.recording import Layout
from biosig.signal.stream import Chunk, State
from biosig.windows.stream import Cutter, Cutting, CuttingStream

__all__ = ["Slide"]


@dataclass(frozen=True)
class Slide(Cutter):
    """Windows of ``length_s`` seconds, one every ``stride_s`` seconds, from the first sample on."""

    length_s: float
    stride_s: float

    def __post_init__(self) -> None:
        if not (self.length_s > 0 and self.stride_s > 0):
            raise ValueError(f"length_s and stride_s must be positive, got {self.length_s} and {self.stride_s}")

    def open(self, raw: Layout, filtered: Layout, delay_s: float, beats_s: NDArray[np.float64] | None) -> SlideStream:
        if beats_s is not None:
            raise ValueError("windows of fixed length have no beat positions; use the cutter 'beats'")
        return SlideStream(self, filtered, delay_s)


class SlideStream(CuttingStream):
    """One patient's sliding windows: what is kept is one window of quality marks, nothing more."""

    def __init__(self, design: Slide, layout: Layout, delay_s: float) -> None:
        self.length = round(design.length_s * layout.fs)
        self._stride = round(design.stride_s * layout.fs)
        if self.length < 1 or self._stride < 1:
            raise ValueError(f"length_s and stride_s must hold at least one sample at fs={layout.fs:g} Hz")
        self.n_channels = layout.n_channels
        self.length_s, self.before_s = self.length / layout.fs, 0.0
        self.features = ()
        self.latency_s = self.length_s + delay_s
        self._fs = layout.fs
        self._delay_s = delay_s
        self.reset()

    def reset(self) -> None:
        self._seen = 0
        self.needed_from = 0
        self._good = np.zeros(0, dtype=np.int64)

    def process(self, raw: Chunk, filtered: Chunk) -> Cutting:
        kept_from = self._seen - len(self._good)
        self._good = np.concatenate([self._good, filtered.good.sum(axis=0, dtype=np.int64)])
        self._seen += filtered.n_times
        start = np.arange(self.needed_from, self._seen - self.length + 1, self._stride, dtype=np.int64)
        counted = np.concatenate([[0], np.cumsum(self._good)])
        good = (counted[start - kept_from + self.length] - counted[start - kept_from]) / (self.length * self.n_channels)
        if len(start):
            self.needed_from = int(start[-1]) + self._stride
        self._good = self._good[max(0, min(self.needed_from, self._seen) - kept_from) :]
        return self._cutting(filtered.data.astype(np.float32), start, good)

    def flush(self) -> Cutting:
        nothing = np.zeros(0)
        return self._cutting(np.zeros((self.n_channels, 0), dtype=np.float32), nothing.astype(np.int64), nothing)

    def _cutting(self, signal: NDArray[np.float32], start: NDArray[np.int64], good: NDArray[np.float64]) -> Cutting:
        return Cutting(
            signal=signal,
            start=start,
            onset_s=start / self._fs - self._delay_s,
            ready_s=(start + self.length) / self._fs,
            good=good.astype(np.float32),
            features=np.zeros((len(start), 0), dtype=np.float32),
        )

    def state_dict(self) -> State:
        return {"seen": np.array(self._seen), "next": np.array(self.needed_from), "good": self._good.copy()}

    def load_state_dict(self, state: State) -> None:
        self._seen, self.needed_from = int(state["seen"]), int(state["next"])
        self._good = state["good"].astype(np.int64)

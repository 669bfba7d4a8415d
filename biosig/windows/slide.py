"""Windows of fixed length at a fixed stride."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosig.records.recording import Layout
from biosig.signal.stream import ChainStream, Chunk, State
from biosig.windows.spectrum import Spectrum
from biosig.windows.stream import Cutter, Cutting, CuttingStream

__all__ = ["Slide"]


@dataclass(frozen=True)
class Slide(Cutter):
    """Windows of ``length_s`` seconds, one every ``stride_s`` seconds, from the first sample on.

    ``spectrum`` says which features of its spectra come with a window; none where ``None``.
    """

    length_s: float
    stride_s: float
    spectrum: Spectrum | None = None

    def __post_init__(self) -> None:
        if not (self.length_s > 0 and self.stride_s > 0):
            raise ValueError(f"length_s and stride_s must be positive, got {self.length_s} and {self.stride_s}")

    def open(self, raw: Layout, chain: ChainStream, beats_s: NDArray[np.float64] | None) -> SlideStream:
        if beats_s is not None:
            raise ValueError("windows of fixed length have no beat positions; use the cutter 'beats'")
        return SlideStream(self, chain)


class SlideStream(CuttingStream):
    """One patient's sliding windows: one window of quality marks is kept, and of samples where spectra are read."""

    def __init__(self, design: Slide, chain: ChainStream) -> None:
        layout = chain.layout
        self.length = round(design.length_s * layout.fs)
        self._stride = round(design.stride_s * layout.fs)
        if self.length < 1 or self._stride < 1:
            raise ValueError(f"length_s and stride_s must hold at least one sample at fs={layout.fs:g} Hz")
        self.n_channels = layout.n_channels
        self.length_s, self.before_s = self.length / layout.fs, 0.0
        self._spectrum = None if design.spectrum is None else design.spectrum.open(layout, self.length)
        self.features = () if self._spectrum is None else self._spectrum.names
        self.latency_s = self.length_s + chain.delay_s
        self._fs = layout.fs
        self._chain = chain
        self.reset()

    def reset(self) -> None:
        self._seen = 0
        self.needed_from = 0
        self._good = np.zeros(0, dtype=np.int64)
        self._signal = np.zeros((self.n_channels, 0), dtype=np.float32)
        self._marks = np.zeros((self.n_channels, 0), dtype=np.bool_)

    def process(self, raw: Chunk, filtered: Chunk) -> Cutting:
        kept_from = self._seen - len(self._good)
        self._good = np.concatenate([self._good, filtered.good.sum(axis=0, dtype=np.int64)])
        self._seen += filtered.n_times
        start = np.arange(self.needed_from, self._seen - self.length + 1, self._stride, dtype=np.int64)
        counted = np.concatenate([[0], np.cumsum(self._good)])
        good = (counted[start - kept_from + self.length] - counted[start - kept_from]) / (self.length * self.n_channels)
        if len(start):
            self.needed_from = int(start[-1]) + self._stride
        past = max(0, min(self.needed_from, self._seen) - kept_from)
        self._good = self._good[past:]
        signal = filtered.data.astype(np.float32)
        return self._cutting(signal, start, good, self._read(signal, filtered.good, start - kept_from, past))

    def _read(
        self, signal: NDArray[np.float32], good: NDArray[np.bool_], place: NDArray[np.int64], past: int
    ) -> NDArray[np.float32]:
        """Features (m, n_features) of windows that begin at ``place`` in what is kept; then drops what is past."""
        if self._spectrum is None:
            return np.zeros((len(place), 0), dtype=np.float32)
        self._signal = np.concatenate([self._signal, signal], axis=1)
        self._marks = np.concatenate([self._marks, good], axis=1)
        features = np.empty((len(place), len(self.features)), dtype=np.float32)
        for row, at in enumerate(place.tolist()):
            window = slice(at, at + self.length)
            features[row] = self._spectrum.read(self._signal[:, window], self._marks[:, window])
        self._signal, self._marks = self._signal[:, past:].copy(), self._marks[:, past:].copy()
        return features

    def flush(self) -> Cutting:
        nothing = np.zeros(0)
        none = Cutting.none(self.n_channels, len(self.features))
        return self._cutting(none.signal, none.start, nothing, none.features)

    def _cutting(
        self,
        signal: NDArray[np.float32],
        start: NDArray[np.int64],
        good: NDArray[np.float64],
        features: NDArray[np.float32],
    ) -> Cutting:
        return Cutting(
            signal=signal,
            start=start,
            onset_s=start / self._fs - self._chain.delay_s,
            ready_s=(start + self.length) / self._fs,
            known=self._chain.inputs_for(start + self.length),
            good=good.astype(np.float32),
            features=features,
        )

    def state_dict(self) -> State:
        own = {"seen": np.array(self._seen), "next": np.array(self.needed_from), "good": self._good.copy()}
        return own | {"signal": self._signal.copy(), "marks": self._marks.copy()}

    def load_state_dict(self, state: State) -> None:
        self._seen, self.needed_from = int(state["seen"]), int(state["next"])
        self._good = state["good"].astype(np.int64)
        self._signal = state["signal"].astype(np.float32)
        self._marks = state["marks"].astype(np.bool_)

"""Amplitudes against what the recording has shown so far: normalisation per recording that looks at the past only."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from biosig.records.recording import Layout
from biosig.signal.stream import Chunk, State, Step, Stream, restore

__all__ = ["Normalise"]

SMALLEST = 1e-3
"""The scale never falls below this share of ``start``: a flat channel stays flat and is not divided by nothing."""


@dataclass(frozen=True)
class Normalise(Step):
    """Samples divided by their running root mean square; a sample that is not good is 0.

    The mean square is an exponential average over the good samples so far (``memory_s`` of them weigh 63 %), begun at
    ``start`` squared, so the first minute is scaled by what is usual and the hour by what this recording showed. It
    belongs behind a high-pass filter, which takes the offset out, and behind ``Clip``, so that one artefact does not
    hush the minutes after it. What is not good, a missing channel for one, becomes 0, the middle of the scale.

    For some ``memory_s`` the scale tells how long a recording has run: where classes differ in that, leave it out.

    Parameters
    ----------
    memory_s : time constant, seconds of good samples.
    start : root mean square taken for granted at the beginning, in the layout's unit.
    over : ``channel`` gives each its own scale; ``recording`` one to all, which keeps differences between channels.
    """

    memory_s: float = 60.0
    start: float = 1.0
    over: Literal["channel", "recording"] = "channel"

    def __post_init__(self) -> None:
        for name, value in (("memory_s", self.memory_s), ("start", self.start)):
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a positive number, got {value:g}")

    def open(self, layout: Layout) -> NormaliseStream:
        if self.over == "recording" and len(set(layout.units)) != 1:
            raise ValueError(f"Normalise over recording needs channels of one unit, has {', '.join(layout.units)}")
        return NormaliseStream(layout, self)


class NormaliseStream(Stream):
    """Mean square so far: of each channel, or one over all."""

    _power: NDArray[np.float64]

    def __init__(self, layout: Layout, step: Normalise) -> None:
        self.layout = replace(layout, units=("rms",) * layout.n_channels)
        self._together = step.over == "recording"
        self._start = step.start
        decay = math.exp(-1 / (step.memory_s * layout.fs))
        self._sos = np.array([[1 - decay, 0.0, 0.0, 1.0, -decay, 0.0]])
        self._decay = decay
        self.reset()

    def process(self, chunk: Chunk) -> Chunk:
        """Samples (n_channels, n_times) in units of their own root mean square, marks unchanged."""
        if chunk.n_times == 0:
            return chunk
        data = np.where(chunk.good, chunk.data, 0.0)
        if self._together:
            total, count = np.zeros(chunk.n_times), chunk.good.sum(axis=0)
            for row in data:
                total += row * row
            power, known = (total / np.maximum(count, 1))[np.newaxis], (count > 0)[np.newaxis]
        else:
            power, known = data * data, chunk.good
        scale = np.ones(power.shape)
        for row in range(len(power)):
            scale[row, known[row]] = self._scale(row, power[row, known[row]])
        return Chunk(data=data / scale, good=chunk.good)

    def _scale(self, row: int, power: NDArray[np.float64]) -> NDArray[np.float64]:
        """Root of the running mean square at each of these good samples (n,)."""
        if not len(power):
            return power
        state = np.array([[self._power[row] * self._decay, 0.0]])
        mean, _ = signal.sosfilt(self._sos, power, zi=state)
        self._power[row] = mean[-1]
        return np.asarray(np.sqrt(np.maximum(mean, (SMALLEST * self._start) ** 2)))

    def state_dict(self) -> State:
        return {"power": self._power.copy()}

    def load_state_dict(self, state: State) -> None:
        self._power = restore(state, "power", self._power)

    def reset(self) -> None:
        self._power = np.full(1 if self._together else self.layout.n_channels, self._start**2)

"""Marks on samples that are there but say nothing: flat lines and saturated amplifiers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from biosig.compiled import compiled
from biosig.records.recording import Layout
from biosig.signal.stream import Chunk, State, Step, Stream, restore

__all__ = ["Quality"]


@dataclass(frozen=True)
class Quality(Step):
    """Samples unchanged; marked bad where missing, at or beyond ``limit``, or at the end of a flat stretch.

    A sample is flat when it and all others of the last ``flat_s`` seconds lie within
    ``flat_range`` of each other, so a flat line is known, and marked, from ``flat_s`` after it
    began; what was handed on before is not taken back. Put this first in a chain, where
    samples are still what the amplifier gave: after a filter a dead lead rings.

    Parameters
    ----------
    flat_s : seconds of stillness that make a flat line. Of the recordings this was chosen on, real
        ECG repeats one value for at most 0.03 s (MIT-BIH, 360 Hz, 26 records) and 0.55 s (LUDB,
        720 leads at 500 Hz, smooth between beats); stretches of a second and more are padded file ends and dropouts.
    flat_range : difference between largest and smallest sample of a flat stretch, in the layout's
        unit. 0 = the very same value, which noise never gives: a lead in asystole is not a dead lead.
    limit : amplitude, in the layout's unit, from which the amplifier is saturated: just below its rail (5.1 for
        MIT-BIH's 11 bits over 10 mV). Infinite = no limit known.
    """

    flat_s: float = 1.0
    flat_range: float = 0.0
    limit: float = math.inf

    def __post_init__(self) -> None:
        if not (math.isfinite(self.flat_s) and self.flat_s > 0):
            raise ValueError(f"flat_s must be a positive number of seconds, got {self.flat_s:g}")
        if not (math.isfinite(self.flat_range) and self.flat_range >= 0):
            raise ValueError(f"flat_range must be a finite number >= 0, got {self.flat_range:g}")
        if not self.limit > 0:
            raise ValueError(f"limit must be a positive amplitude, got {self.limit:g}")

    def open(self, layout: Layout) -> QualityStream:
        return QualityStream(layout, self)


class QualityStream(Stream):
    """The last ``flat_s`` of samples."""

    per_channel: ClassVar[Mapping[str, int]] = {"_recent": 0}

    _recent: NDArray[np.float64]

    def __init__(self, layout: Layout, step: Quality) -> None:
        self.layout = layout
        self.step = step
        self._n_flat = max(2, math.ceil(step.flat_s * layout.fs) + 1)
        self.reset()

    def process(self, chunk: Chunk) -> Chunk:
        """The same samples (n_channels, n_times); good only where nothing speaks against them."""
        if chunk.n_times == 0:
            return chunk
        there = np.concatenate([self._recent, chunk.data], axis=1)
        self._recent = there[:, chunk.n_times :].copy()
        return Chunk(
            data=chunk.data, good=chunk.good & _telling(there, self._n_flat, self.step.flat_range, self.step.limit)
        )

    def state_dict(self) -> State:
        return {"recent": self._recent.copy()}

    def load_state_dict(self, state: State) -> None:
        self._recent = restore(state, "recent", self._recent)

    def reset(self) -> None:
        self._recent = np.full((self.layout.n_channels, self._n_flat - 1), np.nan)


@compiled
def _telling(data: NDArray[np.float64], n: int, flat_range: float, limit: float) -> NDArray[np.bool_]:
    """Which samples (n_channels, n_times) are there, within the limit and not flat.

    Parameters
    ----------
    data : (n_channels, n - 1 + n_times), the samples and those before them.
    n : how many consecutive samples within ``flat_range`` of each other are flat.
    """
    n_channels, n_all = data.shape
    telling = np.empty((n_channels, n_all - n + 1), dtype=np.bool_)
    for channel in range(n_channels):
        lead = data[channel]
        low, high, still = -math.inf, math.inf, 0  # of the last samples within the range; so wide: look back for them
        for at in range(n - 1, n_all):
            low, high, still = min(low, lead[at]), max(high, lead[at]), still + 1
            if not (high - low <= flat_range and math.isfinite(lead[at])):
                low, high, still = lead[at], lead[at], 0
                while still < n and math.isfinite(lead[at - still]):
                    lower, higher = min(low, lead[at - still]), max(high, lead[at - still])
                    if higher - lower > flat_range:
                        break
                    low, high, still = lower, higher, still + 1
            telling[channel, at - n + 1] = abs(lead[at]) < limit and still < n
    return telling

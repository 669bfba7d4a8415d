"""Marks on samples that are there but say nothing: flat lines and saturated amplifiers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

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
        bad = ~(np.abs(chunk.data) < self.step.limit)
        there = np.concatenate([self._recent, np.where(np.isfinite(chunk.data), chunk.data, np.inf)], axis=1)
        rows = _may_be_flat(there, self._n_flat, self.step.flat_range)
        if len(rows):
            bad[rows] |= _range_of_last(there[rows], self._n_flat) <= self.step.flat_range
        self._recent = there[:, chunk.n_times :].copy()
        return Chunk(data=chunk.data, good=chunk.good & ~bad)

    def state_dict(self) -> State:
        return {"recent": self._recent.copy()}

    def load_state_dict(self, state: State) -> None:
        self._recent = restore(state, "recent", self._recent)

    def reset(self) -> None:
        self._recent = np.full((self.layout.n_channels, self._n_flat - 1), np.inf)


def _may_be_flat(data: NDArray[np.float64], n: int, flat_range: float) -> NDArray[np.int64]:
    """Rows in which ``n`` consecutive samples may lie within ``flat_range``, told from every (n // 8)-th sample alone.

    Any ``n`` consecutive samples hold ``n // stride`` of them in a row; where no such row of neighbours
    is as close as that, nothing in between needs a look. Nearly all channels nearly always end here.
    """
    stride = max(1, n // 8)
    seen = data[:, ::stride]
    with np.errstate(invalid="ignore"):  # infinity minus infinity, where samples are missing
        close = np.abs(seen[:, 1:] - seen[:, :-1]) <= flat_range
    run = b"\1" * max(1, n // stride - 1)
    return np.array([row for row, flags in enumerate(close) if run in flags.tobytes()], dtype=np.int64)


def _range_of_last(data: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Largest minus smallest of each sample and the ``n - 1`` before it; infinity where one is missing.

    ``data`` (n_channels, n - 1 + n_times) has infinity where a sample is missing; the result is (n_channels, n_times).
    """
    low = ndimage.minimum_filter1d(data, n, axis=1, origin=(n - 1) // 2)[:, n - 1 :]
    high = ndimage.maximum_filter1d(data, n, axis=1, origin=(n - 1) // 2)[:, n - 1 :]
    span = np.full(low.shape, np.inf)
    np.subtract(high, low, out=span, where=np.isfinite(high))
    return span

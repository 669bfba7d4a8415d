"""The samples of a WFDB record on its common grid, in physical units, decoded when they are asked for."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from biosig.errors import RecordError
from biosig.records.wfdb_formats import Integers
from biosig.records.wfdb_signal import SignalFile

__all__ = ["Row", "Stretch", "WfdbSamples", "empty_samples"]


@dataclass(frozen=True, eq=False)
class Row:
    """One channel of one stretch: which column of which file, and what its numbers mean.

    Parameters
    ----------
    file : where the samples are.
    column : first sample of this channel inside a frame of the file.
    samples_per_frame : samples of this channel per frame.
    skew : frames by which the file runs ahead of the record for this channel.
    gain : ADC units per unit of the layout.
    baseline : ADC value of 0.
    """

    file: SignalFile
    column: int
    samples_per_frame: int
    skew: int
    gain: float
    baseline: int

    def physical(self, frames: Integers) -> NDArray[np.float64]:
        """Samples in the layout's unit, float64 (n_frames * samples_per_frame,), NaN = not recorded."""
        own = frames[:, self.column : self.column + self.samples_per_frame]
        digital = np.ascontiguousarray(own).reshape(-1)
        values = digital.astype(np.float64)
        values -= self.baseline
        values /= self.gain
        if self.file.invalid is not None:
            missing = digital == self.file.invalid
            if missing.any():
                values[missing] = np.nan
        return values


@dataclass(frozen=True, eq=False)
class Stretch:
    """Consecutive frames that come from one set of files; None for a channel that has none there."""

    first: int
    n_frames: int
    rows: tuple[Row | None, ...]


@dataclass(frozen=True, eq=False)
class WfdbSamples:
    """A record's samples, float32 (n_channels, n_times), read from its files stretch by stretch.

    Parameters
    ----------
    name : the record, for error messages.
    stretches : in order of time, without holes.
    n_channels : rows of the result.
    samples_per_frame : points of the common grid per frame; a channel with fewer is NaN in between.
    """

    name: str
    stretches: tuple[Stretch, ...]
    n_channels: int
    samples_per_frame: int

    @cached_property
    def _starts(self) -> list[int]:
        return [stretch.first for stretch in self.stretches]

    @property
    def n_times(self) -> int:
        """Points of the common grid."""
        last = self.stretches[-1]
        return (last.first + last.n_frames) * self.samples_per_frame

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Grid points ``start`` to ``stop``, float32 (n_channels, n), as slicing would give them.

        Raises
        ------
        RecordError : a file is damaged, or so much is asked for that it cannot fit in this machine's memory.
        """
        start, stop, _ = slice(start, stop).indices(self.n_times)
        out = empty_samples(self.name, self.n_channels, max(0, stop - start))
        number = max(0, bisect_right(self._starts, start // self.samples_per_frame) - 1)
        while number < len(self.stretches) and self._starts[number] * self.samples_per_frame < stop:
            stretch = self.stretches[number]
            offset = stretch.first * self.samples_per_frame
            low = max(start - offset, 0)
            high = min(stop - offset, stretch.n_frames * self.samples_per_frame)
            self._fill(out[:, low + offset - start : high + offset - start], stretch, low, high)
            number += 1
        return out

    def pick(self, rows: Sequence[int]) -> WfdbSamples:
        """The same samples, only these rows, in this order, on the same grid."""
        picked: dict[int, tuple[Row | None, ...]] = {}
        for stretch in self.stretches:
            if id(stretch.rows) not in picked:
                picked[id(stretch.rows)] = tuple(stretch.rows[row] for row in rows)
        stretches = tuple(replace(stretch, rows=picked[id(stretch.rows)]) for stretch in self.stretches)
        return replace(self, stretches=stretches, n_channels=len(rows))

    def _fill(self, out: NDArray[np.float32], stretch: Stretch, low: int, high: int) -> None:
        """Put the samples of grid points ``low`` to ``high`` of one stretch into ``out`` (n_channels, high - low)."""
        if high <= low:
            return
        together: dict[tuple[int, int], list[tuple[int, Row]]] = {}
        for index, row in enumerate(stretch.rows):
            if row is not None:
                together.setdefault((id(row.file), row.skew), []).append((index, row))
        first, last = low // self.samples_per_frame, -(-high // self.samples_per_frame)
        for (_, skew), members in together.items():
            end = min(last + skew, stretch.n_frames)
            for frame, digital in members[0][1].file.blocks(min(first + skew, end), end):
                for index, row in members:
                    self._place(out[index], row.physical(digital), frame - skew, low, high, row.samples_per_frame)

    def _place(
        self, out: NDArray[np.float32], values: NDArray[np.float64], frame: int, low: int, high: int, spf: int
    ) -> None:
        """Put one channel's samples, the first at the start of ``frame``, on the grid points ``low`` to ``high``."""
        step = self.samples_per_frame // spf
        begin = max(0, -(-low // step) - frame * spf)
        count = min(len(values), -(-high // step) - frame * spf) - begin
        if count > 0:
            position = (frame * spf + begin) * step - low
            out[position : position + (count - 1) * step + 1 : step] = values[begin : begin + count]


def empty_samples(name: str, n_channels: int, n_times: int) -> NDArray[np.float32]:
    """NaN, float32 (n_channels, n_times); ``RecordError`` where that cannot fit in this machine's memory."""
    needed = 4 * n_channels * n_times
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 2**63
    advice = "read it piece by piece with chunks(seconds)"
    if needed > memory:
        raise RecordError(f"{name}: expected at most {memory} bytes of samples at once, found {needed}; {advice}")
    try:
        return np.full((n_channels, n_times), np.nan, dtype=np.float32)
    except MemoryError as error:
        raise RecordError(f"{name}: expected room for {needed} bytes of samples, found none; {advice}") from error

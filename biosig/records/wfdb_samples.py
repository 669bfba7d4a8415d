"""The samples of a record of frames on its common grid, in physical units, decoded when they are asked for.

WFDB records are made of frames, and so are EDF and BrainVision files.
"""

from __future__ import annotations

import math
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

_PARTS = 16  # at least in which samples are converted, so that float64 values stay small beside the result
_SMALL_PART = 1 << 11

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
    baseline : ADC value of 0, a whole number in WFDB but not in EDF.
    """

    file: SignalFile
    column: int
    samples_per_frame: int
    skew: int
    gain: float
    baseline: float


@dataclass(frozen=True, eq=False)
class Band:
    """Rows of one rate that lie side by side in their file as in the result, and are decoded together.

    Parameters
    ----------
    first : row of the result that the first of them is.
    column : first sample of the first of them inside a frame of the file.
    samples_per_frame : samples of each per frame.
    gain, baseline : float64 (n_rows, 1, 1), as in :class:`Row`.
    """

    first: int
    column: int
    samples_per_frame: int
    gain: NDArray[np.float64]
    baseline: NDArray[np.float64]

    @classmethod
    def of(cls, first: int, rows: Sequence[Row]) -> Band:
        """The band of ``rows``, which are rows ``first`` and following of the result."""
        gain = np.array([row.gain for row in rows], dtype=np.float64).reshape(-1, 1, 1)
        baseline = np.array([row.baseline for row in rows], dtype=np.float64).reshape(-1, 1, 1)
        return cls(first, rows[0].column, rows[0].samples_per_frame, gain, baseline)

    def physical(self, frames: Integers, invalid: int | None, start: int, stop: int) -> NDArray[np.float64]:
        """Rows ``start`` to ``stop`` of the band in the layout's unit, float64 (n, n_frames * samples_per_frame)."""
        spf = self.samples_per_frame
        own = frames[:, self.column + start * spf : self.column + stop * spf]
        digital = own.reshape(len(frames), stop - start, spf).transpose(1, 0, 2)
        values = digital.astype(np.float64, order="C")
        values -= self.baseline[start:stop]
        values /= self.gain[start:stop]
        if invalid is not None:
            missing = digital == invalid
            if missing.any():
                values[missing] = np.nan
        return values.reshape(stop - start, -1)


@dataclass(frozen=True, eq=False)
class Stretch:
    """Consecutive frames that come from one set of files.

    Parameters
    ----------
    first : frames of the record before it; a fraction goes to the nearest point of the grid.
    n_frames : how many there are.
    rows : one per channel, None for a channel that has no samples there.
    skip : frames of the files before the first one.
    """

    first: float
    n_frames: int
    rows: tuple[Row | None, ...]
    skip: int = 0

    @cached_property
    def bands(self) -> list[tuple[SignalFile, int, list[Band]]]:
        """What is decoded together: a file, the frames by which it runs ahead, and the bands that it holds."""
        together: dict[tuple[int, int], list[list[tuple[int, Row]]]] = {}
        for index, row in enumerate(self.rows):
            if row is None:
                continue
            groups = together.setdefault((id(row.file), row.skew), [])
            before, last = groups[-1][-1] if groups else (-1, row)
            spf = row.samples_per_frame
            if groups and (before + 1, last.column + spf, last.samples_per_frame) == (index, row.column, spf):
                groups[-1].append((index, row))
            else:
                groups.append([(index, row)])
        return [
            (groups[0][0][1].file, skew, [Band.of(group[0][0], [row for _, row in group]) for group in groups])
            for (_, skew), groups in together.items()
        ]


@dataclass(frozen=True, eq=False)
class WfdbSamples:
    """A record's samples, float32 (n_channels, n_times), read from its files stretch by stretch.

    Parameters
    ----------
    name : the record, for error messages.
    stretches : in order of time; what lies between them is NaN.
    n_channels : rows of the result.
    samples_per_frame : points of the common grid per frame; a channel with fewer is NaN in between.
    """

    name: str
    stretches: tuple[Stretch, ...]
    n_channels: int
    samples_per_frame: int

    @cached_property
    def _starts(self) -> list[int]:
        """First grid point of every stretch."""
        return [math.floor(stretch.first * self.samples_per_frame + 0.5) for stretch in self.stretches]

    @property
    def n_times(self) -> int:
        """Points of the common grid."""
        return self._starts[-1] + self.stretches[-1].n_frames * self.samples_per_frame

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Grid points ``start`` to ``stop``, float32 (n_channels, n), as slicing would give them.

        Raises
        ------
        RecordError : a file is damaged, or so much is asked for that it cannot fit in this machine's memory.
        """
        start, stop, _ = slice(start, stop).indices(self.n_times)
        out = empty_samples(self.name, self.n_channels, max(0, stop - start))
        number = max(0, bisect_right(self._starts, start) - 1)
        while number < len(self.stretches) and self._starts[number] < stop:
            stretch, offset = self.stretches[number], self._starts[number]
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
        first, last = low // self.samples_per_frame, -(-high // self.samples_per_frame)
        for file, skew, bands in stretch.bands:
            end = min(last + skew, stretch.n_frames)
            begin = min(first + skew, end)
            for frame, digital in file.blocks(stretch.skip + begin, stretch.skip + end):
                at = frame - stretch.skip - skew
                for band in bands:
                    self._place(out, band, digital, file.invalid, at, low)

    def _place(
        self, out: NDArray[np.float32], band: Band, digital: Integers, invalid: int | None, frame: int, low: int
    ) -> None:
        """Put a band, its first sample at the start of ``frame``, into ``out``, which begins at grid point ``low``."""
        spf = band.samples_per_frame
        step = self.samples_per_frame // spf
        begin = max(0, -(-low // step) - frame * spf)
        count = min(len(digital) * spf, -(-(low + out.shape[1]) // step) - frame * spf) - begin
        if count <= 0:
            return
        position = (frame * spf + begin) * step - low
        at_once = max(1, max(out.size // _PARTS, _SMALL_PART) // (len(digital) * spf))
        for start in range(0, len(band.gain), at_once):
            stop = min(start + at_once, len(band.gain))
            values = band.physical(digital, invalid, start, stop)
            rows = out[band.first + start : band.first + stop]
            rows[:, position : position + (count - 1) * step + 1 : step] = values[:, begin : begin + count]


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

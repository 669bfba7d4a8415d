"""One ECG lead of any rate brought to whole numbers on a grid of 120 Hz, chunk by chunk, to the bit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.compiled import compiled
from biosig.records.recording import TO_MV, Layout

__all__ = ["GRID_HZ", "LeadGrid"]

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]
Index = NDArray[np.int64]

GRID_HZ = 120.0
"""Rate of the grid on which beats are looked for."""

_LEVELS_PER_MV = 2.0**14
_LARGEST = 2.0**15 * _LEVELS_PER_MV


class _Row:
    """The latest of an endless row of numbers, with a mark for each, in arrays with room to go on.

    Parameters
    ----------
    dtype : of the numbers.
    """

    def __init__(self, dtype: type) -> None:
        self._values: NDArray[Any] = np.zeros(0, dtype=dtype)
        self._marks: Bool = np.zeros(0, dtype=np.bool_)
        self._start = self._stop = 0

    def __len__(self) -> int:
        return self._stop - self._start

    @property
    def values(self) -> NDArray[Any]:
        """The numbers kept, (n,)."""
        return self._values[self._start : self._stop]

    @property
    def marks(self) -> Bool:
        """Their marks, (n,)."""
        return self._marks[self._start : self._stop]

    def append(self, n: int) -> tuple[NDArray[Any], Bool]:
        """Where to write ``n`` more numbers and their marks."""
        if self._stop + n > len(self._values):
            kept, values, marks = len(self), self.values, self.marks
            self._values = np.empty(2 * (kept + n), dtype=values.dtype)
            self._marks = np.empty(2 * (kept + n), dtype=np.bool_)
            self._values[:kept], self._marks[:kept] = values, marks
            self._start, self._stop = 0, kept
        room = slice(self._stop, self._stop + n)
        self._stop += n
        return self._values[room], self._marks[room]

    def drop(self, n: int) -> None:
        """Forget the oldest ``n``."""
        self._start += n

    def load(self, values: NDArray[Any], marks: Bool) -> None:
        """Have these numbers and marks, (n,)."""
        self._values = np.array(values, dtype=self._values.dtype)
        self._marks = np.array(marks, dtype=np.bool_)
        self._start, self._stop = 0, len(self._values)


class LeadGrid:
    """The recent past of one lead: its samples in levels of 2**-14 mV, and their means over every 1/120 s.

    Whole numbers make every later sum exact. The stream starts at the first real sample (``lead_in`` counts
    those before); a missing sample takes the value of the last real one.

    Parameters
    ----------
    layout : one lead; mV, uV and V are known units, any other is taken for mV.
    past : grid samples to imagine before the first, at its value.
    """

    def __init__(self, layout: Layout, past: int) -> None:
        self.step = layout.fs / GRID_HZ
        self.scale = TO_MV.get(layout.unit, 1.0) * _LEVELS_PER_MV
        self._past = past
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.lead_in = 0
        self.n = 0
        self.held = 0
        self.n_grid = 0
        self._samples = _Row(np.int64)
        self._means = _Row(np.float64)

    @property
    def levels(self) -> Index:
        """The samples kept, int64 (n,)."""
        return self._samples.values

    @property
    def lost(self) -> Bool:
        """Which of them were not recorded, bool (n,)."""
        return self._samples.marks

    @property
    def grid(self) -> Float:
        """The means kept, whole numbers in float64 (n,)."""
        return self._means.values

    @property
    def gap(self) -> Bool:
        """Which of them are of samples some of which were not recorded, bool (n,)."""
        return self._means.marks

    @property
    def first_level(self) -> int:
        """Sample number (after ``lead_in``) of ``levels[0]``."""
        return self.n - len(self._samples)

    def take(self, data: Float, good: Bool) -> None:
        """Append samples (n,) and every grid sample that they complete."""
        # copies: the loops are translated once for every kind of memory that they are given
        data, good = np.array(data, dtype=np.float64), np.array(good, dtype=np.bool_)
        if self.n == 0:
            silent = _lead_in(data, good)
            self.lead_in += silent
            data, good = data[silent:], good[silent:]
        if not len(data):
            return
        self.held = _hold(data, good, self.scale, self.held, *self._samples.append(len(data)))
        self.n += len(data)
        new = self._complete - self.n_grid
        if new:
            begins = self.n_grid == 0
            grid, gap = self._means.append(new + begins * self._past)
            means = grid[-new:]
            _average(self.levels, self.lost, self.first_level, self.step, self.n_grid, means, gap[-new:])
            if begins:
                grid[: self._past], gap[: self._past] = means[0], True
            self.n_grid += new

    @property
    def _complete(self) -> int:
        """Grid samples that the lead is long enough for."""
        count = int(self.n / self.step)
        count -= count * self.step > self.n
        return count + ((count + 1) * self.step <= self.n)

    def drop(self, sample: int, grid_sample: int) -> None:
        """Forget samples before ``sample`` and grid samples before ``grid_sample``, but none not yet on the grid."""
        self._samples.drop(max(0, min(sample, int(self.n_grid * self.step)) - self.first_level))
        self._means.drop(max(0, grid_sample - (self.n_grid - len(self._means))))

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Everything needed to go on later, as arrays."""
        return {
            "counts": np.array([self.lead_in, self.n, self.held, self.n_grid], dtype=np.int64),
            "levels": self.levels.copy(),
            "lost": self.lost.copy(),
            "grid": self.grid.copy(),
            "gap": self.gap.copy(),
        }

    def load_state_dict(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from a ``state_dict()``."""
        self.lead_in, self.n, self.held, self.n_grid = (int(count) for count in state["counts"])
        self._samples.load(state["levels"], state["lost"])
        self._means.load(state["grid"], state["gap"])


def _lead_in(data: Float, good: Bool) -> int:
    """How many of these samples (n,) come before the first real one."""
    real = np.isfinite(data) & good
    return int(np.argmax(real)) if real.any() else len(real)


@compiled
def _hold(data: Float, good: Bool, scale: float, held: int, levels: Index, lost: Bool) -> int:
    """Write the levels of samples (n,), the last finite one's, at first ``held``, where there is none; return the last.

    A sample is ``lost`` where it is not finite or not ``good``.
    """
    for i, value in enumerate(data):
        finite = np.isfinite(value)
        if finite:
            held = int(np.rint(min(max(value * scale, -_LARGEST), _LARGEST)))
        levels[i] = held
        lost[i] = not (finite and good[i])
    return held


@compiled
def _average(levels: Index, lost: Bool, first: int, step: float, n_grid: int, means: Float, gap: Bool) -> None:
    """Write the means over the ``len(means)`` stretches of ``step`` samples from number ``n_grid`` on.

    ``levels[0]`` is sample ``first``. A sample that lies in two stretches counts in each by its share. A stretch is a
    ``gap`` where any of it was ``lost``.
    """
    begin = n_grid * step
    for i in range(len(means)):
        end = (n_grid + i + 1) * step
        a, b = int(begin) - first, int(end) - first
        total = 0
        for place in range(a, b):
            total += levels[place]
        # a stretch that ends with the last sample has no share of a next one
        over = (end - int(end)) * levels[min(b, len(levels) - 1)]
        means[i] = np.rint((total + over - (begin - int(begin)) * levels[a]) / step)
        gap[i] = False
        for place in range(a, min(math.ceil(end) - first, len(levels))):
            gap[i] |= lost[place]
        begin = end

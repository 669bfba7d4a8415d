"""One ECG lead of any rate brought to whole numbers on a grid of 120 Hz, chunk by chunk, to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.records.recording import Layout

__all__ = ["GRID_HZ", "LeadGrid"]

GRID_HZ = 120.0
"""Rate of the grid on which beats are looked for."""

_LEVELS_PER_MV = 2.0**14
_LARGEST_MV = 2.0**15
_TO_MV = {"V": 1e3, "uV": 1e-3, "µV": 1e-3}


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
        self.scale = _TO_MV.get(layout.unit, 1.0) * _LEVELS_PER_MV
        self._past = past
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.lead_in = 0
        self.n = 0
        self.held = 0
        self.n_grid = 0
        self.levels: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.lost: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)
        self.grid: NDArray[np.float64] = np.zeros(0)
        self.gap: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)

    @property
    def first_level(self) -> int:
        """Sample number (after ``lead_in``) of ``levels[0]``."""
        return self.n - len(self.levels)

    @property
    def first_grid(self) -> int:
        """Grid sample number of ``grid[0]``."""
        return self.n_grid - len(self.grid)

    def take(self, data: NDArray[np.float64], good: NDArray[np.bool_]) -> None:
        """Append samples (n,) and every grid sample that they complete."""
        lost = ~(np.isfinite(data) & good)
        if self.n == 0:
            silent = int(np.argmin(lost)) if not lost.all() else len(data)
            self.lead_in += silent
            data, lost = data[silent:], lost[silent:]
        if len(data) == 0:
            return
        finite = np.isfinite(data)
        bound = _LARGEST_MV * _LEVELS_PER_MV
        levels = np.rint(np.clip(np.where(finite, data, 0.0) * self.scale, -bound, bound)).astype(np.int64)
        if not finite.all():
            real = np.maximum.accumulate(np.where(finite, np.arange(len(data)), -1))
            levels = np.where(real >= 0, levels[np.maximum(real, 0)], self.held)
        self.held = int(levels[-1])
        self.n += len(data)
        self.levels = np.concatenate((self.levels, levels))
        self.lost = np.concatenate((self.lost, lost))
        self._extend()

    def _extend(self) -> None:
        """Average the lead over every whole 1/120 s that is now complete."""
        count = int(self.n / self.step)
        count -= count * self.step > self.n
        count += (count + 1) * self.step <= self.n
        if count <= self.n_grid:
            return
        edges = np.arange(self.n_grid, count + 1) * self.step
        whole = edges.astype(np.int64)
        index = whole - self.first_level
        total = np.concatenate(([0], np.cumsum(self.levels)))
        over = (edges - whole) * self.levels[np.minimum(index, len(self.levels) - 1)]
        means = np.rint(((total[index[1:]] - total[index[:-1]]) + over[1:] - over[:-1]) / self.step)
        lost = np.concatenate(([0], np.cumsum(self.lost)))
        last = np.minimum(np.ceil(edges[1:]).astype(np.int64) - self.first_level, len(self.levels))
        if self.n_grid == 0:
            self.grid = np.full(self._past, means[0])
            self.gap = np.ones(self._past, dtype=np.bool_)
        self.grid = np.concatenate((self.grid, means))
        self.gap = np.concatenate((self.gap, lost[last] > lost[index[:-1]]))
        self.n_grid = count

    def drop(self, sample: int, grid_sample: int) -> None:
        """Forget samples before ``sample`` and grid samples before ``grid_sample``, but none not yet on the grid."""
        spare = max(0, min(sample, int(self.n_grid * self.step)) - self.first_level)
        self.levels, self.lost = self.levels[spare:], self.lost[spare:]
        spare = max(0, grid_sample - self.first_grid)
        self.grid, self.gap = self.grid[spare:], self.gap[spare:]

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
        self.levels = np.array(state["levels"], dtype=np.int64)
        self.lost = np.array(state["lost"], dtype=np.bool_)
        self.grid = np.array(state["grid"], dtype=np.float64)
        self.gap = np.array(state["gap"], dtype=np.bool_)

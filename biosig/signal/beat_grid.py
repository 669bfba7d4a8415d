"""One ECG lead of any rate brought to whole numbers on a grid of 120 Hz, chunk by chunk, to the bit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.records.recording import Layout

__all__ = ["GRID_HZ", "LeadGrid", "take_together"]

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
        take_together([self], data[None], good[None])

    def _lead_in(self, lost: NDArray[np.bool_]) -> int:
        """How many of these samples (n,) come before the first real one."""
        silent = 0
        if self.n == 0:
            silent = int(np.argmin(lost)) if not lost.all() else len(lost)
            self.lead_in += silent
        return silent

    def _append(self, levels: NDArray[np.int64], lost: NDArray[np.bool_], finite: NDArray[np.bool_]) -> None:
        """Append levels (n,), those of samples that are not finite replaced by the last that is."""
        if not finite.all():
            real = np.maximum.accumulate(np.where(finite, np.arange(len(levels)), -1))
            levels = np.where(real >= 0, levels[np.maximum(real, 0)], self.held)
        self.held = int(levels[-1])
        self.n += len(levels)
        self.levels = np.concatenate((self.levels, levels))
        self.lost = np.concatenate((self.lost, lost))

    @property
    def _complete(self) -> int:
        """Grid samples that the lead is long enough for."""
        count = int(self.n / self.step)
        count -= count * self.step > self.n
        return count + ((count + 1) * self.step <= self.n)

    def _append_grid(self, means: NDArray[np.float64], gap: NDArray[np.bool_]) -> None:
        if self.n_grid == 0:
            self.grid = np.full(self._past, means[0])
            self.gap = np.ones(self._past, dtype=np.bool_)
        self.grid = np.concatenate((self.grid, means))
        self.gap = np.concatenate((self.gap, gap))
        self.n_grid += len(means)

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


def take_together(leads: Sequence[LeadGrid], data: NDArray[np.float64], good: NDArray[np.bool_]) -> None:
    """Append samples (n_leads, n) to leads of one rate, and every grid sample that they complete."""
    finite = np.isfinite(data)
    lost = ~(finite & good)
    scale = np.array([lead.scale for lead in leads])[:, None]
    bound = _LARGEST_MV * _LEVELS_PER_MV
    levels = np.rint(np.clip(np.where(finite, data, 0.0) * scale, -bound, bound)).astype(np.int64)
    alike: defaultdict[tuple[int, int], list[LeadGrid]] = defaultdict(list)
    for row, lead in enumerate(leads):
        silent = lead._lead_in(lost[row])
        if silent < data.shape[1]:
            lead._append(levels[row, silent:], lost[row, silent:], finite[row, silent:])
            new = lead._complete - lead.n_grid
            if new:
                alike[new, lead.n - int(lead.n_grid * lead.step)].append(lead)
    for (new, reach), some in alike.items():
        _extend(some, new, reach)


def _extend(leads: Sequence[LeadGrid], new: int, reach: int) -> None:
    """Average each lead over the ``new`` stretches of 1/120 s that its last ``reach`` samples complete."""
    step = leads[0].step
    levels = np.stack([lead.levels[-reach:] for lead in leads])
    begun = np.array([lead.n - reach for lead in leads])[:, None]
    edges = (np.array([lead.n_grid for lead in leads])[:, None] + np.arange(new + 1)) * step
    whole = edges.astype(np.int64)
    index = whole - begun
    total = np.zeros((len(leads), reach + 1), dtype=np.int64)
    np.cumsum(levels, axis=1, out=total[:, 1:])
    over = (edges - whole) * np.take_along_axis(levels, np.minimum(index, reach - 1), axis=1)
    each = np.diff(np.take_along_axis(total, index, axis=1), axis=1)
    means = np.rint((each + over[:, 1:] - over[:, :-1]) / step)
    lost = np.stack([lead.lost[-reach:] for lead in leads])
    gap = np.zeros(means.shape, dtype=np.bool_)
    if lost.any():
        counted = np.concatenate(
            (np.zeros((len(leads), 1), dtype=np.int64), np.cumsum(lost, axis=1, dtype=np.int64)), axis=1
        )
        last = np.minimum(np.ceil(edges[:, 1:]).astype(np.int64) - begun, reach)
        gap = np.take_along_axis(counted, last, axis=1) > np.take_along_axis(counted, index[:, :-1], axis=1)
    for lead, *row in zip(leads, means, gap, strict=True):
        lead._append_grid(*row)

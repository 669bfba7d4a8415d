"""Packets that carry time stamps instead of numbers: put in order, and told which samples they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.signal.stream import State

__all__ = ["Numbered", "StampOrder"]

SLEW = 500e-6
"""How far, per second of signal, the expected stamp follows the stamps that come: ten times a poor quartz's 50 ppm."""

Numbered = tuple[int, float, NDArray[np.float32]]


class StampOrder:
    """Time stamps in, sample numbers out.

    A packet whose stamp is within ``jitter_s`` of the expected one follows the last without a hole. The expected
    stamp follows the source's clock slowly, so a quartz that runs fast or slow makes no holes, while samples
    that never came add up until they make one.

    Parameters
    ----------
    fs : declared samples per second, in Hz.
    reorder_s : a packet is held until one that is at least this much newer has come.
    jitter_s : error of the stamps.
    """

    def __init__(self, fs: float, *, reorder_s: float, jitter_s: float) -> None:
        self._fs = fs
        self._reorder_s = reorder_s
        self._jitter_s = jitter_s
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next packet is the first."""
        self._held: dict[float, NDArray[np.float32]] = {}
        self._newest_s = -np.inf
        self._last_s = -np.inf
        self._next = 0
        self._origin_s = np.nan

    def newest_s(self, default_s: float) -> float:
        """The latest stamp that has come; ``default_s`` where there was none yet."""
        return self._newest_s if np.isfinite(self._newest_s) else default_s

    def push(self, time_s: float, data: NDArray[np.float32]) -> list[Numbered]:
        """Every packet whose turn has come: its first sample's number, its stamp, its samples (n_channels, n)."""
        if time_s <= self._last_s or data.shape[1] == 0:
            return []
        held = self._held.get(time_s)
        if held is None or held.shape[1] < data.shape[1]:
            self._held[time_s] = data
        self._newest_s = max(self._newest_s, time_s)
        return self._take(self._newest_s - self._reorder_s)

    def flush(self) -> list[Numbered]:
        """Every packet still held: the source has ended."""
        return self._take(np.inf)

    def _take(self, until_s: float) -> list[Numbered]:
        due = sorted(time_s for time_s in self._held if time_s <= until_s)
        return [self._number(time_s, self._held.pop(time_s)) for time_s in due]

    def _number(self, time_s: float, data: NDArray[np.float32]) -> Numbered:
        if np.isnan(self._origin_s):
            self._origin_s = time_s
        late_s = time_s - (self._origin_s + self._next / self._fs)
        if abs(late_s) > self._jitter_s:
            start = self._next + round(late_s * self._fs)
        else:
            start = self._next
            most = SLEW * data.shape[1] / self._fs
            self._origin_s += min(max(late_s, -most), most)
        self._next = max(self._next, start + data.shape[1])
        self._last_s = time_s
        return start, time_s, data

    def state_dict(self) -> State:
        """Everything needed to go on later, as arrays."""
        n_channels = len(next(iter(self._held.values()))) if self._held else 0
        return {
            "levels": np.array([self._newest_s, self._last_s, self._origin_s], dtype=np.float64),
            "next": np.array(self._next, dtype=np.int64),
            "stamps": np.array(list(self._held), dtype=np.float64),
            "lengths": np.array([data.shape[1] for data in self._held.values()], dtype=np.int64),
            "held": np.concatenate([np.zeros((n_channels, 0), np.float32), *self._held.values()], axis=1),
        }

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a ``state_dict()`` of the same design."""
        self._newest_s, self._last_s, self._origin_s = (float(value) for value in state["levels"])
        self._next = int(state["next"])
        parts = np.split(np.asarray(state["held"], dtype=np.float32), np.cumsum(state["lengths"])[:-1], axis=1)
        self._held = dict(zip(state["stamps"].tolist(), parts, strict=False))

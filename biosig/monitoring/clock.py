"""What a source's clock says about its samples: how fast they really come, and how far the clocks drift apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.signal.stream import State

__all__ = ["ClockCheck"]

POINTS = 600
"""Points kept, one per second of signal: ten minutes."""
LEAST_S = 10.0
"""Seconds of signal before anything is said."""


class ClockCheck:
    """Sample count against time stamps, robustly.

    The rate is one over the median slope between points half the record apart: half of the stamps may be late
    without moving it (Theil 1950; Sen 1968, doi:10.1080/01621459.1968.10480934, over independent pairs).

    Parameters
    ----------
    fs : declared samples per second, in Hz.
    """

    def __init__(self, fs: float) -> None:
        self.fs = fs
        self.reset()

    def reset(self) -> None:
        """Forget every stamp."""
        self._points: list[tuple[float, float]] = []

    def add(self, sample: int, time_s: float) -> None:
        """Sample number ``sample`` was stamped ``time_s``; at most one point per second of signal is kept."""
        if self._points and sample - self._points[-1][0] < self.fs:
            return
        self._points = [*self._points[-(POINTS - 1) :], (float(sample), time_s)]

    @property
    def observed_hz(self) -> float | None:
        """Samples per second of the stamps' clock; ``None`` before ten seconds of signal."""
        if len(self._points) < 3 or self._points[-1][0] - self._points[0][0] < LEAST_S * self.fs:
            return None
        samples, times = np.array(self._points).T
        half = len(samples) // 2
        seconds = float(np.median((times[half:] - times[:-half]) / (samples[half:] - samples[:-half])))
        return 1.0 / seconds if seconds > 0 else None

    @property
    def drift_ppm(self) -> float | None:
        """How much faster than declared samples come by the stamps' clock, in parts per million; ``None`` = unknown."""
        observed = self.observed_hz
        return None if observed is None else (observed / self.fs - 1.0) * 1e6

    def state_dict(self) -> State:
        """Everything needed to go on later, as arrays."""
        return {"points": np.array(self._points, dtype=np.float64).reshape(-1, 2)}

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a ``state_dict()``."""
        self._points = [(float(sample), float(time_s)) for sample, time_s in state["points"]]

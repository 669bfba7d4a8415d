"""What people ask of a monitor that runs: handed over between threads, obeyed in the monitor's own loop."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable

from biosig.monitoring.log import Action

__all__ = ["Orders"]

MOST = 256
"""Actions that may wait: a monitor that does not take them is stuck, and whoever asks must be told so."""


class Orders:
    """Actions on their way to a monitor.

    Parameters
    ----------
    most : actions that may wait.
    clock : seconds on the wall, from anywhere.
    """

    def __init__(self, most: int = MOST, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._waiting: queue.Queue[Action] = queue.Queue(maxsize=most)
        self._clock = clock
        self._taken_s: float | None = None

    def ask(self, action: Action) -> bool:
        """Leave an action for the monitor, from any thread; false where too many wait already."""
        try:
            self._waiting.put_nowait(action)
        except queue.Full:
            return False
        return True

    def take(self) -> list[Action]:
        """Everything asked for since the last time, in order."""
        self._taken_s = self._clock()
        return [self._waiting.get_nowait() for _ in range(self._waiting.qsize())]

    @property
    def idle_s(self) -> float | None:
        """Seconds since the monitor last looked: how long its loop has been stuck; None = it never has."""
        return None if self._taken_s is None else self._clock() - self._taken_s

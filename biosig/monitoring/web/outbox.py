"""What waits to be sent to one page: bounded, and alarms first.

A page on a slow line loses the oldest waveform frames, which are counted. Of a patient's state only the newest waits.
Alarms wait in order; where even these do not get through, the page is cut off to come back and be told everything
anew, the alarms in force included. So nothing about an alarm is ever dropped in silence.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable

from biosig.monitoring.web.wire import pack

__all__ = ["Outbox"]

MOST_URGENT = 512
"""Messages about alarms that may wait."""
MOST_FRAMES = 8
"""Waveform frames of one patient that may wait."""


class Outbox:
    """Messages on their way to one page; put in by the monitor's thread, taken out by the server's.

    Parameters
    ----------
    wake : called whenever something was put in, from any thread.
    most_urgent, most_frames : messages that may wait; frames per patient.
    """

    def __init__(
        self, wake: Callable[[], None], *, most_urgent: int = MOST_URGENT, most_frames: int = MOST_FRAMES
    ) -> None:
        self._wake, self._most_urgent, self._most_frames = wake, most_urgent, most_frames
        self._lock = threading.Lock()
        self._urgent: deque[bytes] = deque()
        self._newest: OrderedDict[str, bytes] = OrderedDict()
        self._frames: OrderedDict[str, deque[bytes]] = OrderedDict()
        self._told_lost = 0
        self.lost = 0
        """Waveform frames dropped so far."""
        self.overflowed = False
        """Whether so many urgent messages wait that the page must be cut off."""
        self.shown: frozenset[str] = frozenset()
        """Patients whose samples the page wants."""

    def put_urgent(self, message: bytes) -> None:
        """A message that must arrive, in order."""
        with self._lock:
            if len(self._urgent) >= self._most_urgent:
                self.overflowed = True
            else:
                self._urgent.append(message)
        self._wake()

    def put_newest(self, key: str, message: bytes) -> None:
        """A message that makes an earlier one of the same key superfluous."""
        with self._lock:
            self._newest[key] = message
        self._wake()

    def put_frame(self, patient: str, message: bytes) -> None:
        """A message that may be lost: the patient's oldest gives way."""
        with self._lock:
            waiting = self._frames.setdefault(patient, deque())
            if len(waiting) >= self._most_frames:
                waiting.popleft()
                self.lost += 1
            waiting.append(message)
        self._wake()

    def take(self) -> bytes | None:
        """The next message to send, the most urgent first; patients' frames in turn. None = nothing waits."""
        with self._lock:
            if self._urgent:
                return self._urgent.popleft()
            if self._newest:
                return self._newest.popitem(last=False)[1]
            if self._told_lost != self.lost:
                self._told_lost = self.lost
                return pack({"kind": "lost", "frames": self.lost})
            if self._frames:
                patient, waiting = self._frames.popitem(last=False)
                message = waiting.popleft()
                if waiting:
                    self._frames[patient] = waiting
                return message
            return None

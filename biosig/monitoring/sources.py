"""Where a monitor's samples come from: recorded files, standard input, Lab Streaming Layer.

Every source hands over numbered or stamped packets, and is asked for them without waiting. Nothing behind it knows
which kind it was: a file replayed at any speed takes the way of a live patient.
"""

from __future__ import annotations

import math
import os
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from biosig.errors import SourceError
from biosig.monitoring.intake import Packet
from biosig.records.reading import READERS
from biosig.records.recording import Layout, Recording

__all__ = ["Delivery", "Frames", "OnResume", "Pipe", "Replay", "Source", "record_paths", "replays"]

OnResume = Literal["replay", "continue"]
"""What a resumed monitor finds on standard input: what an earlier run got, from the first byte, or what follows."""

READ_AHEAD_S = 30.0
"""Seconds of a recorded file that are decoded at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """Samples of a patient, or (``packet`` is None) the end of them."""

    patient: str
    layout: Layout
    packet: Packet | None


class Source(ABC):
    """One or more patients' samples.

    Parameters
    ----------
    reorder_s : samples may come out of order by as much.
    live : time passes whether or not anything comes, so silence is worth telling.
    open : patients come as they please; where to go on with them is told before anything is asked for.
    ended : nothing will come any more.
    """

    reorder_s: float = 0.25
    live: bool = False
    open: bool = False
    ended: bool = False

    @property
    def layouts(self) -> Mapping[str, Layout]:
        """Patients known before anything came."""
        return {}

    @abstractmethod
    def poll(self) -> list[Delivery]:
        """What has come; empty where nothing did. Never waits. ``SourceError`` for what makes no sense."""

    def due_s(self) -> float:
        """Seconds that may be slept before asking again."""
        return 0.02

    def start(self, patient: str) -> datetime | None:
        """When the patient's first sample was measured; None = nobody knows. Asked for when the patient comes."""
        return datetime.now() if self.live else None

    def rails(self, patient: str) -> tuple[tuple[float, float], ...]:
        """Lowest and highest value that each channel's converter can give; empty = not known."""
        return ()

    def place(self, patient: str) -> int:
        """Number of the patient's next sample, for sources that can go on from there."""
        return 0

    def seek(self, patient: str, place: int) -> None:  # noqa: B027 - sources without a place need not act
        """Go on from a :meth:`place` of an earlier run."""

    def close(self) -> None:  # noqa: B027 - sources that hold nothing need not act
        """Let go of what is held."""


class Replay(Source):
    """Recorded files, one patient each, all begun at once.

    Parameters
    ----------
    recordings : by patient.
    speed : seconds of signal per second; infinite = as fast as they can be watched.
    tick_s : seconds of signal per packet, handed over when the last of its samples would have been measured.
    at_once : at infinite speed, ticks in a packet: the first has one and each next twice as many up to these, so that
        the first figures need not wait for minutes of signal.
    clock : seconds on the wall, from anywhere.
    """

    def __init__(
        self,
        recordings: Mapping[str, Recording],
        *,
        speed: float = math.inf,
        tick_s: float = 1.0,
        at_once: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be more than 0, got {speed:g}")
        if at_once > 1 and not math.isinf(speed):
            raise ValueError(f"several ticks at once come only at infinite speed, got {at_once} at {speed:g}")
        self._reels = {patient: _Reel(recording, tick_s) for patient, recording in recordings.items()}
        self._tick_s, self._at_once, self._speed, self._clock = tick_s, at_once, speed, clock
        self._begun_s: float | None = None
        self._ticks = 0
        self.ended = not recordings

    @property
    def layouts(self) -> Mapping[str, Layout]:
        return {patient: reel.layout for patient, reel in self._reels.items()}

    def poll(self) -> list[Delivery]:
        if self._begun_s is None:
            self._begun_s = self._clock()
        if self.ended or self.due_s() > 0:
            return []
        n_ticks = min(1 + self._ticks, self._at_once)
        self._ticks += n_ticks
        given = []
        for patient, reel in self._reels.items():
            if reel.told_end:
                continue
            if (packet := reel.next(n_ticks)) is not None:
                given.append(Delivery(patient, reel.layout, packet))
            if reel.done:
                reel.told_end = True
                given.append(Delivery(patient, reel.layout, None))
        self.ended = all(reel.told_end for reel in self._reels.values())
        return given

    def due_s(self) -> float:
        if self._begun_s is None or math.isinf(self._speed):
            return 0.0
        return max(0.0, self._begun_s + (self._ticks + 1) * self._tick_s / self._speed - self._clock())

    def start(self, patient: str) -> datetime | None:
        return self._reels[patient].start

    def rails(self, patient: str) -> tuple[tuple[float, float], ...]:
        return self._reels[patient].rails

    def place(self, patient: str) -> int:
        return self._reels[patient].place

    def seek(self, patient: str, place: int) -> None:
        self._reels[patient].place = place


class _Reel:
    """One recording on its way: the next sample, and what was decoded in advance."""

    def __init__(self, recording: Recording, tick_s: float) -> None:
        self.layout = recording.layout
        self.start, self.rails = recording.start, recording.rails
        self._recording = recording
        self._size = max(1, round(tick_s * recording.fs))
        self._ahead = max(1, round(READ_AHEAD_S * recording.fs / self._size)) * self._size
        self._block = np.zeros((recording.layout.n_channels, 0), dtype=np.float32)
        self._block_start = 0
        self.place = 0
        self.told_end = False

    @property
    def done(self) -> bool:
        """Whether the last sample was handed over."""
        return self.place >= self._recording.n_times

    def next(self, n_ticks: int) -> Packet | None:
        stop = min(self.place + n_ticks * self._size, self._recording.n_times)
        if stop <= self.place:
            return None
        first = self.place - self._block_start
        if not 0 <= first <= self._block.shape[1] - (stop - self.place):
            self._block_start, first = self.place, 0
            end = min(max(stop, self.place + self._ahead), self._recording.n_times)
            self._block = self._recording.samples.read(self.place, end)
        packet = Packet(self._block[:, first : first + stop - self.place], start_sample=self.place)
        self.place = stop
        return packet


class Pipe:
    """Bytes of a file descriptor, read by a thread of its own so that nobody waits for them."""

    BLOCK = 1 << 16
    AHEAD = 32

    def __init__(self, descriptor: int) -> None:
        self._blocks: queue.Queue[bytes] = queue.Queue(maxsize=self.AHEAD)
        self.ended = False
        threading.Thread(target=self._read, args=(descriptor,), daemon=True, name="biosig-pipe").start()

    def _read(self, descriptor: int) -> None:
        block = b"begin"
        while block:
            try:
                block = os.read(descriptor, self.BLOCK)
            except OSError:
                block = b""
            self._blocks.put(block)

    def take(self) -> bytes:
        """What has come, all blocks that were read ahead at most; sets ``ended`` with the last of it."""
        found: list[bytes] = []
        while len(found) < self.AHEAD and not self.ended:
            try:
                block = self._blocks.get_nowait()
            except queue.Empty:
                break
            self.ended = not block
            found.append(block)
        return b"".join(found)


class Frames(Source):
    """Raw samples of one patient on standard input: little-endian float32, one frame (a sample of every channel) after
    the other; NaN = not recorded.

    Parameters
    ----------
    layout : nothing in the bytes tells it.
    descriptor : where to read.
    on_resume : whether a resumed run gets the same bytes again (what was watched is passed over), or what follows.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        patient: str = "stdin",
        descriptor: int = 0,
        on_resume: OnResume | None = None,
        live: bool = False,
    ) -> None:
        self._layout, self._patient, self._on_resume = layout, patient, on_resume
        self.live = live
        self._pipe = Pipe(descriptor)
        self._rest = b""
        self._next = self._skip = 0

    @property
    def layouts(self) -> Mapping[str, Layout]:
        return {self._patient: self._layout}

    def poll(self) -> list[Delivery]:
        if self.ended:
            return []
        raw = self._rest + self._pipe.take()
        width = 4 * self._layout.n_channels
        n = len(raw) // width
        self._rest = raw[n * width :]
        given = []
        if n:
            frames: NDArray[np.float32] = np.frombuffer(raw, dtype="<f4", count=n * self._layout.n_channels)
            data = frames.reshape(n, self._layout.n_channels).T[:, self._skip :]
            self._skip = max(0, self._skip - n)
            given.append(Delivery(self._patient, self._layout, Packet(data, start_sample=self._next)))
            self._next += data.shape[1]
        elif self._pipe.ended:
            self.ended = True
            if self._rest:
                raise SourceError(
                    f"standard input ended within a frame of {width} bytes ({self._layout.n_channels} float32): "
                    f"{len(self._rest)} are left over; are --channels all of them?"
                )
            given.append(Delivery(self._patient, self._layout, None))
        return given

    def place(self, patient: str) -> int:
        return self._next

    def seek(self, patient: str, place: int) -> None:
        self._skip = place if replays(self._on_resume) else 0
        self._next = place


def replays(on_resume: OnResume | None) -> bool:
    """Whether standard input begins anew; ``SourceError`` where nobody said: skipping or repeating would be silent."""
    if on_resume is None:
        raise SourceError(
            "cannot know where standard input goes on: say --on-resume replay (the same again, from the first byte) "
            "or --on-resume continue (what follows)"
        )
    return on_resume == "replay"


def record_paths(path: Path) -> list[Path]:
    """The recordings in a folder, by name; a path that is no folder stands for itself.

    ``SourceError`` for a folder without any.
    """
    if not path.is_dir():
        return [path]
    headers = {entry.with_suffix("") for entry in path.iterdir() if entry.suffix.lower() == ".hea"}
    others = {
        entry
        for entry in path.iterdir()
        if entry.suffix.lower() in READERS and entry.with_suffix("") not in headers and entry.is_file()
    }
    found = sorted(headers | others)
    if not found:
        raise SourceError(f"{path}: no recording in this folder (looked for {', '.join(READERS)})")
    return found

"""What stands between a live source and the scorer: packets in any order in, one gapless stream of samples out.

Duplicates vanish, packets out of order by less than ``reorder_s`` are put in order, and what never came is NaN: the
chain holds a short hole and marks it bad, and primes its filters anew after a long one (:mod:`biosig.signal.repair`).
After a hole longer than ``reset_after_s`` the patient may be another one, so everything is forgotten.

There is no clock here but the times that packets bring: a file replayed at any speed gives the same stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from biosig.errors import SourceError
from biosig.monitoring.clock import ClockCheck
from biosig.monitoring.stamps import Numbered, StampOrder
from biosig.records.recording import Layout
from biosig.signal.stream import State, joined, part_of

__all__ = ["Intake", "Notice", "Packet", "Piece", "Taken"]

NoticeKind = Literal["gap", "late", "reset", "restart", "rate", "silent", "resumed"]
"""``gap``: samples never came. ``late``: some came when they had been given up. ``reset``: the hole was so long that
everything is forgotten. ``restart``: the source began to count anew. ``rate``: samples come at another rate than
declared. ``silent``, ``resumed``: nothing comes any more, something comes again."""

RATE_TOLERANCE = 0.02
"""Share by which the observed rate may leave the declared one: heart rates are then wrong by as much."""
SILENT_S = 2.0
"""Seconds without a packet that make a source silent."""
FARTHEST_S = 86_400.0
"""A sample number further ahead than this is no hole but a source that counts anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Packet:
    """Consecutive samples as a source sends them.

    Parameters
    ----------
    data : float (n_channels, n), NaN = not recorded.
    start_sample : number of the first sample, counted by the source. Places the packet.
    time_s : stamp of the first sample by the source's clock. Places the packet where there is no number.
    arrived_s : when it arrived, by the receiver's clock.
    layout : where the source declares it with every packet.
    """

    data: NDArray[Any]
    start_sample: int | None = None
    time_s: float | None = None
    arrived_s: float | None = None
    layout: Layout | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """The next samples of the stream.

    Parameters
    ----------
    start_s : time of the first sample, seconds of signal from the first sample of all.
    samples : float32 (n_channels, n), NaN = not recorded.
    reset : whether everything known of the patient is to be forgotten first.
    """

    start_s: float
    samples: NDArray[np.float32]
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a technician should know: ``kind`` at ``time_s`` of the stream, in words."""

    time_s: float
    kind: NoticeKind
    detail: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What a packet led to."""

    pieces: list[Piece] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


class Intake:
    """One source of one patient.

    Parameters
    ----------
    layout : that the source declared.
    reorder_s : a packet may come when samples up to this much newer are there already. Packets with time stamps only
        are held for as long (0 = the transport keeps the order, nothing is held); numbered ones only behind a hole.
    reset_after_s : a longer hole makes the stream start anew.
    jitter_s : error of time stamps: a smaller deviation from the expected stamp is no hole.
    """

    def __init__(
        self, layout: Layout, *, reorder_s: float = 0.25, reset_after_s: float = 30.0, jitter_s: float = 0.02
    ) -> None:
        self.layout = layout
        self._reorder = round(reorder_s * layout.fs)
        self._reset_after_s = reset_after_s
        self._reset_after = round(reset_after_s * layout.fs)
        self._farthest = round(FARTHEST_S * layout.fs)
        self._stamps = StampOrder(layout.fs, reorder_s=reorder_s, jitter_s=jitter_s)
        self._clock = ClockCheck(layout.fs)
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next packet is the first."""
        self._stamps.reset()
        self._clock.reset()
        self._pending: dict[int, NDArray[np.float32]] = {}
        self._begun = self._forget = self._silent = self._rate_told = False
        self._next = self._newest = self._offset = 0
        self._hole = (0, 0)
        self._arrived_s: float | None = None
        self._by_arrival = False

    @property
    def drift_ppm(self) -> float | None:
        """How much faster than declared samples come, in ppm; ``None`` = not known yet.

        By the source's clock where it stamps its packets, else by the receiver's, as they arrive.
        """
        return self._clock.drift_ppm

    @property
    def observed_hz(self) -> float | None:
        """Samples per second by the same clock; ``None`` = not known yet."""
        return self._clock.observed_hz

    @property
    def time_s(self) -> float:
        """Seconds of signal handed on."""
        return self._seconds(self._next)

    def push(self, packet: Packet) -> Taken:
        """Take a packet; ``SourceError`` where it is not what the source declared."""
        self._check(packet)
        taken = Taken()
        self._heard(packet, taken)
        data = np.asarray(packet.data, dtype=np.float32)
        if packet.start_sample is not None:
            self._clock_in(packet.start_sample, packet, taken)
            self._place(packet.start_sample, data, taken)
            self._release(taken)
        elif packet.time_s is not None:
            if not -self._reset_after_s <= packet.time_s - self._stamps.newest_s(packet.time_s) <= FARTHEST_S:
                self._hand_on_stamped(self._stamps.flush(), taken)
                self._stamps.reset()
                self._restart(0, taken)
            self._hand_on_stamped(self._stamps.push(packet.time_s, data), taken)
            self._check_rate(taken)
        return taken

    def advance(self, now_s: float) -> list[Notice]:
        """The receiver's clock says ``now_s``: whether the source has fallen silent, or has never sent anything."""
        if self._arrived_s is None:
            self._arrived_s = now_s
        if self._silent or now_s - self._arrived_s < SILENT_S:
            return []
        self._silent = True
        return [Notice(self.time_s, "silent", f"no packet for {now_s - self._arrived_s:.1f} s")]

    def flush(self) -> Taken:
        """Everything still held back: the source has ended."""
        taken = Taken()
        self._hand_on_stamped(self._stamps.flush(), taken)
        self._release(taken, ended=True)
        return taken

    def _hand_on_stamped(self, ordered: Iterable[Numbered], taken: Taken) -> None:
        """Packets that are in order already: nothing more is waited for."""
        for start, time_s, data in ordered:
            self._clock.add(start, time_s)
            self._place(start, data, taken)
            self._release(taken, ended=True)

    def _check(self, packet: Packet) -> None:
        known = self.layout
        if packet.layout is not None and packet.layout != known:
            raise SourceError(
                f"source changed its layout: it declared {_describe(known)}, sends {_describe(packet.layout)}"
            )
        if packet.data.ndim != 2 or len(packet.data) != known.n_channels:
            raise SourceError(
                f"source declared {known.n_channels} channels ({', '.join(known.channels)}), "
                f"sends packets of shape {packet.data.shape}"
            )
        if packet.start_sample is None and packet.time_s is None:
            raise SourceError("a packet needs start_sample or time_s, got neither")
        if packet.time_s is not None and not np.isfinite(packet.time_s):
            raise SourceError(f"time_s of a packet must be a finite number of seconds, got {packet.time_s}")

    def _heard(self, packet: Packet, taken: Taken) -> None:
        if packet.arrived_s is not None:
            self._arrived_s = packet.arrived_s
        if self._silent:
            self._silent = False
            taken.notices.append(Notice(self.time_s, "resumed", "packets come again"))

    def _clock_in(self, start: int, packet: Packet, taken: Taken) -> None:
        by_arrival = packet.time_s is None
        stamp = packet.arrived_s if by_arrival else packet.time_s
        if stamp is not None:
            if by_arrival != self._by_arrival:
                self._by_arrival = by_arrival
                self._clock.reset()
            self._clock.add(start, stamp)
            self._check_rate(taken)

    def _check_rate(self, taken: Taken) -> None:
        observed = self._clock.observed_hz
        if self._rate_told or observed is None or abs(observed / self.layout.fs - 1.0) <= RATE_TOLERANCE:
            return
        self._rate_told = True
        detail = f"declared {self.layout.fs:g} Hz, samples come at {observed:.4g} Hz"
        taken.notices.append(Notice(self.time_s, "rate", detail))

    def _place(self, number: int, data: NDArray[np.float32], taken: Taken) -> None:
        """Keep a packet until its turn comes; what was handed on already is dropped."""
        end = number + data.shape[1]
        if end == number:
            return
        if self._begun and not -self._reset_after <= number - self._next <= self._farthest:
            self._restart(number, taken)
        if self._begun and end <= self._next:
            if number < self._hole[1] and end > self._hole[0]:
                detail = f"{end - number} samples came after they had been given up"
                taken.notices.append(Notice(self._seconds(number), "late", detail))
            return
        held = self._pending.get(number)
        if held is None or held.shape[1] < data.shape[1]:
            self._pending[number] = data
        self._newest = max(self._newest, end) if self._begun or len(self._pending) > 1 else end

    def _restart(self, number: int, taken: Taken) -> None:
        """The source counts anew from ``number``: the stream goes on where it is, with nothing known."""
        self._release(taken, ended=True)
        detail = f"the source counted {self._next}, now {number}: it counts anew"
        taken.notices.append(Notice(self.time_s, "restart", detail))
        self._offset += self._next - number
        self._next, self._newest, self._hole = number, number, (number, number)
        self._forget = True
        self._clock.reset()

    def _release(self, taken: Taken, *, ended: bool = False) -> None:
        """Hand on every sample whose turn has come."""
        while self._pending:
            first = min(self._pending)
            due = ended or self._newest - self._reorder >= first
            if not self._begun and due:
                self._begun, self._next, self._offset, self._hole = True, first, -first, (first, first)
            if not self._begun or (first > self._next and not due):
                return
            if first > self._next:
                self._give_up(first, taken)
            data = self._pending.pop(first)[:, self._next - first :]
            if data.shape[1]:
                self._hand_on(data, taken)

    def _give_up(self, until: int, taken: Taken) -> None:
        """The samples before ``until`` never came."""
        missing = until - self._next
        self._hole = (self._next, until)
        lost = f"{missing / self.layout.fs:.2f} s never came"
        if missing <= self._reset_after:
            taken.notices.append(Notice(self.time_s, "gap", lost))
            self._hand_on(np.full((self.layout.n_channels, missing), np.nan, dtype=np.float32), taken)
            return
        taken.notices.append(Notice(self.time_s, "reset", f"{lost}: starting anew"))
        self._next = until
        self._forget = True

    def _hand_on(self, data: NDArray[np.float32], taken: Taken) -> None:
        taken.pieces.append(Piece(self.time_s, data, self._forget))
        self._forget = False
        self._next += data.shape[1]

    def _seconds(self, number: int) -> float:
        """Time in the stream of the source's sample ``number``."""
        return (number + self._offset) / self.layout.fs

    def state_dict(self) -> State:
        """Everything needed to go on later, as arrays.

        Drift by the source's stamps goes on where it was. By arrivals it is measured anew: these were told by the clock
        of a receiver that may be another one by then, or have been started anew.
        """
        clock = ClockCheck(self.layout.fs) if self._by_arrival else self._clock
        flags = [self._begun, self._forget, self._silent, self._rate_told]
        own = {
            "places": np.array([self._next, self._newest, self._offset, *self._hole], dtype=np.int64),
            "flags": np.array(flags, dtype=np.bool_),
            "starts": np.array(list(self._pending), dtype=np.int64),
            "lengths": np.array([data.shape[1] for data in self._pending.values()], dtype=np.int64),
            "held": np.concatenate(
                [np.zeros((self.layout.n_channels, 0), np.float32), *self._pending.values()], axis=1
            ),
        }
        return own | joined({"clock": clock.state_dict(), "stamps": self._stamps.state_dict()})

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a ``state_dict()`` of an intake of the same layout and settings."""
        self._next, self._newest, self._offset, *hole = (int(value) for value in state["places"])
        self._hole = (hole[0], hole[1])
        self._begun, self._forget, self._silent, self._rate_told = (bool(value) for value in state["flags"])
        self._arrived_s = None  # the receiver's clock may be another one
        parts = np.split(np.asarray(state["held"], dtype=np.float32), np.cumsum(state["lengths"])[:-1], axis=1)
        self._pending = dict(zip(state["starts"].tolist(), parts, strict=False))
        self._clock.load_state_dict(part_of(state, "clock"))
        self._stamps.load_state_dict(part_of(state, "stamps"))


def _describe(layout: Layout) -> str:
    channels = ", ".join(f"{name} in {unit}" for name, unit in zip(layout.channels, layout.units, strict=True))
    return f"{channels} at {layout.fs:g} Hz"

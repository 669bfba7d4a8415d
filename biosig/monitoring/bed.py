"""One monitored patient: everything between packets and alarms but the scoring, which is done for all at once.

Signal is watched in ticks of equal numbers of samples, counted from the patient's first, however it arrived. So the
log of a patient follows from the samples alone: at any speed, from any kind of source, after any interruption.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from biosig.monitoring.alarms import AlarmEngine, most_urgent_first
from biosig.monitoring.events import (
    Acknowledge,
    AlarmEvent,
    InputEvent,
    Pause,
    SignalState,
    order,
    packed,
    unpacked,
)
from biosig.monitoring.intake import Intake, Notice, Packet, Taken
from biosig.monitoring.log import Entry, Scored, Snapshot
from biosig.monitoring.readout import BedView
from biosig.monitoring.recent import Recent
from biosig.monitoring.rules import SOURCE_SILENT, Rule
from biosig.monitoring.shown import Looks, Shown
from biosig.monitoring.silence import Silence
from biosig.records.recording import Layout
from biosig.signal.stream import State

__all__ = ["Bed", "Tick", "Watching"]

_EXACT_S = 1e-6
"""Times are sums of floats; a microsecond is far below any sample."""
_SHORTEST_HOLE_S = 1.5
"""Only a hole longer than a state's second is told to the alarms in states of its own."""


@dataclass(frozen=True)
class Watching:
    """What is watched for on a patient.

    Parameters
    ----------
    rules : of the alarms.
    latency_s : no beat becomes known later than this after its peak.
    channels : whose signal state is told, by the source's names.
    bundles : names of those that score the patient.
    beats : the one of them whose windows are the beats that alarms hear of; None = none.
    anomaly : the one of them whose anomaly scores alarms hear of; None = none.
    events : those of them whose windows make events, with the label and its place among their classes.
    lead : the channel that fibrillation is looked for on; None = it is not.
    tick_s : seconds of signal watched at a time.
    reorder_s : packets may come out of order by as much.
    rails : lowest and highest value that each channel's converter can give; empty = not known.
    start : when the first sample was measured, by a clock on the wall, ISO 8601; ``""`` = nobody knows.
    """

    rules: tuple[Rule, ...]
    latency_s: float
    channels: tuple[str, ...]
    bundles: tuple[str, ...]
    beats: str | None
    anomaly: str | None
    events: Mapping[str, tuple[str, int]]
    lead: str | None
    tick_s: float = 1.0
    reorder_s: float = 0.25
    start: str = ""
    rails: tuple[tuple[float, float], ...] = ()

    @property
    def fresh_s(self) -> float:
        """Seconds for which a heart rate is that of the present after its last beat."""
        return self.latency_s + 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Tick:
    """The next samples to watch, float32 (n_channels, n); after a ``reset`` nothing before them is known."""

    start_s: float
    samples: NDArray[np.float32]
    reset: bool = False


@dataclass
class _Memory:
    """What a bed keeps beside arrays; all of it JSON."""

    count: int = 0
    ticks: int = 0
    now_s: float = 0.0
    known_s: float = 0.0
    state_s: float = 0.0
    notices: list[list[Any]] = field(default_factory=list)
    recent: Recent = field(default_factory=Recent)
    good: float = 0.0
    finished: bool = False


class Bed:
    """One patient.

    Parameters
    ----------
    patient : how everybody calls them.
    layout : of the raw samples.
    watching : what for.
    """

    def __init__(self, patient: str, layout: Layout, watching: Watching) -> None:
        self.patient, self.layout, self.watching = patient, layout, watching
        self.intake = Intake(layout, reorder_s=watching.reorder_s)
        self.engine = AlarmEngine(watching.rules, latency_s=watching.latency_s)
        self._silence = Silence()
        self._looks = Looks(layout, channels=watching.channels, rails=watching.rails, lead=watching.lead)
        self._size = max(1, round(watching.tick_s * layout.fs))
        self._ready: deque[Tick] = deque()
        self._part = Tick(0.0, np.zeros((layout.n_channels, 0), dtype=np.float32))
        self._memory = _Memory()
        self._pending: list[InputEvent] = []
        self.ended = False

    @property
    def time_s(self) -> float:
        """Seconds of signal watched."""
        return self._memory.now_s

    @property
    def clock_s(self) -> float:
        """The instant that the alarms have come to: at the end of a source they hear what is known only later."""
        return max(self._memory.now_s, self._memory.known_s)

    @property
    def alarms(self) -> tuple[str, ...]:
        """Names of the alarms that can be raised."""
        return (*(rule.name for rule in self.watching.rules), SOURCE_SILENT.name)

    @property
    def silent(self) -> bool:
        """Whether the source sends nothing."""
        return self._silence.silent

    @property
    def told(self) -> int:
        """Entries of the patient's log so far."""
        return self._memory.count

    @property
    def finished(self) -> bool:
        """Whether the source has ended and everything of it was watched."""
        return self._memory.finished

    def offer(self, packet: Packet) -> list[Entry]:
        """Take a packet in; what is said at once about the source itself."""
        said = [] if packet.arrived_s is None else self._silence.listen(packet.arrived_s, self.time_s)
        return self._noted(said) + self._take(self.intake.push(packet))

    def silence(self, wall_s: float) -> list[Entry]:
        """Note that nothing came until ``wall_s`` of the receiver's clock; an alarm once that is too long."""
        return self._noted(self._silence.listen(wall_s, self.time_s)) + self._told(self.intake.advance(wall_s))

    def end(self) -> list[Entry]:
        """The source has ended: hand on what was held back."""
        said = self._take(self.intake.flush())
        self._cut(at_least=1)
        self.ended = True
        return said + self._noted(self._silence.find(False, self.time_s, "the source has ended", self.time_s))

    def _take(self, taken: Taken) -> list[Entry]:
        for piece in taken.pieces:
            if piece.reset:
                self._cut(at_least=1)
            part = self._part
            if part.samples.shape[1] == 0:
                self._part = Tick(piece.start_s, piece.samples, piece.reset)
            else:
                joined = np.concatenate([part.samples, piece.samples], axis=1)
                self._part = Tick(part.start_s, joined, part.reset)
            self._cut(at_least=self._size)
        return self._told(taken.notices)

    def _cut(self, *, at_least: int) -> None:
        """Make ticks of what waits, the last of at least so many samples."""
        part = self._part
        samples, reset = part.samples, part.reset
        done = 0
        while samples.shape[1] - done >= at_least:
            piece = samples[:, done : done + self._size]
            self._ready.append(Tick(part.start_s + done / self.layout.fs, piece, reset))
            done += piece.shape[1]
            reset = False
        if done:
            self._part = Tick(part.start_s + done / self.layout.fs, samples[:, done:].copy(), False)

    def _told(self, notices: Iterable[Notice]) -> list[Entry]:
        """Silence is said at once; other notices wait for the tick that they lie in, whenever that is watched."""
        said: list[Entry] = []
        for notice in notices:
            if notice.kind in ("silent", "resumed"):
                silent = notice.kind == "silent"
                said += self._noted(self._silence.find(silent, notice.time_s, notice.detail, self.time_s))
            else:
                ends_s = (tick.start_s + tick.samples.shape[1] / self.layout.fs for tick in self._ready)
                turn = self._memory.ticks + sum(end_s <= notice.time_s + _EXACT_S for end_s in ends_s)
                self._memory.notices.append([turn, notice.time_s, notice.kind, notice.detail])
        return said

    def next_ticks(self, most: int) -> list[Tick]:
        """The next samples to watch, in one stretch: only its first tick may begin anew. Empty where nothing waits."""
        ticks: list[Tick] = []
        while self._ready and len(ticks) < most and not (ticks and self._ready[0].reset):
            ticks.append(self._ready.popleft())
        return ticks

    @property
    def waiting(self) -> int:
        """Ticks that can be watched now."""
        return len(self._ready)

    @property
    def may_rest(self) -> bool:
        """Whether what waits can be kept for a run that resumes: it is one stretch."""
        return not any(tick.reset for tick in [*self._ready, self._part][1:])

    def look(self, ticks: Sequence[Tick]) -> list[Shown]:
        """What the signal of a stretch shows by itself, by tick; then :meth:`watch` each."""
        if ticks[0].reset:
            self._looks.reset(ticks[0].start_s)
        return self._looks.push([tick.samples for tick in ticks])

    def watch(self, tick: Tick, shown: Shown, scored: Sequence[Scored]) -> list[Entry]:
        """Watch a tick, given what came with it: scores, signal states and alarms, in order."""
        memory = self._memory
        if tick.reset:
            self._begin_anew(tick.start_s)
        said = [self._due_notice() for _ in range(self._count_due_notices())]
        memory.ticks += 1
        memory.now_s = tick.start_s + tick.samples.shape[1] / self.layout.fs
        said += [self.entry(what) for what in (*scored, *shown.states)]
        return said + self._alarms([*shown.states, *shown.flutter, *self._heard(scored)], memory.now_s)

    def finish(self, scored: Sequence[Scored]) -> list[Entry]:
        """The end: what was still to be scored, and every event that is known by then."""
        said = [self._due_notice() for _ in range(len(self._memory.notices))]
        said += [self.entry(one) for one in scored]
        said += self._alarms(self._heard(scored), math.inf)
        self._memory.finished = True
        return said

    def obey(self, event: Acknowledge | Pause) -> list[Entry]:
        """What a user's action changes; ``ValueError`` for an alarm that no rule is named after."""
        heard = [] if event.alarm == SOURCE_SILENT.name else self.engine.advance(event)
        return self._noted([*heard, *self._silence.obey(event)])

    def entry(self, what: Any) -> Entry:
        """The next entry of the patient's log."""
        self._memory.count += 1
        return Entry(self.patient, self._memory.count - 1, what)

    def _noted(self, alarms: Iterable[AlarmEvent]) -> list[Entry]:
        return [self.entry(alarm) for alarm in alarms]

    def _count_due_notices(self) -> int:
        return sum(turn <= self._memory.ticks for turn, *_ in self._memory.notices)

    def _due_notice(self) -> Entry:
        _, time_s, kind, detail = self._memory.notices.pop(0)
        return self.entry(Notice(time_s, kind, detail))

    def _begin_anew(self, at_s: float) -> None:
        """Tell the alarms that no signal came before."""
        memory = self._memory
        if at_s - memory.state_s > _SHORTEST_HOLE_S:
            edges = np.arange(math.floor(memory.now_s) + 1, at_s)
            self._pending += [SignalState(edge, good=0.0, missing=1.0) for edge in (*edges.tolist(), at_s)]

    def _heard(self, scored: Sequence[Scored]) -> list[InputEvent]:
        return self._memory.recent.hear(scored, anomaly=self.watching.anomaly, events=self.watching.events)

    def _alarms(self, events: Sequence[InputEvent], until_s: float) -> list[Entry]:
        """Hand the alarms what is known by now; what is known later waits."""
        memory = self._memory
        known = sorted([*self._pending, *events], key=order)
        due = [event for event in known if event.clock_s <= until_s]
        self._pending = known[len(due) :]
        said: list[AlarmEvent] = []
        for event in due:
            said += self.engine.advance(event)
            memory.known_s = event.clock_s
            if isinstance(event, SignalState):
                memory.good, memory.state_s = event.good, event.time_s
        if math.isfinite(until_s):
            said += self.engine.advance_to(until_s)
        return self._noted(said)

    def view(self) -> BedView:
        """What people are shown."""
        memory, recent = self._memory, self._memory.recent
        fresh_s = 0.0 if self.silent else self.watching.fresh_s
        return BedView(
            patient=self.patient,
            time_s=memory.now_s,
            heart_rate=recent.heart_rate(memory.now_s, fresh_s),
            beats=tuple((time_s, label) for time_s, label in recent.beats),
            windows=tuple((bundle, label, since_s) for bundle, (label, since_s) in recent.windows.items()),
            anomaly=math.nan if self.silent or recent.anomaly is None else recent.anomaly,
            good=0.0 if self.silent else memory.good,
            alarms=most_urgent_first((*self.engine.active, *self._silence.active)),
            drift_ppm=self.intake.drift_ppm,
            ended=self.ended,
            paused=(*self.engine.paused, *self._silence.paused(memory.now_s)),
            silent=self.silent,
        )

    def snapshot(self, place: int, ward: State) -> Snapshot:
        """Everything needed to go on later; ticks that wait come first then, if they may.

        Parameters
        ----------
        place : of the source.
        ward : what the ward keeps of the patient.
        """
        first, *rest = *self._ready, self._part
        arrays = {"part": np.concatenate([first.samples, *(tick.samples for tick in rest)], axis=1)}
        parts = {"intake": self.intake.state_dict(), "looks": self._looks.state_dict(), "ward": ward}
        for name, state in parts.items():
            arrays |= {f"{name}/{key}": value for key, value in state.items()}
        memory = asdict(self._memory) | {
            "engine": self.engine.state_dict(),
            "silence": self._silence.state_dict(),
            "part": [first.start_s, first.reset],
            "ended": self.ended,
            "start": self.watching.start,
            "bundles": list(self.watching.bundles),
            "pending": [packed(event) for event in self._pending],
        }
        # safetensors writes the bytes of a strided array as if it were contiguous
        contiguous = {key: np.asarray(value, order="C") for key, value in arrays.items()}
        return Snapshot(self.layout, place, json.dumps(memory), save(contiguous))

    def restore(self, snapshot: Snapshot) -> State:
        """Go on from a snapshot; what belongs to the ward.

        ``ValueError`` where the bundles or the alarms' rules are others.
        """
        memory = json.loads(snapshot.memory)
        arrays = load(snapshot.arrays)
        before, now = memory.pop("bundles"), list(self.watching.bundles)
        if before != now:
            raise ValueError(f"watched by {', '.join(before)} before, now by {', '.join(now)}")
        self.engine.load_state_dict(memory.pop("engine"))
        self._silence.load_state_dict(memory.pop("silence"))
        start_s, reset = memory.pop("part")
        self._part = Tick(start_s, arrays.pop("part"), reset)
        self.ended = memory.pop("ended")
        self._cut(at_least=1 if self.ended else self._size)
        self._pending = [unpacked(kept) for kept in memory.pop("pending")]
        self.watching = replace(self.watching, start=memory.pop("start"))
        self._memory = _Memory(**memory | {"recent": Recent(**memory["recent"])})
        states: dict[str, State] = {}
        for key, value in arrays.items():
            name, _, rest = key.partition("/")
            states.setdefault(name, {})[rest] = value
        self.intake.load_state_dict(states.pop("intake"))
        self._looks.load_state_dict(states.pop("looks"))
        return states["ward"]

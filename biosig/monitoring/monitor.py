"""The monitor: sources in, events out, one way for a file at any speed and a live patient.

Patients' next seconds of signal are scored together, so that the networks are called once for all; where many seconds
wait, as with a file, many of each patient (:mod:`biosig.monitoring.stretches`). Events are then gone through tick by
tick, each score in the tick in which it would have come live: a live patient is a stretch of one tick. A commit waits
until everything that was begun has been gone through: no patient is ever half a second on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from biosig.bundle import Bundle
from biosig.errors import BundleError, SourceError, StoreError
from biosig.monitoring.bed import Bed, Tick, Watching
from biosig.monitoring.events import Acknowledge, Pause
from biosig.monitoring.ledger import Ledger
from biosig.monitoring.log import Action, Entry, Snapshot
from biosig.monitoring.orders import Orders
from biosig.monitoring.panel import Panel, anomaly_bundle, beat_bundle, event_columns, rules_for
from biosig.monitoring.pauses import without_long_pauses
from biosig.monitoring.readout import BedView
from biosig.monitoring.rehearsal import rehearse
from biosig.monitoring.rules import Rule
from biosig.monitoring.sources import Delivery, Source
from biosig.monitoring.stretches import Part, Wards
from biosig.records.recording import Layout
from biosig.training.device import on_one_thread, one_worker

if TYPE_CHECKING:
    from biosig.monitoring.store import Session

__all__ = ["Listener", "Monitor", "Round"]

_IDLE_S = 0.25
"""Longest sleep while nothing comes, so that a stop is obeyed."""
_SILENCE_S = 0.25
"""Between two looks at whose source is silent, each of which takes 4 ms with 1,000 patients."""
_SIGN_S = 1.0
"""Between two looks at a source that is silent."""


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """What one step brought.

    Parameters
    ----------
    entries : lines of the log, in order per patient.
    ticks : the samples watched, by patient.
    """

    entries: Sequence[Entry]
    ticks: Mapping[str, Tick]


Listener = Callable[["Monitor", Round], None]
"""Called after each round, before its entries are committed."""


class Monitor:
    """Patients, the bundles that score them, and the ledger of what happened.

    Parameters
    ----------
    bundles : by the name of their recipe.
    ledger : where the log goes; None = nowhere.
    lead_map : source channel -> channel of a bundle that it stands in for.
    rules : of the alarms; None = those shipped. Rules about beats are left out where no bundle tells of beats.
    every : every bundle must fit every patient; else a patient is watched by those that fit, at least one.
    tick_s : seconds of signal watched at a time.
    device : ``auto``, ``cpu`` or ``cuda``.
    listeners : who hears of each round.
    orders : what people ask for while it runs; None = nobody can, but through the store.
    """

    def __init__(
        self,
        bundles: Mapping[str, Bundle],
        *,
        ledger: Ledger | None = None,
        lead_map: Mapping[str, str] | None = None,
        rules: Sequence[Rule] | None = None,
        every: bool = True,
        tick_s: float = 1.0,
        device: str = "cpu",
        listeners: Sequence[Listener] = (),
        orders: Orders | None = None,
    ) -> None:
        self._panel = Panel(bundles, every=every, lead_map=lead_map or {})
        if any(name != bundle.recipe.name for name, bundle in bundles.items()):
            raise ValueError(f"bundles go by the names of their recipes, got {', '.join(bundles)}")
        self._wards = Wards(self._panel, lead_map=lead_map, device=device)
        self._rules = rules
        self._ledger, self._tick_s, self._listeners, self._orders = ledger, tick_s, tuple(listeners), orders
        self._saved: dict[str, Snapshot] = ledger.session.snapshots() if ledger else {}
        self._entries: list[Entry] = []
        self._sign_due_s = self._silence_due_s = -math.inf
        self._sources: dict[str, Source] = {}
        self.beds: dict[str, Bed] = {}
        self.refused: dict[str, str] = {}
        """Patients who came while others were watched and are not, and why."""

    @property
    def views(self) -> list[BedView]:
        """What people are shown of each patient."""
        return [bed.view() for bed in self.beds.values()]

    @property
    def trouble(self) -> str:
        """Why the log cannot be written now; empty where it can."""
        return self._ledger.trouble if self._ledger else ""

    @property
    def session(self) -> Session | None:
        """Where the log goes, that of the run that is resumed included; None = nowhere."""
        return self._ledger.session if self._ledger else None

    def admit(self, patient: str, layout: Layout, source: Source) -> Bed:
        """A new patient, or one who was watched by the run that is resumed.

        ``BundleError`` where a bundle does not fit the layout, ``StoreError`` where the layout or the rules are others
        than before.
        """
        try:
            bundles = self._panel.fitting(layout)
        except BundleError as error:
            raise BundleError(f"{patient}: {error}") from None
        ward = self._wards.of(bundles)
        ward.admit(patient, layout)
        beats, start = beat_bundle(bundles), source.start(patient)
        watching = Watching(
            rules=rules_for(bundles, self._rules),
            latency_s=0.0 if beats is None else ward.latency_s(patient, beats),
            channels=self._panel.needed(layout, bundles),
            bundles=tuple(bundles),
            beats=beats,
            anomaly=anomaly_bundle(bundles),
            events=event_columns(bundles),
            lead=None if beats is None else self._panel.given(bundles[beats].recipe.data.channels[0]),
            tick_s=self._tick_s,
            reorder_s=source.reorder_s,
            start="" if start is None else start.isoformat(),
            rails=source.rails(patient),
        )
        bed = Bed(patient, layout, watching)
        if patient in self._saved:
            self._restore(bed, self._saved.pop(patient), source)
        self.beds[patient], self._sources[patient] = bed, source
        return bed

    def _restore(self, bed: Bed, saved: Snapshot, source: Source) -> None:
        if saved.layout != bed.layout:
            raise StoreError(f"{bed.patient}: cannot resume: the source's layout is another than before")
        try:
            state = bed.restore(saved)
        except ValueError as error:
            raise StoreError(f"{bed.patient}: cannot resume: {error}") from None
        self._wards.of(bed.watching.bundles).load_state_dict(bed.patient, state)
        if not source.open:
            source.seek(bed.patient, saved.place)

    def run(
        self,
        sources: Sequence[Source],
        *,
        stop: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> bool:
        """Watch until every source has ended; whether they have.

        Networks compute in a thread of their own, on the CPU in one.

        Parameters
        ----------
        stop : asked after each step, and between the parts of a long one; from then on true, it ends the run, to be
            resumed later.
        clock, sleep : of the wall.

        Raises
        ------
        SourceError : a source sent what makes no sense; everything before it is watched and committed.
        StoreError : the store could not be written for too long.
        """
        for source in sources:
            for patient, layout in source.layouts.items():
                self.admit(patient, layout, source)
        for source in (source for source in sources if source.open):
            for patient, saved in self._saved.items():
                source.seek(patient, saved.place)
        with on_one_thread(), without_long_pauses(), one_worker() as worker:
            for bed in {bed.watching.bundles: bed for bed in self.beds.values()}.values():
                rehearse(self._wards, bed, worker)
            try:
                while not stop():
                    moved = self._listen(sources, clock)
                    self._step(worker, stop)
                    if all(source.ended for source in sources) and not self._waiting:
                        self._finish(worker)
                        break
                    if not moved:
                        self._sign(clock())
                        sleep(min([_IDLE_S, *(source.due_s() for source in sources if not source.ended)]))
            except (SourceError, BundleError):
                self._step(worker)
                self._commit(last=True)
                raise
        self._commit(last=True)
        ended = all(source.ended for source in sources) and not self._waiting
        if ended and self._ledger:
            self._ledger.session.end()
        return ended

    def _listen(self, sources: Sequence[Source], clock: Callable[[], float]) -> bool:
        """Take in what has come; whether anything has."""
        moved, listened_s = False, -math.inf
        for source in sources:
            given = source.poll()
            now_s = clock() if source.live else None
            for delivery in given:
                self._receive(delivery, source, now_s)
            moved = moved or bool(given)
            if now_s is not None and now_s >= self._silence_due_s:
                listened_s = now_s
                came = {delivery.patient for delivery in given}
                for patient, bed in self.beds.items():
                    if self._sources[patient] is source and patient not in came and not bed.ended:
                        self._entries += bed.silence(now_s)
        self._silence_due_s = max(self._silence_due_s, listened_s + _SILENCE_S)
        return moved

    def _receive(self, delivery: Delivery, source: Source, now_s: float | None) -> None:
        patient = delivery.patient
        bed = self.beds.get(patient) or self._welcome(patient, delivery.layout, source)
        if bed is None or bed.finished:
            return
        if self._sources[patient] is not source:
            raise SourceError(f"two sources send a patient {patient!r}; name them differently")
        if delivery.packet is None:
            self._entries += bed.end()
        else:
            try:
                self._entries += bed.offer(replace(delivery.packet, arrived_s=now_s))
            except SourceError as error:
                raise SourceError(f"{patient}: {error}") from None

    def _welcome(self, patient: str, layout: Layout, source: Source) -> Bed | None:
        """Admit somebody who came while others are watched; one whom no bundle fits must not end that."""
        if patient in self.refused:
            return None
        try:
            return self.admit(patient, layout, source)
        except BundleError as error:
            if not self.beds:
                raise
            self.refused[patient] = str(error)
            return None

    @property
    def _waiting(self) -> list[Bed]:
        """Who has signal that can be watched now."""
        return [bed for bed in self.beds.values() if bed.waiting]

    def _step(self, worker: Executor, stop: Callable[[], bool] = lambda: False) -> None:
        """Watch everything that can be watched, or until it must ``stop``; then commit if it is time to."""
        for part in self._parts(worker, stop):
            self._go_through(part)
        done = [bed for bed in self.beds.values() if bed.ended and not bed.finished and not bed.waiting]
        for patient, found in self._wards.flush(done).items():
            self._entries += self.beds[patient].finish(found)
        self._obey(self._asked())
        self._publish({})
        if self._ledger and self._ledger.due:
            self._commit()

    def _parts(self, worker: Executor, stop: Callable[[], bool]) -> Iterator[Part]:
        """Everything that waits, part by part; a worker is busy with each while the one before is gone through."""
        ahead: Part | None = None
        while waiting := self._waiting:
            if ahead and stop() and all(bed.may_rest for bed in waiting):
                break
            part = self._wards.begin(waiting, worker)
            if ahead:
                yield ahead
            ahead = part
        if ahead:
            yield ahead

    def _go_through(self, part: Part) -> None:
        """Watch a part tick by tick, with what was said of it."""
        scored = part.scored.result()
        for turn in range(max(map(len, part.ticks.values()))):
            ticks = {patient: stretch[turn] for patient, stretch in part.ticks.items() if turn < len(stretch)}
            for patient, tick in ticks.items():
                self._entries += self.beds[patient].watch(tick, part.shown[patient][turn], scored[patient][turn])
            self._publish(ticks)
            self._obey(self._orders.take() if self._orders else [])

    def _finish(self, worker: Executor) -> None:
        """No source sends any more: whoever was not told to have ended has."""
        for bed in self.beds.values():
            if not bed.ended:
                self._entries += bed.end()
        self._step(worker)

    def _publish(self, ticks: Mapping[str, Tick]) -> None:
        if not self._entries and not ticks:
            return
        entries, self._entries = self._entries, []
        if self._ledger:
            self._ledger.add(entries)
        for listener in self._listeners:
            listener(self, Round(entries, ticks))

    def _sign(self, now_s: float) -> None:
        """Let listeners look at those who are silent now and then: of them nothing comes that would make them look."""
        if now_s >= self._sign_due_s and any(bed.silent for bed in self.beds.values()):
            self._sign_due_s = now_s + _SIGN_S
            for listener in self._listeners:
                listener(self, Round([], {}))

    def acknowledge(self, patient: str, alarm: str = "", *, who: str = "") -> None:
        """Somebody has seen an alarm (``""`` = all there are)."""
        bed = self.beds[patient]
        self._entries += bed.obey(Acknowledge(bed.clock_s, alarm, who))

    def pause(self, patient: str, for_s: float, alarm: str = "", *, who: str = "") -> None:
        """Keep an alarm silent for so many seconds of signal (``""`` = all but the technical); 0 ends a pause.

        That of a silent source, which sends no signal, for so many seconds on the wall.
        """
        bed = self.beds[patient]
        self._entries += bed.obey(Pause(bed.clock_s, bed.clock_s + for_s, alarm, who))

    def _asked(self) -> list[Action]:
        """What was asked for: of the monitor itself at once, through the store when a commit is due anyway."""
        asked = self._orders.take() if self._orders else []
        return asked + (self._ledger.asked() if self._ledger and self._ledger.due else [])

    def _obey(self, actions: Iterable[Action]) -> None:
        for action in actions:
            bed = self.beds.get(action.patient)
            if bed is None:
                continue
            known = action.alarm in ("", *bed.alarms)
            if known and action.kind == "acknowledge":
                self.acknowledge(action.patient, action.alarm, who=action.who)
            elif known and action.kind == "pause":
                self.pause(action.patient, action.for_s, action.alarm, who=action.who)
            if self._ledger:
                self._ledger.took(action, bed.clock_s)

    def _commit(self, *, last: bool = False) -> None:
        if self._ledger is None:
            return
        self._publish({})
        snapshots = {
            patient: bed.snapshot(
                self._sources[patient].place(patient), self._wards.of(bed.watching.bundles).state_dict(patient)
            )
            for patient, bed in self.beds.items()
        }
        self._ledger.commit(snapshots, last=last)

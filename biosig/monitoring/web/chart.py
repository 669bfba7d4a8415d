"""One patient as the page is told of them: the last half minute of signal, marks on it, trends, and the state now."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from biosig.monitoring.bed import Bed, Tick
from biosig.monitoring.conditions import Level
from biosig.monitoring.events import AlarmEvent, SignalState
from biosig.monitoring.intake import Notice
from biosig.monitoring.log import Entry, Scored
from biosig.monitoring.readout import BedView, rhythm
from biosig.monitoring.web.trends import COLUMNS, WARM, Trend, recalled
from biosig.monitoring.web.wire import number, pack

if TYPE_CHECKING:
    from biosig.monitoring.store import Session

__all__ = ["Chart", "Past"]

RECENT_S = 30.0
"""Seconds of signal and marks that somebody who opens a bed sees at once."""


@dataclass(frozen=True, slots=True)
class Past:
    """A patient's log as of a resumption: the entries of a session before this number."""

    session: Session
    before: int

    def trend(self, bed: Bed, *, most: int | None = None) -> Trend:
        """The trends as they were, of the last ``most`` entries; :func:`biosig.monitoring.web.trends.recalled`."""
        watching = bed.watching
        numbers = range(0 if most is None else max(0, self.before - most), self.before)
        return recalled(self.session, bed.patient, watching.anomaly, fresh_s=watching.fresh_s, numbers=numbers)


class Chart:
    """What the page is told of a patient.

    Parameters
    ----------
    bed : of the monitor; read only while its round is told.
    """

    def __init__(self, bed: Bed) -> None:
        self._bed = bed
        self.patient = bed.patient
        self.trend = Trend(bed.watching.fresh_s)
        self.view: BedView = bed.view()
        self.fresh = True
        """Whether the state has changed since it was last told."""
        self._ticks: deque[Tick] = deque()
        self._beats: deque[list[Any]] = deque()
        self._scores: deque[list[Any]] = deque()
        self._new_beats: list[list[Any]] = []
        self._new_scores: list[list[Any]] = []
        self._delay_s = math.nan
        self.past: Past | None = None
        """Where the trends' past can be read that is not in them; None = it is, or there is none."""

    def go_on(self, past: Past) -> None:
        """The patient was watched by the run that is resumed: take in as much as the next points are made of."""
        self.past = past
        self.trend = past.trend(self._bed, most=WARM)

    def recall(self, past: Past) -> Trend:
        """The trends as they were before; ``StoreError`` where the store cannot be read."""
        return past.trend(self._bed)

    def look(self) -> None:
        """Take in how the bed is now."""
        self.view, self.fresh = self._bed.view(), True

    def note(self, entries: Iterable[Entry]) -> list[dict[str, Any]]:
        """Take in what a round brought; the alarm log's new entries."""
        told: list[dict[str, Any]] = []
        for entry in entries:
            what = entry.what
            if isinstance(what, Scored):
                self._new_beats += self._beat(what)
                self._new_scores += self._score(what)
            elif isinstance(what, SignalState):
                self.trend.see_signal(what.time_s, what.good)
            else:
                told.append(_told(entry.patient, what))
        return told

    def _beat(self, scored: Scored) -> list[list[Any]]:
        if not scored.beat:
            return []
        score = scored.score
        self._delay_s = score.ready_s - score.time_s
        self.trend.see_beat(score.time_s, score.label)
        return [[number(score.time_s), score.label or "?", bool(score.usable)]]

    def _score(self, scored: Scored) -> list[list[Any]]:
        score, watching = scored.score, self._bed.watching
        if not watching.beats:
            self._delay_s = score.ready_s - score.time_s
        if scored.bundle != watching.anomaly or not math.isfinite(score.anomaly):
            return []
        if score.usable:
            self.trend.see_anomaly(score.anomaly)
        return [[number(score.time_s), number(score.anomaly), bool(score.usable)]]

    def draw(self, tick: Tick | None) -> bytes | None:
        """Take in samples; the message of them and of the marks noted since the last. None = there is neither."""
        beats, self._new_beats = self._new_beats, []
        scores, self._new_scores = self._new_scores, []
        self._beats += beats
        self._scores += scores
        if tick is not None:
            self._remember(tick)
        elif not (beats or scores):
            return None
        return self._wave(tick, beats, scores)

    def _remember(self, tick: Tick) -> None:
        if tick.reset:
            self._ticks.clear()
        self._ticks.append(tick)
        since_s = tick.start_s - RECENT_S
        while self._ticks[0].start_s < since_s:
            self._ticks.popleft()
        for marks in (self._beats, self._scores):
            while marks and marks[0][0] < since_s:
                marks.popleft()

    def _wave(self, tick: Tick | None, beats: Iterable[list[Any]], scores: Iterable[list[Any]]) -> bytes:
        """A message; without a tick, of marks alone."""
        one = tick or Tick(self.view.time_s, np.zeros((self._bed.layout.n_channels, 0), dtype=np.float32))
        header = {"kind": "wave", "patient": self.patient, "start_s": one.start_s, "shape": one.samples.shape}
        return pack(header | {"reset": one.reset, "beats": list(beats), "scores": list(scores)}, one.samples)

    def recent(self) -> bytes:
        """The last half minute, as one message."""
        ticks = list(self._ticks)
        whole = Tick(ticks[0].start_s, np.concatenate([one.samples for one in ticks], axis=1), True) if ticks else None
        return self._wave(whole, self._beats, self._scores)

    def history(self) -> bytes:
        """The trends so far."""
        table = self.trend.table()
        header = {"kind": "history", "patient": self.patient, "columns": COLUMNS, "shape": table.shape}
        return pack(header, table)

    @property
    def alarms(self) -> tuple[str, ...]:
        """Names of the alarms that can be raised."""
        return self._bed.alarms

    def card(self) -> dict[str, Any]:
        """Who this is and how they are watched; ``threshold`` is that of the anomaly alarm, None = there is none."""
        layout, watching = self._bed.layout, self._bed.watching
        levels = [rule.watch for rule in watching.rules if isinstance(rule.watch, Level)]
        anomaly = [level.threshold for level in levels if level.of == "anomaly"]
        return {
            "patient": self.patient,
            "channels": layout.channels,
            "units": layout.units,
            "fs": layout.fs,
            "latency_s": number(watching.latency_s),
            "beats": watching.beats is not None,
            "rules": [{"name": rule.name, "priority": rule.priority} for rule in watching.rules],
            "threshold": anomaly[0] if anomaly else None,
        }

    def status(self, news: list[list[float | None]]) -> bytes:
        """How the patient is now; ``news`` are trend points.

        Of a source that has ended or is silent nothing is known: its last numbers are not shown as the present.
        """
        view = self.view
        known = not view.ended and not view.silent
        alarms = [asdict(alarm) for alarm in view.alarms if alarm.shown != "hidden"]
        paused: Mapping[str, float] = dict(view.paused)
        return pack(
            {
                "kind": "status",
                "patient": self.patient,
                "time_s": view.time_s,
                "heart_rate": number(view.heart_rate, 1) if known else None,
                "rhythm": rhythm(view) if known else "--",
                "anomaly": number(view.anomaly) if known else None,
                "good": number(view.good) if known else 0.0,
                "alarms": alarms,
                "paused": paused,
                "windows": view.windows if known else [],
                "drift_ppm": number(view.drift_ppm, 1),
                "delay_s": number(self._delay_s),
                "ended": view.ended,
                "trend": news,
            }
        )


def _told(patient: str, what: AlarmEvent | Notice) -> dict[str, Any]:
    """An entry of the alarm log, or a notice of the source, as the page lists it."""
    row: dict[str, Any] = {"patient": patient} | asdict(what)
    row["event"] = row.pop("kind")
    return row | {"kind": "alarm" if isinstance(what, AlarmEvent) else "notice"}

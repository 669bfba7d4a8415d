"""The alarm engine: events in, alarms out, on the clock that comes with the events.

Pure bookkeeping. Time passes only by what is handed in, so a recording replayed at any speed, a live signal, and a
monitor resumed from :meth:`AlarmEngine.state_dict` give the same alarms, however events were grouped.

An alarm is about the patient or about the equipment (``technical``), and has a priority; a higher one can hide what it
implies. Terms (priority, latching, acknowledged, alarm paused, reminder) as in IEC 60601-1-8:2006+A2:2020, clause 6.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from biosig.monitoring.conditions import USABLE, Beat, Finding, Watcher
from biosig.monitoring.episodes import Episode, Shown, by
from biosig.monitoring.events import (
    Acknowledge,
    AlarmEvent,
    BeatEvent,
    FibrillationScore,
    InputEvent,
    Pause,
    Priority,
    Score,
    SignalState,
)
from biosig.monitoring.rules import Rule, check_rules, rule_to_dict
from biosig.options import did_you_mean
from biosig.signal.fibrillation import FIBRILLATING, WINDOW_S

__all__ = ["ActiveAlarm", "AlarmEngine", "most_urgent_first"]

_URGENCY: dict[Priority, int] = {"high": 0, "medium": 1, "low": 2}
_LATE_S = 1e-9


@dataclass(frozen=True)
class ActiveAlarm:
    """An alarm that people are shown now, or that is silenced (``hidden`` by a higher one, or ``paused``)."""

    alarm: str
    priority: Priority
    technical: bool
    shown: Shown
    acknowledged: bool
    since_s: float
    detail: str

    @classmethod
    def of(cls, episode: Episode) -> ActiveAlarm:
        """What is shown of an episode."""
        rule = episode.rule
        seen, since_s = episode.acknowledged, episode.since_s
        return cls(rule.name, rule.priority, rule.technical, episode.shown, seen, since_s, episode.detail)


def most_urgent_first(alarms: Iterable[ActiveAlarm]) -> tuple[ActiveAlarm, ...]:
    """The same alarms, high priority first, the equipment's after the patient's; else as they came."""
    return tuple(sorted(alarms, key=lambda alarm: (_URGENCY[alarm.priority], alarm.technical)))


class AlarmEngine:
    """The alarms of one patient.

    Parameters
    ----------
    rules : of unique names, :func:`biosig.monitoring.rules.shipped_rules` for example.
    latency_s : no beat becomes known later than this after its peak. A gap is alarmed that much later than it lasts.
    start_s : where watching begins.

    Raises
    ------
    ValueError
        Where two rules have one name, or one hides another that there is not.
    """

    def __init__(self, rules: Sequence[Rule], *, latency_s: float = 0.0, start_s: float = 0.0) -> None:
        if not (math.isfinite(latency_s) and latency_s >= 0):
            raise ValueError(f"latency_s must be 0 or more seconds, got {latency_s:g}")
        self.rules = check_rules(rules)
        self._watchers = [rule.watch.open(latency_s, start_s) for rule in self.rules]
        self._episodes = [Episode(rule) for rule in self.rules]
        self._hiders = [
            tuple(self._episodes[i] for i, other in enumerate(self.rules) if rule.name in other.hides)
            for rule in self.rules
        ]
        self._seers = {
            name: [(i, w) for i, w in enumerate(self._watchers) if getattr(type(w), name) is not getattr(Watcher, name)]
            for name in ("see_beat", "see_signal", "see_score", "expire")
        }
        self._beats = _Intervals(start_s)
        self._paused: dict[str, float] = {}
        self._now_s = start_s
        self._due_s = self._next_due()

    @property
    def active(self) -> tuple[ActiveAlarm, ...]:
        """Alarms in force, the most urgent first."""
        return most_urgent_first(ActiveAlarm.of(episode) for episode in self._episodes if episode.shown)

    @property
    def paused(self) -> tuple[tuple[str, float], ...]:
        """Alarms kept silent (``""`` = all but the technical) and until when."""
        return tuple(self._paused.items())

    def advance(self, event: InputEvent) -> list[AlarmEvent]:
        """What this event, and the time until it, bring about.

        Events come in the order of :func:`biosig.monitoring.events.order`; ``ValueError`` for one that is known
        earlier than the last, for a beat that is not later than the last, and for an alarm that no rule is named after.
        """
        self._check(event)
        now_s = event.clock_s
        said = self.advance_to(now_s)
        if isinstance(event, Acknowledge | Pause):
            said += self._obey(event)
        else:
            found = self._see(event)
            if not found:
                return said
            said += self._apply(found, now_s)
        self._due_s = self._next_due()
        return said

    def advance_to(self, time_s: float) -> list[AlarmEvent]:
        """What the passing of time brings about before ``time_s``; events of that very instant may still come."""
        if not time_s >= self._now_s - _LATE_S:
            raise ValueError(
                f"events must come in order of time: now is {self._now_s:.6f} s, got one of {time_s:.6f} s"
            )
        said: list[AlarmEvent] = []
        while self._due_s < time_s:
            self._due_s = self._next_due()
            if self._due_s < time_s:
                said += self._tick(max(self._due_s, self._now_s))
                self._due_s = self._next_due()
        self._now_s = max(self._now_s, time_s)
        return said

    def _check(self, event: InputEvent) -> None:
        """Refuse what cannot be before anything changes, so that no alarm on the way is lost."""
        if isinstance(event, BeatEvent):
            self._beats.check(event)
        elif isinstance(event, Acknowledge | Pause):
            names = [rule.name for rule in self.rules]
            if event.alarm and event.alarm not in names:
                raise ValueError(f"no alarm is called {event.alarm!r}{did_you_mean(event.alarm, names)}")

    def _tick(self, now_s: float) -> list[AlarmEvent]:
        """Everything that is due at this instant."""
        said: list[AlarmEvent] = []
        for name in [name for name, until_s in self._paused.items() if until_s <= now_s]:
            said.append(self._resume(name, now_s))
        for episode in self._episodes:
            if episode.due_s <= now_s:
                said += episode.expire(now_s)
        found = {i: watcher.expire() for i, watcher in self._seers["expire"] if watcher.due_s <= now_s}
        return _by_urgency(said) + self._apply(found, now_s)

    def _see(self, event: BeatEvent | SignalState | Score) -> dict[int, list[Finding]]:
        """What watchers find, by the number of their rule."""
        if isinstance(event, BeatEvent):
            beat = self._beats.beat(event)
            return {i: found for i, watcher in self._seers["see_beat"] if (found := watcher.see_beat(beat))}
        if isinstance(event, SignalState):
            self._beats.signal(event)
            return {i: found for i, watcher in self._seers["see_signal"] if (found := watcher.see_signal(event))}
        self._beats.score(event)
        asked = [(i, watcher) for i, watcher in self._seers["see_score"] if self.rules[i].watch.asks_for(event)]
        return {i: found for i, watcher in asked if (found := watcher.see_score(event))}

    def _apply(self, found: dict[int, list[Finding]], now_s: float) -> list[AlarmEvent]:
        """Hand findings to their alarms, one of each at a time: what began and ceased in one instant is told."""
        said: list[AlarmEvent] = []
        for turn in range(max([1, *map(len, found.values())])):
            for i, findings in found.items():
                if turn < len(findings):
                    self._episodes[i].find(findings[turn], now_s)
            said += self._show(now_s)
        return said

    def _show(self, now_s: float) -> list[AlarmEvent]:
        """What changes for people, the most urgent first."""
        said: list[AlarmEvent] = []
        for rule, episode, hiders in zip(self.rules, self._episodes, self._hiders, strict=True):
            paused = rule.name in self._paused or ("" in self._paused and not rule.technical)
            said += episode.show(now_s, hidden=any(hider.hides for hider in hiders), paused=paused)
        return _by_urgency(said)

    def _obey(self, event: Acknowledge | Pause) -> list[AlarmEvent]:
        """What a user's action changes."""
        now_s = event.time_s
        said: list[AlarmEvent] = []
        if isinstance(event, Acknowledge):
            chosen = [episode for episode in self._episodes if event.alarm in ("", episode.rule.name)]
            said += _by_urgency([one for episode in chosen for one in episode.acknowledge(now_s, event.who)])
        elif event.until_s > now_s:
            self._paused[event.alarm] = event.until_s
            detail = " ".join(filter(None, (f"until {event.until_s:g} s", by(event.who))))
            said.append(self._about_pause(event.alarm, now_s, "paused", detail))
        elif event.alarm in self._paused:
            said.append(self._resume(event.alarm, now_s, by(event.who)))
        return said + self._show(now_s)

    def _resume(self, name: str, now_s: float, detail: str = "") -> AlarmEvent:
        del self._paused[name]
        return self._about_pause(name, now_s, "resumed", detail)

    def _about_pause(self, name: str, now_s: float, kind: Any, detail: str) -> AlarmEvent:
        priority: Priority = next((rule.priority for rule in self.rules if rule.name == name), "low")
        return AlarmEvent(now_s, name or "all", priority, kind, now_s, detail, technical=True)

    def _next_due(self) -> float:
        """The next instant at which time alone changes something; without a finding it only moves away."""
        watchers = min((watcher.due_s for _, watcher in self._seers["expire"]), default=math.inf)
        episodes = min((episode.due_s for episode in self._episodes), default=math.inf)
        return min(watchers, episodes, *self._paused.values(), math.inf)

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on later, as JSON; it names the rules it belongs to."""
        return {
            "rules": [rule_to_dict(rule) for rule in self.rules],
            "now_s": self._now_s,
            "paused": dict(self._paused),
            "beats": self._beats.state_dict(),
            "watchers": [watcher.state_dict() for watcher in self._watchers],
            "episodes": [episode.state_dict() for episode in self._episodes],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a ``state_dict()`` of an engine of the same rules; ``ValueError`` where they differ."""
        ours = [rule_to_dict(rule) for rule in self.rules]
        if state["rules"] != ours:
            strange = [old["name"] for old in state["rules"] if old not in ours] or ["an alarm that is gone"]
            raise ValueError(f"saved alarms belong to other rules ({strange[0]}); start anew, or use the rules saved")
        self._now_s = float(state["now_s"])
        self._paused = dict(state["paused"])
        self._beats.load_state_dict(state["beats"])
        for watcher, saved in zip(self._watchers, state["watchers"], strict=True):
            watcher.load_state_dict(saved)
        for episode, saved in zip(self._episodes, state["episodes"], strict=True):
            episode.load_state_dict(saved)
        self._due_s = self._next_due()


def _by_urgency(said: list[AlarmEvent]) -> list[AlarmEvent]:
    """The same events, high priority first, the equipment's after the patient's; else as they came."""
    return sorted(said, key=lambda event: (_URGENCY[event.priority], event.technical))


class _Intervals:
    """Beats with the interval before them, None where it is no heart beat's: where bad signal lies in between (a beat
    may have been missed) or flutter in place of beats."""

    def __init__(self, start_s: float) -> None:
        self._beat_s: float | None = None
        self._state_s = start_s
        self._flutter_s: float | None = None
        self._bad: list[list[float]] = []

    def check(self, event: BeatEvent) -> None:
        """``ValueError`` unless the beat is later than the last."""
        last_s = self._beat_s
        if last_s is not None and event.time_s <= last_s:
            raise ValueError(
                f"beats must come in order: the last was at {last_s:.6f} s, got one at {event.time_s:.6f} s"
            )

    def beat(self, event: BeatEvent) -> Beat:
        """The beat as watchers see it."""
        time_s, last_s = event.time_s, self._beat_s
        rr_s = None if last_s is None or self._broken(last_s, time_s) else time_s - last_s
        self._bad = [span for span in self._bad if span[1] > time_s]
        self._beat_s, self._flutter_s = time_s, None
        return Beat(time_s, event.label if event.good else "", rr_s)

    def _broken(self, last_s: float, time_s: float) -> bool:
        flutter = self._flutter_s is not None and self._flutter_s < time_s
        return flutter or any(start < time_s and stop > last_s for start, stop in self._bad)

    def signal(self, state: SignalState) -> None:
        """Remember bad signal until the beat after it."""
        if state.good < USABLE:
            if self._bad and self._bad[-1][1] == self._state_s:
                self._bad[-1][1] = state.time_s
            else:
                self._bad.append([self._state_s, state.time_s])
        self._state_s = state.time_s

    def score(self, score: Score) -> None:
        """Remember flutter that began after the last beat, until the next one."""
        if isinstance(score, FibrillationScore) and score.usable and score.value >= FIBRILLATING:
            start_s = score.time_s - WINDOW_S
            if self._beat_s is not None and self._flutter_s is None and start_s >= self._beat_s:
                self._flutter_s = start_s

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on later, as JSON."""
        spans = [list(span) for span in self._bad]
        return {"beat_s": self._beat_s, "state_s": self._state_s, "flutter_s": self._flutter_s, "bad": spans}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a ``state_dict()``."""
        self._beat_s, self._state_s = state["beat_s"], float(state["state_s"])
        self._flutter_s = state["flutter_s"]
        self._bad = [list(span) for span in state["bad"]]

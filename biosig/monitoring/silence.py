"""The alarm of a source that sends nothing: raised, acknowledged and paused like any other, on a clock of its own.

The patient's clock stands still with the signal, so reminders and the end of a pause would never come by it. Here the
seconds count that the monitor has listened to the source, a resumed one those of the run before as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from biosig.monitoring.alarms import ActiveAlarm
from biosig.monitoring.conditions import Finding
from biosig.monitoring.episodes import Episode, by
from biosig.monitoring.events import Acknowledge, AlarmEvent, Pause
from biosig.monitoring.rules import SOURCE_SILENT

__all__ = ["Silence"]


class Silence:
    """Whether one patient's source is silent, and what people were told of that and did about it."""

    def __init__(self) -> None:
        self._episode = Episode(SOURCE_SILENT)
        self._listened_s = 0.0
        self._paused_until_s: float | None = None
        self._wall_s: float | None = None
        self._silent = False

    @property
    def silent(self) -> bool:
        """Whether nothing comes, whoever knows of it."""
        return self._silent

    @property
    def active(self) -> tuple[ActiveAlarm, ...]:
        """The alarm where it is in force, else nothing."""
        return (ActiveAlarm.of(self._episode),) if self._episode.shown else ()

    def paused(self, time_s: float) -> tuple[tuple[str, float], ...]:
        """The alarm where it is paused, and until when: in seconds of signal, as if it came, with ``time_s`` now."""
        if self._paused_until_s is None:
            return ()
        return ((SOURCE_SILENT.name, time_s + self._paused_until_s - self._listened_s),)

    def listen(self, wall_s: float, time_s: float) -> list[AlarmEvent]:
        """The receiver's clock says ``wall_s``, the patient's ``time_s``: what the time since brings about."""
        if self._wall_s is not None:
            self._listened_s += max(0.0, wall_s - self._wall_s)
        self._wall_s = wall_s
        now_s = self._listened_s
        said: list[AlarmEvent] = []
        if self._paused_until_s is not None and self._paused_until_s <= now_s:
            said.append(self._resume())
        if self._episode.due_s <= now_s:
            said += self._episode.expire(now_s)
        return self._told(said, time_s)

    def find(self, silent: bool, since_s: float, detail: str, time_s: float) -> list[AlarmEvent]:
        """The source has fallen silent, or is so no longer; what that brings about."""
        if silent == self._silent:
            return []
        self._silent = silent
        self._episode.find(Finding(silent, since_s, detail), self._listened_s)
        return self._told([], time_s)

    def obey(self, event: Acknowledge | Pause) -> list[AlarmEvent]:
        """What a user's action changes; one about other alarms changes nothing, nor does a pause of all patients'."""
        said: list[AlarmEvent] = []
        if isinstance(event, Acknowledge):
            if event.alarm in ("", SOURCE_SILENT.name):
                said = self._episode.acknowledge(self._listened_s, event.who)
        elif event.alarm == SOURCE_SILENT.name:
            for_s = event.until_s - event.time_s
            if for_s > 0:
                self._paused_until_s = self._listened_s + for_s
                said = [self._about_pause("paused", " ".join(filter(None, (f"for {for_s:g} s", by(event.who)))))]
            elif self._paused_until_s is not None:
                said = [self._resume(by(event.who))]
        return self._told(said, event.time_s)

    def _resume(self, detail: str = "") -> AlarmEvent:
        self._paused_until_s = None
        return self._about_pause("resumed", detail)

    def _about_pause(self, kind: Any, detail: str) -> AlarmEvent:
        rule = SOURCE_SILENT
        return AlarmEvent(0.0, rule.name, rule.priority, kind, 0.0, detail, rule.technical)

    def _told(self, said: Iterable[AlarmEvent], time_s: float) -> list[AlarmEvent]:
        """What was said and what changes for people, at the patient's instant."""
        paused = self._paused_until_s is not None
        events = [*said, *self._episode.show(self._listened_s, hidden=False, paused=paused)]
        return [
            replace(event, time_s=time_s, since_s=time_s if event.kind in ("paused", "resumed") else event.since_s)
            for event in events
        ]

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on later, as JSON."""
        return {
            "silent": self._silent,
            "listened_s": self._listened_s,
            "paused_until_s": self._paused_until_s,
            "episode": self._episode.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a ``state_dict()``; the receiver's clock may be another one."""
        self._silent, self._listened_s = bool(state["silent"]), float(state["listened_s"])
        self._paused_until_s = state["paused_until_s"]
        self._episode.load_state_dict(state["episode"])
        self._wall_s = None

"""The life of one rule's alarm: delays, hold, latch, refractory time and reminders, on the engine's clock."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from biosig.monitoring.conditions import Finding
from biosig.monitoring.events import AlarmEvent, Kind
from biosig.monitoring.rules import Rule

__all__ = ["Episode", "by"]

Phase = Literal["idle", "pending", "waiting", "active", "ending"]

Shown = Literal["", "raised", "latched", "hidden", "paused"]
"""What people are told of an alarm: nothing, that it signals, that it did, or why it does not."""

_KINDS: dict[Shown, Kind] = {
    "": "cleared",
    "raised": "raised",
    "latched": "latched",
    "hidden": "suppressed",
    "paused": "suppressed",
}
"""What is said when people begin to be told this."""


@dataclass
class _State:
    """Memory of an episode; None stands for "never", which JSON has no number for."""

    phase: Phase = "idle"
    met: bool = False
    due_s: float | None = None
    free_s: float | None = None
    remind_s: float | None = None
    since_s: float = 0.0
    detail: str = ""
    latched: bool = False
    acknowledged: bool = False
    shown: Shown = ""


class Episode:
    """The alarm of one rule, through its phases.

    ``idle`` until the condition is met; ``pending`` for the on delay; ``waiting`` where the refractory time forbids a
    raise; ``active`` while the condition is met; ``ending`` for the off delay. What people are shown follows from
    the phase, the latch, and whether something silences it (:meth:`show`).
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._state = _State()

    @property
    def due_s(self) -> float:
        """The next instant at which :meth:`expire` must be called; infinite = none."""
        due_s, remind_s = self._state.due_s, self._state.remind_s
        return min(math.inf if due_s is None else due_s, math.inf if remind_s is None else remind_s)

    @property
    def shown(self) -> Shown:
        """What people are told now."""
        return self._state.shown

    @property
    def since_s(self) -> float:
        """Where on the signal its condition began."""
        return self._state.since_s

    @property
    def detail(self) -> str:
        """What was measured when it was last met."""
        return self._state.detail

    @property
    def acknowledged(self) -> bool:
        """Whether somebody has seen it since it was raised or signalled again."""
        return self._state.acknowledged

    @property
    def hides(self) -> bool:
        """Whether the alarms that the rule hides are hidden now: from its on delay until it is over."""
        return self._state.phase in ("pending", "active", "ending")

    def find(self, finding: Finding, now_s: float) -> None:
        """Take in that the condition began or ceased to be met."""
        state = self._state
        state.met = finding.met
        if finding.met:
            if state.phase == "ending":
                state.phase, state.due_s = "active", None
            elif state.phase == "idle":
                state.since_s, state.detail = finding.since_s, finding.detail
                state.phase, state.due_s = "pending", now_s + self.rule.on_delay_s
                self._settle(now_s)
        elif state.phase == "active":
            state.phase, state.due_s = "ending", now_s + self.rule.off_delay_s
            state.detail = finding.detail or state.detail
            self._settle(now_s)
        elif state.phase in ("pending", "waiting"):
            state.phase, state.due_s = "idle", None

    def expire(self, now_s: float) -> list[AlarmEvent]:
        """What the passing of time changes; a reminder is all that it says itself."""
        self._settle(now_s)
        state = self._state
        if state.remind_s is None or state.remind_s > now_s:
            return []
        state.remind_s = now_s + self.rule.re_alarm_s
        if state.phase != "active" or state.shown != "raised":
            return []
        state.acknowledged = False
        return [self.event(now_s, "re-alarm")]

    def acknowledge(self, now_s: float, who: str = "") -> list[AlarmEvent]:
        """Somebody (``who``) has seen it: a latch opens, a reminder starts anew."""
        state = self._state
        if state.shown in ("", "hidden") or state.acknowledged:
            return []
        state.acknowledged, state.latched = True, False
        if state.remind_s is not None:
            state.remind_s = now_s + self.rule.re_alarm_s
        return [self.event(now_s, "acknowledged", by(who))]

    def show(self, now_s: float, *, hidden: bool, paused: bool) -> list[AlarmEvent]:
        """Bring what people are shown up to date: at most one event."""
        state = self._state
        wanted: Shown = ""
        silence: Shown = "hidden" if hidden else "paused" if paused else ""
        if state.phase == "active" or (state.phase == "ending" and state.shown == "raised"):
            wanted = silence or "raised"
        elif state.phase == "ending":
            wanted = state.shown
        elif state.latched:
            wanted = "paused" if paused else "latched"
        before, state.shown = state.shown, wanted
        kind = _KINDS[wanted]
        if wanted == before or kind == _KINDS[before]:
            return []
        return [self.event(now_s, kind, wanted if kind == "suppressed" else "")]

    def event(self, now_s: float, kind: Kind, why: str = "") -> AlarmEvent:
        """Something that happened to this alarm."""
        detail = "; ".join(part for part in (self._state.detail, why) if part)
        rule = self.rule
        return AlarmEvent(now_s, rule.name, rule.priority, kind, self._state.since_s, detail, rule.technical)

    def _settle(self, now_s: float) -> None:
        """Go through the phases whose time has come."""
        state = self._state
        while state.due_s is not None and state.due_s <= now_s:
            state.due_s = None
            if state.phase == "ending":
                self._end(now_s)
            elif state.phase == "pending" and state.free_s is not None and state.free_s > now_s:
                state.phase, state.due_s = "waiting", state.free_s
            else:
                self._begin(now_s)

    def _begin(self, now_s: float) -> None:
        state = self._state
        state.phase, state.latched, state.acknowledged = "active", False, False
        state.remind_s = now_s + self.rule.re_alarm_s if self.rule.re_alarm_s else None

    def _end(self, now_s: float) -> None:
        state = self._state
        state.phase, state.remind_s = "idle", None
        state.free_s = now_s + self.rule.refractory_s if self.rule.refractory_s else None
        state.latched = self.rule.latching and state.shown in ("raised", "paused") and not state.acknowledged

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on later, as JSON."""
        return asdict(self._state)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a ``state_dict()`` of an episode of the same rule."""
        self._state = _State(**state)


def by(who: str) -> str:
    """``by NAME``, for the detail of what somebody did; empty where nobody said."""
    return f"by {who}" if who else ""

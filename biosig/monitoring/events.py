"""What goes into the alarm engine and what comes out of it: small frozen records with their times.

Two times stand in an event. ``time_s`` is where on the signal it lies, ``ready_s`` the instant it became known (never
before ``time_s``); both in seconds from the start of the recording, both told by the samples, never by a clock on the
wall. ``clock_s`` is the instant at which the engine must learn of an event: ``ready_s`` where there is one, else
``time_s``. Events are handed over in the order of :func:`order`, which does not depend on how the signal was cut.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from biosig.signal.fibrillation import FibrillationValues

__all__ = [
    "ENDS",
    "Acknowledge",
    "AlarmEvent",
    "AnomalyScore",
    "BeatEvent",
    "ClassScore",
    "FibrillationScore",
    "InputEvent",
    "Kind",
    "Pause",
    "Priority",
    "Score",
    "SignalState",
    "order",
    "packed",
    "unpacked",
]

Priority = Literal["high", "medium", "low"]
"""Of an alarm condition, IEC 60601-1-8:2006+A2:2020, 6.1.2: by how bad the harm and how soon it comes."""

Kind = Literal["raised", "cleared", "re-alarm", "acknowledged", "latched", "suppressed", "paused", "resumed"]
"""``raised``: the alarm signals. ``suppressed``: its condition is met, but a higher alarm or a pause keeps it silent.
``re-alarm``: still met after the time a rule allows. ``latched``: over, but shown until acknowledged.
``cleared``: over. ``acknowledged``: somebody has seen it. ``paused``, ``resumed``: what a pause covers, and its end."""

ENDS: tuple[Kind, ...] = ("cleared", "latched", "suppressed")
"""What ends an alarm that was raised: its condition is over, or something silences it."""


@dataclass(frozen=True, slots=True)
class BeatEvent:
    """One heart beat.

    Parameters
    ----------
    time_s : its R peak.
    ready_s : when beat and label became known.
    label : ``N``, ``S``, ``V`` or ``F`` (AAMI class); ``""`` = a beat whose class is not known.
    good : false where the signal around it was too bad to trust the label; the beat then counts, its label does not.
    """

    time_s: float
    ready_s: float
    label: str
    good: bool = True

    def __post_init__(self) -> None:
        _check_ready("beat", self.time_s, self.ready_s)
        if self.label not in ("N", "S", "V", "F", ""):
            raise ValueError(f"label of a beat must be N, S, V, F or '' (unknown), got {self.label!r}")

    @property
    def clock_s(self) -> float:
        """When the engine learns of it."""
        return self.ready_s


@dataclass(frozen=True, slots=True)
class SignalState:
    """How the signal was since the last state, about once per second.

    Parameters
    ----------
    time_s : end of the stretch it speaks of.
    good : share of samples that could be used, 0 to 1; below one half, no beat is expected there and the interval
        between the beats around it is not a heart rate.
    flat, saturated, missing : share of samples that were each of these, 0 to 1.
    """

    time_s: float
    good: float
    flat: float = 0.0
    saturated: float = 0.0
    missing: float = 0.0

    def __post_init__(self) -> None:
        _check_time("signal state", self.time_s)
        for name in ("good", "flat", "saturated", "missing"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} of a signal state is a share from 0 to 1, got {getattr(self, name)}")

    @property
    def clock_s(self) -> float:
        """When the engine learns of it."""
        return self.time_s


@dataclass(frozen=True, slots=True)
class Score:
    """A number about a stretch of signal.

    Parameters
    ----------
    time_s : end of the stretch.
    ready_s : when it became known.
    value : the higher, the further from normal.
    usable : false where the signal was too bad; ``value`` then says nothing.
    """

    time_s: float
    ready_s: float
    value: float
    usable: bool = True

    def __post_init__(self) -> None:
        _check_ready("score", self.time_s, self.ready_s)
        if self.usable and not math.isfinite(self.value):
            raise ValueError(f"a usable score must be a finite number, got {self.value} at {self.time_s:g} s")

    @property
    def clock_s(self) -> float:
        """When the engine learns of it."""
        return self.ready_s


@dataclass(frozen=True, slots=True)
class AnomalyScore(Score):
    """How unlike normal beats (or windows) a stretch is."""


@dataclass(frozen=True, slots=True)
class FibrillationScore(Score):
    """How much like flutter or fibrillation a stretch is, :mod:`biosig.signal.fibrillation`."""

    @classmethod
    def of(cls, values: FibrillationValues) -> list[FibrillationScore]:
        """One event per value; each is known with the last sample it speaks of."""
        columns = zip(values.time_s.tolist(), values.value.tolist(), values.usable.tolist(), strict=True)
        return [cls(time_s, time_s, value, usable) for time_s, value, usable in columns]


@dataclass(frozen=True, slots=True)
class ClassScore(Score):
    """How probable it is that a stretch belongs to a class of a bundle, such as ``seizure``.

    Parameters
    ----------
    label : the class.
    """

    label: str = ""


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Somebody (``who``) has seen an alarm (by its rule's name; ``""`` = all that there are)."""

    time_s: float
    alarm: str = ""
    who: str = ""

    def __post_init__(self) -> None:
        _check_time("acknowledge", self.time_s)

    @property
    def clock_s(self) -> float:
        """When the engine learns of it."""
        return self.time_s


@dataclass(frozen=True, slots=True)
class Pause:
    """Keep an alarm silent (``""`` = all but the technical ones) until ``until_s``; one until now ends a pause."""

    time_s: float
    until_s: float
    alarm: str = ""
    who: str = ""

    def __post_init__(self) -> None:
        _check_time("pause", self.time_s)
        if not math.isfinite(self.until_s):
            raise ValueError(f"a pause must end: until_s must be finite, got {self.until_s}")

    @property
    def clock_s(self) -> float:
        """When the engine learns of it."""
        return self.time_s


InputEvent = BeatEvent | SignalState | AnomalyScore | FibrillationScore | ClassScore | Acknowledge | Pause

_ORDER: tuple[type[InputEvent], ...] = (
    SignalState,
    FibrillationScore,
    BeatEvent,
    AnomalyScore,
    ClassScore,
    Pause,
    Acknowledge,
)


def order(event: InputEvent) -> tuple[float, int, float]:
    """Sort key of events: by the instant they are known, then kind, then place on the signal."""
    return event.clock_s, _ORDER.index(type(event)), event.time_s


def packed(event: InputEvent) -> list[Any]:
    """An event as JSON."""
    return [type(event).__name__, asdict(event)]


def unpacked(kept: Sequence[Any]) -> InputEvent:
    """The event of which :func:`packed` gave this."""
    name, fields = kept
    return next(kind for kind in _ORDER if kind.__name__ == name)(**fields)


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """Something that happened to an alarm.

    Parameters
    ----------
    time_s : when.
    alarm : name of the rule; ``all`` for a pause of everything.
    priority : of the rule.
    kind : what happened, see :data:`Kind`.
    since_s : where on the signal its condition began (the first beat of a run, the last beat before a pause).
    detail : what was measured, for people.
    technical : the equipment's trouble (a lead off), not the patient's.
    """

    time_s: float
    alarm: str
    priority: Priority
    kind: Kind
    since_s: float
    detail: str = ""
    technical: bool = False


def _check_time(what: str, time_s: float) -> None:
    if not math.isfinite(time_s):
        raise ValueError(f"time_s of a {what} must be finite, got {time_s}")


def _check_ready(what: str, time_s: float, ready_s: float) -> None:
    _check_time(what, time_s)
    if not time_s <= ready_s < math.inf:
        raise ValueError(f"a {what} is known after it happened: ready_s >= {time_s:g}, got {ready_s:g}")

"""What a rule watches for: frozen designs, and the little memory that each needs per patient.

A :class:`Condition` is the design and stands in a recipe; ``condition.open(latency_s, start_s)`` gives a
:class:`Watcher`, which is shown beats, signal states and scores and answers with a :class:`Finding` only when the
condition begins or ceases to be met. Nothing here knows of priorities, delays or people: that is
:mod:`biosig.monitoring.alarms`.

Here are the contract and what is watched in scores and signal; beats are in :mod:`biosig.monitoring.rhythms`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

from biosig.monitoring.events import AnomalyScore, ClassScore, FibrillationScore, Score, SignalState

__all__ = ["USABLE", "Beat", "Condition", "Finding", "Level", "Signal", "Watcher"]

USABLE = 0.5
"""Share of good samples below which a second of signal is not expected to show beats."""


class Beat(NamedTuple):
    """A beat as watchers see it: ``rr_s`` is None for the first and after bad signal; an unknown label is ``""``."""

    time_s: float
    label: str
    rr_s: float | None


class Finding(NamedTuple):
    """The condition began (``met``) or ceased to be met; ``since_s`` is where on the signal it began."""

    met: bool
    since_s: float
    detail: str


class Watcher:
    """One condition on one patient. ``_STATE`` names its memory: numbers, strings, None and lists of these."""

    _STATE: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self.met = False

    @property
    def due_s(self) -> float:
        """The instant at which :meth:`expire` has something to say though no event came; infinite = none.

        It comes nearer only with a finding.
        """
        return math.inf

    def expire(self) -> list[Finding]:
        """What is found at ``due_s``."""
        return []

    def see_beat(self, beat: Beat) -> list[Finding]:
        """What a beat changes."""
        return []

    def see_signal(self, state: SignalState) -> list[Finding]:
        """What a signal state changes."""
        return []

    def see_score(self, score: Score) -> list[Finding]:
        """What a score changes; only those that the design asks for are shown."""
        return []

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on later, as JSON."""
        values = {name: getattr(self, name) for name in ("met", *self._STATE)}
        return {name: list(value) if isinstance(value, list) else value for name, value in values.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a ``state_dict()`` of a watcher of the same design."""
        names = ("met", *self._STATE)
        if sorted(state) != sorted(names):
            raise ValueError(f"state of a watcher must have {', '.join(names)}; got {', '.join(state) or 'nothing'}")
        for name, value in state.items():
            setattr(self, name, list(value) if isinstance(value, list) else value)

    def turn(self, met: bool, since_s: float, detail: str, *figures: object) -> list[Finding]:
        """A finding where ``met`` is news, else nothing; ``detail`` has a place for each of the figures."""
        if met == self.met:
            return []
        self.met = met
        return [Finding(met, since_s, detail.format(*figures))]


@dataclass(frozen=True)
class Condition(ABC):
    """The design of a condition; subclasses are frozen dataclasses of numbers and strings."""

    @abstractmethod
    def open(self, latency_s: float, start_s: float) -> Watcher:
        """A fresh watcher.

        Parameters
        ----------
        latency_s : no beat becomes known later than this after its peak.
        start_s : where watching begins.
        """

    def asks_for(self, score: Score) -> bool:
        """Whether its watcher is to see this score."""
        return False


@dataclass(frozen=True)
class Level(Condition):
    """A score at or above a threshold, ``k`` times among its last ``n``.

    An unusable score is passed over: it neither begins nor ends anything.

    Parameters
    ----------
    of : which score; ``class`` is the probability of ``label``.
    threshold : value that counts.
    release : value below which a score ceases to count once the condition is met (hysteresis); None = ``threshold``.
    k, n : how many of how many.
    label : the class of ``of = "class"``, such as ``seizure``; else ``""``.
    """

    of: Literal["anomaly", "fibrillation", "class"]
    threshold: float
    release: float | None = None
    k: int = 1
    n: int = 1
    label: str = ""

    def __post_init__(self) -> None:
        if (self.of == "class") != bool(self.label):
            raise ValueError(f"label names the class of of='class', got label={self.label!r} with of={self.of!r}")
        if not math.isfinite(self.threshold):
            raise ValueError(f"threshold must be finite, got {self.threshold:g}")
        if self.release is not None and not self.release <= self.threshold:
            raise ValueError(f"release must not exceed threshold = {self.threshold:g}, got {self.release:g}")
        if not 1 <= self.k <= self.n:
            raise ValueError(f"k of n needs 1 <= k <= n, got {self.k} of {self.n}")

    def open(self, latency_s: float, start_s: float) -> Watcher:
        return _LevelWatcher(self)

    def asks_for(self, score: Score) -> bool:
        if self.of == "class":
            return isinstance(score, ClassScore) and score.label == self.label
        return isinstance(score, AnomalyScore if self.of == "anomaly" else FibrillationScore)


class _LevelWatcher(Watcher):
    """The last ``n`` usable scores and their times."""

    _STATE = ("values", "times_s", "since_s")

    def __init__(self, design: Level) -> None:
        super().__init__()
        self._design = design
        self.values: list[float] = []
        self.times_s: list[float] = []
        self.since_s = 0.0

    def see_score(self, score: Score) -> list[Finding]:
        if not score.usable:
            return []
        design = self._design
        self.values = [*self.values, score.value][-design.n :]
        self.times_s = [*self.times_s, score.time_s][-design.n :]
        limit = design.release if self.met and design.release is not None else design.threshold
        hits = [time_s for value, time_s in zip(self.values, self.times_s, strict=True) if value >= limit]
        met = len(hits) >= design.k
        if met and not self.met:
            self.since_s = hits[0]
        return self.turn(met, self.since_s, "{} {:.2f}", design.label or design.of, score.value)


@dataclass(frozen=True)
class Signal(Condition):
    """A share of bad samples: technical trouble, to which the beats' own alarms are then blind.

    Parameters
    ----------
    what : ``missing``, ``flat``, ``saturated``, or ``unusable`` (not good, whatever the reason).
    share : of the samples since the last state, from which it counts.
    """

    what: Literal["missing", "flat", "saturated", "unusable"]
    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0.0 < self.share <= 1.0:
            raise ValueError(f"share must lie in (0, 1], got {self.share:g}")

    def open(self, latency_s: float, start_s: float) -> Watcher:
        return _SignalWatcher(self)

    def measured(self, state: SignalState) -> float:
        """The share that counts."""
        shares = {"missing": state.missing, "flat": state.flat, "saturated": state.saturated}
        return shares.get(self.what, 1.0 - state.good)


class _SignalWatcher(Watcher):
    """Since when the signal is bad."""

    _STATE = ("since_s",)

    def __init__(self, design: Signal) -> None:
        super().__init__()
        self._design = design
        self.since_s = 0.0

    def see_signal(self, state: SignalState) -> list[Finding]:
        share = self._design.measured(state)
        met = share >= self._design.share
        if met and not self.met:
            self.since_s = state.time_s
        return self.turn(met, self.since_s, "{:.0f} % {}", 100 * share, self._design.what)

"""What a rule can watch for in beats: gaps, rates, runs, patterns, irregularity.

Definitions of the life-threatening rhythms are those of the PhysioNet/CinC Challenge 2015 (Clifford et al. 2015,
doi:10.1109/CIC.2015.7408639, table 1). A rate "for n consecutive beats" is the mean over the n - 1 intervals between
them: in atrial fibrillation single intervals leave any limit though the rate is far beyond it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from biosig.monitoring.conditions import USABLE, Beat, Condition, Finding, Watcher
from biosig.monitoring.events import SignalState

__all__ = ["Gap", "Irregular", "Rate", "Repeat", "Run"]

_EXACT_S = 1e-6
"""Times are sums of floats: 1000.1 - 996.1 is a gap of 4 s. A microsecond is far below any sample."""


@dataclass(frozen=True)
class Gap(Condition):
    """No beat for ``at_least_s``, in signal good enough to show one (challenge: asystole, 4 s).

    Told by time, not by the next beat: the latency of beats after the gap reached its length.
    """

    at_least_s: float

    def __post_init__(self) -> None:
        _check_positive(at_least_s=self.at_least_s)

    def open(self, latency_s: float, start_s: float) -> Watcher:
        return _GapWatcher(self, latency_s, start_s)


class _GapWatcher(Watcher):
    """The gap runs from the last beat, or from the end of bad signal after it."""

    _STATE = ("from_s",)

    def __init__(self, design: Gap, latency_s: float, start_s: float) -> None:
        super().__init__()
        self._at_least_s = design.at_least_s
        self._latency_s = latency_s
        self.from_s = start_s

    @property
    def due_s(self) -> float:
        return math.inf if self.met else self.from_s + self._at_least_s + self._latency_s

    def expire(self) -> list[Finding]:
        return self.turn(True, self.from_s, "no beat for {:g} s", self._at_least_s)

    def see_beat(self, beat: Beat) -> list[Finding]:
        gap_s = beat.time_s - self.from_s
        found = self.turn(True, self.from_s, "no beat for {:.1f} s", gap_s) if self._long(gap_s) else []
        found += self.turn(False, self.from_s, "no beat for {:.1f} s", gap_s)
        self.from_s = beat.time_s
        return found

    def see_signal(self, state: SignalState) -> list[Finding]:
        if state.good < USABLE and not self.met:
            self.from_s = max(self.from_s, state.time_s)
        return []

    def _long(self, gap_s: float) -> bool:
        return gap_s >= self._at_least_s - _EXACT_S


@dataclass(frozen=True)
class Rate(Condition):
    """Heart rate beyond a limit for ``beats`` consecutive beats (challenge: < 40 for 5, > 140 for 17).

    Parameters
    ----------
    beats : 2 or more; the rate is 60 s over the mean of the intervals between them.
    below_bpm, above_bpm : one of the two, in beats per minute; the limit itself is not beyond it.
    release_bpm : the rate that ends it, between limit and normal; 0 = the limit.
    """

    beats: int
    below_bpm: float = 0.0
    above_bpm: float = 0.0
    release_bpm: float = 0.0

    def __post_init__(self) -> None:
        if self.beats < 2:
            raise ValueError(f"a rate needs beats >= 2, got {self.beats}")
        limits = [limit for limit in (self.below_bpm, self.above_bpm) if limit != 0.0]
        if len(limits) != 1 or not (math.isfinite(limits[0]) and limits[0] > 0):
            raise ValueError(f"give below_bpm or above_bpm, got {self.below_bpm:g} and {self.above_bpm:g}")
        if self.release_bpm and (self.release_bpm < self.below_bpm or 0 < self.above_bpm < self.release_bpm):
            raise ValueError(f"release_bpm must lie on the normal side of the limit {limits[0]:g}")

    def open(self, latency_s: float, start_s: float) -> Watcher:
        return _RateWatcher(self)

    def beyond(self, bpm: float, met: bool) -> bool:
        """Whether the rate meets the condition, given whether the last one did."""
        limit = (met and self.release_bpm) or self.below_bpm or self.above_bpm
        return bpm < limit - _EXACT_S if self.below_bpm else bpm > limit + _EXACT_S


class _RateWatcher(Watcher):
    """Times of the last beats without bad signal between them; ends only when good signal says so."""

    _STATE = ("times_s", "since_s")

    def __init__(self, design: Rate) -> None:
        super().__init__()
        self._design = design
        self.times_s: list[float] = []
        self.since_s = 0.0

    def see_beat(self, beat: Beat) -> list[Finding]:
        if beat.rr_s is None:
            self.times_s = []
        self.times_s = [*self.times_s, beat.time_s][-self._design.beats :]
        if len(self.times_s) < self._design.beats:
            return []
        bpm = 60.0 * (self._design.beats - 1) / (self.times_s[-1] - self.times_s[0])
        met = self._design.beyond(bpm, self.met)
        if met and not self.met:
            self.since_s = self.times_s[0]
        return self.turn(met, self.since_s, "{:.0f} bpm over {} beats", bpm, self._design.beats)


@dataclass(frozen=True)
class Run(Condition):
    """Consecutive ventricular beats (challenge: ventricular tachycardia, 5 or more at more than 100 bpm).

    A beat of unknown class neither counts nor ends a run.

    Parameters
    ----------
    beats : how many make the run.
    above_bpm : rate over the last ``beats`` of them that must be exceeded; 0 = any.
    exactly : only a run that ended with this many, told by the beat after it (a couplet is a run of exactly 2).
    """

    beats: int
    above_bpm: float = 0.0
    exactly: bool = False

    def __post_init__(self) -> None:
        if self.beats < 2:
            raise ValueError(f"a run needs beats >= 2, got {self.beats}")
        if not (math.isfinite(self.above_bpm) and self.above_bpm >= 0):
            raise ValueError(f"above_bpm must be 0 or a rate, got {self.above_bpm:g}")

    def open(self, latency_s: float, start_s: float) -> Watcher:
        return _ExactRunWatcher(self) if self.exactly else _RunWatcher(self)


class _RunWatcher(Watcher):
    """The run so far, and the times of its last beats."""

    _STATE = ("count", "times_s", "start_s")

    def __init__(self, design: Run) -> None:
        super().__init__()
        self._design = design
        self.count = 0
        self.times_s: list[float] = []
        self.start_s = 0.0

    def see_beat(self, beat: Beat) -> list[Finding]:
        before = self.count
        self._count(beat)
        beats = max(before, self.count)
        if self.count < self._design.beats:
            return self.turn(False, self.start_s, "{} V beats", beats)
        bpm = 60.0 * (len(self.times_s) - 1) / (self.times_s[-1] - self.times_s[0])
        met = bpm > self._design.above_bpm + _EXACT_S
        return self.turn(met, self.start_s, "{} V beats at {:.0f} bpm", beats, bpm)

    def _count(self, beat: Beat) -> None:
        """Put the beat into the run, or end the run."""
        if beat.label not in ("V", "") or beat.rr_s is None:
            self.count, self.times_s = 0, []
        if beat.label == "V":
            self.start_s = self.start_s if self.count else beat.time_s
            self.count += 1
        if self.count:
            self.times_s = [*self.times_s, beat.time_s][-self._design.beats :]


class _ExactRunWatcher(_RunWatcher):
    """Met with the beat that ends such a run, until the next beat."""

    def see_beat(self, beat: Beat) -> list[Finding]:
        before, start_s, times_s = self.count, self.start_s, self.times_s
        self._count(beat)
        found = self.turn(False, start_s, "")
        ended = self.count == 0 and before == self._design.beats and beat.rr_s is not None
        if not ended:
            return found
        bpm = 60.0 * (len(times_s) - 1) / (times_s[-1] - times_s[0])
        if bpm <= self._design.above_bpm + _EXACT_S:
            return found
        return found + self.turn(True, start_s, "{} V beats at {:.0f} bpm", before, bpm)


@dataclass(frozen=True)
class Repeat(Condition):
    """A ventricular beat every ``every`` beats, ``cycles`` times in a row: 2 = bigeminy, 3 = trigeminy.

    ``cycles`` ventricular beats, ``every - 1`` others between each two of them.
    """

    every: int
    cycles: int = 3

    def __post_init__(self) -> None:
        if self.every < 2 or self.cycles < 2:
            raise ValueError(f"every and cycles must be 2 or more, got {self.every} and {self.cycles}")

    def open(self, latency_s: float, start_s: float) -> Watcher:
        return _RepeatWatcher(self)


class _RepeatWatcher(Watcher):
    """Ventricular beats in step so far, and the beats since the last of them."""

    _STATE = ("count", "others", "start_s")

    def __init__(self, design: Repeat) -> None:
        super().__init__()
        self._design = design
        self.count = 0
        self.others = 0
        self.start_s = 0.0

    def see_beat(self, beat: Beat) -> list[Finding]:
        if beat.rr_s is None:
            self.count = 0
        start_s = self.start_s
        if beat.label != "V":
            self.others += 1
            if self.others >= self._design.every:
                self.count = 0
        else:
            in_step = self.count > 0 and self.others == self._design.every - 1
            self.count = self.count + 1 if in_step else 1
            self.start_s = start_s if in_step else beat.time_s
            self.others = 0
        met = self.count >= self._design.cycles
        return self.turn(met, self.start_s if met else start_s, "V beat every {} beats", self._design.every)


@dataclass(frozen=True)
class Irregular(Condition):
    """Intervals that change from beat to beat without order, as in atrial fibrillation.

    The median of ``|RR(i) - RR(i-1)| / mean(RR(i), RR(i-1))`` over the last ``changes`` pairs of intervals, those with
    a V, F or unknown beat at any of their three ends left out. A median, because single premature atrial beats
    change three intervals each and must not look like fibrillation.

    Parameters
    ----------
    changes : pairs of intervals looked at; as many are needed before anything is said.
    above : median that begins it.
    release : median that ends it; 0 = ``above``.

    Notes
    -----
    Over 64 changes of reference beats of MIT-BIH DS1, the median is 0.12 to 0.23 in the atrial fibrillation of the two
    patients who have it (201, 203), and at most 0.098 in the 20 others.
    """

    changes: int = 64
    above: float = 0.11
    release: float = 0.0

    def __post_init__(self) -> None:
        if self.changes < 4:
            raise ValueError(f"changes must be 4 or more, got {self.changes}")
        _check_positive(above=self.above)
        if not 0.0 <= self.release <= self.above:
            raise ValueError(f"release must lie in 0 to above = {self.above:g}, got {self.release:g}")

    def open(self, latency_s: float, start_s: float) -> Watcher:
        return _IrregularWatcher(self)


class _IrregularWatcher(Watcher):
    """Relative changes of neighbouring intervals, when the oldest of them began, and the last interval."""

    _STATE = ("relative", "times_s", "last_rr_s", "clean", "since_s")

    def __init__(self, design: Irregular) -> None:
        super().__init__()
        self._design = design
        self.relative: list[float] = []
        self.times_s: list[float] = []
        self.last_rr_s: float | None = None
        self.clean = False
        self.since_s = 0.0

    def see_beat(self, beat: Beat) -> list[Finding]:
        conducted = beat.label in ("N", "S")
        rr_s = beat.rr_s if conducted and self.clean else None
        before_s, self.last_rr_s, self.clean = self.last_rr_s, rr_s, conducted
        if rr_s is None or before_s is None:
            return []
        n = self._design.changes
        self.relative = [*self.relative, 2.0 * abs(rr_s - before_s) / (rr_s + before_s)][-n:]
        self.times_s = [*self.times_s, beat.time_s - rr_s - before_s][-n:]
        if len(self.relative) < n:
            return []
        middle = median(self.relative)
        limit = (self.met and self._design.release) or self._design.above
        met = middle > limit
        if met and not self.met:
            self.since_s = self.times_s[0]
        return self.turn(met, self.since_s, "intervals change by {:.0f} %", 100 * middle)


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be a positive number, got {value:g}")

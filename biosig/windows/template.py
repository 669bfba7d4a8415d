"""The shapes a patient's beats come in, learned beat by beat.

As a Holter analyser sorts beats into families (a template each, how often and how early it comes), but live: a beat
is compared with what was known before it, then added. Families that are seldom seen give way to new ones, and which
family is the patient's *normal* one is asked anew with every beat, so nothing learned at the start can get stuck.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from biosig.compiled import compiled
from biosig.signal.stream import State

__all__ = ["BeatShape", "Match", "TemplateBank"]

Signal = NDArray[np.float64]

_TINY = 1e-9
_SCALE_MIN, _SCALE_MAX = 0.7, 1.4
"""A beat may be this much smaller or larger than its template (breathing, posture) and still be the same shape."""
_AS_GOOD = 0.05
"""Of families that are about as similar as the best one, the most frequent takes the beat: else a noisy first beat
founds a second normal family, and the two share the patient's beats for good (record 209: 61 to 39 %)."""
_PREMATURE_WEIGHT = 0.1
_TAKE_OVER = 1.2
"""A family becomes the normal one when it weighs this much more than the present one: no flutter between two."""
_REGULAR_SHARE, _REGULAR_PREMATURE = 0.03, 0.4
_FORGET_BEATS = 100.0
_CENTRE_S = 0.1


@dataclass(frozen=True)
class BeatShape:
    """Where the parts of a beat lie in its aligned window, in samples; derived from seconds at ``fs`` Hz.

    The window reaches from 0.36 s before the R peak (a P wave at a PR interval of up to 0.3 s) to 0.54 s after it
    (the T wave); beats are aligned to their template within +-45 ms.
    """

    fs: float
    before_s: float = 0.36
    after_s: float = 0.54
    slack_s: float = 0.045

    @property
    def peak(self) -> int:
        """Sample of the R peak."""
        return round(self.before_s * self.fs)

    @property
    def length(self) -> int:
        """Samples of the window."""
        return self.peak + round(self.after_s * self.fs)

    @property
    def slack(self) -> int:
        """Samples that alignment may move a beat to either side."""
        return round(self.slack_s * self.fs)

    def part(self, start_s: float, stop_s: float) -> slice:
        """The samples from ``start_s`` to ``stop_s`` after the R peak (negative = before)."""
        return slice(self.peak + round(start_s * self.fs), self.peak + round(stop_s * self.fs))

    @property
    def qrs(self) -> slice:
        """Ventricular activation, wide enough for an ectopic one."""
        return self.part(-0.11, 0.15)

    @property
    def p_wave(self) -> slice:
        """Where a P wave is looked for."""
        return self.part(-0.30, -0.07)

    @property
    def t_wave(self) -> slice:
        """Repolarisation."""
        return self.part(0.15, 0.42)


class Match(NamedTuple):
    """How a beat compares with the families known before it.

    Parameters
    ----------
    family : number of the family that the beat is closest to, -1 = there is none yet.
    lag : samples into the segment at which the window aligned to ``family`` starts.
    likeness : agreement of the beat's QRS with this family's scaled template, -1 to 1: twice their product over the
        sum of their energies.
    normal_lag, normal_likeness, normal_shape, normal_scale : alignment to the normal family, the agreement,
        the correlation, and the beat's size relative to the template (0.7 to 1.4).
    regular_likeness : the best agreement with any family that is frequent and not premature.
    """

    family: int
    lag: int
    likeness: float
    normal_lag: int
    normal_likeness: float
    normal_shape: float
    normal_scale: float
    regular_likeness: float


_COUNT, _WEIGHT, _PREMATURE, _LAST = range(4)


class TemplateBank:
    """The families of one patient.

    Parameters
    ----------
    shape : the window.
    families : how many are remembered.
    like : a beat belongs to a family whose template it agrees with at least this well.
    rate : weight of a new beat in an established template.
    memory : beats after which a family's count has decayed to 1/e.
    """

    def __init__(self, shape: BeatShape, *, families: int, like: float, rate: float, memory: float) -> None:
        self.shape = shape
        self._families = families
        self._like, self._rate, self._decay = like, rate, exp(-1.0 / memory)
        self._reach = round(_CENTRE_S * shape.fs)
        self.reset()

    def reset(self) -> None:
        """Forget every family."""
        qrs = self.shape.qrs
        self.wave = np.zeros((self._families, self.shape.length))
        self._core = np.zeros((self._families, qrs.stop - qrs.start))
        self._energy = np.zeros(self._families)
        self._known = np.zeros((4, self._families))
        self.size = 0
        """Families known."""
        self.normal = -1
        """The patient's normal one of them; -1 = none is known."""
        self._beats = 0

    def match(self, segment: Signal) -> Match:
        """Compare a segment (length + 2 slack samples, R peak at peak + slack) with what is known."""
        if not self.size:
            lag = self._centred(segment)
            return Match(-1, lag, 0.0, lag, 1.0, 1.0, 1.0, 1.0)
        qrs = segment[self.shape.qrs.start :]
        return Match(*_match(qrs, self._core, self._energy, self._known, self.size, self.normal, 2 * self.shape.slack))

    def belongs(self, match: Match) -> bool:
        """Whether a beat is one of its most similar family, or the first of a new one."""
        return match.family >= 0 and match.likeness >= self._like

    def share(self, family: int) -> float:
        """Of the beats so far, those of a family; of what is remembered of both."""
        return float(self._known[_COUNT, family]) / (float(self._known[_COUNT].sum()) + _TINY)

    def premature(self, family: int) -> float:
        """Share of the beats of a family that came early."""
        return float(self._known[_PREMATURE, family])

    def add(self, segment: Signal, match: Match, *, premature: bool) -> int:
        """Learn a beat; returns the number of its family."""
        if self.belongs(match):
            family, lag = match.family, match.lag
            count, early = self._known[_COUNT, family], self._known[_PREMATURE, family]
            # A premature beat carries the T wave of the beat before it where its P wave should be.
            rate = 0.0 if premature and early <= 0.5 and count >= 3 else max(1.0 / (count + 1.0), self._rate)
        else:
            family, lag, rate = self._found(premature), self._centred(segment), 1.0
        if rate:
            beat = segment[lag : lag + self.shape.length]
            self._energy[family] = _learn(beat, rate, self.wave[family], self._core[family], self.shape.qrs.start)
        self.normal = _count(self._known, self.size, family, premature, self._decay, self._beats, self.normal)
        self._beats += 1
        return family

    def _found(self, premature: bool) -> int:
        """A new family; when there is no room it takes the place of the least and longest unseen one."""
        if self.size < self._families:
            family = self.size
            self.size += 1
        else:
            kept = self._known[_COUNT] * np.exp((self._known[_LAST] - self._beats) / _FORGET_BEATS)
            kept[self.normal] = np.inf
            family = int(kept.argmin())
        self._known[:, family] = 0.0
        self._known[_PREMATURE, family] = float(premature)
        return family

    def _centred(self, segment: Signal) -> int:
        """Start of the window that has the centre of the slope's energy, +-0.1 s around the peak, at the peak."""
        slack, peak = self.shape.slack, self.shape.peak + self.shape.slack
        return _centred(segment[peak - self._reach : peak + self._reach + 1], slack)

    def state_dict(self) -> State:
        """Everything needed to go on later, as arrays."""
        return {
            "wave": self.wave.copy(),
            "core": self._core.copy(),
            "energy": self._energy.copy(),
            "known": self._known.copy(),
            "counts": np.array([self.size, self.normal, self._beats], dtype=np.int64),
        }

    def load_state_dict(self, state: State) -> None:
        """Go on from a ``state_dict()`` of a bank of the same design."""
        self.wave, self._core = state["wave"].copy(), state["core"].copy()
        self._energy, self._known = state["energy"].copy(), state["known"].copy()
        self.size, self.normal, self._beats = (int(value) for value in state["counts"])


@compiled
def _match(
    segment: Signal, core: Signal, energy: Signal, known: Signal, size: int, normal: int, slack: int
) -> tuple[int, int, float, int, float, float, float, float]:
    """The fields of a :class:`Match`.

    Parameters
    ----------
    segment : from the first sample on that a QRS may begin with.
    core, energy : (families, n) the QRS of every template without its mean, and (families,) its energy.
    known : (4, families), what is known of each.
    size, normal : families known, and the normal one.
    slack : lags tried beside the first.
    """
    n = core.shape[1]
    lags = slack + 1
    total, square = np.zeros(lags), np.full(lags, _TINY)
    for k in range(n):
        for lag in range(lags):
            value = segment[k + lag]
            total[lag] += value
            square[lag] += value * value
    best, at = np.zeros(size), np.zeros(size, dtype=np.int64)
    normal_scale = normal_shape = 0.0
    dot = np.zeros(lags)
    for family in range(size):
        dot[:] = 0.0
        for k in range(n):
            for lag in range(lags):
                dot[lag] += core[family, k] * segment[k + lag]
        best[family] = -2.0
        for lag in range(lags):
            own = square[lag] - total[lag] * total[lag] / n
            scale = min(max(dot[lag] / energy[family], _SCALE_MIN), _SCALE_MAX)
            agreement = 2.0 * scale * dot[lag] / (own + scale * scale * energy[family])
            if agreement > best[family]:
                best[family], at[family] = agreement, lag
                if family == normal:
                    normal_scale, normal_shape = scale, dot[lag] / sqrt(energy[family] * own)
    closest, regular = 0, best[normal]
    highest, seen = best.max(), known[_COUNT].sum()
    for family in range(size):
        count = known[_COUNT, family]
        better = best[closest] < highest - _AS_GOOD or count > known[_COUNT, closest]
        if best[family] >= highest - _AS_GOOD and better:
            closest = family
        if count >= _REGULAR_SHARE * seen and known[_PREMATURE, family] <= _REGULAR_PREMATURE:
            regular = max(regular, best[family])
    return closest, at[closest], best[closest], at[normal], best[normal], normal_shape, normal_scale, regular


@compiled
def _learn(beat: Signal, rate: float, wave: Signal, core: Signal, first: int) -> float:
    """Let a template (length,) follow a beat, and its QRS from sample ``first`` on (n,); its energy."""
    for k in range(len(wave)):
        wave[k] += rate * (beat[k] - wave[k])
    n, total, energy = len(core), 0.0, _TINY
    for k in range(n):
        total += wave[first + k]
    for k in range(n):
        core[k] = wave[first + k] - total / n
        energy += core[k] * core[k]
    return energy


@compiled
def _count(known: Signal, size: int, family: int, premature: bool, decay: float, beats: int, normal: int) -> int:
    """Count a beat of a family, ``beats`` having come before it; the normal family from now on."""
    heaviest = 0
    for other in range(size):
        known[_COUNT, other] *= decay
        known[_WEIGHT, other] *= decay
        if other == family:
            known[_COUNT, other] += 1.0
            known[_WEIGHT, other] += _PREMATURE_WEIGHT if premature else 1.0
            rate = max(0.1, 1.0 / (known[_COUNT, other] + 1.0))
            known[_PREMATURE, other] += rate * ((1.0 if premature else 0.0) - known[_PREMATURE, other])
            known[_LAST, other] = beats
        if known[_WEIGHT, other] > known[_WEIGHT, heaviest]:
            heaviest = other
    if normal < 0 or known[_WEIGHT, heaviest] > _TAKE_OVER * known[_WEIGHT, normal]:
        return heaviest
    return normal


@compiled
def _centred(around: Signal, slack: int) -> int:
    """``slack`` moved by the centre of the slope's energy around the middle of these samples, 0 to twice as much."""
    middle = (len(around) - 1) / 2
    centre, energy = 0.0, _TINY
    for k in range(len(around) - 1):
        slope = around[k + 1] - around[k]
        centre += slope * slope * (k + 0.5 - middle)
        energy += slope * slope
    return min(max(slack + round(centre / energy), 0), 2 * slack)

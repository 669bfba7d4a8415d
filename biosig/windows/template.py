"""The shapes a patient's beats come in, learned beat by beat.

As a Holter analyser sorts beats into families (a template each, how often and how early it comes), but live: a beat
is compared with what was known before it, then added. Families that are seldom seen give way to new ones, and which
family is the patient's *normal* one is asked anew with every beat, so nothing learned at the start can get stuck.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True, eq=False)
class Match:
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
        self._like, self._rate, self._decay = like, rate, exp(-1.0 / memory)
        qrs = shape.qrs
        self._qrs = qrs
        self._n = qrs.stop - qrs.start
        self._lags = 2 * shape.slack + 1
        self._windows = qrs.start + np.arange(self._lags)[:, None] + np.arange(self._n)[None, :]
        reach = round(_CENTRE_S * shape.fs)
        self._around = slice(shape.peak + shape.slack - reach, shape.peak + shape.slack + reach + 1)
        self._offsets = np.arange(2.0 * reach) + 0.5 - reach
        self._families = families
        self.reset()

    def reset(self) -> None:
        """Forget every family."""
        self.wave = np.zeros((self._families, self.shape.length))
        self._core = np.zeros((self._families, self._n))
        self._energy = np.zeros(self._families)
        self.count: list[float] = []
        self.weight: list[float] = []
        self.premature: list[float] = []
        self._last: list[float] = []
        self.normal = -1
        self._beats = 0

    def match(self, segment: Signal) -> Match:
        """Compare a segment (length + 2 slack samples, R peak at peak + slack) with what is known."""
        size = len(self.count)
        if not size:
            lag = self._centred(segment)
            return Match(-1, lag, 0.0, lag, 1.0, 1.0, 1.0, 1.0)
        windows = segment[self._windows]
        total = windows.sum(axis=1)
        energy = np.einsum("ij,ij->i", windows, windows) - total * total / self._n + _TINY
        dot = self._core[:size] @ windows.T
        own = self._energy[:size, None]
        scale = (dot / own).clip(_SCALE_MIN, _SCALE_MAX)
        agreement = 2.0 * scale * dot / (energy + scale * scale * own)
        lags = agreement.argmax(axis=1).tolist()
        each = agreement.max(axis=1).tolist()
        enough = max(each) - _AS_GOOD
        family = max((number for number in range(size) if each[number] >= enough), key=self.count.__getitem__)
        seen = sum(self.count)
        regular = [
            share
            for share, count, early in zip(each, self.count, self.premature, strict=True)
            if count >= _REGULAR_SHARE * seen and early <= _REGULAR_PREMATURE
        ]
        normal = self.normal
        at = lags[normal]
        return Match(
            family=family,
            lag=lags[family],
            likeness=each[family],
            normal_lag=at,
            normal_likeness=each[normal],
            normal_shape=float(dot[normal, at]) / sqrt(float(self._energy[normal] * energy[at])),
            normal_scale=float(scale[normal, at]),
            regular_likeness=max([each[normal], *regular]),
        )

    def belongs(self, match: Match) -> bool:
        """Whether a beat is one of its most similar family, or the first of a new one."""
        return match.family >= 0 and match.likeness >= self._like

    def add(self, segment: Signal, match: Match, *, premature: bool) -> int:
        """Learn a beat; returns the number of its family."""
        if self.belongs(match):
            family = match.family
            # A premature beat carries the T wave of the beat before it where its P wave should be.
            if not premature or self.premature[family] > 0.5 or self.count[family] < 3:
                rate = max(1.0 / (self.count[family] + 1.0), self._rate)
                beat = segment[match.lag : match.lag + self.shape.length]
                self._learn(family, self.wave[family] + rate * (beat - self.wave[family]))
        else:
            family = self._found(segment, premature)
        for number in range(len(self.count)):
            self.count[number] *= self._decay
            self.weight[number] *= self._decay
        self.count[family] += 1.0
        self.weight[family] += _PREMATURE_WEIGHT if premature else 1.0
        rate = max(0.1, 1.0 / (self.count[family] + 1.0))
        self.premature[family] += rate * (float(premature) - self.premature[family])
        self._last[family] = float(self._beats)
        self._beats += 1
        heaviest = self.weight.index(max(self.weight))
        if self.normal < 0 or self.weight[heaviest] > _TAKE_OVER * self.weight[self.normal]:
            self.normal = heaviest
        return family

    def _found(self, segment: Signal, premature: bool) -> int:
        """A new family; when there is no room it takes the place of the least and longest unseen one."""
        lag = self._centred(segment)
        if len(self.count) < self._families:
            family = len(self.count)
            for column in (self.count, self.weight, self.premature, self._last):
                column.append(0.0)
        else:
            kept = [
                count * exp((last - self._beats) / _FORGET_BEATS)
                for count, last in zip(self.count, self._last, strict=True)
            ]
            kept[self.normal] = float("inf")
            family = kept.index(min(kept))
        self.count[family] = self.weight[family] = 0.0
        self.premature[family] = float(premature)
        self._learn(family, segment[lag : lag + self.shape.length])
        return family

    def _learn(self, family: int, wave: Signal) -> None:
        self.wave[family] = wave
        core = wave[self._qrs]
        core = core - core.sum() / self._n
        self._core[family] = core
        self._energy[family] = core @ core + _TINY

    def _centred(self, segment: Signal) -> int:
        """Start of the window that has the centre of the slope's energy, +-0.1 s around the peak, at the peak."""
        slope = np.diff(segment[self._around])
        slope *= slope
        centre = float(slope @ self._offsets) / (float(slope.sum()) + _TINY)
        return min(max(self.shape.slack + round(centre), 0), 2 * self.shape.slack)

    def state_dict(self) -> State:
        """Everything needed to go on later, as arrays."""
        return {
            "wave": self.wave.copy(),
            "core": self._core.copy(),
            "energy": self._energy.copy(),
            "families": np.array([self.count, self.weight, self.premature, self._last], dtype=np.float64),
            "counts": np.array([self.normal, self._beats], dtype=np.int64),
        }

    def load_state_dict(self, state: State) -> None:
        """Go on from a ``state_dict()`` of a bank of the same design."""
        self.wave, self._core = state["wave"].copy(), state["core"].copy()
        self._energy = state["energy"].copy()
        self.count, self.weight, self.premature, self._last = (row.tolist() for row in state["families"])
        self.normal, self._beats = (int(value) for value in state["counts"])

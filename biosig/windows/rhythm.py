"""What is known of a patient when a beat is judged: their normal beat, their rhythm, and how this beat differs.

Beats arrive in order, each with the signal around its R peak and the beats already known to follow it. Nothing here
counts chunks or looks at a clock, so live and offline give the same bytes. The idea of judging a beat by its
difference from the patient's own: de Chazal, O'Dwyer & Reilly 2004, doi:10.1109/TBME.2004.827359; intervals relative
to the patient's: Llamedo & Martinez 2011, doi:10.1109/TBME.2010.2068048.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from biosig.signal.stream import State
from biosig.windows.pace import PACE_FEATURES, Pace
from biosig.windows.template import BeatShape, Match, TemplateBank

__all__ = ["FEATURES", "BeatHistory", "PatientHistory"]

Signal = NDArray[np.float64]

_FAMILY_FEATURES: tuple[str, ...] = (
    "likeness",
    "shape",
    "scale",
    "best_likeness",
    "regular_likeness",
    "is_normal",
    "family_share",
    "family_premature",
    "normal_share",
    "previous_likeness",
)
_WAVE_FEATURES: tuple[str, ...] = (
    "p_shape",
    "p_residual",
    "p_surprise",
    "p_level",
    "p_height",
    "p_height_normal",
    "p_clarity",
    "t_shape",
    "t_residual",
    "t_surprise",
    "t_area_change",
    "qrs_residual",
    "qrs_surprise",
    "width",
    "width_change",
    "mass",
    "mass_change",
    "size_change",
    "up",
    "up_change",
    "down",
    "down_change",
    "slope_change",
    "seen",
)
FEATURES: tuple[str, ...] = (*PACE_FEATURES, *_FAMILY_FEATURES, *_WAVE_FEATURES)
"""Names of a beat's features. Amplitudes are relative to the patient's normal QRS, widths in seconds (``mass`` in their
logarithm); ``*_residual`` are logarithms of what is left of a part of the beat after subtracting the normal one's,
``*_surprise`` and ``*_change`` compare with the running level of normal beats."""

_FLOOR = 1e-3
_TINY = 1e-9
_LEVEL_RATE = 1 / 24
_LEVEL_CLIP = 0.5
_SEEN = 32
_ACTIVE = 0.12
"""Where the slope exceeds this share of its largest value, the ventricles are being activated."""


@dataclass(frozen=True)
class BeatHistory:
    """The design of a patient's memory.

    Parameters
    ----------
    families : shapes of beats remembered.
    like : agreement with a template from which on a beat belongs to its family.
    rate : weight of a new beat in an established template.
    memory_beats : beats after which a family's count has decayed to 1/e.
    """

    families: int = 8
    like: float = 0.8
    rate: float = 1 / 24
    memory_beats: float = 200.0

    def __post_init__(self) -> None:
        if self.families < 2:
            raise ValueError(f"families must be 2 or more (a normal and another one), got {self.families}")
        for name, value in (("like", self.like), ("rate", self.rate)):
            if not 0 < value < 1:
                raise ValueError(f"{name} must lie in (0, 1), got {value}")
        if self.memory_beats < 10:
            raise ValueError(f"memory_beats must be 10 or more, got {self.memory_beats}")

    def open(self, fs: float, look_ahead_s: float) -> PatientHistory:
        """A fresh memory for one patient.

        Parameters
        ----------
        fs : of the filtered lead, 100 to 500 Hz.
        look_ahead_s : beats up to this long after a beat may enter its features.
        """
        if not 100.0 <= fs <= 500.0:
            raise ValueError(f"a beat's history needs fs from 100 to 500 Hz, got {fs:g} Hz; resample first")
        return PatientHistory(self, fs, look_ahead_s)


class PatientHistory:
    """The memory of one patient.

    ``add`` takes segments of ``before`` + ``after`` samples, the R peak at sample ``before``, and gives the beat
    aligned to the patient's normal one, (``n_channels``, ``length``), and its ``features``.
    """

    n_channels = 2
    features = FEATURES

    def __init__(self, design: BeatHistory, fs: float, look_ahead_s: float) -> None:
        self._shape = shape = BeatShape(fs)
        self.length = shape.length
        self.before = shape.peak + shape.slack
        self.after = shape.length - shape.peak + shape.slack
        self._p, self._qrs, self._t = shape.p_wave, shape.qrs, shape.t_wave
        self._wide = shape.part(-0.14, 0.18)
        self._bank = TemplateBank(
            shape, families=design.families, like=design.like, rate=design.rate, memory=design.memory_beats
        )
        self._pace = Pace(look_ahead_s)
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next beat is the first."""
        self._bank.reset()
        self._pace.reset()
        self._levels: list[float] = []
        self._seen = 0
        self._previous = 1.0

    def add(
        self, peak_s: float, segment: NDArray[np.floating], later_s: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Judge a beat by what came before it, then learn it.

        Parameters
        ----------
        peak_s : time of its R peak, later than the last one's.
        segment : (before + after,) the filtered lead in mV, R peak at sample ``before``.
        later_s : times of the R peaks known to follow, in order.

        Returns
        -------
        wave : float32 (2, length), the aligned beat in units of the patient's normal QRS height, and what is left of
            it after subtracting the scaled normal template.
        features : float32 (len(FEATURES),).
        """
        if segment.shape != (self.before + self.after,):
            raise ValueError(f"segment must be ({self.before + self.after},) samples, got {segment.shape}")
        signal = segment.astype(np.float64)
        premature = self._pace.premature(peak_s)
        timing = self._pace.features(peak_s, later_s)
        match = self._bank.match(signal)
        beat = signal[match.normal_lag : match.normal_lag + self.length]
        normal = self._bank.wave[self._bank.normal] if self._bank.normal >= 0 else beat
        families = self._families(match)
        wave, measured, now = self._compare(beat, normal, match.normal_scale)
        family = self._bank.add(signal, match, premature=premature)
        regular = family == self._bank.normal
        if regular and not premature:
            self._settle(now)
        self._pace.add(peak_s, normal=regular)
        self._previous = match.normal_likeness
        self._seen += 1
        return wave, np.array([*timing, *families, *measured], dtype=np.float32)

    def _families(self, match: Match) -> list[float]:
        """``_FAMILY_FEATURES`` of a beat."""
        bank = self._bank
        known = bank.belongs(match)
        seen = sum(bank.count) + _TINY
        return [
            match.normal_likeness,
            match.normal_shape,
            log(match.normal_scale),
            match.likeness,
            match.regular_likeness,
            float(known and match.family == bank.normal),
            bank.count[match.family] / seen if known else 0.0,
            bank.premature[match.family] if known else 0.0,
            bank.count[bank.normal] / seen if bank.normal >= 0 else 1.0,
            self._previous,
        ]

    def _compare(
        self, beat: Signal, normal: Signal, scale: float
    ) -> tuple[NDArray[np.float32], list[float], list[float]]:
        """The wave, ``_WAVE_FEATURES``, and the values whose level among normal beats is followed."""
        core, core_normal = beat[self._qrs], normal[self._qrs]
        top, bottom = float(core_normal.max()), float(core_normal.min())
        height = top - bottom + _FLOOR
        rest = beat - scale * normal
        p_shape, p_residual = _part(beat[self._p], normal[self._p], rest[self._p], height)
        t_shape, t_residual = _part(beat[self._t], normal[self._t], rest[self._t], height)
        _, qrs_residual = _part(core, core_normal, rest[self._qrs], height)
        p_beat, p_normal = beat[self._p], normal[self._p]
        p_height = float(p_beat.max() - p_beat.min()) / height
        p_usual = float(p_normal.max() - p_normal.min()) / height
        high, low = float(core.max()), float(core.min())
        edge = float(core[:6].sum()) / 6
        up, down = (high - edge) / height, (low - edge) / height
        width, mass, slope = self._extent(beat[self._wide])
        slope = log(slope / height + _FLOOR)
        now = [p_residual, t_residual, qrs_residual, width, mass, up, down, slope]
        level = self._levels or now
        ground = float(rest[self._p.stop : self._p.stop + 6].sum()) / 6
        t_change = float(rest[self._t].sum()) / (self._t.stop - self._t.start) - ground
        measured = [
            p_shape,
            p_residual,
            p_residual - level[0],
            level[0],
            p_height,
            p_usual,
            log(p_usual + _FLOOR) - level[0],
            t_shape,
            t_residual,
            t_residual - level[1],
            t_change / height,
            qrs_residual,
            qrs_residual - level[2],
            width,
            width - level[3],
            mass,
            mass - level[4],
            log((high - low + _FLOOR) / height),
            up,
            up - level[5],
            down,
            down - level[6],
            slope - level[7],
            min(self._seen, _SEEN) / _SEEN,
        ]
        wave = (np.stack([beat, rest]) / height).astype(np.float32)
        return wave, measured, now

    def _extent(self, signal: Signal) -> tuple[float, float, float]:
        """How long the QRS lasts (s), log of its area over its height (s), and its steepest slope (mV per sample)."""
        slope = np.abs(np.diff(signal))
        steepest = float(slope.max())
        active = np.flatnonzero(slope > _ACTIVE * steepest)
        width = float(active[-1] - active[0]) / self._shape.fs if len(active) else 0.0
        around = np.abs(signal - (signal[0] + signal[-1]) / 2)
        area = float(around.sum()) / (float(around.max()) + _FLOOR) / self._shape.fs
        return width, log(area + _FLOOR), steepest

    def _settle(self, now: list[float]) -> None:
        """Let the levels of normal beats follow, in steps of limited size."""
        if not self._levels:
            self._levels = now
            return
        rate = max(_LEVEL_RATE, 1.0 / (self._seen + 1.0))
        self._levels = [
            level + rate * min(max(value - level, -_LEVEL_CLIP), _LEVEL_CLIP)
            for level, value in zip(self._levels, now, strict=True)
        ]

    def state_dict(self) -> State:
        """Everything needed to go on later, as arrays."""
        own = {
            "levels": np.array(self._levels, dtype=np.float64),
            "seen": np.array(self._seen, dtype=np.int64),
            "previous": np.array(self._previous, dtype=np.float64),
        }
        bank = {f"bank.{key}": value for key, value in self._bank.state_dict().items()}
        return own | bank | {f"pace.{key}": value for key, value in self._pace.state_dict().items()}

    def load_state_dict(self, state: State) -> None:
        """Go on from a ``state_dict()`` of a memory of the same design."""
        self._levels = state["levels"].tolist()
        self._seen, self._previous = int(state["seen"]), float(state["previous"])
        for prefix, part in (("bank.", self._bank), ("pace.", self._pace)):
            part.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})


def _part(beat: Signal, normal: Signal, rest: Signal, height: float) -> tuple[float, float]:
    """Correlation of a part of the beat with the normal one's, and log of what is left of it per sample."""
    n = len(beat)
    one, two, left = beat - beat.sum() / n, normal - normal.sum() / n, rest - rest.sum() / n
    shape = float(one @ two) / sqrt(float(one @ one) * float(two @ two) + _TINY)
    return shape, log(sqrt(float(left @ left) / n) / height + _FLOOR)

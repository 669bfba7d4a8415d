"""What is known of a patient when a beat is judged: their normal beat, their rhythm, and how this beat differs.

Beats arrive in order, each with the signal around its R peak and the beats already known to follow it. Nothing here
counts chunks or looks at a clock, so live and offline give the same bytes. The idea of judging a beat by its
difference from the patient's own: de Chazal, O'Dwyer & Reilly 2004, doi:10.1109/TBME.2004.827359; intervals relative
to the patient's: Llamedo & Martinez 2011, doi:10.1109/TBME.2010.2068048.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from biosig.signal.stream import State, joined, part_of
from biosig.windows.comparing import FLOOR, Measures, compare
from biosig.windows.pace import PACE_FEATURES, Pace
from biosig.windows.template import BeatShape, Match, TemplateBank

__all__ = ["FEATURES", "BeatHistory", "Look", "PatientHistory", "judge_together"]

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

_TINY = 1e-9
_LEVEL_RATE = 1 / 24
_LEVEL_CLIP = 0.5
_SEEN = 32


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


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A beat learned and not judged yet.

    Parameters
    ----------
    beat, normal : (length,), the beat as aligned, and the normal one when it came.
    scale : its size relative to the normal one.
    known : its features that need no measuring.
    settles : whether the levels of normal beats follow it.
    seen : beats before it.
    """

    beat: Signal
    normal: Signal
    scale: float
    known: list[float]
    settles: bool
    seen: int


class PatientHistory:
    """The memory of one patient.

    ``add`` takes segments of ``before`` + ``after`` samples, the R peak at sample ``before``, and gives the beat
    aligned to the patient's normal one, (``n_channels``, ``length``), and its ``features``.
    """

    n_channels = 2
    features = FEATURES

    def __init__(self, design: BeatHistory, fs: float, look_ahead_s: float) -> None:
        self.shape = shape = BeatShape(fs)
        self.length = shape.length
        self.before = shape.peak + shape.slack
        self.after = shape.length - shape.peak + shape.slack
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
        waves, features = judge_together([self], [self.look(peak_s, segment, later_s)])
        return waves[0], features[0]

    def look(self, peak_s: float, segment: NDArray[np.floating], later_s: NDArray[np.float64]) -> Look:
        """Learn a beat as ``add`` does, and leave judging it to :func:`judge_together`."""
        if segment.shape != (self.before + self.after,):
            raise ValueError(f"segment must be ({self.before + self.after},) samples, got {segment.shape}")
        signal = segment.astype(np.float64)
        premature = self._pace.premature(peak_s)
        timing = self._pace.features(peak_s, later_s)
        match = self._bank.match(signal)
        beat = signal[match.normal_lag : match.normal_lag + self.length]
        normal = self._bank.wave[self._bank.normal].copy() if self._bank.normal >= 0 else beat
        families = self._families(match)
        family = self._bank.add(signal, match, premature=premature)
        regular = family == self._bank.normal
        self._pace.add(peak_s, normal=regular)
        self._previous = match.normal_likeness
        self._seen += 1
        return Look(beat, normal, match.normal_scale, [*timing, *families], regular and not premature, self._seen - 1)

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

    def _judge(self, look: Look, measures: Measures) -> list[float]:
        """All features of a beat; the levels of normal beats follow it."""
        level = self._levels or measures.levels
        p, t, qrs, width, mass, up, down, slope = measures.levels
        judged = [
            *look.known,
            measures.p_shape,
            p,
            p - level[0],
            level[0],
            measures.p_height,
            measures.p_usual,
            log(measures.p_usual + FLOOR) - level[0],
            measures.t_shape,
            t,
            t - level[1],
            measures.t_change,
            qrs,
            qrs - level[2],
            width,
            width - level[3],
            mass,
            mass - level[4],
            measures.size,
            up,
            up - level[5],
            down,
            down - level[6],
            slope - level[7],
            min(look.seen, _SEEN) / _SEEN,
        ]
        if look.settles:
            self._settle(measures.levels, look.seen)
        return judged

    def _settle(self, now: Sequence[float], seen: int) -> None:
        """Let the levels of normal beats follow, in steps of limited size."""
        if not self._levels:
            self._levels = list(now)
            return
        rate = max(_LEVEL_RATE, 1.0 / (seen + 1.0))
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
        return own | joined({"bank": self._bank.state_dict(), "pace": self._pace.state_dict()})

    def load_state_dict(self, state: State) -> None:
        """Go on from a ``state_dict()`` of a memory of the same design."""
        self._levels = state["levels"].tolist()
        self._seen, self._previous = int(state["seen"]), float(state["previous"])
        self._bank.load_state_dict(part_of(state, "bank"))
        self._pace.load_state_dict(part_of(state, "pace"))


def judge_together(
    histories: Sequence[PatientHistory], looks: Sequence[Look]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Waves (n, 2, length) and features (n, len(FEATURES)) of looks, each at the history before it, in order of time.

    All must be judged before their histories are saved: the levels of normal beats follow here.
    """
    waves, measures = compare(
        histories[0].shape,
        np.stack([look.beat for look in looks]),
        np.stack([look.normal for look in looks]),
        np.array([look.scale for look in looks]),
    )
    rows = [history._judge(look, measured) for history, look, measured in zip(histories, looks, measures, strict=True)]
    return waves, np.array(rows, dtype=np.float32)

"""What is known of a patient when a beat is judged: their normal beat, their rhythm, and how this beat differs.

Beats arrive in order, each with the signal around its R peak and the beats already known to follow it. Nothing here
counts chunks or looks at a clock, so live and offline give the same bytes. The idea of judging a beat by its
difference from the patient's own: de Chazal, O'Dwyer & Reilly 2004, doi:10.1109/TBME.2004.827359; intervals relative
to the patient's: Llamedo & Martinez 2011, doi:10.1109/TBME.2010.2068048.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from biosig.signal.stream import State, joined, part_of
from biosig.windows.comparing import WAVE_FEATURES, BesideNormal
from biosig.windows.pace import PACE_FEATURES, Pace
from biosig.windows.template import BeatShape, Match, TemplateBank

__all__ = ["FEATURES", "BeatHistory", "PatientHistory"]

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
FEATURES: tuple[str, ...] = (*PACE_FEATURES, *_FAMILY_FEATURES, *WAVE_FEATURES)
"""Names of a beat's features."""


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
        self.shape = shape = BeatShape(fs)
        self.length = shape.length
        self.before = shape.peak + shape.slack
        self.after = shape.length - shape.peak + shape.slack
        self._bank = TemplateBank(
            shape, families=design.families, like=design.like, rate=design.rate, memory=design.memory_beats
        )
        self._pace = Pace(look_ahead_s)
        self._beside = BesideNormal(shape)
        self._parts: dict[str, TemplateBank | Pace | BesideNormal] = {
            "bank": self._bank,
            "pace": self._pace,
            "beside": self._beside,
        }
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next beat is the first."""
        for part in self._parts.values():
            part.reset()
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
        families = self._families(match)
        beat = signal[match.normal_lag : match.normal_lag + self.length]
        normal = self._bank.wave[self._bank.normal].copy() if self._bank.normal >= 0 else beat
        regular = self._bank.add(signal, match, premature=premature) == self._bank.normal
        self._pace.add(peak_s, normal=regular)
        wave, compared = self._beside.compare(
            beat, normal, scale=match.normal_scale, seen=self._seen, settles=regular and not premature
        )
        self._previous = match.normal_likeness
        self._seen += 1
        return wave, np.concatenate([timing, families, compared]).astype(np.float32)

    def _families(self, match: Match) -> list[float]:
        """``_FAMILY_FEATURES`` of a beat."""
        bank = self._bank
        known = bank.belongs(match)
        return [
            match.normal_likeness,
            match.normal_shape,
            log(match.normal_scale),
            match.likeness,
            match.regular_likeness,
            float(known and match.family == bank.normal),
            bank.share(match.family) if known else 0.0,
            bank.premature(match.family) if known else 0.0,
            bank.share(bank.normal) if bank.normal >= 0 else 1.0,
            self._previous,
        ]

    def state_dict(self) -> State:
        """Everything needed to go on later, as arrays."""
        own = {
            "seen": np.array(self._seen, dtype=np.int64),
            "previous": np.array(self._previous, dtype=np.float64),
        }
        return own | joined({name: part.state_dict() for name, part in self._parts.items()})

    def load_state_dict(self, state: State) -> None:
        """Go on from a ``state_dict()`` of a memory of the same design."""
        self._seen, self._previous = int(state["seen"]), float(state["previous"])
        for name, part in self._parts.items():
            part.load_state_dict(part_of(state, name))

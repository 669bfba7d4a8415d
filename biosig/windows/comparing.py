"""A beat beside the patient's normal one, part by part: P wave, QRS complex, T wave."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from biosig.compiled import compiled
from biosig.signal.stream import State
from biosig.windows.template import BeatShape

__all__ = ["WAVE_FEATURES", "BesideNormal"]

Signal = NDArray[np.float64]

WAVE_FEATURES: tuple[str, ...] = (
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
"""Amplitudes are relative to the patient's normal QRS, widths in seconds (``mass``, area over height, in their
logarithm). ``*_shape`` are correlations with the normal wave, ``*_residual`` logarithms of what is left of a part of
the beat after subtracting the normal one's; ``up`` and ``down`` are the largest deflections of the QRS;
``*_surprise``, ``*_clarity`` and ``*_change`` compare with the running level of normal beats."""

_FLOOR = 1e-3
"""Smallest height and residual told apart, in mV and relative to the height."""
_TINY = 1e-9
_ACTIVE = 0.12
"""Where the slope exceeds this share of its largest value, the ventricles are being activated."""
_EDGE = 6
"""Samples whose mean is the ground of a wave beside them."""
_LEVEL_RATE = 1 / 24
_LEVEL_CLIP = 0.5
_SEEN = 32
_P, _T, _QRS, _WIDTH, _MASS, _UP, _DOWN, _SLOPE = range(8)


class BesideNormal:
    """The beats of one patient beside the normal one, and the running levels of what normal beats measure.

    Parameters
    ----------
    shape : the window.
    """

    def __init__(self, shape: BeatShape) -> None:
        self._fs = shape.fs
        parts = (shape.p_wave, shape.qrs, shape.t_wave, shape.part(-0.14, 0.18))
        self._parts = np.array([(part.start, part.stop) for part in parts])
        self.reset()

    def reset(self) -> None:
        """Forget the levels."""
        self._levels = np.full(8, np.nan)

    def compare(
        self, beat: Signal, normal: Signal, *, scale: float, seen: int, settles: bool
    ) -> tuple[NDArray[np.float32], Signal]:
        """A beat, and what it measures beside the normal one.

        Parameters
        ----------
        beat, normal : (length,), the beat as aligned, and the patient's normal beat when it came.
        scale : size of the beat relative to the normal one.
        seen : beats before it.
        settles : whether the levels of normal beats follow it.

        Returns
        -------
        wave : float32 (2, length), the beat in units of the normal QRS height, and what is left of it after
            subtracting the scaled normal beat.
        features : (len(WAVE_FEATURES),).
        """
        wave = np.empty((2, len(beat)), dtype=np.float32)
        return wave, _compare(beat, normal, scale, seen, settles, self._parts, self._fs, self._levels, wave)

    def state_dict(self) -> State:
        """Everything needed to go on later, as arrays."""
        return {"levels": self._levels.copy()}

    def load_state_dict(self, state: State) -> None:
        """Go on from a ``state_dict()`` of a patient of the same window."""
        self._levels = state["levels"].copy()


@compiled
def _compare(
    beat: Signal,
    normal: Signal,
    scale: float,
    seen: int,
    settles: bool,
    parts: NDArray[np.int64],
    fs: float,
    levels: Signal,
    wave: NDArray[np.float32],
) -> Signal:
    """``WAVE_FEATURES`` of a beat; fill in ``wave``, and let the ``levels`` (8,) follow, NaN = not known yet.

    ``parts`` are the first sample and the one after the last of P wave, QRS, T wave and the surroundings of the QRS.
    """
    p, qrs, t = parts[0], parts[1], parts[2]
    low_normal, high_normal = _range(normal, qrs)
    height = high_normal - low_normal + _FLOOR
    rest = np.empty(len(beat))
    for k in range(len(beat)):
        rest[k] = beat[k] - scale * normal[k]
        wave[0, k], wave[1, k] = beat[k] / height, rest[k] / height
    now = _measure(beat, rest, height, parts, fs)
    level = now if np.isnan(levels[0]) else levels.copy()
    if settles:
        _settle(levels, level, now, seen)
    low, high = _range(beat, qrs)
    low_p, high_p = _range(beat, p)
    low_usual, high_usual = _range(normal, p)
    p_usual = (high_usual - low_usual) / height
    return np.array(
        (
            _likeness(beat, normal, p),
            now[_P],
            now[_P] - level[_P],
            level[_P],
            (high_p - low_p) / height,
            p_usual,
            log(p_usual + _FLOOR) - level[_P],
            _likeness(beat, normal, t),
            now[_T],
            now[_T] - level[_T],
            (_mean(rest, t[0], t[1]) - _mean(rest, p[1], p[1] + _EDGE)) / height,
            now[_QRS],
            now[_QRS] - level[_QRS],
            now[_WIDTH],
            now[_WIDTH] - level[_WIDTH],
            now[_MASS],
            now[_MASS] - level[_MASS],
            log((high - low + _FLOOR) / height),
            now[_UP],
            now[_UP] - level[_UP],
            now[_DOWN],
            now[_DOWN] - level[_DOWN],
            now[_SLOPE] - level[_SLOPE],
            min(seen, _SEEN) / _SEEN,
        )
    )


@compiled
def _measure(beat: Signal, rest: Signal, height: float, parts: NDArray[np.int64], fs: float) -> Signal:
    """What normal beats have running levels of (8,), of a beat and what is left of it."""
    p, qrs, t, around = parts[0], parts[1], parts[2], parts[3]
    low, high = _range(beat, qrs)
    edge = _mean(beat, qrs[0], qrs[0] + _EDGE)
    width, mass, slope = _extent(beat, around, fs)
    now = np.empty(8)
    now[_P] = log(_residual(rest, p) / height + _FLOOR)
    now[_T] = log(_residual(rest, t) / height + _FLOOR)
    now[_QRS] = log(_residual(rest, qrs) / height + _FLOOR)
    now[_WIDTH], now[_MASS] = width, log(mass + _FLOOR)
    now[_UP], now[_DOWN] = (high - edge) / height, (low - edge) / height
    now[_SLOPE] = log(slope / height + _FLOOR)
    return now


@compiled
def _settle(levels: Signal, before: Signal, now: Signal, seen: int) -> None:
    """Let levels follow from what they were ``before``, in steps of limited size."""
    rate = max(_LEVEL_RATE, 1.0 / (seen + 1.0))
    for number in range(len(levels)):
        step = min(max(now[number] - before[number], -_LEVEL_CLIP), _LEVEL_CLIP)
        levels[number] = before[number] + rate * step


@compiled
def _mean(wave: Signal, start: int, stop: int) -> float:
    """Mean of the samples from ``start`` to ``stop``."""
    total = 0.0
    for k in range(start, stop):
        total += wave[k]
    return total / (stop - start)


@compiled
def _range(wave: Signal, part: NDArray[np.int64]) -> tuple[float, float]:
    """Lowest and highest value of a part of a wave."""
    low = high = wave[part[0]]
    for k in range(part[0], part[1]):
        low, high = min(low, wave[k]), max(high, wave[k])
    return low, high


@compiled
def _likeness(wave: Signal, normal: Signal, part: NDArray[np.int64]) -> float:
    """Correlation of a part of a wave with the normal one's."""
    start, stop = part[0], part[1]
    one, two = _mean(wave, start, stop), _mean(normal, start, stop)
    product = own = other = 0.0
    for k in range(start, stop):
        a, b = wave[k] - one, normal[k] - two
        product += a * b
        own += a * a
        other += b * b
    return product / sqrt(own * other + _TINY)


@compiled
def _residual(rest: Signal, part: NDArray[np.int64]) -> float:
    """What is left of a part of a beat, per sample."""
    start, stop = part[0], part[1]
    mean = _mean(rest, start, stop)
    left = 0.0
    for k in range(start, stop):
        left += (rest[k] - mean) * (rest[k] - mean)
    return sqrt(left / (stop - start))


@compiled
def _extent(beat: Signal, around: NDArray[np.int64], fs: float) -> tuple[float, float, float]:
    """How long a QRS lasts (s), its area over its height (s), and its steepest slope (mV per sample)."""
    start, stop = around[0], around[1]
    steepest = 0.0
    for k in range(start + 1, stop):
        steepest = max(steepest, abs(beat[k] - beat[k - 1]))
    first = last = 0
    ground = (beat[start] + beat[stop - 1]) / 2
    area = largest = abs(beat[start] - ground)
    for k in range(start + 1, stop):
        if abs(beat[k] - beat[k - 1]) > _ACTIVE * steepest:
            last = k
            first = first or k
        off = abs(beat[k] - ground)
        area += off
        largest = max(largest, off)
    return (last - first) / fs, area / (largest + _FLOOR) / fs, steepest

"""What beats measure beside the patient's normal beat, for many beats of many patients at once.

Sums run along each beat alone, and logarithms are taken one by one: a beat has the same bits whoever else is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from biosig.windows.template import BeatShape

__all__ = ["FLOOR", "Measures", "compare"]

Signal = NDArray[np.float64]

FLOOR = 1e-3
"""Smallest height and residual told apart, in mV and relative to the height."""
_TINY = 1e-9
_ACTIVE = 0.12
"""Where the slope exceeds this share of its largest value, the ventricles are being activated."""


@dataclass(frozen=True, slots=True)
class Measures:
    """One beat beside the normal one. Amplitudes are relative to the normal QRS, residuals and ``mass`` are logarithms.

    Parameters
    ----------
    p_shape, t_shape : correlation with the normal P and T wave.
    p_height, p_usual : of this beat's P wave and the normal one's.
    t_change : mean of what is left of the T wave.
    size : height of the QRS.
    levels : P, T and QRS residual, QRS width in seconds, its ``mass`` (area over height), its largest deflections up
        and down, the logarithm of its steepest slope: what normal beats have a running level of.
    """

    p_shape: float
    t_shape: float
    p_height: float
    p_usual: float
    t_change: float
    size: float
    levels: tuple[float, ...]


def compare(
    shape: BeatShape, beats: Signal, normal: Signal, scale: Signal
) -> tuple[NDArray[np.float32], list[Measures]]:
    """Waves and measures of beats.

    Parameters
    ----------
    shape : the window.
    beats, normal : (n, length), each beat as aligned, and its patient's normal beat when it came.
    scale : (n,), size of each beat relative to the normal one.

    Returns
    -------
    waves : float32 (n, 2, length), each beat in units of the normal QRS height, and what is left of it after
        subtracting the scaled normal beat.
    measures : one for each.
    """
    p, qrs, t = shape.p_wave, shape.qrs, shape.t_wave
    core, core_normal = beats[:, qrs], normal[:, qrs]
    height = core_normal.max(axis=1) - core_normal.min(axis=1) + FLOOR
    rest = beats - scale[:, None] * normal
    p_shape, t_shape = (_correlation(beats[:, part], normal[:, part]) for part in (p, t))
    residuals = [_residual(rest[:, part], height) for part in (p, t, qrs)]
    p_height, p_usual = ((wave.max(axis=1) - wave.min(axis=1)) / height for wave in (beats[:, p], normal[:, p]))
    high, low = core.max(axis=1), core.min(axis=1)
    edge = core[:, :6].sum(axis=1) / 6
    ground = rest[:, p.stop : p.stop + 6].sum(axis=1) / 6
    t_change = (rest[:, t].sum(axis=1) / (t.stop - t.start) - ground) / height
    width, mass, slope = _extent(beats[:, shape.part(-0.14, 0.18)], shape.fs)
    size = (high - low + FLOOR) / height
    logs = [_log(column + FLOOR) for column in (*residuals, mass, slope / height)]
    levels = zip(
        *logs[:3],
        width.tolist(),
        logs[3],
        ((high - edge) / height).tolist(),
        ((low - edge) / height).tolist(),
        logs[4],
        strict=True,
    )
    columns = (p_shape, t_shape, p_height, p_usual, t_change)
    rows = zip(*(column.tolist() for column in columns), _log(size), levels, strict=True)
    waves = (np.stack([beats, rest], axis=1) / height[:, None, None]).astype(np.float32)
    return waves, [Measures(*row) for row in rows]


def _log(values: Signal) -> list[float]:
    return [log(value) for value in values.tolist()]


def _centred(waves: Signal) -> Signal:
    left: Signal = waves - waves.sum(axis=1, keepdims=True) / waves.shape[1]
    return left


def _correlation(waves: Signal, normal: Signal) -> Signal:
    """Of each wave (n, length) with its normal one, (n,)."""
    one, two = _centred(waves), _centred(normal)
    energy = (one * one).sum(axis=1) * (two * two).sum(axis=1)
    shape: Signal = (one * two).sum(axis=1) / np.sqrt(energy + _TINY)
    return shape


def _residual(rest: Signal, height: Signal) -> Signal:
    """What is left of a wave per sample, relative to the height, (n,)."""
    left = _centred(rest)
    residual: Signal = np.sqrt((left * left).sum(axis=1) / rest.shape[1]) / height
    return residual


def _extent(signal: Signal, fs: float) -> tuple[Signal, Signal, Signal]:
    """How long each QRS lasts (s), its area over its height (s), and its steepest slope (mV per sample)."""
    slope = np.abs(np.diff(signal, axis=1))
    steepest = slope.max(axis=1)
    active = slope > _ACTIVE * steepest[:, None]
    last = slope.shape[1] - 1 - active[:, ::-1].argmax(axis=1)
    width = np.where(active.any(axis=1), (last - active.argmax(axis=1)) / fs, 0.0)
    around = np.abs(signal - ((signal[:, 0] + signal[:, -1]) / 2)[:, None])
    mass = around.sum(axis=1) / (around.max(axis=1) + FLOOR) / fs
    return width, mass, steepest

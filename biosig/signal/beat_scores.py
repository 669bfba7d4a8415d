"""How much every bump of one ECG lead looks like a heart beat: candidates, their features, a small network.

All of it is a pure function of the 9.5 s before and the 0.38 s after a candidate, on a grid of 120 Hz, and it
is computed in whole numbers held by float64 (every partial sum stays below 2**53). So sums are exact in any order,
and a score has the same bits however the signal was cut, with BLAS and running sums and all. Features are ratios
``a / (a + b)`` of band envelopes, which makes them independent of gain and offset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

__all__ = ["AHEAD", "N_FEATURES", "PAST", "BeatNetwork", "Candidates", "find_candidates"]

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]
Index = NDArray[np.int64]

PAST = 1140
"""Grid samples before a candidate that its features may look at."""
N_FEATURES = 168
"""What the network sees of a candidate."""
AHEAD = 46
"""Grid samples after a candidate that its features may look at."""

_APART = 9
_AROUND = (120, 30)
_GAP = 12
_GAP_EDGES = (14, 10)
_FRESH = 60
_MID = np.arange(-72, 37, 4)
_LOW = np.arange(-68, 33, 5)
_HIGH = np.arange(-48, 37, 4)
_FAR = np.arange(-360, -72, 12)
_SHAPE_MID = np.arange(-14, 15, 2)
_SHAPE_LOW = np.arange(-36, 37, 6)
_MAXIMA = -12 - 180 * np.arange(6)
_FLOORS = -60 * np.arange(6)
_MEANS = -120 - 240 * np.arange(3)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Bumps that may be beats.

    Parameters
    ----------
    at : int64 (n,), grid samples, rising.
    loudness : float64 (n,), the envelope there, summed over the bands.
    features : float64 (n, ``N_FEATURES``), what the network sees of each: whole numbers 0..255.
    fresh : bool (n,), true less than 0.5 s after a gap of 0.1 s or more, or after the start: nothing to compare with.
    """

    at: Index
    loudness: Float
    features: Float
    fresh: Bool


@dataclass(frozen=True, eq=False)
class _Bands:
    """Band-passed grid signals (whole numbers) and the envelopes of the same, each float64 (n,).

    Differences of short moving averages: linear phase, centred. Peaks of the pass bands: ``high`` 30 Hz,
    ``mid`` 13 Hz, ``low`` 6 Hz; ``sharp`` is the second difference, which muscle noise and spikes fill.
    """

    mid: Float
    low: Float
    high_env: Float
    mid_env: Float
    low_env: Float
    sharp_env: Float


def _moving_sum(x: Float, width: int) -> Float:
    """Sum over ``width`` (odd) samples around each, zero where the window leaves the array."""
    total = np.concatenate(([0.0], np.cumsum(x)))
    out = np.zeros_like(x)
    out[width // 2 : len(x) - width // 2] = total[width:] - total[:-width]
    return out


def _extreme(x: Float, before: int, after: int, pick: np.ufunc = np.maximum) -> Float:
    """Largest (or smallest) of ``x[k - before : k + after + 1]`` for each k, 0 where that leaves the array."""
    widest, width = x, 1
    while width <= before + after:
        shift = min(width, before + after + 1 - width)
        widest = pick(widest[:-shift], widest[shift:])
        width += shift
    out = np.zeros_like(x)
    out[before : len(x) - after] = widest
    return out


def _difference(x: Float, reach: int) -> Float:
    """``x[k + reach] - x[k - reach]``, zero at the ends."""
    out = np.zeros_like(x)
    out[reach:-reach] = x[2 * reach :] - x[: -2 * reach]
    return out


def _bands(grid: Float, gaps: Float) -> _Bands:
    """The bands of a stretch of grid, silent around the end of gaps (1.0 in them): the step there is no beat."""
    high = _difference(grid, 1)
    mid = _difference(_moving_sum(grid, 3), 2)
    low = _difference(_moving_sum(grid, 7), 5)
    sharp = np.zeros_like(grid)
    sharp[1:-1] = grid[2:] - 2.0 * grid[1:-1] + grid[:-2]
    envelopes = [_moving_sum(np.abs(band), width) for band, width in ((high, 9), (mid, 11), (low, 13), (sharp, 9))]
    if gaps.any():
        silent = _extreme(gaps, *_GAP_EDGES) > 0.0
        for envelope in envelopes:
            envelope[silent] = 0.0
    return _Bands(mid, low, *envelopes)


def _peaks(bands: _Bands) -> tuple[Index, Float]:
    """Grid samples where the summed envelope peaks within 75 ms, at 1/16 of the loudest around or more; the sum."""
    loud = 2.0 * bands.mid_env + bands.low_env + 2.0 * bands.high_env
    earlier = np.zeros_like(loud)
    earlier[1:] = _extreme(loud, _APART - 1, 0)[:-1]
    peaks = (loud == _extreme(loud, 0, _APART)) & (loud > earlier) & (16.0 * loud > _extreme(loud, *_AROUND))
    return np.flatnonzero(peaks & (loud > 0.0)), loud


def _share(part: Float, own: Float) -> Float:
    """``part / (part + own)`` per candidate: 0.5 where equal, a logistic curve of the log ratio."""
    return part / (part + own[:, None] + 1.0)


def _signed_share(part: Float, own: Float) -> Float:
    """The same for values with a sign: 0.5 at zero."""
    return 0.5 + 0.5 * part / (np.abs(part) + own[:, None] + 1.0)


def _features(bands: _Bands, at: Index) -> NDArray[np.float64]:
    """What the network sees of each candidate, whole numbers 0..255, float64 (len(at), n_features)."""
    centre = at[:, None]
    mid, low, high = bands.mid_env, bands.low_env, bands.high_env
    own_mid, own_low, own_high = mid[at], low[at], high[at]
    near = [
        _share(mid[centre + _MID], own_mid),
        _share(low[centre + _LOW], own_low),
        _share(high[centre + _HIGH], own_high),
        _share(_extreme(mid, 6, 6)[centre + _FAR], own_mid),
        _share(_extreme(low, 12, 12)[centre + _FAR[::2]], own_low),
        _share(np.stack((2.0 * own_high, 0.5 * own_low, bands.sharp_env[at]), axis=1), own_mid),
    ]
    history = [
        _share(np.sort(_extreme(env, 180, 0)[centre + _MAXIMA], axis=1), own)
        for env, own in ((mid, own_mid), (low, own_low), (high, own_high))
    ]
    floor = _extreme(mid, 60, 0, np.minimum)
    history.append(_share(np.sort(floor[centre + _FLOORS], axis=1), own_mid))
    history += [
        _share(_moving_sum(env, 241)[centre + _MEANS] / 241.0, own) for env, own in ((mid, own_mid), (high, own_high))
    ]
    steep = bands.mid[centre + np.arange(-7, 8)]
    steepest = np.take_along_axis(steep, np.argmax(np.abs(steep), axis=1)[:, None], axis=1)
    sign = np.where(steepest < 0.0, -1.0, 1.0)
    bow = np.abs(bands.low[centre + np.arange(-12, 13, 2)]).max(axis=1)
    shape = [
        _signed_share(sign * bands.mid[centre + _SHAPE_MID], 0.5 * np.abs(steepest[:, 0])),
        _signed_share(sign * bands.low[centre + _SHAPE_LOW], 0.5 * bow),
    ]
    return np.rint(255.0 * np.concatenate(near + history + shape, axis=1))


def find_candidates(grid: Float, missing: Bool, first: int) -> Candidates:
    """Candidates of a stretch of grid and what the network sees of them.

    Parameters
    ----------
    grid : whole numbers in float64 (n,), the lead averaged over each 1/120 s.
    missing : bool (n,), true where any of it was not recorded.
    first : candidates before this sample are left out; at least ``PAST``.
    """
    gaps = _extreme(missing.astype(np.float64), _GAP - 1, 0, np.minimum)
    bands = _bands(grid, gaps)
    at, loud = _peaks(bands)
    at = at[(at >= first) & (at < len(grid) - AHEAD)]
    features = _features(bands, at) if len(at) else np.zeros((0, N_FEATURES))
    fresh = _extreme(gaps, _FRESH, 0)[at] > 0.0
    return Candidates(at=at, loudness=loud[at], features=features, fresh=fresh)


class BeatNetwork:
    """A perceptron of two hidden layers in whole numbers; ``score`` is 1024 times the log odds of a beat.

    The weights were fitted by ``benchmarks/fit_beats.py`` on both leads of the DS1 and the paced records of the MIT-BIH
    Arrhythmia Database (Moody & Mark 2001, doi:10.1109/51.932724; the split is of de Chazal et al. 2004,
    doi:10.1109/TBME.2004.827359) and 60 records of LUDB (Kalyakulina et al. 2020, doi:10.1109/ACCESS.2020.3029211),
    with noise of the MIT-BIH Noise Stress Test Database (Moody, Muldrow & Mark 1984) mixed in.
    """

    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        self._layers = [
            (np.asarray(tensors[f"weight{i}"], dtype=np.float64), np.asarray(tensors[f"bias{i}"], dtype=np.float64))
            for i in range(3)
        ]
        self._unit = float(tensors["unit"][0])

    @classmethod
    def fitted(cls) -> BeatNetwork:
        """The network that comes with biosig."""
        return cls(load((files("biosig.signal") / "beat_weights.safetensors").read_bytes()))

    def score(self, features: Float) -> Float:
        """Log odds times 1024, whole numbers, float64 (n,), of features (n, 168)."""
        layer = features
        for weight, bias in self._layers[:-1]:
            layer = np.maximum(layer @ weight + bias, 0.0)
        weight, bias = self._layers[-1]
        return np.rint((layer @ weight + bias)[:, 0] / self._unit)

"""How much every bump of one ECG lead looks like a heart beat: candidates, their features, a small network.

All of it is a pure function of the 9.5 s before and the 0.38 s after a candidate, on a grid of 120 Hz, and it
is computed in whole numbers held by float64 (every partial sum stays below 2**53). So sums are exact in any order,
and a score has the same bits however the signal was cut, with BLAS and running sums and all. Features are ratios
``a / (a + b)`` of band envelopes, which makes them independent of gain and offset.

Envelopes are computed once: what features look back on is kept in a :class:`Past`, which holds nothing that the grid
of the last 9.8 s does not give. Leads are looked at together: arrays are (n_leads, n) where not said otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

__all__ = ["AHEAD", "BEFORE", "N_FEATURES", "PAST", "BeatNetwork", "Candidates", "Past", "find_candidates"]

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]
Index = NDArray[np.int64]

PAST = 1140
"""Grid samples before a candidate that its features may look at."""
N_FEATURES = 168
"""What the network sees of a candidate."""
AHEAD = 46
"""Grid samples after a candidate that its features may look at."""

BEFORE = 150
"""Grid samples before the first candidate that :func:`find_candidates` must be given beside a ``Past``."""

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
_MEANS = -240 * np.arange(3)
_LONGEST = 241
_LAG = 14
_KEPT, _SPARE = 1000, 400
_FAR_ROWS = np.repeat([0, 1, 2, 3, 4, 5, 6, 7], [6, 6, 6, 6, 3, 3, 24, 12])
_FAR_PLACES = np.concatenate((_MAXIMA, _MAXIMA, _MAXIMA, _FLOORS, _MEANS, _MEANS, _FAR + 6, _FAR[::2] + 12))
_FAR_PARTS = np.cumsum([6, 6, 6, 6, 3, 3, 24])


@dataclass(frozen=True, eq=False)
class Candidates:
    """Bumps that may be beats.

    Parameters
    ----------
    lead : int64 (n,), which lead, in order.
    at : int64 (n,), grid samples, rising within a lead.
    loudness : float64 (n,), the envelope there, summed over the bands.
    features : float64 (n, ``N_FEATURES``), what the network sees of each: whole numbers 0..255.
    fresh : bool (n,), true less than 0.5 s after a gap of 0.1 s or more, or after the start: nothing to compare with.
    """

    lead: Index
    at: Index
    loudness: Float
    features: Float
    fresh: Bool


@dataclass(frozen=True, eq=False)
class _Bands:
    """Band-passed grid signals (whole numbers) and the envelopes of the same, each float64 (n_leads, n).

    Differences of short moving averages: linear phase, centred. Peaks of the pass bands: ``high`` 30 Hz,
    ``mid`` 13 Hz, ``low`` 6 Hz; ``sharp`` is the second difference, which muscle noise and spikes fill.
    """

    mid: Float
    low: Float
    high_env: Float
    mid_env: Float
    low_env: Float
    sharp_env: Float


class Past:
    """What candidates of one lead still to come look back on: window maxima, minima and sums that end at each sample.

    Parameters
    ----------
    far : float64 (8, capacity), per row a kind of window; the first ``used`` columns are filled.
    near : float64 (3, 240), the last final samples of the envelopes, from which windows still open are computed.
    """

    def __init__(self) -> None:
        self.far: Float = np.zeros((8, 0))
        self.near: Float = np.zeros((3, _LONGEST - 1))
        self.used = 0

    @property
    def empty(self) -> bool:
        """Whether nothing is known: then the grid must be given from the first sample that features look at."""
        return self.used == 0

    def extend(self, far: Float, near: Float) -> None:
        """Replace the last ``_LAG`` columns, which were not final, by new ones; forget the oldest."""
        self.near = near.copy()
        kept = max(0, self.used - _LAG)
        stop = kept + far.shape[1]
        if stop > self.far.shape[1]:
            recent = self.far[:, max(0, kept - _KEPT) : kept]
            kept = recent.shape[1]
            stop = kept + far.shape[1]
            # a long piece leaves a large array behind, a usual one finds room in what there is
            fits = self.far.shape[1] == _KEPT + _SPARE >= stop
            room = self.far if fits else np.empty((len(far), max(stop, _KEPT + _SPARE)))
            room[:, :kept] = recent
            self.far = room
        self.far[:, kept:stop] = far
        self.used = stop

    def at(self, columns: Index) -> Float:
        """What is looked back on from columns counted from the end (-1 = the last), (len(columns), 66)."""
        place = _FAR_ROWS * self.far.shape[1] + _FAR_PLACES + self.used
        found: Float = self.far.ravel()[columns[:, None] + place]
        return found

    def shrink(self) -> None:
        """Give room back that a long piece took."""
        if self.far.shape[1] > _KEPT + _SPARE:
            self.far = self.far[:, max(0, self.used - _KEPT) : self.used].copy()
            self.used = self.far.shape[1]


def _sum_of(x: Float, width: int) -> Float:
    """Sums over ``width`` neighbours along the last axis, as many as there are."""
    total = np.zeros((*x.shape[:-1], x.shape[-1] + 1))
    np.cumsum(x, axis=-1, out=total[..., 1:])
    sums: Float = total[..., width:] - total[..., :-width]
    return sums


def _extreme_of(x: Float, width: int, pick: np.ufunc = np.maximum) -> Float:
    """Largest (or smallest) of ``width`` neighbours along the last axis, as many as there are."""
    widest, reached = x, 1
    while reached < width:
        shift = min(reached, width - reached)
        widest = pick(widest[..., :-shift], widest[..., shift:])
        reached += shift
    return widest


def _placed(values: Float, before: int, like: Float) -> Float:
    """Values at the samples they belong to, 0 where a window left the array."""
    out = np.zeros_like(like)
    out[..., before : before + values.shape[-1]] = values
    return out


def _moving_sum(x: Float, width: int) -> Float:
    """Sum over ``width`` (odd) samples around each, zero where the window leaves the array."""
    return _placed(_sum_of(x, width), width // 2, x)


def _extreme(x: Float, before: int, after: int, pick: np.ufunc = np.maximum) -> Float:
    """Largest (or smallest) of ``x[k - before : k + after + 1]`` for each k, 0 where that leaves the array."""
    return _placed(_extreme_of(x, before + after + 1, pick), before, x)


def _difference(x: Float, reach: int) -> Float:
    """``x[k + reach] - x[k - reach]``, zero at the ends."""
    return _placed(x[..., 2 * reach :] - x[..., : -2 * reach], reach, x)


def _bands(grid: Float, gaps: Float) -> _Bands:
    """The bands of a stretch of grid, silent around the end of gaps (1.0 in them): the step there is no beat."""
    high = _difference(grid, 1)
    mid = _difference(_moving_sum(grid, 3), 2)
    low = _difference(_moving_sum(grid, 7), 5)
    sharp = _placed(grid[..., 2:] - 2.0 * grid[..., 1:-1] + grid[..., :-2], 1, grid)
    envelopes = [_moving_sum(np.abs(band), width) for band, width in ((high, 9), (mid, 11), (low, 13), (sharp, 9))]
    if gaps.any():
        silent = _extreme(gaps, *_GAP_EDGES) > 0.0
        for envelope in envelopes:
            envelope[silent] = 0.0
    return _Bands(mid, low, *envelopes)


def _peaks(bands: _Bands, first: int) -> tuple[Index, Index, Float]:
    """Grid samples where the summed envelope peaks within 75 ms, at 1/16 of the loudest around or more; the sum."""
    loud = 2.0 * bands.mid_env + bands.low_env + 2.0 * bands.high_env
    start = first - _AROUND[0]
    stop = loud.shape[1] - AHEAD
    near = loud[:, first - _APART : stop + _APART]
    widest = _extreme_of(near, _APART)
    own = loud[:, first:stop]
    later = np.maximum(widest[:, _APART : _APART + own.shape[1]], near[:, 2 * _APART : 2 * _APART + own.shape[1]])
    around = _extreme_of(loud[:, start : stop + _AROUND[1]], sum(_AROUND) + 1)
    peaks = (own >= later) & (own > widest[:, : own.shape[1]]) & (16.0 * own > around) & (own > 0.0)
    lead, at = np.nonzero(peaks)
    return lead, at + first, own[lead, at]


def _share(part: Float, own: Float) -> Float:
    """``part / (part + own)`` per candidate: 0.5 where equal, a logistic curve of the log ratio."""
    return part / (part + own[:, None] + 1.0)


def _signed_share(part: Float, own: Float) -> Float:
    """The same for values with a sign: 0.5 at zero."""
    return 0.5 + 0.5 * part / (np.abs(part) + own[:, None] + 1.0)


def _remember(pasts: Sequence[Past], bands: _Bands, n_new: int) -> None:
    """Extend each lead's past by its last ``n_new`` samples, and those that were not final before."""
    fresh = min(n_new + _LAG, bands.mid.shape[1])
    ends = np.stack((bands.mid_env, bands.low_env, bands.high_env), axis=1)[:, :, -fresh:]
    envelopes = np.concatenate((np.stack([past.near for past in pasts]), ends), axis=2)
    back = _LONGEST - 1
    maxima = _extreme_of(envelopes[:, :, back - 180 :], 181)
    far = np.concatenate(
        (
            maxima,
            _extreme_of(envelopes[:, :1, back - 60 :], 61, np.minimum),
            _sum_of(envelopes[:, ::2], _LONGEST),
            _extreme_of(envelopes[:, :1, back - 12 :], 13),
            _extreme_of(envelopes[:, 1:2, back - 24 :], 25),
        ),
        axis=1,
    )
    near = envelopes[:, :, -_LAG - back : -_LAG]
    for number, past in enumerate(pasts):
        past.extend(far[number], near[number])


def _features(bands: _Bands, far: Float, lead: Index, at: Index) -> Float:
    """What the network sees of each candidate, whole numbers 0..255, float64 (len(at), ``N_FEATURES``)."""
    which, centre = lead[:, None], at[:, None]
    mid, low, high = bands.mid_env, bands.low_env, bands.high_env
    own_mid, own_low, own_high = mid[lead, at], low[lead, at], high[lead, at]
    *maxima, floors, mid_means, high_means, far_mid, far_low = np.split(far, _FAR_PARTS, axis=1)
    near = [
        _share(mid[which, centre + _MID], own_mid),
        _share(low[which, centre + _LOW], own_low),
        _share(high[which, centre + _HIGH], own_high),
        _share(far_mid, own_mid),
        _share(far_low, own_low),
        _share(np.stack((2.0 * own_high, 0.5 * own_low, bands.sharp_env[lead, at]), axis=1), own_mid),
    ]
    history = [
        _share(np.sort(highest, axis=1), own) for highest, own in zip(maxima, (own_mid, own_low, own_high), strict=True)
    ]
    history.append(_share(np.sort(floors, axis=1), own_mid))
    history += [_share(mid_means / _LONGEST, own_mid), _share(high_means / _LONGEST, own_high)]
    steep = bands.mid[which, centre + np.arange(-7, 8)]
    steepest = np.take_along_axis(steep, np.argmax(np.abs(steep), axis=1)[:, None], axis=1)
    sign = np.where(steepest < 0.0, -1.0, 1.0)
    bow = np.abs(bands.low[which, centre + np.arange(-12, 13, 2)]).max(axis=1)
    shape = [
        _signed_share(sign * bands.mid[which, centre + _SHAPE_MID], 0.5 * np.abs(steepest[:, 0])),
        _signed_share(sign * bands.low[which, centre + _SHAPE_LOW], 0.5 * bow),
    ]
    return np.rint(255.0 * np.concatenate(near + history + shape, axis=1))


def find_candidates(grid: Float, missing: Bool, pasts: Sequence[Past], n_new: int, first: int) -> Candidates:
    """Candidates of a stretch of the grids of several leads and what the network sees of them.

    Parameters
    ----------
    grid : whole numbers in float64 (n_leads, n), each lead averaged over each 1/120 s.
    missing : bool (n_leads, n), true where any of it was not recorded.
    pasts : of each lead, all empty or none; they are brought to the end of the grid.
    n_new : the last so many columns were not there before; all of them where the pasts are empty.
    first : candidates before this column are left out; at least ``PAST`` where the pasts are empty, else ``BEFORE``.
    """
    gaps = _extreme(missing.astype(np.float64), _GAP - 1, 0, np.minimum)
    bands = _bands(grid, gaps)
    _remember(pasts, bands, n_new)
    lead, at, loudness = _peaks(bands, first)
    if len(at):
        edges = np.searchsorted(lead, np.arange(len(pasts) + 1))
        columns = at - grid.shape[1]
        far = np.concatenate(
            [past.at(columns[a:b]) for past, a, b in zip(pasts, edges[:-1], edges[1:], strict=True) if b > a]
        )
        features = _features(bands, far, lead, at)
    else:
        features = np.zeros((0, N_FEATURES))
    fresh = _extreme(gaps, _FRESH, 0)[lead, at] > 0.0
    for past in pasts:
        past.shrink()
    return Candidates(lead=lead, at=at, loudness=loudness, features=features, fresh=fresh)


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

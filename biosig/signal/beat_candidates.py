"""The bumps of one ECG lead that may be heart beats, and the features by which a network tells which of them are.

All of it is a pure function of the 9.8 s before and the 0.38 s after a candidate, on a grid of 120 Hz, and it
is computed in whole numbers held by float64 (every partial sum stays below 2**53). So sums are exact in any order,
and a feature has the same bits however the signal was cut, with running sums and all. Features are ratios
``a / (a + b)`` of band envelopes, which makes them independent of gain and offset.

The loops go along the grid in blocks that the processor's cache holds; what features look far back on is kept in a
:class:`Past`, which holds nothing that the grid of the last 9.8 s does not give.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosig.compiled import compiled

__all__ = ["AHEAD", "BEFORE", "N_FEATURES", "PAST", "Candidates", "Past", "find_candidates"]

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]
Index = NDArray[np.int64]
Feature = NDArray[np.uint8]

PAST = 1180
"""Grid samples before a candidate that its features may look at."""
AHEAD = 46
"""Grid samples after a candidate that its features may look at."""
BEFORE = 280
"""Grid samples before the first candidate that :func:`find_candidates` must be given beside a ``Past``."""
N_FEATURES = 168
"""What the network sees of a candidate."""

_MID, _LOW, _MID_ENV, _LOW_ENV, _HIGH_ENV, _SHARP_ENV, _LOUD = range(7)
_HIGHEST, _FLOOR, _SUM, _FAR_MID, _FAR_LOW = 0, 3, 4, 6, 7
_BLOCK = 320
_OLDEST = 912
_ROOM = 1280
_LONGEST = 241
_BACK, _ON = _LONGEST - 1, 36
_EDGE = 14
_APART = 9
_AROUND = (120, 30)
_GAP = 12
_GAP_EDGES = (14, 10)
_FRESH = 60


@dataclass(frozen=True, eq=False)
class Candidates:
    """Bumps that may be beats.

    Parameters
    ----------
    at : int64 (n,), grid samples, rising.
    loudness : float64 (n,), the envelope there, summed over the bands.
    features : uint8 (n, ``N_FEATURES``), what the network sees of each.
    fresh : bool (n,), true less than 0.5 s after a gap of 0.1 s or more, or after the start: nothing to compare with.
    """

    at: Index
    loudness: Float
    features: Feature
    fresh: Bool


class Past:
    """What candidates of one lead still to come look back on: window maxima, minima and sums that end at each sample.

    Parameters
    ----------
    far : float64 (1280, 8), per column a kind of window; rows are written in turn, the oldest ones over again.
    n : rows written so far.
    """

    def __init__(self) -> None:
        self.far: Float = np.zeros((_ROOM, 8))
        self.n = 0

    @property
    def empty(self) -> bool:
        """Whether nothing is known: then the grid must be given from the first sample that features look at."""
        return self.n == 0

    def forget(self, n: int) -> None:
        """Go ``n`` grid samples back."""
        self.n -= n


def find_candidates(grid: Float, missing: Bool, past: Past, first: int) -> Candidates:
    """Candidates of a stretch of a lead's grid and what the network sees of them, up to ``AHEAD`` before its end.

    Parameters
    ----------
    grid : whole numbers in float64 (n,), the lead averaged over each 1/120 s.
    missing : bool (n,), true where any of it was not recorded.
    past : brought to ``AHEAD`` before the end of the grid.
    first : candidates before this sample are left out: at least ``PAST`` where the past is empty. Else ``BEFORE`` or
        more, and the first that was too late for the call before.
    """
    before = PAST if past.empty else BEFORE
    if first < before:
        raise ValueError(f"candidates need {before} samples of grid before them, got {first}")
    at, loudness, features, fresh, past.n = _find(grid, missing, past.far, past.n, first)
    return Candidates(at, loudness, features, fresh)


@compiled
def _find(grid: Float, missing: Bool, far: Float, n: int, first: int) -> tuple[Index, Float, Feature, Bool, int]:
    """Columns of :class:`Candidates`, and the rows then written of ``far``; ``n`` are written before."""
    stop = len(grid) - AHEAD
    at = np.empty(max(0, stop - first) // _APART + 1, dtype=np.int64)
    loudness = np.empty(len(at))
    features = np.empty((len(at), N_FEATURES), dtype=np.uint8)
    fresh = np.empty(len(at), dtype=np.bool_)
    bands = np.empty((7, _BACK + _BLOCK + _ON))
    count = 0
    begin = first if n else first - _OLDEST
    while begin < stop:
        end = min(begin + _BLOCK, stop if begin >= first else first)
        zero = begin - _BACK
        _filter(grid, zero, end - zero + _ON, bands)
        _silence(missing, zero, end - zero + _ON, bands)
        _remember(bands, end - begin, far, n)
        if begin >= first:
            for k in range(begin, end):
                if _is_peak(bands[_LOUD], k - zero):
                    at[count], loudness[count] = k, bands[_LOUD, k - zero]
                    fresh[count] = _recently(missing, k)
                    _describe(bands, k - zero, far, n + k - begin, features[count])
                    count += 1
        n += end - begin
        begin = end
    return at[:count], loudness[:count], features[:count], fresh[:count], n


@compiled
def _filter(grid: Float, zero: int, width: int, bands: Float) -> None:
    """Fill the first ``width`` columns of ``bands``, the first of which is grid sample ``zero``.

    Rows are band-passed signals (whole numbers), envelopes of the same, and a sum of these. The bands are differences
    of short moving averages: linear phase, centred. Peaks of the pass bands: ``high`` 30 Hz, ``mid`` 13 Hz, ``low``
    6 Hz; ``sharp`` is the second difference, which muscle noise and spikes fill.
    """
    x = np.empty(width + 28)
    for i in range(len(x)):
        # the last 4 columns reach beyond the grid: no candidate looks at their low band
        x[i] = grid[min(zero - 14 + i, len(grid) - 1)]
    seven = np.empty(width + 22)
    for i in range(len(seven)):
        seven[i] = x[i] + x[i + 1] + x[i + 2] + x[i + 3] + x[i + 4] + x[i + 5] + x[i + 6]
    sides = np.empty((4, width + 12))
    mid, low, high, sharp = sides[0], sides[1], sides[2], sides[3]
    for i in range(width + 12):
        mid[i] = (x[i + 9] + x[i + 10] + x[i + 11]) - (x[i + 5] + x[i + 6] + x[i + 7])
        low[i] = seven[i + 10] - seven[i]
        high[i] = x[i + 9] - x[i + 7]
        sharp[i] = x[i + 9] - 2.0 * x[i + 8] + x[i + 7]
    for i in range(width):
        bands[_MID, i], bands[_LOW, i] = mid[i + 6], low[i + 6]
    _envelopes(mid, low, high, sharp, bands)


@compiled
def _envelopes(mid: Float, low: Float, high: Float, sharp: Float, bands: Float) -> None:
    """Moving sums of the magnitudes of bands (n + 12,) as the first n columns of ``bands``."""
    mids = lows = highs = sharps = 0.0
    for i in range(12):
        lows += abs(low[i])
        mids += abs(mid[i]) if 1 <= i < 11 else 0.0
        highs += abs(high[i]) if 2 <= i < 10 else 0.0
        sharps += abs(sharp[i]) if 2 <= i < 10 else 0.0
    # four sums at a time, and of what enters and leaves at once: else one addition waits for another
    mid_leaves = low_leaves = high_leaves = sharp_leaves = 0.0
    for i in range(len(mid) - 12):
        mids += abs(mid[i + 11]) - mid_leaves
        lows += abs(low[i + 12]) - low_leaves
        highs += abs(high[i + 10]) - high_leaves
        sharps += abs(sharp[i + 10]) - sharp_leaves
        bands[_MID_ENV, i], bands[_LOW_ENV, i] = mids, lows
        bands[_HIGH_ENV, i], bands[_SHARP_ENV, i] = highs, sharps
        mid_leaves, low_leaves = abs(mid[i + 1]), abs(low[i])
        high_leaves, sharp_leaves = abs(high[i + 2]), abs(sharp[i + 2])


@compiled
def _silence(missing: Bool, zero: int, width: int, bands: Float) -> None:
    """Set the envelopes to 0 around the end of gaps, the step there is no beat; then sum them."""
    lost = False
    for k in range(1 - _GAP - _GAP_EDGES[0], width + _GAP_EDGES[1]):
        lost |= missing[zero + k]
    run, gap = 0, -width
    for k in range(1 - _GAP - _GAP_EDGES[0], width + _GAP_EDGES[1] if lost else 0):
        run = run + 1 if missing[zero + k] else 0
        gap = k if run >= _GAP else gap
        i = k - _GAP_EDGES[1]
        if i >= 0 and gap >= i - _GAP_EDGES[0]:
            for row in range(_MID_ENV, _SHARP_ENV + 1):
                bands[row, i] = 0.0
    for i in range(width):
        bands[_LOUD, i] = 2.0 * bands[_MID_ENV, i] + bands[_LOW_ENV, i] + 2.0 * bands[_HIGH_ENV, i]


@compiled
def _recently(missing: Bool, k: int) -> bool:
    """Whether a gap was within 0.5 s before a sample."""
    run = 0
    for place in range(k - _FRESH - _GAP + 1, k + 1):
        run = run + 1 if missing[place] else 0
        if run >= _GAP:
            return True
    return False


@compiled
def _is_peak(loud: Float, k: int) -> bool:
    """Whether the summed envelope peaks within 75 ms, at 1/16 of the loudest around or more."""
    own = loud[k]
    if not own > 0.0:
        return False
    for place in range(k + 1, k + _APART + 1):
        if loud[place] > own:
            return False
    for place in range(k - _APART, k):
        if loud[place] >= own:
            return False
    around = 0.0
    for place in range(k - _AROUND[0], k + _AROUND[1] + 1):
        around = loud[place] if loud[place] > around else around
    return bool(16.0 * own > around)


@compiled
def _highest(x: Float, width: int, rooms: Float) -> Float:
    """Largest of ``width`` neighbours, as many as there are, in one of two ``rooms`` for as many as ``x``."""
    reached, turn = 1, 0
    while reached < width:
        shift = min(reached, width - reached)
        later, widest = x[shift:], rooms[turn, : len(x) - shift]
        for i in range(len(widest)):
            widest[i] = x[i] if x[i] > later[i] else later[i]
        x, reached, turn = widest, reached + shift, 1 - turn
    return x


@compiled
def _remember(bands: Float, new: int, far: Float, n: int) -> None:
    """Write ``new`` rows of ``far``, which has ``n``: the windows that end at columns ``_BACK`` and later."""
    rooms, upside_down = np.empty((2, _BACK + new)), np.empty(_BACK + new)
    for i in range(_BACK + new):
        upside_down[i] = -bands[_MID_ENV, i]
    for column in range(8):
        if column == _SUM or column == _SUM + 1:
            continue
        if column == _FLOOR:
            envelope, width = upside_down, 61
        elif column == _FAR_MID:
            envelope, width = bands[_MID_ENV], 13
        elif column == _FAR_LOW:
            envelope, width = bands[_LOW_ENV], 25
        else:
            envelope, width = bands[_MID_ENV + column], 181
        widest = _highest(envelope[_BACK - width + 1 : _BACK + new], width, rooms)
        row = n % _ROOM
        for i in range(new):
            far[row, column] = widest[i]
            row = row + 1 if row + 1 < _ROOM else 0
    mids = highs = mid_leaves = high_leaves = 0.0
    for i in range(_BACK):
        mids += bands[_MID_ENV, i]
        highs += bands[_HIGH_ENV, i]
    row = n % _ROOM
    for i in range(new):
        mids += bands[_MID_ENV, i + _BACK] - mid_leaves
        highs += bands[_HIGH_ENV, i + _BACK] - high_leaves
        mid_leaves, high_leaves = bands[_MID_ENV, i], bands[_HIGH_ENV, i]
        far[row, _SUM], far[row, _SUM + 1] = mids, highs
        row = row + 1 if row + 1 < _ROOM else 0


@compiled
def _share(part: float, own: float) -> float:
    """``part / (part + own)`` in 255ths: half where equal, a logistic curve of the log ratio."""
    return float(np.rint(255.0 * (part / (part + own + 1.0))))


@compiled
def _signed_share(part: float, own: float) -> float:
    """The same for values with a sign: half at zero."""
    return float(np.rint(255.0 * (0.5 + 0.5 * part / (abs(part) + own + 1.0))))


@compiled
def _describe(bands: Float, k: int, far: Float, row: int, out: Feature) -> None:
    """Write what the network sees of the candidate at column ``k`` of ``bands`` and ``row`` of ``far``."""
    mid, low, high = bands[_MID_ENV], bands[_LOW_ENV], bands[_HIGH_ENV]
    own_mid, own_low, own_high = mid[k], low[k], high[k]
    for i in range(28):
        out[i] = _share(mid[k - 72 + 4 * i], own_mid)
    for i in range(21):
        out[28 + i] = _share(low[k - 68 + 5 * i], own_low)
    for i in range(22):
        out[49 + i] = _share(high[k - 48 + 4 * i], own_high)
    for i in range(24):
        out[71 + i] = _share(far[(row - 354 + 12 * i) % _ROOM, _FAR_MID], own_mid)
    for i in range(12):
        out[95 + i] = _share(far[(row - 348 + 24 * i) % _ROOM, _FAR_LOW], own_low)
    out[107] = _share(2.0 * own_high, own_mid)
    out[108] = _share(0.5 * own_low, own_mid)
    out[109] = _share(bands[_SHARP_ENV, k], own_mid)
    _describe_history(far, row, own_mid, own_low, own_high, out[110:140])
    _describe_shape(bands[_MID], bands[_LOW], k, out[140:])


@compiled
def _describe_history(far: Float, row: int, own_mid: float, own_low: float, own_high: float, out: Feature) -> None:
    """The envelopes' highest and lowest values and their means over the last 9 s, each kind in rising order."""
    six = np.empty(6)
    for kind in range(4):
        own = own_low if kind == 1 else own_high if kind == 2 else own_mid
        for i in range(6):
            back = -60 * i if kind == _FLOOR else -12 - 180 * i
            value, place = far[(row + back) % _ROOM, kind], i
            value = -value if kind == _FLOOR else value
            while place and six[place - 1] > value:
                six[place] = six[place - 1]
                place -= 1
            six[place] = value
        for i in range(6):
            out[6 * kind + i] = _share(six[i], own)
    for i in range(3):
        means = far[(row - 240 * i) % _ROOM]
        out[24 + i] = _share(means[_SUM] / _LONGEST, own_mid)
        out[27 + i] = _share(means[_SUM + 1] / _LONGEST, own_high)


@compiled
def _describe_shape(mid: Float, low: Float, k: int, out: Feature) -> None:
    """The bands around column ``k`` beside their largest values there, ``mid`` upright."""
    steepest = bow = 0.0
    for place in range(k - 7, k + 8):
        steepest = mid[place] if abs(mid[place]) > abs(steepest) else steepest
    for place in range(k - 12, k + 13, 2):
        bow = max(bow, abs(low[place]))
    sign = -1.0 if steepest < 0.0 else 1.0
    for i in range(15):
        out[i] = _signed_share(sign * mid[k - 14 + 2 * i], 0.5 * abs(steepest))
    for i in range(13):
        out[15 + i] = _signed_share(sign * low[k - 36 + 6 * i], 0.5 * bow)

"""Candidates and their features, beside what scipy's filters give of the same grid."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from biosig.signal.beat_candidates import AHEAD, BEFORE, PAST, Candidates, Past, find_candidates

N = 4000


@pytest.fixture(scope="module")
def grid() -> NDArray[np.float64]:
    """Beats every 0.7 to 1.1 s in noise, in whole numbers."""
    rng = np.random.default_rng(3)
    lead = rng.normal(0.0, 300.0, N)
    for beat in np.cumsum(rng.integers(84, 132, 40)):
        lead[beat : beat + 9] += np.array([-900, 2000, 9000, 16000, 14000, 5000, -2500, -4000, -1000])[: N - beat]
    return np.rint(lead)


@pytest.fixture(scope="module")
def missing() -> NDArray[np.bool_]:
    """A gap, and a shorter stretch that is not one."""
    lost = np.zeros(N, dtype=np.bool_)
    lost[2000:2100] = lost[2600:2611] = True
    return lost


def moving_sum(x: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    sums: NDArray[np.float64] = np.convolve(x, np.ones(width), "same")
    return sums


def difference(x: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    return np.roll(x, -reach) - np.roll(x, reach)


def ending(x: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Largest of the last ``width`` samples."""
    widest: NDArray[np.float64] = maximum_filter1d(x, width, origin=(width - 1) // 2)
    return widest


def bands(grid: NDArray[np.float64], missing: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
    """The bands by their definitions."""
    mid, low = difference(moving_sum(grid, 3), 2), difference(moving_sum(grid, 7), 5)
    high, sharp = difference(grid, 1), np.convolve(grid, [1.0, -2.0, 1.0], "same")
    gap = moving_sum(missing.astype(float), 12)
    gap = np.roll(gap, 5) == 12.0
    silent = np.array([gap[max(0, k - 14) : k + 11].any() for k in range(len(gap))])
    sums = {"high": (high, 9), "mid": (mid, 11), "low": (low, 13), "sharp": (sharp, 9)}
    envelopes = {name: np.where(silent, 0.0, moving_sum(np.abs(band), width)) for name, (band, width) in sums.items()}
    return envelopes | {"mid_band": mid, "low_band": low, "gap": gap.astype(float)}


def features(of: dict[str, NDArray[np.float64]], at: int) -> NDArray[np.float64]:
    """What the network sees of a candidate, by its definition."""
    mid, low, high = of["mid"], of["low"], of["high"]
    own = {"mid": mid[at], "low": low[at], "high": high[at]}

    def share(part: NDArray[np.float64], to: str = "mid") -> NDArray[np.float64]:
        shares: NDArray[np.float64] = part / (part + own[to] + 1.0)
        return shares

    def signed(part: NDArray[np.float64], to: float) -> NDArray[np.float64]:
        return 0.5 + 0.5 * part / (np.abs(part) + to + 1.0)

    far, steps = np.arange(at - 360, at - 72, 12), np.arange(6)
    steep = of["mid_band"][at - 7 : at + 8]
    steepest = steep[np.argmax(np.abs(steep))]
    bow = np.abs(of["low_band"][at - 12 : at + 13 : 2]).max()
    means = {name: np.array([of[name][k - 240 : k + 1].sum() / 241 for k in at - 240 * steps[:3]]) for name in own}
    parts = [
        *(share(mid[at - 72 : at + 37 : 4]), share(low[at - 68 : at + 33 : 5], "low")),
        *(share(high[at - 48 : at + 37 : 4], "high"), share(ending(mid, 13)[far + 6])),
        *(
            share(ending(low, 25)[far[::2] + 12], "low"),
            share(np.array([2 * high[at], 0.5 * low[at], of["sharp"][at]])),
        ),
        *(share(np.sort(ending(of[name], 181)[at - 12 - 180 * steps]), name) for name in ("mid", "low", "high")),
        share(np.sort(minimum_filter1d(mid, 61, origin=30)[at - 60 * steps])),
        *(share(means["mid"]), share(means["high"], "high")),
        signed(np.sign(steepest) * of["mid_band"][at - 14 : at + 15 : 2], 0.5 * abs(steepest)),
        signed(np.sign(steepest) * of["low_band"][at - 36 : at + 37 : 6], 0.5 * bow),
    ]
    return np.rint(255.0 * np.concatenate(parts))


def test_candidates_and_features_are_what_their_definitions_say(
    grid: NDArray[np.float64], missing: NDArray[np.bool_]
) -> None:
    found = find_candidates(grid, missing, Past(), PAST)
    of = bands(grid, missing)
    loud = 2.0 * of["mid"] + of["low"] + 2.0 * of["high"]
    peaks = [
        k
        for k in range(PAST, N - AHEAD)
        if loud[k] >= loud[k : k + 10].max()
        and loud[k] > loud[k - 9 : k].max()
        and 16.0 * loud[k] > loud[k - 120 : k + 31].max()
    ]
    assert found.at.tolist() == peaks
    assert len(peaks) > 20
    assert np.array_equal(found.loudness, loud[peaks])
    assert found.fresh.tolist() == [bool(of["gap"][k - 60 : k + 1].any()) for k in peaks]
    assert 1 <= np.count_nonzero(found.fresh) < 12
    for at, row in zip(found.at, found.features, strict=True):
        assert np.array_equal(row, features(of, int(at)))


@pytest.mark.parametrize("step", [1, 60, 500])
def test_candidates_are_the_same_piece_by_piece(
    grid: NDArray[np.float64], missing: NDArray[np.bool_], step: int
) -> None:
    whole = find_candidates(grid, missing, Past(), PAST)
    past, first = Past(), PAST
    pieces: list[Candidates] = []
    for stop in [*range(PAST + AHEAD + 1, N, step), N]:
        begin = 0 if past.empty else first - BEFORE
        piece = find_candidates(grid[begin:stop], missing[begin:stop], past, first - begin)
        pieces.append(Candidates(piece.at + begin, piece.loudness, piece.features, piece.fresh))
        first = stop - AHEAD
    for name in ("at", "loudness", "features", "fresh"):
        assert np.array_equal(np.concatenate([getattr(piece, name) for piece in pieces]), getattr(whole, name))


def test_too_little_grid_before_the_first_candidate_is_refused(
    grid: NDArray[np.float64], missing: NDArray[np.bool_]
) -> None:
    past = Past()
    with pytest.raises(ValueError, match="candidates need 1180 samples of grid before them, got 1179"):
        find_candidates(grid, missing, past, PAST - 1)
    find_candidates(grid[:1500], missing[:1500], past, PAST)
    with pytest.raises(ValueError, match="candidates need 280 samples of grid before them, got 279"):
        find_candidates(grid, missing, past, BEFORE - 1)

"""Pairing worked by hand on small sequences of samples, and what must hold for any sequence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosig.windows.pairing import pair_beats

samples = st.lists(st.integers(0, 300), unique=True, max_size=25).map(sorted)


@pytest.mark.parametrize(
    ("reference", "test", "expected"),
    [
        pytest.param([100, 200], [103, 196], [[0, 0], [1, 1]], id="one each"),
        pytest.param([100], [90, 112], [[0, 0], [-1, 1]], id="first of two detections nearer"),
        pytest.param([100], [88, 110], [[-1, 0], [0, 1]], id="second of two detections nearer"),
        pytest.param([100], [90, 110], [[-1, 0], [0, 1]], id="tie of detections goes to the second"),
        pytest.param([90, 110], [100], [[0, -1], [1, 0]], id="tie of references goes to the second"),
        pytest.param([90, 112], [100], [[0, 0], [1, -1]], id="first of two references nearer"),
        pytest.param([100], [115], [[0, 0]], id="exactly one window apart pairs"),
        pytest.param([100], [116], [[0, -1], [-1, 0]], id="one sample more does not"),
        pytest.param([100], [84], [[-1, 0], [0, -1]], id="one sample more before does not"),
        pytest.param([100], [100, 100], [[0, 0], [-1, 1]], id="second detection at the same sample is extra"),
        pytest.param([100, 100], [100], [[0, -1], [1, 0]], id="second reference at the same sample takes it"),
        pytest.param([], [7], [[-1, 0]], id="no reference"),
        pytest.param([7], [], [[0, -1]], id="no test"),
        pytest.param([], [], [], id="nothing at all"),
    ],
)
def test_pairs_worked_by_hand(reference: list[int], test: list[int], expected: list[list[int]]) -> None:
    assert pair_beats(reference, test, window=15).tolist() == expected


def test_a_beat_after_the_end_counts_only_as_a_partner() -> None:
    assert pair_beats([95, 200], [105, 198], window=15, stop=100).tolist() == [[0, 0]]
    assert pair_beats([95, 200], [198], window=15, stop=95).tolist() == [[0, -1]]
    assert pair_beats([95], [], window=15, stop=94).tolist() == []


@given(samples, samples, st.integers(0, 40))
def test_every_beat_is_used_once_and_pairs_lie_within_the_window(ref: list[int], test: list[int], window: int) -> None:
    pairs = pair_beats(ref, test, window=window)
    for column, beats in ((0, ref), (1, test)):
        used = pairs[pairs[:, column] >= 0, column]
        assert used.tolist() == list(range(len(beats)))
    both = pairs[(pairs >= 0).all(axis=1)]
    assert all(abs(ref[i] - test[j]) <= window for i, j in both)


@given(samples, st.integers(0, 40))
def test_a_sequence_pairs_with_itself(beats: list[int], window: int) -> None:
    pairs = pair_beats(beats, beats, window=window)
    assert np.array_equal(pairs[:, 0], pairs[:, 1])
    assert len(pairs) == len(beats)


def test_impossible_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="ascending"):
        pair_beats([2, 1], [1], window=3)
    with pytest.raises(ValueError, match="window must be 0 samples or more, got -1"):
        pair_beats([1], [1], window=-1)

"""Windows are an index: joined, restricted and put in context without touching the signals."""

import numpy as np
import pytest

from biosig.windows.index import Windows


def windows_of(name: str, n: int, *, subject: str = "") -> Windows:
    signal = np.arange(2 * n * 3, dtype=np.float32).reshape(2, n * 3)
    return Windows(
        signals=(signal,),
        names=(name,),
        subjects=(subject or name,),
        recording=np.zeros(n, dtype=np.int64),
        start=np.arange(n) * 3,
        length=3,
        onset_s=np.arange(n, dtype=float),
        ready_s=np.arange(n) + 1.0,
        good=np.ones(n, dtype=np.float32),
        features=np.arange(n, dtype=np.float32)[:, None],
        label=np.arange(n) % 2,
    )


def test_joining_shares_the_signals_and_keeps_the_order():
    a, b = windows_of("a", 2), windows_of("b", 3)
    joined = Windows.join([a, b])
    assert joined.signals[0] is a.signals[0]
    assert joined.recording.tolist() == [0, 0, 1, 1, 1]
    assert joined.subject.tolist() == ["a", "a", "b", "b", "b"]
    np.testing.assert_array_equal(joined.gather(np.array([3]))[0], b.signals[0][:, 3:6])


def test_choosing_recordings_renumbers_them():
    joined = Windows.join([windows_of("a", 2), windows_of("b", 3), windows_of("c", 1)])
    chosen = joined.of_recordings([2, 0])
    assert chosen.names == ("c", "a")
    assert chosen.recording.tolist() == [0, 1, 1]
    assert chosen.features[:, 0].tolist() == [0, 0, 1]


def test_context_never_crosses_into_another_recording():
    joined = Windows.join([windows_of("a", 2), windows_of("b", 3)])
    rows, count = joined.contexts(3, np.arange(len(joined)))
    assert rows.tolist() == [[0, 0, 0], [0, 1, 1], [2, 2, 2], [2, 3, 3], [2, 3, 4]]
    assert count.tolist() == [1, 2, 1, 2, 3]


def test_windows_of_unequal_length_do_not_join():
    import dataclasses

    with pytest.raises(ValueError, match="one length"):
        Windows.join([windows_of("a", 2), dataclasses.replace(windows_of("b", 2), length=2)])

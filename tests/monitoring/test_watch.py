"""Once per second how the signal was, whether there are beats or not."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosig.errors import SourceError
from biosig.monitoring.events import SignalState
from biosig.monitoring.watch import SignalWatch
from biosig.records.recording import Layout
from biosig.signal.quality import Quality

FS = 250.0
LAYOUT = Layout(("II", "V1"), FS, ("mV", "mV"))
NOISE = np.random.default_rng(0).normal(size=(2, 2500)).astype(np.float32)


def watch(samples, layout=LAYOUT, **options):
    return SignalWatch(layout, **options).push(samples)


def test_a_state_is_told_for_every_second_of_good_signal():
    assert watch(NOISE) == [SignalState(time_s=second, good=1.0) for second in range(1, 11)]


def test_a_flat_line_is_told_from_a_second_after_it_began():
    samples = NOISE.copy()
    samples[:, 1000:] = 0.3
    states = watch(samples)
    assert [state.flat for state in states[:5]] == [0.0] * 5
    assert [state.good for state in states[:4]] == [1.0] * 4
    assert [state.flat for state in states[6:]] == [1.0] * 4
    assert [state.good for state in states[6:]] == [0.0] * 4


def test_missing_and_saturated_samples_are_told_as_shares_over_the_channels_watched():
    samples = NOISE.clip(-4, 4)
    samples[0, 500:750] = np.nan
    samples[1, 1000:1125] = -5.2
    limited = Quality(limit=5.0)
    both = watch(samples, quality=limited)
    assert both[2] == SignalState(time_s=3.0, good=0.5, missing=0.5)
    assert both[4] == SignalState(time_s=5.0, good=0.75, saturated=0.25)
    one = watch(samples, channels=["V1"], quality=limited)
    assert one[2] == SignalState(time_s=3.0, good=1.0)
    assert one[4] == SignalState(time_s=5.0, good=0.5, saturated=0.5)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 2500), max_size=20),
    st.integers(0, 20),
    st.lists(st.tuples(st.integers(0, 2400), st.integers(1, 700), st.booleans()), max_size=4),
    st.sampled_from([1.0, 0.333, 0.004]),
)
def test_states_do_not_depend_on_chunking_or_on_a_pause(cuts, pause, faults, every_s):
    samples = NOISE.copy()
    for start, length, missing in faults:
        samples[:, start : start + length] = np.nan if missing else 0.0
    expected = watch(samples, every_s=every_s)
    assert len(expected) == int(10.0 / every_s + 1e-9)
    stream, found = SignalWatch(LAYOUT, every_s=every_s), []
    for number, (start, stop) in enumerate(pairwise([0, *sorted(cuts), 2500])):
        if number == pause:
            resumed = SignalWatch(LAYOUT, every_s=every_s)
            resumed.load_state_dict(stream.state_dict())
            stream = resumed
        states = stream.push(samples[:, start:stop])
        assert all(start / FS < state.time_s + 1e-6 and state.time_s <= stop / FS + 1e-6 for state in states)
        found += states
    assert found == expected


def test_after_a_reset_times_go_on_where_it_says():
    stream = SignalWatch(LAYOUT)
    stream.push(NOISE[:, :600])
    stream.reset(at_s=40.0)
    assert [state.time_s for state in stream.push(NOISE[:, :600])] == [41.0, 42.0]


def test_chunks_of_another_layout_are_refused():
    with pytest.raises(SourceError, match=r"expected chunks of \(2, n\) samples, got shape \(1, 5\)"):
        watch(np.zeros((1, 5)))
    with pytest.raises(ValueError, match=r"at least one sample: every_s >= 0\.004, got 0\.001"):
        SignalWatch(LAYOUT, every_s=0.001)


def test_samples_at_a_rail_of_their_converter_are_saturated_and_beyond_it_are_not():
    """Beyond: a header that understates its converter must not make every sample a fault."""
    data = np.random.default_rng(0).normal(0, 1, (2, 400))
    data[0, 100:150] = -5.12
    data[0, 150:200] = 5.115
    data[1, 200:300] = 9.0
    layout = Layout(("MLII", "V1"), 100.0, ("mV", "mV"))
    states = SignalWatch(layout, rails=((-5.12, 5.115), (-5.12, 5.115))).push(data.astype(np.float32))
    assert [state.saturated for state in states] == [0.0, 0.5, 0.0, 0.0]
    assert states[1].good == 0.5
    unknown = SignalWatch(layout, rails=((-math.inf, math.inf), (-math.inf, math.inf))).push(data)
    assert [state.saturated for state in unknown] == [0.0] * 4

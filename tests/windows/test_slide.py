"""Sliding windows: where they lie, when they are ready, and that chunking changes nothing."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosig.records.recording import Layout, Recording
from biosig.signal.filters import BandPass
from biosig.signal.repair import HoldGaps
from biosig.signal.stream import Chain
from biosig.windows.slide import Slide
from biosig.windows.stream import Cutting, WindowStream, cut_recording

LAYOUT = Layout(("A", "B"), 50.0, ("uV", "uV"))
CHAIN = Chain((HoldGaps(max_s=1.0), BandPass(low_hz=1.0, high_hz=20.0, order=2)))
SIGNAL = np.random.default_rng(0).normal(size=(2, 640)).astype(np.float32)
SIGNAL[0, 300:340] = np.nan


def test_windows_start_at_every_stride_and_are_ready_when_their_last_sample_is_there():
    windows = cut_recording(Recording.from_array(SIGNAL, LAYOUT), CHAIN, Slide(length_s=4.0, stride_s=2.0))
    assert windows.start.tolist() == [0, 100, 200, 300, 400]
    assert windows.length == 200
    np.testing.assert_allclose(windows.ready_s, (windows.start + 200) / 50.0)


def test_good_is_the_share_of_recorded_samples():
    windows = cut_recording(Recording.from_array(SIGNAL, LAYOUT), CHAIN, Slide(length_s=4.0, stride_s=2.0))
    np.testing.assert_allclose(windows.good, [1.0, 1.0, 0.9, 0.9, 1.0], atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 640), max_size=12), st.integers(0, 12))
def test_windows_do_not_depend_on_chunking_or_on_a_pause(cuts, pause):
    cutter = Slide(length_s=1.0, stride_s=0.34)
    whole = WindowStream(CHAIN, cutter, LAYOUT)
    expected = Cutting.join([whole.push(SIGNAL), whole.flush()])
    stream = WindowStream(CHAIN, cutter, LAYOUT)
    parts = []
    bounds = [0, *sorted(cuts), 640]
    for number, (start, stop) in enumerate(pairwise(bounds)):
        if number == pause:
            resumed = WindowStream(CHAIN, cutter, LAYOUT)
            resumed.load_state_dict(stream.state_dict())
            stream = resumed
        parts.append(stream.push(SIGNAL[:, start:stop]))
    found = Cutting.join([*parts, stream.flush()])
    for column in ("signal", "start", "onset_s", "ready_s", "known", "good"):
        np.testing.assert_array_equal(getattr(found, column), getattr(expected, column))


def test_a_window_shorter_than_a_sample_is_refused():
    with pytest.raises(ValueError, match="at least one sample at fs=50"):
        Slide(length_s=0.001, stride_s=1.0).open(LAYOUT, CHAIN.open(LAYOUT), None)

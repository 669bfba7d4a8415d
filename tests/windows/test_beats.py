"""Beat windows of real ECG: the same however it is cut, on time, and no later than stated."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosig.datasets.mitbih import SAMPLE
from biosig.recipe import load_recipe
from biosig.records.reading import read
from biosig.windows.beats import Beats
from biosig.windows.portrait import FEWEST, PORTRAIT_FEATURES
from biosig.windows.rhythm import FEATURES
from biosig.windows.stream import Cutting, WindowStream, cut_recording

RECIPE = load_recipe("ecg", ["windows.options.portrait_beats=16"])
COLUMNS = ("signal", "start", "onset_s", "ready_s", "known", "good", "features")


def excerpt(name: str = "106", start_s: float = 30.0, stop_s: float = 60.0):
    return read(SAMPLE / name).pick(["MLII"]).crop(start_s, stop_s)


RECORDING = excerpt()


def stream(**options) -> WindowStream:
    return WindowStream(RECIPE.chain, RECIPE.cutter, RECORDING.layout, **options)


def whole() -> Cutting:
    one = stream()
    return Cutting.join([one.push(RECORDING.data), one.flush()])


WHOLE = whole()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, RECORDING.n_times), max_size=40), st.integers(0, 40))
def test_windows_do_not_depend_on_chunking_or_on_a_pause(cuts, pause):
    one, parts = stream(), []
    for number, (start, stop) in enumerate(pairwise([0, *sorted(cuts), RECORDING.n_times])):
        if number == pause:
            state = one.state_dict()
            one = stream()
            one.load_state_dict(state)
        parts.append(one.push(RECORDING.data[:, start:stop]))
    found = Cutting.join([*parts, one.flush()])
    for column in COLUMNS:
        np.testing.assert_array_equal(getattr(found, column), getattr(WHOLE, column))


@settings(max_examples=10, deadline=None)
@given(st.lists(st.lists(st.sampled_from([None, 0, 1, 360, 720]), min_size=3, max_size=3), min_size=3, max_size=12))
def test_patients_side_by_side_get_the_windows_that_each_gets_alone(rounds):
    data = [RECORDING.data[:, 1000 * patient : 1000 * patient + 5000] for patient in range(3)]
    alone = []
    for samples in data:
        one = stream()
        alone.append(Cutting.join([one.push(samples), one.flush()]))
    streams, parts, seen = [stream() for _ in data], [[] for _ in data], [0, 0, 0]
    for sizes in [*rounds, [5000] * 3]:
        there = [patient for patient, size in enumerate(sizes) if size is not None]
        chunks = [data[i][:, seen[i] : seen[i] + sizes[i]] for i in there]
        for i, chunk, cutting in zip(
            there, chunks, WindowStream.push_together([streams[i] for i in there], chunks), strict=True
        ):
            parts[i].append(cutting)
            seen[i] += chunk.shape[1]
    for patient, whole_alone in enumerate(alone):
        found = Cutting.join([*parts[patient], streams[patient].flush()])
        for column in COLUMNS:
            np.testing.assert_array_equal(getattr(found, column), getattr(whole_alone, column))


def test_a_window_comes_exactly_when_it_says():
    one, waited = stream(), []
    for n in range(0, RECORDING.n_times, 9):
        cutting = one.push(RECORDING.data[:, n : n + 9])
        waited += [(n + 9) / RECORDING.fs - ready for ready in cutting.ready_s]
    assert waited
    assert all(0 <= late <= 9 / RECORDING.fs + 1e-9 for late in waited)


def test_the_future_beyond_the_latency_changes_nothing():
    cut_s = 15.0
    changed = RECORDING.data.copy()
    changed[:, round(cut_s * RECORDING.fs) :] *= -3.0
    one = stream()
    other = Cutting.join([one.push(changed), one.flush()])
    before = WHOLE.ready_s <= cut_s
    n = int(before.sum())
    assert n > 5
    for column in ("onset_s", "good", "features"):
        np.testing.assert_array_equal(getattr(other, column)[:n], getattr(WHOLE, column)[:n])


def test_annotated_positions_are_taken_as_they_are():
    beats_s = np.array([0.01, 3.2, 4.0, 29.99])
    windows = cut_recording(RECORDING, RECIPE.chain, RECIPE.cutter, beats_s=beats_s)
    np.testing.assert_allclose(windows.onset_s, beats_s, atol=0.5 / RECORDING.fs)
    assert windows.good[1] == 1.0
    assert windows.good[0] < 1.0


def test_lost_signal_makes_its_windows_bad_and_no_others():
    data = RECORDING.data.copy()
    data[:, 3600:4320] = np.nan
    one = stream(beats_s=np.array([5.0, 11.0, 25.0]))
    found = Cutting.join([one.push(data), one.flush()])
    assert found.good[0] == found.good[2] == 1.0
    assert found.good[1] < 0.5


def test_a_look_ahead_too_short_for_the_window_is_refused():
    cutter = Beats(look_ahead_s=0.0)
    with pytest.raises(ValueError, match="look_ahead_s=0 is too short") as caught:
        WindowStream(RECIPE.chain, cutter, RECORDING.layout)
    assert "\n" not in str(caught.value)


def test_a_portrait_is_drawn_with_every_beat_from_the_fourth_on_and_changes_nothing_else():
    plain = cut_recording(RECORDING, RECIPE.chain, replace(RECIPE.cutter, portrait_beats=0))
    np.testing.assert_array_equal(WHOLE.features[:, : len(FEATURES)], plain.features)
    portrait = WHOLE.features[:, len(FEATURES) :]
    assert portrait.shape[1] == len(PORTRAIT_FEATURES)
    assert np.isnan(portrait[: FEWEST - 1]).all()
    assert np.isfinite(portrait[FEWEST:]).mean() > 0.9


def test_a_portrait_of_too_few_beats_is_refused():
    with pytest.raises(ValueError, match="portrait_beats must be 0"):
        Beats(portrait_beats=3)


@pytest.mark.parametrize("name", ["118", "203", "208"])
def test_the_buffer_stays_short_however_long_the_recording(name):
    recording = excerpt(name, 0.0, 120.0)
    one = WindowStream(RECIPE.chain, RECIPE.cutter, recording.layout)
    held = []
    for piece in recording.chunks(1.0):
        one.push(piece)
        held.append(sum(value.nbytes for value in one.state_dict().values()))
    assert max(held) < 200_000


@pytest.mark.parametrize("pieces", [1, 7])
def test_a_recording_without_a_beat_can_still_give_one_window(pieces):
    asked = replace(RECIPE.cutter, at_least_one=True)
    layout = RECORDING.layout
    for flat in (np.zeros((1, 3000)), np.full((1, 3000), np.nan)):
        found = {}
        for cutter in (asked, RECIPE.cutter):
            one = WindowStream(RECIPE.chain, cutter, layout)
            parts = [one.push(piece) for piece in np.array_split(flat, pieces, axis=1)]
            found[cutter] = Cutting.join([*parts, one.flush()])
        assert len(found[RECIPE.cutter].start) == 0
        (only,) = found[asked].onset_s
        assert only == 2999 / layout.fs
        assert found[asked].good.tolist() == [0.0]
        assert np.isfinite(found[asked].features[:, : len(FEATURES)]).all()
        assert np.isfinite(found[asked].signal).all()


def test_a_recording_with_beats_gives_no_more_than_their_windows():
    one = WindowStream(RECIPE.chain, replace(RECIPE.cutter, at_least_one=True), RECORDING.layout)
    found = Cutting.join([one.push(RECORDING.data), one.flush()])
    for column in COLUMNS:
        np.testing.assert_array_equal(getattr(found, column), getattr(WHOLE, column))

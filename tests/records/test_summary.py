"""Summaries: amplitudes, gaps, flat and clipped stretches and marks counted by hand, whatever the chunks."""

import json
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st

from biosig.records.recording import Annotations, Layout, Recording
from biosig.records.summary import summarise

FS = 100.0


def wave(seconds=150.0, channels=2):
    """A sine of 2 Hz; no two neighbouring samples are alike."""
    time_s = np.arange(round(seconds * FS)) / FS
    data = np.tile(np.sin(2 * np.pi * 2 * time_s + 0.1), (channels, 1)).astype(np.float32)
    names = tuple(f"lead{place}" for place in range(channels))
    return Recording.from_array(data, Layout(names, FS, ("mV",) * channels), name="made/1", subject="s1")


def test_a_clean_recording_has_neither_gaps_nor_flat_nor_clipped_samples():
    summary = summarise(wave())
    assert (summary.name, summary.subject, summary.duration_s, summary.n_gaps, summary.gaps) == (
        "made/1",
        "s1",
        150.0,
        0,
        (),
    )
    for channel in summary.channels:
        assert (channel.missing, channel.flat, channel.saturated) == (0.0, 0.0, 0.0)


def test_amplitudes_are_those_of_numpy():
    recording = wave(60)
    recording.data[0] *= np.linspace(0.5, 3, recording.n_times)
    expected = np.percentile(recording.data[0], (0, 1, 50, 99, 100))
    channel = summarise(recording).channels[0]
    found = (channel.minimum, channel.p01, channel.median, channel.p99, channel.maximum)
    assert found == pytest.approx(expected.tolist(), rel=1e-5, abs=1e-6)


def test_percentiles_of_a_long_recording_come_from_every_kth_sample():
    rng = np.random.default_rng(1)
    noise = Recording.from_array(rng.normal(size=(1, 900_000)), Layout(("x",), FS, ("mV",)))
    channel = summarise(noise).channels[0]
    assert channel.median == pytest.approx(0, abs=0.01)
    assert channel.p99 == pytest.approx(2.326, abs=0.03)
    assert channel.maximum == pytest.approx(float(noise.data.max()), rel=1e-5)


def test_gaps_are_found_across_chunks_at_both_ends_and_named_once_when_shared():
    recording = wave()
    recording.data[:, :200] = np.nan
    recording.data[:, 5900:6300] = np.nan
    recording.data[1, 14_900:] = np.nan
    summary = summarise(recording)
    assert [(gap.start_s, gap.stop_s, gap.channels) for gap in summary.gaps] == [
        (59.0, 63.0, ("lead0", "lead1")),
        (0.0, 2.0, ("lead0", "lead1")),
        (149.0, 150.0, ("lead1",)),
    ]
    assert summary.n_gaps == 5
    assert summary.channels[0].missing == pytest.approx(600 / 15_000)
    assert summary.channels[1].missing == pytest.approx(700 / 15_000)


def test_a_channel_that_was_never_recorded_is_all_missing():
    recording = wave()
    recording.data[0] = np.nan
    channel = summarise(recording).channels[0]
    assert (channel.missing, channel.minimum, channel.median, channel.maximum) == (1.0, None, None, None)


def test_one_exact_value_for_a_second_is_flat_and_for_less_is_not():
    recording = wave()
    recording.data[0, 5950:6050] = 0.25
    recording.data[0, 8000:8099] = 0.35
    assert summarise(recording).channels[0].flat == pytest.approx(100 / 15_000)


def test_a_stay_at_the_extreme_is_clipping_and_a_single_peak_is_not():
    recording = wave()
    recording.data[0, 300] = 9.0
    assert summarise(recording).channels[0].saturated == 0.0
    recording.data[0, 1000:1010] = 9.0
    recording.data[0, 12_000:12_005] = 9.0
    recording.data[0, 13_000:13_010] = -9.0
    assert summarise(recording).channels[0].saturated == pytest.approx(25 / 15_000)


def test_a_slower_channel_is_not_missing_between_its_own_samples():
    recording = wave()
    recording.data[1, np.arange(recording.n_times) % 4 != 0] = np.nan
    recording.data[1, 2000:2400] = np.nan
    summary = summarise(replace(recording, channel_fs=(FS, FS / 4)))
    slow = summary.channels[1]
    assert slow.fs == 25.0
    assert slow.missing == pytest.approx(100 / 3750)
    assert [(gap.start_s, gap.stop_s) for gap in summary.gaps] == [(20.0, 24.0)]


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.sampled_from([0.0, 1.0, 2.0, float("nan")]), min_size=1, max_size=400),
    chunk=st.sampled_from([0.01, 0.07, 0.5, 1.0, 60.0]),
)
def test_the_summary_does_not_depend_on_chunking(values, chunk):
    recording = Recording.from_array(np.repeat(values, 3)[None], Layout(("x",), FS, ("mV",)))
    whole = summarise(recording)
    assert summarise(recording, chunk_s=chunk) == whole


def test_marks_are_counted_by_symbol_with_their_class():
    marks = Annotations(
        np.array([0.0, 1.0, 2.0, 2.5, 4.0, 60.0]),
        np.zeros(6),
        ("+", "N", "V", "~", "N", "+"),
        ("(AFIB\x00", "", "", "", "", "(N"),
        np.full(6, -1),
    )
    summary = summarise(replace(wave(), annotations=marks))
    assert {(count.symbol, count.aami, count.count) for count in summary.symbols} == {
        ("+", None, 2),
        ("N", "N", 2),
        ("V", "V", 1),
        ("~", None, 1),
    }
    assert summary.n_beats == 3
    assert summary.mean_heart_rate == pytest.approx(60 * 2 / 3.0)
    assert summary.rhythm_s == {"normal sinus rhythm": 90.0, "atrial fibrillation": 60.0}


def test_without_two_beats_there_is_no_heart_rate():
    assert summarise(wave()).mean_heart_rate is None
    assert summarise(replace(wave(), annotations=Annotations.at(np.array([3.0]), ["N"]))).mean_heart_rate is None


def test_the_dictionary_survives_json():
    recording = wave()
    recording.data[0] = np.nan
    recording = replace(recording, start=datetime(2026, 5, 4, 3, 2, 1), comments=("61 F",))
    plain = summarise(recording).to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["start"] == "2026-05-04T03:02:01"
    assert plain["gaps"][0] == {"start_s": 0.0, "stop_s": 150.0, "channels": ["lead0"]}


def test_only_one_chunk_is_in_memory_at_a_time():
    class Watched:
        n_times = round(10 * 3600 * FS)

        def read(self, start, stop):
            assert stop - start <= 30 * FS
            return np.ones((1, stop - start), dtype=np.float32)

        def pick(self, rows):
            return self

    channel = summarise(replace(wave(channels=1), samples=Watched()), chunk_s=30).channels[0]
    assert (channel.flat, channel.saturated, channel.missing) == (1.0, 0.0, 0.0)


@pytest.mark.data
def test_record_119_holds_the_beats_its_database_lists(data_dir):
    path = str(data_dir / "mitdb" / "119")
    signal, marks = wfdb.rdrecord(path), wfdb.rdann(path, "atr")
    recording = Recording.from_array(
        signal.p_signal.T,
        Layout(tuple(signal.sig_name), signal.fs, tuple(signal.units)),
        annotations=Annotations.at(marks.sample / signal.fs, marks.symbol),
    )
    summary = summarise(recording)
    assert {count.symbol: count.count for count in summary.symbols if count.aami} == {"N": 1543, "V": 444}
    assert summary.channels[0].maximum == pytest.approx(float(signal.p_signal[:, 0].max()))
    assert summary.mean_heart_rate == pytest.approx(66.05, abs=0.05)

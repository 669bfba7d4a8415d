"""Results open in other programs, and say what the store says."""

import importlib.util
import tracemalloc
from dataclasses import replace
from datetime import datetime

import mne
import numpy as np
import pandas as pd
import pyedflib
import pytest
import wfdb

import biosig
from biosig.monitoring import result_marks, store
from biosig.monitoring.alarm_scoring import alarm_events, alarm_spans
from biosig.monitoring.events import AlarmEvent
from biosig.monitoring.exports import alarm_table, export
from biosig.monitoring.log import Entry
from biosig.monitoring.result_marks import edf_marks
from biosig.monitoring.sources import Replay
from biosig.records.recording import Layout, Recording


@pytest.fixture(scope="module")
def session(tmp_path_factory, watch, flutter):
    path = tmp_path_factory.mktemp("stores") / "events.sqlite"
    return watch(path, Replay({"207": flutter, "ward 2/207": flutter.crop(0, 10)}))


def test_annotation_files_open_in_wfdb_with_beats_and_alarms(tmp_path, session):
    export(session, tmp_path / "results")
    beats = session.frame("scores", "207")
    alarms = session.frame("alarms", "207")
    marks = wfdb.rdann(str(tmp_path / "results" / "207"), "bsm")
    is_note = np.array([symbol == '"' for symbol in marks.symbol])
    assert marks.fs == 360
    np.testing.assert_array_equal(marks.sample[~is_note], np.rint(beats.time_s * 360))
    expected = [label or "Q" for label in beats.label]
    assert [symbol for symbol in marks.symbol if symbol != '"'] == expected
    assert set(expected) <= set("NSVFQ")
    np.testing.assert_array_equal(marks.sample[is_note], np.rint(alarms.time_s * 360))
    first = alarms.iloc[0]
    notes = [note.rstrip("\0") for note in np.array(marks.aux_note)[is_note]]
    assert notes[0].startswith(f"{first.alarm} {first.kind} ({first.priority})")


def _read_by_mne(path):
    marks = mne.read_annotations(path)
    return list(zip(marks.onset, marks.duration, marks.description, strict=True))


def _read_by_pyedflib(path):
    with pyedflib.EdfReader(str(path)) as file:
        onset_s, duration_s, text = file.readAnnotations()
    return list(zip(onset_s, np.maximum(duration_s, 0.0), text, strict=True))


def _read_by_biosig(path):
    marks = biosig.read(path).annotations
    return list(zip(marks.onset_s, marks.duration_s, marks.label, strict=True))


@pytest.mark.parametrize("read", [_read_by_mne, _read_by_pyedflib, _read_by_biosig])
def test_edf_annotations_open_elsewhere_with_beats_and_alarms_from_raise_to_end(tmp_path, session, read):
    export(session, tmp_path / "results")
    marks = read(tmp_path / "results" / "207.edf")
    beats = session.frame("scores", "207")
    assert (marks[0][0], marks[0][2]) == (0.0, "monitoring begins: biosig")
    assert (marks[-1][0], marks[-1][2]) == (60.0, "monitoring ends")
    found = [(onset_s, text) for onset_s, _, text in marks if text in "NSVFQ"]
    np.testing.assert_allclose([onset_s for onset_s, _ in found], beats.time_s, atol=1e-6)
    assert [text for _, text in found] == [label or "Q" for label in beats.label]
    alarms = session.frame("alarms", "207")
    flutter = alarms[alarms.alarm == "ventricular-fibrillation"]
    raised, over = (flutter[flutter.kind == kind].time_s.min() for kind in ("raised", "latched"))
    end_s = 60.0 if np.isnan(over) else over
    mark = next(mark for mark in marks if mark[2].startswith("ventricular-fibrillation (high): "))
    np.testing.assert_allclose(mark[:2], [raised, end_s - raised], atol=1e-6)


def test_edf_annotations_begin_when_the_recording_does(tmp_path, watch, flutter):
    begun = datetime(2021, 3, 4, 5, 6, 7, 250_000)
    session = watch(tmp_path / "events.sqlite", Replay({"207": replace(flutter.crop(0, 8), start=begun)}))
    export(session, tmp_path)
    with pyedflib.EdfReader(str(tmp_path / "207.edf")) as file:
        assert file.getStartdatetime().replace(microsecond=0) == begun.replace(microsecond=0)
        assert file.getPatientCode() == "207"
    found = biosig.read(tmp_path / "207.edf")
    assert found.start == begun
    assert found.annotations.onset_s[[0, -1]].tolist() == [0.0, 8.0]


def test_what_windows_say_is_written_as_stretches_that_say_the_same(tmp_path, watch, slide_bundle):
    draw = np.random.default_rng(0)
    data = draw.normal(0, 20, (4, 250 * 40)).cumsum(axis=1) * np.sin(np.arange(10_000) / 900)
    data[:, 250 * 12 : 250 * 24] = np.nan
    recording = Recording.from_array(data, Layout(("Fp1", "Fp2", "O1", "O2"), 250.0, ("uV",) * 4))
    session = watch(tmp_path / "events.sqlite", Replay({"head": recording}), bundles={"eeg": slide_bundle})
    names = {path.name for path in export(session, tmp_path / "results")}
    assert "windows.csv" in names
    windows = pd.read_csv(tmp_path / "results" / "windows.csv", keep_default_na=False)
    assert len(windows) == 19
    assert set(windows.label) <= {"rest", "arithmetic", ""}
    marks = _read_by_mne(tmp_path / "results" / "head.edf")[1:-1]
    marks = [mark for mark in marks if "(" not in mark[2]]
    assert [text for *_, text in marks if text not in ("rest", "arithmetic")] == ["unusable"]
    assert len(marks) == int((windows.label != windows.label.shift()).sum())
    for onset_s, duration_s, text in marks:
        inside = windows[(windows.start_s > onset_s - 1e-3) & (windows.end_s < onset_s + duration_s + 1e-3)]
        assert set(inside.label) == {text.replace("unusable", "")}
    notes = wfdb.rdann(str(tmp_path / "results" / "head"), "bsm").aux_note
    assert [note.rstrip("\0") for note in notes if "eeg: " in note] == [f"eeg: {text}" for *_, text in marks]


def test_a_patients_name_that_is_no_file_name_is_written_as_one(tmp_path, session):
    names = {path.name for path in export(session, tmp_path / "results")}
    assert names == {"207.bsm", "207.edf", "ward_2_207.bsm", "ward_2_207.edf"} | {
        f"{name}.{suffix}" for name in ("beats", "alarms") for suffix in ("csv", "parquet")
    }


def test_tables_hold_the_same_as_the_store(tmp_path, session):
    export(session, tmp_path / "results")
    beats = session.frame("scores").drop(columns="beat")
    alarms = session.frame("alarms")
    for name, table in (("beats", beats), ("alarms", alarms)):
        csv = pd.read_csv(tmp_path / "results" / f"{name}.csv", keep_default_na=False)
        parquet = pd.read_parquet(tmp_path / "results" / f"{name}.parquet")
        assert len(csv) == len(parquet) == len(table)
        np.testing.assert_allclose(csv.time_s, table.time_s)
        np.testing.assert_array_equal(parquet.time_s, table.time_s)


def test_results_are_the_same_however_few_rows_are_read_at_a_time(tmp_path, session, monkeypatch):
    whole = export(session, tmp_path / "whole")
    monkeypatch.setattr(store, "_PIECE", 7)
    monkeypatch.setattr(result_marks, "_PIECE", 11)
    assert max(len(piece) for piece in session.pieces("scores")) == 7
    for path, once in zip(export(session, tmp_path / "pieces"), whole, strict=True):
        assert path.name == once.name
        if path.suffix == ".parquet":
            pd.testing.assert_frame_equal(pd.read_parquet(path), pd.read_parquet(once))
        else:
            assert path.read_bytes() == once.read_bytes()


@pytest.fixture
def logged(tmp_path):
    """A session with such alarms of a patient, (second, name, what happened)."""
    place = store.Store.in_file(tmp_path / "events.sqlite")

    def commit(*happened):
        entries = [
            Entry("a", number, AlarmEvent(time_s, name, "low", kind, time_s, f"{number}"))
            for number, (time_s, name, kind) in enumerate(happened)
        ]
        session = place.begin({})
        session.commit(entries, {})
        return session

    yield commit
    place.close()


def test_alarms_last_as_long_as_they_are_scored_and_come_in_the_order_of_their_time(logged):
    """Raised and over in one instant, twice in one instant, silenced, latched, still on at the end."""
    session = logged(
        (1.0, "pause", "raised"), (1.0, "couplet", "raised"), (2.0, "couplet", "acknowledged"),
        (3.0, "couplet", "re-alarm"), (4.0, "couplet", "cleared"), (5.0, "asystole", "raised"),
        (5.0, "pause", "suppressed"), (6.0, "asystole", "latched"), (7.0, "couplet", "raised"),
        (7.0, "couplet", "cleared"), (7.0, "asystole", "cleared"), (7.0, "couplet", "raised"), (8.0, "all", "paused"),
    )  # fmt: skip
    (marks,) = edf_marks(session, "a", 9.0)
    found = list(zip(marks.onset_s.tolist(), (marks.onset_s + marks.duration_s).tolist(), marks.label, strict=True))
    spans = alarm_spans(alarm_events(session, "a"), duration_s=9.0)
    assert [one for one in found if "(low)" in one[2]] == [
        (span.start_s, span.stop_s, f"{span.kind} (low)") for span in spans
    ]
    others = ["monitoring begins", "couplet acknowledged", "couplet re-alarm", "all paused", "monitoring ends"]
    assert [label for *_, label in found if "(low)" not in label] == others
    assert [marks.aux[found.index(one)] for one in found if one[0] == 1.0] == ["1", "0"]  # by name


def test_many_alarms_take_no_more_memory_than_some(logged):
    """Measured when all were read first: 21 MB."""
    happened = [(0.0, "lead-off", "raised")]
    for second in range(20_000):
        happened += [(second + 0.5, "couplet", "raised"), (second + 0.9, "couplet", "cleared")]
    session = logged(*happened)
    del happened
    tracemalloc.start()
    marks = sum(len(piece.onset_s) for piece in edf_marks(session, "a", 20_000.0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert marks == 20_003
    assert peak < 8e6


def test_without_pyarrow_tables_are_csv_only(tmp_path, session, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyarrow" else real(name))
    assert {path.suffix for path in export(session, tmp_path / "results")} == {".bsm", ".edf", ".csv"}


def test_raised_alarms_are_counted_by_patient(session):
    counted = alarm_table(session)
    alarms = session.frame("alarms", "207")
    raised = alarms[(alarms.kind == "raised") & (alarms.alarm == "ventricular-fibrillation")]
    row = counted[(counted.patient == "207") & (counted.alarm == "ventricular-fibrillation")].iloc[0]
    assert (row.raised, row.first_s, row.last_s) == (len(raised), raised.time_s.min(), raised.time_s.max())


def test_a_session_without_events_is_written_as_empty_tables(tmp_path, watch, flutter):
    silence = Recording.from_array(np.zeros((1, 200)), flutter.layout)
    session = watch(tmp_path / "events.sqlite", Replay({"207": silence}))
    export(session, tmp_path / "results")
    assert len(pd.read_csv(tmp_path / "results" / "beats.csv")) == 0
    assert len(wfdb.rdann(str(tmp_path / "results" / "207"), "bsm").sample) == 0
    assert len(alarm_table(session)) == 0

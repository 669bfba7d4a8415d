"""Results open in other programs, and say what the store says."""

import importlib.util

import numpy as np
import pandas as pd
import pytest
import wfdb

from biosig.monitoring.exports import alarm_table, export
from biosig.monitoring.sources import Replay
from biosig.records.recording import Recording


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


def test_a_patients_name_that_is_no_file_name_is_written_as_one(tmp_path, session):
    names = {path.name for path in export(session, tmp_path / "results")}
    assert names == {"207.bsm", "ward_2_207.bsm"} | {
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


def test_without_pyarrow_tables_are_csv_only(tmp_path, session, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyarrow" else real(name))
    assert {path.suffix for path in export(session, tmp_path / "results")} == {".bsm", ".csv"}


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

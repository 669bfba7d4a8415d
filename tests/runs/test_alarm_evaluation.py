"""Alarms of monitored records against their annotations, from Python and as a user types it."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import wfdb

import biosig
from biosig import runs
from biosig.datasets.mitbih import SAMPLE
from biosig.errors import RecordError, StoreError
from biosig.monitoring.store import Store
from biosig.records.wfdb_annotations import write_annotations
from biosig.runs.watching import monitor


@pytest.fixture(scope="module")
def ward(tmp_path_factory):
    """Records of 60 s: flutter (a) and bigeminy (b) with annotations, one whose marks are no beats (c), none (d)."""
    folder = tmp_path_factory.mktemp("ward")
    for name, source, start_s in (("a", "207", 200.0), ("b", "119", 20.0), ("c", "119", 20.0), ("d", "119", 20.0)):
        recording = biosig.read(SAMPLE / source).crop(start_s, start_s + 60.0).pick(["MLII"])
        write_record(folder, name, recording.data)
        marks = recording.annotations
        if name == "c":
            marks = replace(marks, label=("+",) * len(marks.label))
        if name != "d":
            write_annotations(folder, name, marks, fs=recording.fs, annotator="atr")
    return folder


def write_record(folder, name, data, fs=360):
    wfdb.wrsamp(name, fs, ["mV"], ["MLII"], data.T.astype(np.float64), fmt=["16"], write_dir=str(folder))


@pytest.fixture(scope="module")
def out(ward, bundle, tmp_path_factory):
    """What ``biosig monitor`` writes of all four."""
    folder = tmp_path_factory.mktemp("out")
    assert monitor([str(ward)], [bundle], out=folder).ended
    return folder


@pytest.fixture
def command(command, monkeypatch):
    """Runs ``biosig evaluate-alarms ARGUMENTS`` in this process: exit code, standard output, standard error."""
    monkeypatch.setenv("COLUMNS", "80")
    return partial(command, "evaluate-alarms")


def test_stored_alarms_are_scored_as_those_raised_now(ward, out, bundle):
    records = [ward / "a", ward / "b"]
    stored = runs.evaluate_alarms(records, store=out)
    assert stored == runs.evaluate_alarms(records, bundles=[bundle])
    flutter = stored["records"]["a"]["kinds"]["ventricular-fibrillation"]
    assert (flutter["events"], flutter["found"], flutter["false_alarms"]) == (1, 1, 0)
    assert 0.0 <= flutter["delay_s"]["max"] <= 10.0
    assert stored["records"]["b"]["kinds"]["bigeminy"]["events"] > 0


def test_gross_figures_are_sums_over_the_records(ward, out):
    figures = runs.evaluate_alarms([ward / "a", ward / "b"], store=out / "events.sqlite")
    records, gross = figures["records"].values(), figures["gross"]
    assert list(figures["records"]) == ["a", "b"]
    assert gross["hours"] == pytest.approx(2 / 60)
    assert gross["false_alarms_per_patient_day"] == pytest.approx(24.0 * gross["false_alarms_per_hour"])
    for kind, one in gross["kinds"].items():
        for count in ("events", "found", "alarms", "false_alarms"):
            assert one[count] == sum(each["kinds"].get(kind, {count: 0})[count] for each in records)
    for count in ("tp", "fp", "fn", "tn"):
        assert gross["challenge_2015"][count] == sum(each["challenge_2015"][count] for each in records)


def test_of_a_patient_watched_twice_the_last_session_counts(ward, out, bundle, tmp_path):
    url = f"sqlite:///{tmp_path / 'all.sqlite'}"
    stopped = iter([False, True])
    part = monitor([str(ward / "a")], [bundle], out=tmp_path, store=url, tick_s=0.1, stop=lambda: next(stopped))
    assert not part.ended
    with pytest.raises(StoreError, match=r"patient 'a' was watched for \d+ s and not to the end; .* --resume goes on"):
        runs.evaluate_alarms([ward / "a"], store=url)
    monitor([str(ward / "a")], [bundle], out=tmp_path, store=url)
    monitor([str(ward / "b")], [bundle], out=tmp_path, store=url)
    records = [ward / "a", ward / "b"]
    assert runs.evaluate_alarms(records, store=url) == runs.evaluate_alarms(records, store=out)


def test_records_of_one_name_are_told_apart(ward, bundle, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    recording = biosig.read(ward / "b")
    write_record(other, "a", recording.data)
    write_annotations(other, "a", recording.annotations, fs=360.0, annotator="atr")
    records = [str(ward / "a"), str(other / "a")]
    monitor(records, [bundle], out=tmp_path / "out")
    figures = runs.evaluate_alarms(records, store=tmp_path / "out")["records"]
    assert list(figures) == ["a", str(other / "a")]
    assert runs.evaluate_alarms(records[1:], store=tmp_path / "out")["records"] == {records[1]: figures[records[1]]}
    with pytest.raises(StoreError, match="may be patient 'a' or '"):
        runs.evaluate_alarms(records[:1], store=tmp_path / "out")


@pytest.mark.parametrize(
    ("fs", "seconds", "message"),
    [
        (360, 50, "b: the record lasts 50.0 s, monitored were 60.0 s"),
        (250, 60, r"b: the record has MLII \(mV\) at 250 Hz, monitored were MLII \(mV\) at 360 Hz"),
    ],
)
def test_another_record_of_the_name_is_not_scored(ward, out, tmp_path, fs, seconds, message):
    recording = biosig.read(ward / "b")
    write_record(tmp_path, "b", recording.data[:, : fs * seconds], fs=fs)
    write_annotations(tmp_path, "b", recording.crop(0, seconds).annotations, fs=fs, annotator="atr")
    with pytest.raises(RecordError, match=message):
        runs.evaluate_alarms([tmp_path / "b"], store=out)


def test_the_command_shows_figures_per_alarm_and_writes_them(command, ward, out, tmp_path):
    file = tmp_path / "figures.json"
    code, printed, said = command(ward / "a", ward / "b", "--store", out, "--json", file)
    assert (code, said) == (0, "")
    shown = " ".join(printed.split())
    for part in ("Alarms of 2 records, 0.03 h", "ventricular-fibrillation 1/1 100 %", "per patient-day", "2015 score"):
        assert part in shown
    assert max(map(len, printed.splitlines())) <= 80
    assert json.loads(file.read_text()) == runs.evaluate_alarms([ward / "a", ward / "b"], store=out)


def test_the_command_monitors_with_a_bundle_and_keeps_nothing(command, ward, bundle, tmp_path, monkeypatch):
    bundle.save(tmp_path / "bundle")
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    code, printed, _ = command(ward / "a", "--bundle", tmp_path / "bundle")
    assert code == 0
    assert "Alarms of a, 0.02 h" in printed
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{ward}/nobody", "--store", "{out}"], "events.sqlite: no patient 'nobody', has a, b, c, d"),
        (["{ward}/c", "--store", "{out}"], "c: expected annotated beats to score alarms against, found "),
        (["{ward}/d", "--store", "{out}"], "d: expected annotated beats to score alarms against, found 0"),
        (["{ward}/a", "--store", "{ward}"], "no event store there"),
        (["{ward}/a", "--store", "{ward}/a.dat"], "not a SQLite database"),
        (["{ward}/a", "--store", "{out}", "--bundle", "x"], "give exactly one of the two"),
        (["{ward}/a", "--store", "{out}", "--lead", "V5=MLII"], "a store has its own"),
        (["{ward}/a", "--bundle", "{ward}"], "no bundle here"),
    ],
)
def test_what_cannot_be_scored_is_said_in_one_line(command, ward, out, arguments, message):
    code, printed, said = command(*(part.format(ward=ward, out=out) for part in arguments))
    assert (code, printed) == (2, "")
    assert said.startswith("biosig: ")
    assert message in said
    assert said.count("\n") == 1


def test_reading_a_store_makes_none(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, said = command("100")
    assert code == 2
    assert "monitor: no event store there; biosig monitor RECORD --out FOLDER writes one" in said
    assert list(tmp_path.iterdir()) == []


def test_a_store_tells_whom_it_watched(out):
    store = Store.in_file(out / "events.sqlite")
    assert store.patients() == ["a", "b", "c", "d"]
    assert list(store.last_of("b").snapshots("b")) == ["b"]
    store.close()

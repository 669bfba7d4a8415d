"""``biosig monitor`` as a user types it."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import wfdb

from biosig.errors import SourceError
from biosig.monitoring.sources import record_paths


@pytest.fixture(scope="module")
def ward(tmp_path_factory, flutter):
    """A folder of two records of 12 s and one that no bundle fits."""
    folder = tmp_path_factory.mktemp("ward")
    part = flutter.crop(10, 22).data.T.astype(np.float64)
    for name, lead in (("a", "MLII"), ("b", "MLII"), ("c", "V5")):
        wfdb.wrsamp(name, 360, ["mV"], [lead], part, fmt=["16"], write_dir=str(folder))
    return folder


@pytest.fixture
def command(command):
    """Runs ``biosig monitor ARGUMENTS`` in this process: exit code, standard output, standard error."""
    return partial(command, "monitor")


def test_a_folder_is_a_ward_and_records_that_do_not_fit_are_named(command, ward, bundle_folder, tmp_path):
    out = tmp_path / "out"
    code, printed, said = command(ward, "--bundle", bundle_folder, "--speed", "max", "--out", out)
    assert code == 0
    assert "left out: " in said
    assert "needs lead MLII in mV; source has V5" in said
    assert "lead" in printed or "larm" in printed
    assert {path.name for path in out.iterdir()} >= {"events.sqlite", "a.bsm", "b.bsm", "beats.csv", "alarms.csv"}
    assert not (out / "c.bsm").exists()


def test_without_a_bundle_patients_are_watched_by_the_shipped_ones_that_fit(
    command, ward, bundle_folder, slide_bundle, tmp_path, monkeypatch
):
    shutil.copytree(bundle_folder, tmp_path / "shipped" / "ecg")
    slide_bundle.save(tmp_path / "shipped" / "eeg")
    monkeypatch.setattr("biosig.bundle.SHIPPED", tmp_path / "shipped")
    code, _, said = command(ward, "--speed", "max", "--out", tmp_path / "out")
    assert code == 0
    assert "no --bundle given, watched with what ships with biosig: a, b by ecg\n" in said
    assert "none of the bundles ecg, eeg fits; bundle 'ecg' needs lead MLII in mV; source has V5" in said
    code, _, said = command(ward / "a", "--bundle", "hearts", "--out", tmp_path / "other")
    assert code == 2
    assert "hearts: no bundle here (no manifest.json); shipped with biosig: ecg, eeg" in said


def test_rules_of_ones_own_are_kept_and_wrong_ones_told(command, ward, bundle_folder, tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[[alarm]]\nname = "any-beat"\npriority = "low"\nwatch = { condition = "Run", beats = 1, label = "N" }\n'
    )
    arguments = (ward / "a", "--bundle", bundle_folder, "--speed", "max", "--rules", rules)
    code, _, said = command(*arguments, "--out", tmp_path / "wrong")
    assert code == 2
    assert "rules.toml: alarm 'any-beat': Run" in said
    rules.write_text(
        '[[alarm]]\nname = "fast"\npriority = "low"\nwatch = { condition = "Rate", beats = 3, above_bpm = 20.0 }\n'
    )
    code, printed, said = command(*arguments, "--out", tmp_path / "out", "--json")
    assert code == 0
    alarms = {event["alarm"] for event in map(json.loads, printed.splitlines()) if event["event"] == "alarm"}
    assert alarms == {"fast"}


def test_json_lines_are_all_that_is_printed(command, ward, bundle_folder, tmp_path):
    code, printed, _ = command(
        ward / "a", "--bundle", bundle_folder, "--speed", "max", "--out", tmp_path / "out", "--json"
    )
    events = [json.loads(line) for line in printed.splitlines()]
    assert code == 0
    assert [event["number"] for event in events] == list(range(len(events)))
    assert sum(event["event"] == "state" for event in events) == 12


def test_a_lead_can_stand_in_and_is_warned_of(command, ward, bundle_folder, tmp_path):
    arguments = (ward / "c", "--bundle", bundle_folder, "--speed", "max", "--out", tmp_path / "out")
    code, _, said = command(*arguments)
    assert code == 2
    assert "c: bundle 'ecg' needs lead MLII in mV; source has V5" in said
    code, _, said = command(*arguments, "--lead", "V5=MLII")
    assert code == 0
    assert "V5 as MLII: the figures of the bundles were not measured on such leads" in said


def test_a_store_is_not_written_over_and_an_ended_session_is_not_watched_again(command, ward, bundle_folder, tmp_path):
    arguments = (ward / "a", "--bundle", bundle_folder, "--speed", "max", "--out", tmp_path / "out")
    assert command(*arguments, "--json")[0] == 0
    code, _, said = command(*arguments)
    assert code == 2
    assert said.count("\n") == 1
    assert "holds a session already; --resume goes on with it, or choose another --out" in said
    code, printed, said = command(*arguments, "--json", "--resume")
    assert (code, printed) == (0, "")
    assert "everything was watched already; its results are written again" in said
    code, _, said = command(ward / "b", *arguments[1:], "--resume")
    assert code == 2
    assert "cannot resume: sources was" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere/1"], "nowhere/1: expected"),
        (["-", "--fs", "360"], "raw frames on standard input need --channels, --fs and --unit"),
        (
            ["-", "--channels", "MLII"],
            "raw frames on standard input need --fs beside --channels; JSON lines need neither",
        ),
        (["x", "--rules", "nowhere.toml"], "nowhere.toml: cannot be read: No such file or directory"),
        (["x", "--speed", "fast"], "speed must be max or a number above 0"),
        (["x", "--lead", "V5"], "--lead wants SOURCE=BUNDLE"),
        (["-", "--on-resume", "perhaps"], "on-resume must be replay or continue"),
        (["x", "--store", "nothing://"], "no database"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(command, bundle_folder, tmp_path, arguments, message):
    code, printed, said = command(*arguments, "--bundle", bundle_folder, "--out", tmp_path / "out")
    assert (code, printed) == (2, "")
    assert said.startswith("biosig: ")
    assert message in said
    assert said.count("\n") == 1


def test_a_damaged_record_of_a_folder_is_left_out_and_named(command, ward, bundle_folder, tmp_path):
    folder = shutil.copytree(ward, tmp_path / "ward")
    cut = folder / "b.dat"
    cut.write_bytes(cut.read_bytes()[:100])
    code, _, said = command(folder, "--bundle", bundle_folder, "--speed", "max", "--out", tmp_path / "out")
    assert code == 0
    assert f"left out: {cut}: expected at least" in said
    assert {path.name for path in (tmp_path / "out").glob("*.bsm")} == {"a.bsm"}
    code, _, said = command(folder / "b", "--bundle", bundle_folder, "--out", tmp_path / "alone")
    assert code == 2
    assert said.startswith(f"biosig: {cut}: expected at least")


def test_what_changed_since_the_session_began_is_told_by_name(command, ward, bundle_folder, slide_bundle, tmp_path):
    arguments = (ward / "a", "--speed", "max", "--out", tmp_path / "out")
    assert command(*arguments, "--bundle", bundle_folder)[0] == 0
    slide_bundle.save(tmp_path / "eeg")
    code, _, said = command(*arguments, "--bundle", bundle_folder, "--bundle", tmp_path / "eeg", "--resume")
    assert code == 2
    assert "cannot resume: bundles was ecg, now is ecg, eeg; give what the first run was given" in said
    other = shutil.copytree(bundle_folder, tmp_path / "other")
    manifest = json.loads((other / "manifest.json").read_text())
    manifest["sha256"]["MODEL_CARD.md"] = hashlib.sha256(b"another").hexdigest()
    (other / "manifest.json").write_text(json.dumps(manifest))
    (other / "MODEL_CARD.md").write_bytes(b"another")
    code, _, said = command(*arguments, "--bundle", other, "--resume")
    assert code == 2
    assert "cannot resume: bundles changed: ecg; give" in said


def test_standard_input_without_any_signal_is_no_quiet_patient(bundle_folder, tmp_path):
    arguments = ["-", "--bundle", str(bundle_folder), "--speed", "max", "--out", str(tmp_path / "out")]
    empty = _started(arguments)
    _, said = empty.communicate(b"")
    assert empty.returncode == 2
    assert said == b"biosig: -: ended before any signal came; nothing was watched\n"


def test_a_folder_without_recordings_is_named(tmp_path):
    with pytest.raises(SourceError, match="no recording in this folder"):
        record_paths(tmp_path)


def test_ctrl_c_ends_cleanly_and_the_rest_is_watched_later(ward, bundle_folder, tmp_path, flutter):
    """A pipe that stays open is watched until Ctrl-C; what follows in the second run completes the log."""
    frames = flutter.data[0].astype("<f4").tobytes()
    arguments = ["-", "--bundle", str(bundle_folder), "--channels", "MLII", "--fs", "360", "--json"]
    arguments += ["--speed", "max", "--out", str(tmp_path / "out")]
    first = _started(arguments)
    first.stdin.write(frames[: 4 * 3600])
    first.stdin.flush()
    told = []
    while not any(event["event"] == "state" and event["time_s"] == 10.0 for event in told):
        told.append(json.loads(first.stdout.readline()))
    first.send_signal(signal.SIGINT)
    _, said = first.communicate()
    assert first.returncode == 130, said
    assert b"stopping: the results so far are being written" in said
    assert b"--resume goes on from here" in said
    second = _started([*arguments, "--resume", "--on-resume", "continue"])
    rest, said = second.communicate(frames[4 * 3600 : 4 * 7200])
    assert second.returncode == 0, said
    told += [json.loads(line) for line in rest.splitlines()]
    assert [event["number"] for event in told] == list(range(len(told)))
    assert [event["time_s"] for event in told if event["event"] == "state"] == list(range(1, 21))


def _started(arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "biosig", "monitor", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )

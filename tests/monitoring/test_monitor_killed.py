"""Killed at any moment: what a resumed monitor leaves is the log of an unbroken one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from biosig.datasets.mitbih import SAMPLE
from biosig.monitoring.store import Store


def watched(bundle, record, start, stop, path, moments, seed):
    """The log after so many kills, and how many of them came before the end."""
    script = Path(__file__).with_name("killing.py")
    arguments = [str(one) for one in (bundle, record, start, stop, path, moments, seed)]
    ended = subprocess.run(
        [sys.executable, str(script), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert ended.returncode == 0, ended.stderr
    store = Store.in_file(path)
    return store, store.resume({}), int(ended.stdout.split()[-1])


def test_six_kills_leave_the_log_of_an_unbroken_run(tmp_path, bundle_folder, unbroken, log):
    store, session, kills = watched(bundle_folder, SAMPLE / "207", 200, 260, tmp_path / "events.sqlite", 6, 0)
    rows = log(session, "mitdb/207")
    store.close()
    assert kills >= 4
    assert rows == unbroken


@pytest.mark.data
def test_fifty_kills_in_ten_minutes_leave_the_log_of_an_unbroken_run(tmp_path, bundle_folder, data_dir, log):
    record = data_dir / "mitdb" / "203"
    logs = []
    for moments in (0, 50):
        store, session, kills = watched(bundle_folder, record, 0, 600, tmp_path / f"{moments}.sqlite", moments, 1)
        logs.append(log(session, "mitdb/203"))
        store.close()
        assert kills >= 0.8 * moments
    assert len(logs[0]) > 1500
    assert logs[0] == logs[1]

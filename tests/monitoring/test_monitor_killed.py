"""Killed at any moment: what a resumed monitor leaves is the log of an unbroken one."""

import pytest

from biosig.datasets.mitbih import SAMPLE


def test_six_kills_leave_the_log_of_an_unbroken_run(tmp_path, bundle_folder, unbroken, log, watch_killed):
    url = f"sqlite:///{tmp_path / 'events.sqlite'}"
    store, session, kills = watch_killed(bundle_folder, SAMPLE / "207", 200, 260, url, 6, 0)
    rows = log(session, "mitdb/207")
    store.close()
    assert kills >= 4
    assert rows == unbroken


@pytest.mark.data
def test_fifty_kills_in_ten_minutes_leave_the_log_of_an_unbroken_run(
    tmp_path, bundle_folder, data_dir, log, watch_killed
):
    record = data_dir / "mitdb" / "203"
    logs = []
    for moments in (0, 50):
        store, session, kills = watch_killed(
            bundle_folder, record, 0, 600, f"sqlite:///{tmp_path / str(moments)}.sqlite", moments, 1
        )
        logs.append(log(session, "mitdb/203"))
        store.close()
        assert kills >= 0.8 * moments
    assert len(logs[0]) > 1500
    assert logs[0] == logs[1]

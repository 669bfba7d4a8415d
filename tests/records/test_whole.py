"""Files that are never there half."""

import pytest

from biosig.records.whole import written_whole


def test_a_file_is_there_once_all_of_it_is_written(tmp_path):
    path = tmp_path / "a.txt"
    with written_whole(path) as beside:
        beside.write_text("new")
        assert not path.exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "new"


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), written_whole(path) as beside:
        beside.write_text("new \ud800", encoding="utf-8")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"

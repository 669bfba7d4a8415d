"""EEGMMIDB: what a cue stands for, who tests; on one real subject where there is one, else on files in its layout."""

import numpy as np
import pytest

from biosig.datasets.eegmmidb import EegMmidb
from biosig.datasets.registry import open_corpus
from biosig.errors import DatasetError, RecordError
from biosig.signal.stream import Chain
from biosig.windows.slide import Slide
from biosig.windows.stream import cut_recording


def test_the_run_decides_what_a_cue_stands_for(eegmmidb_folder, tmp_path):
    source = (eegmmidb_folder / "S001" / "S001R03.edf").read_bytes()
    (tmp_path / "S001").mkdir()
    for run in (3, 4, 5, 14):
        (tmp_path / "S001" / f"S001R{run:02d}.edf").write_bytes(source)
    corpus = open_corpus("eegmmidb", tmp_path)
    expected = ("left fist", "rest", "right fist")
    for record in ("S001R03", "S001R04"):
        assert corpus.read(record, ["C3"]).annotations.label[1:4] == expected
    for record in ("S001R05", "S001R14"):
        assert corpus.read(record, ["C3"]).annotations.label[1:4] == ("both fists", "rest", "both feet")


def test_splits_take_the_runs_of_a_task_and_every_fifth_subject_tests(eegmmidb_folder):
    corpus = open_corpus("eegmmidb", eegmmidb_folder)
    assert corpus.split("sides").train == ("S001R03", "S002R03", "S003R03", "S004R03")
    assert corpus.split("sides").test == ("S005R03",)
    assert corpus.split("sides-imagined").train == corpus.split("limbs").train == ()
    assert corpus.subject_of("S005R03") == "eegmmidb-S005"


def test_subjects_who_break_the_protocol_are_left_out(tmp_path):
    for subject in (87, 88, 89, 92, 100, 104):
        (tmp_path / f"S{subject:03d}").mkdir()
        (tmp_path / f"S{subject:03d}" / f"S{subject:03d}R04.edf").touch()
    split = EegMmidb.open(tmp_path).split("sides")
    assert split.train + split.test == ("S087R04", "S089R04")
    assert "88, 92, 100 and 104 are left out" in split.note


def test_windows_inside_a_cue_take_its_label_and_those_at_its_edge_the_longer_part(eegmmidb_folder):
    corpus = open_corpus("eegmmidb", eegmmidb_folder)
    recording = corpus.read("S002R03", ["C3", "Cz", "C4"])
    windows = cut_recording(recording, Chain(()), Slide(2.0, 0.5))
    label = corpus.label(recording, windows, ["left fist", "right fist"])
    # T1 lasts from 8.3 to 12.4 s, T2 from 16.5 to 20.6 s: windows whose middle lies inside.
    middle = windows.onset_s + 1.0
    np.testing.assert_array_equal(label[middle < 14] == 0, (middle > 8.3)[middle < 14] & (middle < 12.4)[middle < 14])
    inside = (middle > 16.5) & (middle < 20.6)
    assert (label[inside] == 1).all()


def test_a_mark_that_is_no_cue_is_refused(eegmmidb_folder, tmp_path):
    (tmp_path / "S001").mkdir()
    content = (eegmmidb_folder / "S001" / "S001R03.edf").read_bytes()
    (tmp_path / "S001" / "S001R03.edf").write_bytes(content.replace(b"\x14T2\x14", b"\x14T9\x14"))
    with pytest.raises(RecordError, match="expected cues T0, T1 and T2, found 'T9'"):
        open_corpus("eegmmidb", tmp_path).read("S001R03", ["C3"])


def test_a_folder_without_the_database_says_how_to_get_it(tmp_path, monkeypatch):
    with pytest.raises(DatasetError, match="biosig data get eegmmidb"):
        open_corpus("eegmmidb", tmp_path)
    monkeypatch.delenv("BIOSIG_DATA", raising=False)
    with pytest.raises(DatasetError, match="no sample of eegmmidb ships with biosig"):
        open_corpus("eegmmidb")


@pytest.mark.data
def test_real_runs_hold_fifteen_movements_each_of_about_four_seconds(data_dir):
    corpus = open_corpus("eegmmidb", data_dir / "eegmmidb")
    for record, sides in (("S001R03", 15), ("S001R04", 15), ("S001R07", 15), ("S001R08", 15)):
        recording = corpus.read(record, ["C3", "Cz", "C4", "Iz"])
        assert recording.fs == 160
        assert recording.layout.units == ("uV",) * 4
        marks = recording.annotations
        moves = np.array([label != "rest" for label in marks.label])
        assert moves.sum() == sides
        assert set(marks.label) == {"rest", "left fist", "right fist"}
        assert ((marks.duration_s[moves] > 4.0) & (marks.duration_s[moves] < 4.3)).all()
    assert corpus.split("sides").train == ("S001R03", "S001R04", "S001R07", "S001R08")
    assert corpus.split("sides-executed").train == ("S001R03", "S001R07")

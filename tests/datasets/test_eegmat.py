"""EEG during mental arithmetic: both records of a person are one subject's, and each has one label."""

from pathlib import Path

import numpy as np
import pytest

from biosig.datasets.eegmat import SAMPLE, EegMat
from biosig.recipe import load_recipe
from biosig.windows.slide import Slide
from biosig.windows.stream import cut_recording

RECIPE = load_recipe("eeg")


def test_both_records_of_a_person_are_one_subject() -> None:
    corpus = EegMat(SAMPLE, is_sample=True)
    assert corpus.subject_of("Subject07_1") == corpus.subject_of("Subject07_2") == "eegmat-07"


@pytest.mark.parametrize(("record", "label"), [("Subject03_1", 0), ("Subject03_2", 1)])
def test_every_window_is_labelled_by_its_record(record: str, label: int) -> None:
    corpus = EegMat(SAMPLE, is_sample=True)
    recording = corpus.read(record, RECIPE.data.channels)
    windows = cut_recording(recording, RECIPE.chain, Slide(4.0, 4.0))
    assert corpus.label(recording, windows, RECIPE.data.labels).tolist() == [label] * 15
    assert corpus.label(recording, windows, ["rest"]).tolist() == [-1 if label else 0] * 15


def test_a_person_with_one_record_is_left_out_and_the_note_says_how_many_there_are(tmp_path: Path) -> None:
    for record in ("Subject00_1", "Subject00_2", "Subject01_1"):
        (tmp_path / f"{record}.edf").write_bytes((SAMPLE / f"{record}.edf").read_bytes())
    split = EegMat.open(tmp_path).split("all")
    assert split.train == ("Subject00_1", "Subject00_2")
    assert "1 of the 36 people" in split.note


def test_the_sample_holds_a_minute_of_each_at_one_rate() -> None:
    corpus = EegMat(SAMPLE, is_sample=True)
    split = corpus.split("all")
    for record in (*split.train, *split.validation):
        recording = corpus.read(record, RECIPE.data.channels)
        assert (recording.fs, recording.n_times) == (125.0, 7500)


@pytest.mark.data
def test_the_sample_is_cut_from_the_database(data_dir: Path) -> None:
    ours, theirs = EegMat(SAMPLE, is_sample=True), EegMat.open(data_dir)
    for record, begin_s in (("Subject05_1", 60), ("Subject05_2", 0)):
        short = ours.read(record, ["Pz"]).data[0]
        long = theirs.read(record, ["Pz"])
        first = round(begin_s * long.fs)
        every = round(long.fs / 125)
        assert np.corrcoef(short, long.data[0, first : first + 60 * 125 * every : every])[0, 1] > 0.999

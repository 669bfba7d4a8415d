"""Sleep-EDF: names, pairs of files, stages and the cut through the day, on files in the published layout."""

import shutil

import numpy as np
import pytest

from biosig.datasets.registry import open_corpus
from biosig.datasets.sleep_edf import SleepEdf
from biosig.errors import DatasetError, RecordError
from biosig.records.recording import Annotations
from biosig.signal.stream import Chain
from biosig.windows.slide import Slide
from biosig.windows.stream import cut_recording

EEG = ["Fpz-Cz", "Pz-Oz", "EOG horizontal"]
STAGES = ["W", "N1", "N2", "N3", "REM"]


@pytest.fixture
def one_night(sleep_edf_folder, tmp_path):
    """A flat folder, as other tools keep it, with one pair of files."""
    for path in sleep_edf_folder.glob("*/SC4001E*"):
        shutil.copy(path, tmp_path)
    return tmp_path


def test_nights_of_one_person_are_one_subject(sleep_edf_folder):
    corpus = open_corpus("sleep-edf", sleep_edf_folder)
    assert isinstance(corpus, SleepEdf)
    assert corpus.subject_of("SC4001E0") == corpus.subject_of("SC4002E0") == "sleep-edf-SC400"
    assert corpus.subject_of("ST7011J0") == "sleep-edf-ST701"
    assert [corpus.night_of(name) for name in ("SC4001E0", "SC4002E0", "ST7192J0")] == [1, 2, 2]


def test_every_fifth_subject_tests_whatever_part_is_there(sleep_edf_folder):
    split = open_corpus("sleep-edf", sleep_edf_folder).split("cassette")
    assert split.train == ("SC4001E0", "SC4002E0", "SC4011E0", "SC4022F0")
    assert split.test == ("SC4041G0",)
    assert "30 min" in split.note
    assert open_corpus("sleep-edf", sleep_edf_folder).split("telemetry").train == ()


def test_wake_is_cut_to_half_an_hour_on_either_side_of_sleep(sleep_edf_folder):
    night = open_corpus("sleep-edf", sleep_edf_folder).read("SC4001E0", EEG)
    marks = night.annotations
    # By hand: 33 min of wake lose 3, sleep lasts 17.5 min with half a minute of movement, 31.5 min of wake lose 1.5.
    assert night.duration_s == 60 * (30 + 17.5 + 30)
    assert marks.label == ("W", "N1", "N2", "N3", "N3", "W", "REM", "W")
    assert marks.onset_s.tolist() == [0, 1800, 1920, 2310, 2430, 2550, 2610, 2850]
    assert marks.duration_s.tolist() == [1800, 120, 360, 120, 120, 60, 240, 1800]
    assert night.layout.channels == tuple(EEG)
    assert night.layout.units == ("uV",) * 3
    assert night.fs == 100


def test_samples_stay_with_their_stage(sleep_edf_folder):
    # N2 was written with 13 Hz from 1920 s on, REM with 4.5 Hz from 2610 s on.
    night = open_corpus("sleep-edf", sleep_edf_folder).read("SC4011E0", EEG)
    for start_s, hz in ((1921, 13.0), (2611, 4.5)):
        part = night.data[0, 100 * start_s : 100 * start_s + 3000]
        spectrum = np.abs(np.fft.rfft(part))
        assert np.argmax(spectrum[1:]) + 1 == round(hz * 30)


def test_each_sleep_epoch_has_its_stage_and_movement_none(sleep_edf_folder):
    corpus = open_corpus("sleep-edf", sleep_edf_folder)
    night = corpus.read("SC4022F0", EEG)
    windows = cut_recording(night, Chain(()), Slide(30.0, 30.0))
    label = corpus.label(night, windows, STAGES)
    assert len(label) == 155
    assert label.tolist() == [0] * 60 + [1] * 4 + [2] * 12 + [-1] + [3] * 8 + [0] * 2 + [4] * 8 + [0] * 60


def test_files_may_lie_in_one_folder(one_night):
    corpus = open_corpus("sleep-edf", one_night)
    assert corpus.split("cassette-20").train == ("SC4001E0",)
    assert corpus.read("SC4001E0", ["Pz-Oz"]).duration_s == 4650


def test_a_hypnogram_that_starts_later_is_moved_to_the_time_of_its_psg(one_night):
    path = one_night / "SC4001EC-Hypnogram.edf"
    content = path.read_bytes()
    path.write_bytes(content.replace(b"16.13.00", b"16.14.00", 1))
    marks = open_corpus("sleep-edf", one_night).read("SC4001E0", EEG).annotations
    # Wake begins a minute into the PSG, of which the cut leaves all but the first four: stages stand as before.
    assert marks.onset_s.tolist()[1:3] == [1800, 1920]


def test_a_missing_or_second_hypnogram_is_said(one_night):
    path = one_night / "SC4001EC-Hypnogram.edf"
    shutil.copy(path, one_night / "SC4001EJ-Hypnogram.edf")
    with pytest.raises(DatasetError, match=r"one hypnogram SC4001E\?-Hypnogram.edf beside SC4001E0-PSG.edf, found 2"):
        open_corpus("sleep-edf", one_night).read("SC4001E0", EEG)
    path.unlink()
    (one_night / "SC4001EJ-Hypnogram.edf").unlink()
    with pytest.raises(DatasetError, match="found 0; fetch the database with: biosig data get sleep-edf"):
        open_corpus("sleep-edf", one_night).read("SC4001E0", EEG)


def test_an_unknown_stage_and_a_night_without_sleep_are_refused(one_night):
    path = one_night / "SC4001EC-Hypnogram.edf"
    content = path.read_bytes()
    path.write_bytes(content.replace(b"Sleep stage R", b"Sleep stage X"))
    with pytest.raises(DatasetError, match=r"expected Sleep stage W, .* found 'Sleep stage X'"):
        open_corpus("sleep-edf", one_night).read("SC4001E0", EEG)
    for stage in (b"1", b"2", b"3", b"4", b"R"):
        content = content.replace(b"Sleep stage " + stage, b"Sleep stage W")
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="no epoch of sleep"):
        open_corpus("sleep-edf", one_night).read("SC4001E0", EEG)


def test_a_channel_that_is_not_recorded_is_named(sleep_edf_folder):
    with pytest.raises(RecordError, match="lead 'Fp1'"):
        open_corpus("sleep-edf", sleep_edf_folder).read("SC4001E0", ["Fp1"])


def test_marks_of_the_fixture_are_those_a_second_reader_finds(sleep_edf_folder):
    import mne

    path = next(sleep_edf_folder.glob("*/SC4001EC-Hypnogram.edf"))
    theirs = mne.read_annotations(path)
    from biosig.records.reading import read

    ours: Annotations = read(path).annotations
    assert ours.label == tuple(theirs.description)
    np.testing.assert_allclose(ours.onset_s, theirs.onset)

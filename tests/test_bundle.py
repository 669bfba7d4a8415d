"""A bundle is whole or refused, and scores as it did before it was saved."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import biosig
from biosig.bundle import CHECKED, Bundle, list_bundles, load
from biosig.datasets.mitbih import SAMPLE
from biosig.errors import BundleError
from biosig.models.contract import InputShape
from biosig.models.registry import build_model
from biosig.recipe import load_recipe
from biosig.records.recording import Layout, Recording
from biosig.windows.stream import WindowStream

RECIPE = load_recipe("ecg", ["windows.context=4", "train.burn_in=0"])
RECORDING = biosig.read(SAMPLE / "119").crop(0, 40)


def fresh(members: int = 2) -> Bundle:
    stream = WindowStream(RECIPE.chain, RECIPE.cutter, RECORDING.pick(RECIPE.data.channels).layout)
    shape = InputShape(stream.n_channels, stream.length, len(stream.features), RECIPE.windows.context)
    torch.manual_seed(0)
    models = [build_model(RECIPE.model.name, RECIPE.model.options, shape, 4).eval() for _ in range(members)]
    return Bundle(RECIPE, models, shape, np.array([0.0, 0.5, 0.0, -0.5]), {"provenance": {"dataset": "none"}})


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "ecg"
    bundle = fresh()
    bundle.save(folder)
    return bundle, folder


def test_a_bundle_scores_the_same_after_a_round_trip(saved):
    bundle, folder = saved
    expected, found = bundle.score(RECORDING), load(folder).score(RECORDING)
    assert len(found) > 30
    assert expected.equals(found)


def test_a_bundle_can_be_saved_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fresh(members=1).save(Path())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((*CHECKED, "manifest.json"))
    load(".")


def test_scores_name_time_label_and_probabilities(saved):
    table = saved[0].score(RECORDING)
    assert list(table.columns) == ["time_s", "ready_s", "good", "usable", "label", "p_N", "p_S", "p_V", "p_F"]
    np.testing.assert_allclose(table.filter(like="p_").sum(axis=1), 1.0, atol=1e-6)
    assert set(table.label) <= set("NSVF")


def test_an_unusable_window_has_no_label(saved):
    data = RECORDING.data.copy()
    data[:, 3000:] = np.nan
    table = saved[0].score(Recording.from_array(data, RECORDING.layout, name="torn"))
    assert (table.label[~table.usable] == "").all()
    assert (table.label[table.usable] != "").all()


def test_a_bundle_holds_no_pickle_and_vouches_for_its_files(saved):
    folder = saved[1]
    assert {path.name for path in folder.iterdir()} == {
        "recipe.toml",
        "weights.safetensors",
        "manifest.json",
        "MODEL_CARD.md",
    }
    manifest = json.loads((folder / "manifest.json").read_text())
    assert set(manifest["sha256"]) == {"recipe.toml", "weights.safetensors", "MODEL_CARD.md"}
    assert "research use only" in (folder / "MODEL_CARD.md").read_text()


@pytest.mark.parametrize("name", ["recipe.toml", "weights.safetensors", "MODEL_CARD.md"])
def test_a_changed_file_is_named(tmp_path, name):
    fresh(1).save(tmp_path / "b")
    path = tmp_path / "b" / name
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(BundleError, match=f"{name}: changed since it was written"):
        load(tmp_path / "b")
    path.unlink()
    with pytest.raises(BundleError, match=f"{name} is missing"):
        load(tmp_path / "b")


@pytest.mark.parametrize(
    "change",
    [
        {"format": 99},
        {"shape": {"n_channels": 1}},
        {"shape": {"n_channels": 9, "length": 4, "n_features": 1, "context": 4}},
        {"members": 3},
        {"sha256": {"../other": "x"}},
        {"decision": "high"},
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(tmp_path, change):
    fresh(1).save(tmp_path / "b")
    path = tmp_path / "b" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BundleError) as caught:
        load(tmp_path / "b")
    assert str(tmp_path / "b") in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 1}'])
def test_a_damaged_manifest_is_refused(tmp_path, text):
    fresh(1).save(tmp_path / "b")
    (tmp_path / "b" / "manifest.json").write_text(text)
    with pytest.raises(BundleError, match="damaged bundle"):
        load(tmp_path / "b")


def test_saving_over_a_bundle_replaces_it(tmp_path):
    fresh(2).save(tmp_path / "b")
    fresh(1).save(tmp_path / "b")
    assert len(load(tmp_path / "b").models) == 1


def test_what_a_bundle_needs_and_a_source_has_are_both_said(saved):
    other = Recording.from_array(np.zeros((2, 999)), Layout(("V5", "V2"), 360.0, ("mV", "mV")))
    with pytest.raises(BundleError, match="bundle 'ecg' needs lead MLII in mV; source has V5, V2"):
        saved[0].score(other)
    wrong = Recording.from_array(np.zeros((1, 999)), Layout(("MLII",), 360.0, ("uV",)))
    with pytest.raises(BundleError, match="needs lead MLII in mV; source has MLII in uV"):
        saved[0].score(wrong)


def test_no_folder_is_no_bundle(tmp_path):
    with pytest.raises(BundleError, match="no bundle here"):
        load(tmp_path / "nothing")


@pytest.fixture
def shipped(saved, tmp_path, monkeypatch):
    """As if the bundle came with biosig, called ``hearts``; the current folder is another one."""
    shutil.copytree(saved[1], tmp_path / "shipped" / "hearts")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr("biosig.bundle.SHIPPED", tmp_path / "shipped")
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "shipped" / "hearts"


def test_a_shipped_bundle_is_found_by_its_name(shipped):
    assert list_bundles() == {"hearts": shipped}
    assert load("hearts").folder == shipped


def test_a_bundle_in_the_folder_of_a_shipped_ones_name_is_the_one_that_is_meant(shipped):
    shutil.copytree(shipped, "hearts")
    assert load("hearts").folder == Path("hearts")
    assert load(shipped).folder == shipped


def test_an_unknown_bundle_is_told_the_names_of_those_that_are_shipped(shipped):
    with pytest.raises(BundleError, match=r"^lungs: no bundle here .*; shipped with biosig: hearts; train one: "):
        load("lungs")


@pytest.mark.parametrize("name", list_bundles())
def test_bundles_that_come_with_biosig_are_whole_small_and_have_a_card(name):
    bundle = load(name)
    assert bundle.recipe.name == name
    assert bundle.manifest["metrics"]
    assert sum(path.stat().st_size for path in list_bundles()[name].iterdir()) < 2_000_000
    assert "For research use only" in (list_bundles()[name] / "MODEL_CARD.md").read_text(encoding="utf-8")

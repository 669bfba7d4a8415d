"""An anomaly detector from the sample: what it learns from, what it writes, and what its threshold promises."""

import json

import numpy as np
import pytest

from biosig import runs
from biosig.datasets.mitbih import MitBih
from biosig.errors import RecipeError
from biosig.recipe import load_recipe
from biosig.runs.aims import aim_of
from biosig.runs.preparing import prepare
from biosig.runs.reconstructing import Reconstruction
from biosig.runs.training import open_recipe

SETTINGS = ("train.epochs=1", "train.refit=false", "model.options.widths=[4, 4]", "model.options.latent=2")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A bundle, its metrics on the validation subjects, and the folder of both."""
    folder = tmp_path_factory.mktemp("anomaly")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BIOSIG_DATA", raising=False)
        bundle = runs.train(
            "ecg-anomaly", out=folder, settings=SETTINGS, false_alarms_per_hour=30.0, progress=False, device="cpu"
        )
        metrics = runs.evaluate(folder, out=folder / "evaluation", device="cpu")
    return bundle, metrics, folder


def test_the_bundle_keeps_to_its_budget_on_the_subjects_its_threshold_was_chosen_on(trained):
    bundle, metrics, _ = trained
    assert bundle.recipe.train.false_alarms_per_hour == 30.0
    assert bundle.anomaly_threshold == bundle.decision[0]
    alarms = bundle.manifest["metrics"]["false_alarms"]
    assert alarms["minutes"] == int(30.0 * alarms["hours"])
    assert metrics["false_alarms"] == alarms


def test_figures_are_written_for_all_anomalies_each_kind_and_each_patient(trained):
    _, metrics, folder = trained
    assert json.loads((folder / "evaluation" / "metrics.json").read_text()) == metrics
    assert metrics["auroc"] > 0.85
    assert list(metrics["classes"]) == ["S", "V", "F"]
    assert metrics["classes"]["V"]["auroc"] > 0.85
    assert len(metrics["ci95"]["auroc"]) == 2
    assert len(metrics["subjects"]) == 4
    found = metrics["detected"]
    assert set(found["missed"]) == {"N", "S", "V", "F"}
    for name, figures in metrics["classes"].items():
        assert found["classes"][name]["support"] == figures["support"]


def test_the_report_shows_curves_patients_and_errors(trained):
    page = (trained[2] / "evaluation" / "report.html").read_text()
    for part in ("AUROC of V", "false alarms an hour", "How the scores lie", "mitdb-207", "reference N, score"):
        assert part in page
    assert page.count("<figure") >= 10
    assert "macro-F1" not in page


def test_the_model_card_tells_areas_and_the_budget(trained):
    card = (trained[2] / "MODEL_CARD.md").read_text()
    assert "| class | AUROC | AUPRC | sensitivity | windows |" in card
    assert "chosen for a budget of 30 false alarms an hour" in card


def test_only_normal_windows_of_enough_real_samples_are_learned_from():
    recipe = load_recipe("ecg-anomaly")
    windows = prepare(MitBih.open(), ("119", "208"), recipe)
    data = aim_of(recipe).data(windows, recipe.train, None)
    assert set(data.windows.label.tolist()) == {0}
    assert len(data.windows) == ((windows.label == 0) & (windows.good >= 0.5)).sum()
    assert data.context == 1
    assert data.weight.mean() == pytest.approx(1.0)


def test_a_missed_beat_is_told_by_its_label():
    recipe = load_recipe("ecg-anomaly")
    windows = prepare(MitBih.open(), ("208",), recipe)
    v = np.flatnonzero(windows.label == 2)[:3]
    kept = np.ones(len(windows), dtype=bool)
    kept[v] = False
    found = windows.where(kept)
    report = Reconstruction(recipe).report_detected(
        MitBih.open(), windows, found, np.linspace(0, 1, len(found))[:, None], np.array([0.5])
    )
    assert report["missed"] == {"N": 0, "S": 0, "V": 3, "F": 0}
    assert report["extra"] == (windows.label < 0).sum()
    assert report["classes"]["V"]["support"] == (windows.label == 2).sum()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ('data.normal=["Q"]', "normal must be among labels N, S, V, F, got 'Q'"),
        ("data.normal=[]", "needs data.normal"),
        ("train.validation=0", "needs train.validation above 0"),
        ('train.virtual.rhythms=["runs"]', "virtual.rhythms must be"),
        ("model.options.latent=0", "latent must be 1 or more, got 0"),
        ("model.options.segments=0", "segments must be 1 or more"),
    ],
)
def test_a_recipe_that_cannot_be_learned_is_refused_at_once(setting, said):
    with pytest.raises(RecipeError) as caught:
        open_recipe("ecg-anomaly", [setting], None)
    assert said in str(caught.value)

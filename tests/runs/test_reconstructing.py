"""An anomaly detector from the sample: what it learns from, what it writes, and what its threshold promises."""

import json

import numpy as np
import pytest
import torch

from biosig import runs
from biosig.datasets.mitbih import MitBih
from biosig.datasets.splits import grouped_folds
from biosig.errors import RecipeError
from biosig.recipe import load_recipe
from biosig.runs.aims import aim_of
from biosig.runs.fitting import Bench
from biosig.runs.folding import out_of_fold
from biosig.runs.preparing import count_labels, prepare
from biosig.runs.reconstructing import Reconstruction
from biosig.runs.training import open_recipe

SETTINGS = ("train.epochs=1", "train.folds=3", "model.options.widths=[4, 4]", "model.options.latent=2")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A bundle, its metrics on the validation subjects, the folder of both, and whom each network was trained on."""
    folder, fitted_on = tmp_path_factory.mktemp("anomaly"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BIOSIG_DATA", raising=False)
        data = Reconstruction.data
        patch.setattr(
            Reconstruction, "data", lambda aim, w, *rest: fitted_on.append(set(w.subjects)) or data(aim, w, *rest)
        )
        bundle = runs.train(
            "ecg-anomaly", out=folder, settings=SETTINGS, false_alarms_per_hour=30.0, progress=False, device="cpu"
        )
        metrics = runs.evaluate(folder, out=folder / "evaluation", device="cpu")
    return bundle, metrics, folder, fitted_on


def test_every_training_subject_is_scored_by_networks_that_have_not_seen_them(trained):
    bundle, metrics, _, fitted_on = trained
    figures = bundle.manifest["metrics"]
    everybody = set(figures["subjects"])
    assert len(everybody) == 8
    assert fitted_on[-1] == everybody == set(bundle.manifest["provenance"]["subjects"])
    left_out = [everybody - seen for seen in fitted_on[:-1]]
    assert len(left_out) == 3
    assert sorted(who for fold in left_out for who in fold) == sorted(everybody)
    assert not everybody & set(metrics["subjects"])


def test_the_bundle_keeps_to_its_budget_on_the_subjects_its_threshold_was_chosen_on(trained):
    bundle, metrics, *_ = trained
    assert bundle.recipe.train.false_alarms_per_hour == 30.0
    assert bundle.anomaly_threshold == bundle.decision[0] == bundle.manifest["metrics"]["threshold"]
    figures = bundle.manifest["metrics"]
    assert figures["false_alarms"]["patients"]["mean"] <= 30.0
    budget = figures["budget"]
    assert (budget["per_hour"], budget["confidence"]) == (30.0, 0.9)
    assert set(budget["expected"]["each"]) == set(figures["subjects"])
    assert metrics["chosen"]["budget"] == budget
    assert metrics["threshold"] == metrics["chosen"]["threshold"] == bundle.anomaly_threshold


def test_networks_of_members_and_folds_are_counted_alike():
    """Outputs of several networks spread less than those of one: each fold takes as many as the bundle will have."""
    recipe = load_recipe("ecg-anomaly", [*SETTINGS, "train.members=2"])
    windows = prepare(MitBih.open(), ("106", "109", "114", "119"), recipe)
    bench, titles = Bench(recipe, aim_of(recipe), torch.device("cpu")), []

    def fit(data, title):
        titles.append(title)
        seeded = [recipe.train.model_copy(update={"seed": seed}) for seed in range(recipe.train.members)]
        return [bench.fit(data, one).model for one in seeded]

    outputs = out_of_fold(bench, windows, fit)
    assert titles == ["fold 1 of 3", "fold 2 of 3", "fold 3 of 3"]
    assert np.isfinite(outputs).all()
    fold_of = grouped_folds(windows.subjects, count_labels(windows, 4), 3)
    first = np.flatnonzero(fold_of == 0)
    models = fit(windows.of_recordings(np.flatnonzero(fold_of != 0).tolist()), "again")
    each = [bench.predict(model, windows.of_recordings(first.tolist())) for model in models]
    np.testing.assert_allclose(outputs[np.isin(windows.recording, first)], np.mean(each, axis=0))
    assert not np.allclose(each[0], each[1])


def test_figures_are_written_for_all_anomalies_each_kind_and_each_patient(trained):
    _, metrics, folder, _ = trained
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
    assert "False alarms against sensitivity" in page
    assert "As the threshold was chosen: " in page
    assert page.count("false alarms an hour, patient by patient") == 2
    assert page.count("<figure") >= 10
    assert "macro-F1" not in page


def test_the_model_card_tells_areas_and_the_budget(trained):
    card = (trained[2] / "MODEL_CARD.md").read_text()
    assert "| class | AUROC | AUPRC | sensitivity | windows |" in card
    assert "chosen for a budget of 30 false alarms an hour" in card
    assert "The budget is a mean over patients, kept with 90 % confidence. Expected of other patients" in card
    assert "8 training subjects, out of fold: 3 folds by subject" in card


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


def test_a_threshold_needs_somebody_it_can_be_chosen_on():
    with pytest.raises(RecipeError, match=r"needs train\.validation above 0 or train\.folds"):
        open_recipe("ecg-anomaly", ["train.folds=0", "train.validation=0"], None)
    with pytest.raises(RecipeError, match=r"train\.folds sets anomaly thresholds"):
        open_recipe("ecg", ["train.folds=5"], None)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ('data.normal=["Q"]', "normal must be among labels N, S, V, F, got 'Q'"),
        ("data.normal=[]", "needs data.normal"),
        ("train.folds=1", "train.folds must be 2 or more"),
        ("train.refit=true", "leave out patience and refit"),
        ("train.patience=2", "leave out patience and refit"),
        ("train.false_alarms_confidence=1.0", "false_alarms_confidence"),
        ('train.virtual.rhythms=["runs"]', "virtual.rhythms must be"),
        ("model.options.latent=0", "latent must be 1 or more, got 0"),
        ("model.options.segments=0", "segments must be 1 or more"),
    ],
)
def test_a_recipe_that_cannot_be_learned_is_refused_at_once(setting, said):
    with pytest.raises(RecipeError) as caught:
        open_recipe("ecg-anomaly", [setting], None)
    assert said in str(caught.value)

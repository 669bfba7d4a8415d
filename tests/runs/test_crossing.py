"""No fold learns anything from the people it is tested on."""

import numpy as np
import pytest

from biosig.runs.classifying import Classification
from biosig.runs.crossing import cross_validate
from biosig.runs.reconstructing import Reconstruction

SETTINGS = (
    "train.epochs=1",
    "train.virtual.rhythms=[]",
    "train.burn_in=0",
    "windows.context=2",
    "model.options.context_hidden=4",
    "train.prior_power=1.0",
)
ANOMALY = ("train.epochs=1", "train.folds=2", "windows.context=4", "model.options.widths=[4, 4]")


def noted(monkeypatch, aim, recipe, settings):
    """What each fold was trained on and decided by, and what the last report was about."""
    rules, reported, fitted_on = [], [], []
    data, decision, report = aim.data, aim.decision, aim.report

    def noting_data(self, windows, *args):
        fitted_on.append(set(windows.subjects))
        return data(self, windows, *args)

    def noting_decision(self, windows, settings, held_out, outputs):
        rule = decision(self, windows, settings, held_out, outputs)
        rules.append((set(windows.subjects) | set(() if held_out is None else held_out.subjects), rule))
        return rule

    def noting_report(self, windows, outputs, decision):
        reported.append((windows, np.broadcast_to(decision, outputs.shape)))
        return report(self, windows, outputs, decision)

    monkeypatch.delenv("BIOSIG_DATA", raising=False)
    monkeypatch.setattr(aim, "data", noting_data)
    monkeypatch.setattr(aim, "decision", noting_decision)
    monkeypatch.setattr(aim, "report", noting_report)
    metrics = cross_validate(recipe, folds=2, settings=settings, progress=False)
    return rules, reported[-1], fitted_on, metrics


@pytest.mark.parametrize(
    ("aim", "recipe", "settings"), [(Classification, "ecg", SETTINGS), (Reconstruction, "ecg-anomaly", ANOMALY)]
)
def test_every_fold_decides_by_the_rule_of_its_own_training_subjects(monkeypatch, aim, recipe, settings) -> None:
    rules, (windows, used), fitted_on, metrics = noted(monkeypatch, aim, recipe, settings)
    assert not np.allclose(rules[0][1], rules[1][1])
    assert len(set(windows.subjects)) == 12
    for number, (known, rule) in enumerate(rules):
        outside = ~np.isin(windows.subject, list(known))
        assert set(windows.subject[outside]) == set(metrics["folds"][number])
        np.testing.assert_allclose(used[outside], np.broadcast_to(rule, used[outside].shape))
    tested = [set(fold) for fold in metrics["folds"]]
    per_fold = len(fitted_on) // 2
    assert all(not trained & tested[number // per_fold] for number, trained in enumerate(fitted_on))

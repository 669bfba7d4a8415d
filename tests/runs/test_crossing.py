"""No fold learns anything from the people it is tested on."""

import numpy as np
import pytest

from biosig.runs import crossing
from biosig.runs.crossing import cross_validate
from biosig.runs.fitting import Bench

SETTINGS = (
    "train.epochs=1",
    "train.virtual.rhythms=[]",
    "train.burn_in=0",
    "windows.context=2",
    "model.options.context_hidden=4",
    "train.prior_power=1.0",
)


def test_every_fold_decides_by_the_rule_of_its_own_training_subjects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BIOSIG_DATA", raising=False)
    rules, reported = [], []
    fit, report = Bench.fit, crossing.report_labelled

    def noting_fit(self, windows, *args, **options):
        fitted = fit(self, windows, *args, **options)
        rules.append((set(windows.subjects), fitted.decision))
        return fitted

    def noting_report(windows, probabilities, decision, labels):
        reported.append((windows, np.broadcast_to(decision, probabilities.shape)))
        return report(windows, probabilities, decision, labels)

    monkeypatch.setattr(Bench, "fit", noting_fit)
    monkeypatch.setattr(crossing, "report_labelled", noting_report)
    cross_validate("ecg", folds=2, settings=SETTINGS, progress=False)
    assert not np.allclose(rules[0][1], rules[1][1])
    windows, used = reported[-1]
    assert len(set(windows.subjects)) == 12
    for trained_on, rule in rules:
        outside = ~np.isin(windows.subject, list(trained_on))
        assert outside.any()
        np.testing.assert_allclose(used[outside], np.broadcast_to(rule, used[outside].shape))

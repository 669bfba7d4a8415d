"""Who is watched by which bundles, and by which rules."""

import numpy as np
import pytest

from biosig.bundle import Bundle
from biosig.errors import BundleError
from biosig.monitoring.alarms import AlarmEngine
from biosig.monitoring.conditions import Level
from biosig.monitoring.panel import Panel, anomaly_bundle, beat_bundle, rules_for
from biosig.monitoring.rules import shipped_rules
from biosig.recipe import parse_recipe
from biosig.records.recording import Layout
from biosig.scoring.leads import LeadMapWarning

ECG = Layout(("MLII", "V1"), 360.0, ("mV", "mV"))
EEG = Layout(("Fp1", "Fp2", "O1", "O2", "ECG"), 250.0, ("uV", "uV", "uV", "uV", "mV"))
CHEST = Layout(("V5", "V2"), 360.0, ("mV", "mV"))


@pytest.fixture
def both(bundle, slide_bundle):
    return {"ecg": bundle, "eeg": slide_bundle}


def test_every_bundle_must_fit_where_they_were_chosen_by_hand(both):
    with pytest.raises(BundleError, match=r"^bundle 'eeg' needs channels Fp1, Fp2, O1, O2 in uV; source has MLII, V1$"):
        Panel(both).fitting(ECG)


def test_bundles_that_were_not_chosen_by_hand_watch_whom_they_fit(both):
    panel = Panel(both, every=False)
    assert list(panel.fitting(ECG)) == ["ecg"]
    assert list(panel.fitting(EEG)) == ["eeg"]


def test_whom_no_bundle_fits_is_told_what_the_nearest_one_lacks(both):
    with pytest.raises(BundleError) as refused:
        Panel(both, every=False).fitting(CHEST)
    assert str(refused.value) == (
        "none of the bundles ecg, eeg fits; bundle 'ecg' needs lead MLII in mV; source has V5, V2"
    )


def test_a_source_that_is_too_slow_for_a_bundle_does_not_fit_it(both):
    with pytest.raises(BundleError, match=r"bundle 'ecg' does not fit the source: .* Hz"):
        Panel(both, every=False).fitting(Layout(("MLII",), 50.0, ("mV",)))


def test_a_lead_that_stands_in_makes_a_bundle_fit(both):
    panel = Panel(both, every=False, lead_map={"V5": "MLII"})
    with pytest.warns(LeadMapWarning):
        fitting = panel.fitting(CHEST)
    assert list(fitting) == ["ecg"]
    assert panel.needed(CHEST, fitting) == ("V5",)


def test_without_beats_no_silence_is_taken_for_asystole(slide_bundle):
    rules = rules_for({"eeg": slide_bundle})
    names = {rule.name for rule in rules}
    assert names == {"lead-off", "lead-flat", "lead-saturated", "signal-unusable"}
    AlarmEngine(rules)


def test_beats_are_those_of_the_bundle_that_tells_most_classes_apart(both, bundle):
    assert beat_bundle(both) == "ecg"
    assert beat_bundle({"eeg": both["eeg"]}) is None


def test_anomalies_must_go_on_for_ten_seconds_or_ten_beats(eeg_anomaly_bundle, bundle):
    rules = {rule.name: rule for rule in rules_for({"eeg-anomaly": eeg_anomaly_bundle})}
    assert rules["anomaly"].watch == Level("anomaly", eeg_anomaly_bundle.anomaly_threshold, k=4, n=5)
    assert anomaly_bundle({"ecg": bundle, "eeg-anomaly": eeg_anomaly_bundle}) == "eeg-anomaly"
    beats = with_recipe(bundle, train={"objective": "reconstruct"}, data={"normal": ["N"]}, decision=np.array([2.5]))
    rules = {rule.name: rule for rule in rules_for({"ecg-anomaly": beats})}
    assert rules["anomaly"].watch == Level("anomaly", 2.5, k=8, n=10)


def with_recipe(bundle, *, decision=None, alarm=(), **changes):
    """A bundle whose recipe says something else."""
    table = bundle.recipe.model_dump(mode="json", exclude_none=True)
    table["train"]["virtual"] = {}
    for part, values in changes.items():
        table[part] |= values
    recipe = parse_recipe(table | {"alarm": list(alarm)}, where="test")
    return Bundle(recipe, bundle.models, bundle.shape, bundle.decision if decision is None else decision)


PAUSE = {"name": "pause", "priority": "high", "watch": {"condition": "Gap", "at_least_s": 3.0}}
SLOW = {"name": "slow", "priority": "low", "watch": {"condition": "Rate", "beats": 8, "below_bpm": 50.0}}


def test_alarms_of_a_recipe_stand_beside_the_shipped_ones_or_in_their_place(bundle):
    rules = {rule.name: rule for rule in rules_for({"ecg": with_recipe(bundle, alarm=[PAUSE, SLOW])})}
    assert rules["pause"].priority == "high"
    assert rules["slow"].watch.below_bpm == 50.0
    assert set(rules) == {rule.name for rule in shipped_rules()} | {"slow"}


@pytest.mark.parametrize(
    ("alarm", "message"),
    [
        (SLOW | {"watch": {"condition": "Speed"}}, "bundle 'ecg': .*condition.*Rate"),
        (SLOW | {"hides": ["nothing"]}, "alarms of the recipes of ecg: slow hides 'nothing', which is no rule"),
    ],
)
def test_alarms_of_a_recipe_that_are_none_are_told(bundle, alarm, message):
    with pytest.raises(BundleError, match=message):
        rules_for({"ecg": with_recipe(bundle, alarm=[alarm])})

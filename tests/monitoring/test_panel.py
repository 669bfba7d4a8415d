"""Who is watched by which bundles, and by which rules."""

import pytest

from biosig.errors import BundleError
from biosig.monitoring.alarms import AlarmEngine
from biosig.monitoring.panel import Panel, beat_bundle, rules_for
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

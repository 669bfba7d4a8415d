"""A bundle and a source that do not go together are told apart by what is missing."""

import numpy as np
import pytest

from biosig.errors import BundleError, SourceError
from biosig.records.recording import Layout
from biosig.scoring.scorer import Scorer


def test_a_bundle_that_does_not_fit_says_what_it_needs_and_what_there_is(beat_bundle):
    with pytest.raises(BundleError, match=r"^bundle 'ecg' needs lead MLII in mV; source has V5, V2$"):
        Scorer(beat_bundle, Layout(("V5", "V2"), 360.0, ("mV", "mV")))
    with pytest.raises(BundleError, match=r"^bundle 'ecg' needs lead MLII in mV; source has MLII in uV$"):
        Scorer(beat_bundle, Layout(("MLII",), 360.0, ("uV",)))
    with pytest.raises(BundleError, match=r"bundle 'ecg' does not fit the source: .*Hz"):
        Scorer(beat_bundle, Layout(("MLII",), 50.0, ("mV",)))
    with pytest.raises(SourceError, match=r"expected chunks of \(1, n\) samples, got shape \(2, 5\)"):
        Scorer(beat_bundle, Layout(("MLII",), 360.0, ("mV",))).push(np.zeros((2, 5)))


def test_an_unknown_lead_cannot_stand_in(beat_bundle):
    with pytest.raises(BundleError, match="cannot use V9 as MLII: source has V5, V2"):
        Scorer(beat_bundle, Layout(("V5", "V2"), 360.0, ("mV", "mV")), lead_map={"V9": "MLII"})

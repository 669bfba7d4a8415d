"""EEG through the same scorer: a real EDF file live and whole, and sources that lack a channel."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import biosig
from biosig.bundle import Bundle
from biosig.datasets.eegmat import SAMPLE
from biosig.errors import BundleError
from biosig.models.contract import InputShape
from biosig.models.registry import build_model
from biosig.recipe import load_recipe
from biosig.scoring.scorer import Scorer
from biosig.windows.stream import cut_recording

DRAWN = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def recording():
    return biosig.read(SAMPLE / "Subject02_2.edf").crop(0, 30)


@pytest.fixture(scope="module")
def bundle(recording) -> Bundle:
    """The shipped recipe with half as long windows and drawn weights, reading samples beside features."""
    recipe = load_recipe("eeg", ["windows.context=3", "windows.options.stride_s=1.5", "data.may_miss=2"])
    options = {"stem": [4], "hidden": 4, "spatial": 3, "feature_hidden": 4, "context_hidden": 4}
    recipe = recipe.model_copy(update={"model": recipe.model.model_copy(update={"options": options})})
    windows = cut_recording(recording.pick(recipe.data.channels), recipe.chain, recipe.cutter)
    shape = InputShape(windows.n_channels, windows.length, windows.features.shape[1], recipe.windows.context)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build_model(recipe.model.name, recipe.model.options, shape, 2).eval()
    model.fit_scale(torch.from_numpy(windows.features))
    model.head.weight.data *= 5.0
    return Bundle(recipe, [model], shape, np.zeros(2))


def pushed(scorer, data, bounds):
    scores = [score for start, stop in pairwise(bounds) for score in scorer.push(data[:, start:stop])]
    return scores + scorer.flush()


@DRAWN
@given(st.lists(st.floats(0, 1), max_size=25))
def test_live_equals_offline_however_the_file_is_cut(bundle, recording, fractions):
    n = recording.n_times
    live = pushed(Scorer(bundle, recording.layout), recording.data, [0, *sorted(round(n * f) for f in fractions), n])
    whole = bundle.score(recording, device="cpu")
    assert len(whole) == len(live) == 18
    np.testing.assert_array_equal(whole["time_s"], [score.time_s for score in live])
    found = np.array([score.probs for score in live])
    np.testing.assert_allclose(found, whole[["p_rest", "p_arithmetic"]], rtol=0, atol=1e-5)
    assert np.ptp(found[:, 0]) > 0.05
    offline = bundle.outputs(bundle.windows(recording), device="cpu")
    np.testing.assert_allclose(found, offline, rtol=0, atol=1e-5)


def test_windows_are_bit_exact_however_the_file_is_cut(bundle, recording):
    from biosig.windows.stream import Cutting, WindowStream

    chosen = recording.pick(bundle.recipe.data.channels)
    whole = bundle.windows(recording)
    stream = WindowStream(bundle.recipe.chain, bundle.recipe.cutter, chosen.layout)
    parts = [stream.push(chosen.data[:, at : at + 77]) for at in range(0, chosen.n_times, 77)]
    joined = Cutting.join([*parts, stream.flush()])
    np.testing.assert_array_equal(joined.features, whole.features)
    np.testing.assert_array_equal(joined.signal, whole.signals[0])


def test_a_source_may_lack_as_many_channels_as_the_recipe_says(bundle, recording):
    names = [name for name in recording.layout.channels if name not in ("Fp1", "Cz")]
    short = recording.pick(names)
    windows = bundle.windows(short)
    features = dict(
        zip(bundle.recipe.cutter.spectrum.open(recording.layout, 500).names, windows.features[0], strict=True)
    )
    assert all(np.isnan(value) == ("Fp1" in name or "Cz" in name) for name, value in features.items())
    live = pushed(Scorer(bundle, short.layout), short.data, [0, 999, short.n_times])
    found = np.array([score.probs for score in live])
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, bundle.outputs(windows, device="cpu"), rtol=0, atol=1e-5)
    with pytest.raises(BundleError, match=r"needs channels .* in uV \(all but 2\); source has"):
        Scorer(bundle, recording.pick(names[1:]).layout)


def test_a_lost_electrode_is_like_a_missing_one(bundle, recording):
    data = recording.data.copy()
    data[recording.layout.index("Cz")] = np.nan
    lost = pushed(Scorer(bundle, recording.layout), data, [0, 1000, recording.n_times])
    short = recording.pick([name for name in recording.layout.channels if name != "Cz"])
    missing = pushed(Scorer(bundle, short.layout), short.data, [0, short.n_times])
    np.testing.assert_allclose([s.probs for s in lost], [s.probs for s in missing], rtol=0, atol=1e-6)

"""A patient's memory: causal, resumable, and never stuck."""

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from biosig.windows.pace import PACE_FEATURES, Pace
from biosig.windows.rhythm import FEATURES, BeatHistory, PatientHistory
from biosig.windows.template import BeatShape, TemplateBank

FS = 180.0
NONE = np.zeros(0)


def gauss(time_s: NDArray[np.float64], centre_s: float, width_s: float, height: float) -> NDArray[np.float64]:
    return height * np.exp(-0.5 * ((time_s - centre_s) / width_s) ** 2)


def segment(history: PatientHistory, kind: str = "normal", *, shift_s: float = 0.0, gain: float = 1.0):
    """A textbook beat: P, narrow QRS, T; ``early`` has no P; ``ectopic`` is wide with an opposite T."""
    time_s = (np.arange(history.before + history.after) - history.before) / history_fs(history) - shift_s
    if kind == "ectopic":
        return gain * (gauss(time_s, 0.02, 0.05, 1.6) + gauss(time_s, 0.3, 0.06, -0.5))
    beat = gauss(time_s, 0, 0.012, 1.0) + gauss(time_s, 0.03, 0.01, -0.2) + gauss(time_s, 0.28, 0.05, 0.25)
    return gain * (beat if kind == "early" else beat + gauss(time_s, -0.16, 0.02, 0.12))


def history_fs(history: PatientHistory) -> float:
    return FS * history.length / BeatShape(FS).length


def feed(
    history: PatientHistory, kinds: str, rr_s: list[float] | float = 0.8, *, first: int = 0, last: int | None = None
):
    """Beats N, V or S one after another, the first to the last; returns their features (n,) by name."""
    names = {"N": "normal", "V": "ectopic", "S": "early"}
    times = np.cumsum([rr_s] * len(kinds) if isinstance(rr_s, float) else rr_s)
    rows = [
        history.add(float(times[i]), segment(history, names[kinds[i]]), times[i + 1 : i + 3])[1]
        for i in range(len(kinds))[first:last]
    ]
    table = np.array(rows).reshape(-1, len(FEATURES))
    return {name: table[:, column] for column, name in enumerate(FEATURES)}


def test_names_are_unique_and_as_many_as_features() -> None:
    history = BeatHistory().open(FS, 1.5)
    wave, features = history.add(1.0, segment(history), NONE)
    assert len(set(FEATURES)) == len(FEATURES) == len(features)
    assert wave.shape == (history.n_channels, history.length)
    assert wave.dtype == features.dtype == np.float32
    assert np.isfinite(features).all()
    assert np.isfinite(wave).all()


def test_a_flat_lead_gives_finite_features() -> None:
    history = BeatHistory().open(FS, 1.5)
    flat = np.zeros(history.before + history.after)
    for beat in range(20):
        wave, features = history.add(0.8 * beat, flat, NONE)
        assert np.isfinite(features).all()
        assert np.isfinite(wave).all()


def test_an_ectopic_beat_leaves_a_residual_and_a_normal_one_none() -> None:
    history = BeatHistory().open(FS, 1.5)
    feed(history, "N" * 20)
    wave, _ = history.add(16.8, segment(history), NONE)
    assert np.abs(wave[1]).max() < 0.02
    wave, features = history.add(17.2, segment(history, "ectopic"), NONE)
    assert np.abs(wave[1]).max() > 0.5
    assert features[FEATURES.index("likeness")] < 0.7
    assert features[FEATURES.index("width_change")] > 0.02


def test_a_missing_p_wave_is_a_surprise() -> None:
    history = BeatHistory().open(FS, 1.5)
    found = feed(history, "N" * 30 + "S", [0.8] * 30 + [0.5])
    assert found["p_surprise"][-1] > 2.0
    assert found["is_normal"][-1] == 1.0
    assert found["rr_to_base"][-1] == pytest.approx(log(0.5 / 0.8), abs=0.01)


def test_the_normal_beat_is_found_in_bigeminy_from_the_first_beat() -> None:
    history = BeatHistory().open(FS, 1.5)
    found = feed(history, "VN" * 15, [0.5, 1.1] * 15)
    assert (found["is_normal"][11::2] == 1.0).all()
    assert (found["is_normal"][10::2] == 0.0).all()


def test_a_lasting_new_shape_becomes_the_normal_one() -> None:
    history = BeatHistory().open(FS, 1.5)
    found = feed(history, "N" * 100 + "V" * 150)
    assert found["is_normal"][101] == 0.0
    assert found["is_normal"][-1] == 1.0


@pytest.mark.parametrize(("before_s", "after_s"), [(0.8, 0.5), (0.5, 1.2), (1.2, 0.6)])
def test_the_base_interval_is_never_stuck(before_s: float, after_s: float) -> None:
    history = BeatHistory().open(FS, 1.5)
    found = feed(history, "N" * 400, [before_s] * 100 + [after_s] * 300)
    assert found["rr_to_base"][-1] == pytest.approx(0.0, abs=0.05)


def test_the_base_interval_outlives_a_run_of_tachycardia() -> None:
    history = BeatHistory().open(FS, 1.5)
    found = feed(history, "N" * 150, [0.8] * 80 + [0.4] * 70)
    assert found["rr_to_base"][-1] < -0.4
    assert found["rr_to_median8"][-1] == pytest.approx(0.0, abs=1e-6)


def test_a_fiducial_a_few_samples_off_is_realigned() -> None:
    one, other = BeatHistory().open(FS, 1.5), BeatHistory().open(FS, 1.5)
    feed(one, "N" * 20)
    feed(other, "N" * 20)
    straight, _ = one.add(16.8, segment(one), NONE)
    shifted, _ = other.add(16.8, segment(other, shift_s=5 / FS), NONE)
    np.testing.assert_allclose(shifted, straight, atol=0.02)


def test_the_patients_gain_does_not_matter() -> None:
    one, other = BeatHistory().open(FS, 1.5), BeatHistory().open(FS, 1.5)
    for beat in range(20):
        wave, features = one.add(0.8 * beat, segment(one), NONE)
        doubled, same = other.add(0.8 * beat, segment(other, gain=2.0), NONE)
    np.testing.assert_allclose(doubled, wave, atol=2e-3)
    np.testing.assert_allclose(same, features, atol=0.1)


@given(
    rr_s=st.lists(st.floats(0.3, 2.0), min_size=3, max_size=25),
    kinds=st.text("NVS", min_size=3, max_size=25),
    later=st.floats(1.6, 9.0),
)
@settings(max_examples=25, deadline=None)
def test_features_do_not_depend_on_beats_after_the_look_ahead(rr_s: list[float], kinds: str, later: float) -> None:
    n = min(len(rr_s), len(kinds))
    one, other = BeatHistory().open(FS, 1.5), BeatHistory().open(FS, 1.5)
    feed(one, kinds[: n - 1], rr_s[: n - 1])
    feed(other, kinds[: n - 1], rr_s[: n - 1])
    now = sum(rr_s[:n])
    seen = one.add(now, segment(one), np.array([now + later]))
    unseen = other.add(now, segment(other), NONE)
    assert np.array_equal(seen[0], unseen[0])
    assert np.array_equal(seen[1], unseen[1])


@given(kinds=st.text("NVS", min_size=2, max_size=30), cut=st.integers(0, 30), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_a_saved_memory_goes_on_bit_for_bit(kinds: str, cut: int, seed: int) -> None:
    cut = min(cut, len(kinds) - 1)
    rr_s = np.random.default_rng(seed).uniform(0.3, 1.5, len(kinds)).tolist()
    whole, first, second = (BeatHistory().open(FS, 1.5) for _ in range(3))
    expected = feed(whole, kinds, rr_s)
    feed(first, kinds, rr_s, last=cut)
    second.load_state_dict(first.state_dict())
    resumed = feed(second, kinds, rr_s, first=cut)
    assert all(np.array_equal(resumed[name], expected[name][cut:]) for name in FEATURES)


def test_a_saved_memory_does_not_change_with_the_patient() -> None:
    history = BeatHistory().open(FS, 1.5)
    kinds = "NVN" * 5 + "NNV" * 5
    feed(history, kinds, last=15)
    saved = history.state_dict()
    before = {key: value.copy() for key, value in saved.items()}
    feed(history, kinds, first=15)
    assert all(np.array_equal(saved[key], before[key]) for key in saved)
    again = BeatHistory().open(FS, 1.5)
    again.load_state_dict(saved)
    feed(again, kinds, first=15)
    assert all(np.array_equal(value, again.state_dict()[key]) for key, value in history.state_dict().items())
    assert all(np.array_equal(saved[key], before[key]) for key in saved)


def test_reset_forgets_everything() -> None:
    used, fresh = BeatHistory().open(FS, 1.5), BeatHistory().open(FS, 1.5)
    feed(used, "NVSN" * 5)
    used.reset()
    again, expected = feed(used, "NNVN"), feed(fresh, "NNVN")
    assert all(np.array_equal(again[name], expected[name]) for name in FEATURES)


@pytest.mark.parametrize("fs", [125.0, 250.0, 360.0])
def test_other_rates_work(fs: float) -> None:
    history = BeatHistory().open(fs, 1.5)
    samples = np.random.default_rng(0).normal(size=history.before + history.after)
    wave, _ = history.add(1.0, samples, NONE)
    assert wave.shape[1] == pytest.approx(0.9 * fs, abs=1)


def test_wrong_designs_and_segments_are_refused() -> None:
    with pytest.raises(ValueError, match="families must be 2 or more"):
        BeatHistory(families=1)
    with pytest.raises(ValueError, match=r"like must lie in \(0, 1\), got 1.5"):
        BeatHistory(like=1.5)
    with pytest.raises(ValueError, match="memory_beats must be 10 or more"):
        BeatHistory(memory_beats=1)
    with pytest.raises(ValueError, match="100 to 500 Hz, got 50 Hz"):
        BeatHistory().open(50.0, 1.5)
    history = BeatHistory().open(FS, 1.5)
    with pytest.raises(ValueError, match=r"segment must be \(\d+,\) samples, got \(3,\)"):
        history.add(0.0, np.zeros(3), NONE)


def test_intervals_by_hand() -> None:
    pace = Pace(1.5)
    for peak_s in (0.0, 1.0, 2.0, 3.0):
        pace.add(peak_s, normal=True)
    found = dict(zip(PACE_FEATURES, pace.features(3.5, np.array([4.7, 6.0])), strict=True))
    assert found["rr"] == pytest.approx(log(0.5))
    assert found["next"] == pytest.approx(log(1.2))
    assert found["next_late"] == 0.0
    assert found["second_late"] == 1.0
    assert found["second"] == pytest.approx(log(1.5 - 1.2))
    assert found["rr_to_median8"] == pytest.approx(log(0.5))
    assert found["pair_to_base"] == pytest.approx(log(1.7 / 2))
    assert found["rank180"] == 0.0
    assert pace.premature(3.5)
    assert not pace.premature(3.9)


def test_time_weighs_pauses_more_than_their_number() -> None:
    pace, peak_s = Pace(1.5), 0.0
    for _ in range(40):
        for rr_s in (0.6, 0.6, 0.6, 3.0):
            peak_s += rr_s
            pace.add(peak_s, normal=True)
    found = dict(zip(PACE_FEATURES, pace.features(peak_s + 0.6, NONE), strict=True))
    assert found["rr_to_median32"] == pytest.approx(0.0)
    assert found["rr_to_time180"] == pytest.approx(log(0.6 / 3.0), abs=0.05)


def test_the_bank_replaces_the_rarest_family_and_keeps_the_normal_one() -> None:
    shape = BeatShape(FS)
    bank = TemplateBank(shape, families=3, like=0.7, rate=0.05, memory=200.0)
    random = np.random.default_rng(1)
    normal = random.normal(size=shape.length + 2 * shape.slack)
    for _ in range(10):
        bank.add(normal, bank.match(normal), premature=False)
    for _ in range(12):
        other = random.normal(size=shape.length + 2 * shape.slack)
        bank.add(other, bank.match(other), premature=False)
        assert bank.normal == 0
    assert bank.match(normal).family == 0
    assert bank.match(normal).likeness == pytest.approx(1.0, abs=1e-6)

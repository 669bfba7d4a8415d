"""A patient's portrait: what is usual is found behind a disturbed start, and only what has come counts."""

import numpy as np
import pytest
from numpy.typing import NDArray

from biosig.windows.portrait import FEWEST, PORTRAIT_FEATURES, Portrait
from biosig.windows.template import BeatShape

SHAPE = BeatShape(180.0)
LENGTH = SHAPE.length + 2 * SHAPE.slack
NOISE_MV = 0.01


def gauss(time_s: NDArray[np.float64], centre_s: float, width_s: float, height: float) -> NDArray[np.float64]:
    return height * np.exp(-0.5 * ((time_s - centre_s) / width_s) ** 2)


def beat(kind: str, generator: np.random.Generator) -> NDArray[np.float32]:
    """A textbook beat ``N``; without P wave ``f``; wide ``V``; nothing but a large swing ``x``."""
    time_s = (np.arange(LENGTH) - SHAPE.peak - SHAPE.slack) / SHAPE.fs
    wave = generator.normal(0.0, NOISE_MV, LENGTH)
    if kind == "x":
        return (wave + gauss(time_s, generator.uniform(-0.3, 0.3), 0.1, 4.0)).astype(np.float32)
    if kind == "V":
        return (wave + gauss(time_s, 0.02, 0.05, 1.2) + gauss(time_s, 0.3, 0.06, -0.4)).astype(np.float32)
    wave += gauss(time_s, 0, 0.012, 1.0) + gauss(time_s, 0.03, 0.01, -0.2) + gauss(time_s, 0.28, 0.05, 0.25)
    return (wave if kind == "f" else wave + gauss(time_s, -0.16, 0.02, 0.12)).astype(np.float32)


def drawn(kinds: str, rr_s: list[float] | float = 0.8, *, beats: int = 64, gain: float = 1.0) -> dict[str, float]:
    """The portrait as of the last of these beats."""
    portrait, generator = Portrait(SHAPE, beats), np.random.default_rng(0)
    times_s = np.cumsum([rr_s] * len(kinds) if isinstance(rr_s, float) else rr_s).tolist()
    rows = [
        portrait.add(time_s, (gain * beat(kind, generator)).astype(np.float32))
        for time_s, kind in zip(times_s, kinds, strict=True)
    ]
    return dict(zip(PORTRAIT_FEATURES, rows[-1], strict=True))


def test_names_are_unique_and_as_many_as_features():
    assert len(set(PORTRAIT_FEATURES)) == len(PORTRAIT_FEATURES) == len(drawn("N" * 10))


def test_a_few_beats_make_no_portrait():
    assert all(np.isnan(list(drawn("N" * (FEWEST - 1)).values())))
    assert np.isfinite(list(drawn("N" * 12).values())).all()


def test_a_steady_rhythm_is_clean_and_measured():
    found = drawn("N" * 20)
    assert found["usual.like_usual"] == found["usual.undisturbed"] == found["usual.usable_intervals"] == 1.0
    assert found["usual.odd_count"] == 0.0
    assert found["clean.rate"] == found["undisturbed.rate"] == pytest.approx(75.0)
    assert np.exp(found["usual.size"]) == pytest.approx(1.2, abs=0.08)  # from the S wave at -0.2 mV to R at 1 mV
    assert found["usual.noise"] == pytest.approx(NOISE_MV / 1.2, rel=0.3)
    assert found["usual.p_at"] == pytest.approx(0.30 - 0.16, abs=0.02)
    assert found["usual.t_at"] == pytest.approx(0.28 - 0.15, abs=0.03)


def test_a_p_wave_is_seen_above_the_noise():
    with_p, without = drawn("N" * 20), drawn("f" * 20)
    assert with_p["usual.p"] == pytest.approx(0.12 / 1.2, abs=0.02)
    assert abs(without["usual.p"]) < 0.02
    assert with_p["usual.p_like"] > 0.9 > 0.5 > without["usual.p_like"]


def test_a_disturbed_start_changes_neither_the_usual_beat_nor_the_clean_rhythm():
    found, clean = drawn("xxxxx" + "N" * 15, [0.3, 0.7, 0.4, 1.3, 0.5] + [0.8] * 15), drawn("N" * 15)
    assert found["clean.rate"] == pytest.approx(75.0)
    assert found["clean.spread"] == pytest.approx(0.0, abs=1e-9)
    assert found["clean.intervals"] == 14
    assert found["usual.like_usual"] == pytest.approx(15 / 20)
    for name in ("usual.size", "usual.p", "usual.t", "usual.qrs_s"):
        assert found[name] == pytest.approx(clean[name], abs=0.03)


def test_extra_beats_are_told_by_their_shape():
    rr_s = [0.8] * 8 + [0.5, 1.1] + [0.8] * 8
    wide, same = drawn("N" * 8 + "V" + "N" * 9, rr_s), drawn("N" * 8 + "f" + "N" * 9, rr_s)
    assert (wide["usual.odd_count"], wide["usual.odd_made_up_count"], wide["usual.usual_early_count"]) == (1, 1, 0)
    assert (same["usual.odd_count"], same["usual.usual_made_up_count"], same["usual.odd_early_count"]) == (
        0,
        1,
        0,
    )
    assert wide["clean.made_up_count"] == 0.0
    assert wide["undisturbed.made_up_count"] == 1.0


def test_the_patients_gain_changes_the_size_alone():
    one, doubled = drawn("N" * 12), drawn("N" * 12, gain=2.0)
    assert doubled["usual.size"] - one["usual.size"] == pytest.approx(np.log(2.0), abs=0.01)
    rest = [name for name in PORTRAIT_FEATURES if name != "usual.size"]
    np.testing.assert_allclose([doubled[name] for name in rest], [one[name] for name in rest], rtol=0.05, atol=0.01)


def test_beats_long_ago_are_forgotten():
    found = drawn("V" * 10 + "N" * 12, beats=12)
    assert found["usual.odd_count"] == 0.0
    assert found["usual.like_usual"] == 1.0


def test_a_flat_lead_gives_finite_figures():
    portrait = Portrait(SHAPE, 16)
    for number in range(20):
        found = portrait.add(0.8 * number, np.zeros(LENGTH, dtype=np.float32))
    assert np.isfinite(found).any()
    assert not np.isinf(found).any()


def test_it_goes_on_from_its_state_with_the_same_bits():
    generator = np.random.default_rng(1)
    beats = [beat(kind, generator) for kind in "NNVNxNNNfNVN"]
    whole, first = Portrait(SHAPE, 8), Portrait(SHAPE, 8)
    for number, one in enumerate(beats[:6]):
        whole.add(0.8 * number, one)
        first.add(0.8 * number, one)
    second = Portrait(SHAPE, 8)
    second.load_state_dict(first.state_dict())
    for number, one in enumerate(beats[6:], 6):
        np.testing.assert_array_equal(second.add(0.8 * number, one), whole.add(0.8 * number, one))

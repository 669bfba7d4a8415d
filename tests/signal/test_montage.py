"""Lead arithmetic by hand: Einthoven, Goldberger, the double banana, and references with bad channels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosig.records.recording import Layout
from biosig.signal.montage import DOUBLE_BANANA, Bipolar, Derive, Pick, Reference
from biosig.signal.stream import Chain, Chunk

LIMBS = Layout(("I", "II"), 250.0, ("mV", "mV"))
THREE = Layout(("A1", "Cz", "A2"), 250.0, ("uV", "uV", "uV"))


def column(*values: float, good: list[bool] | None = None) -> Chunk:
    """One sample of every channel."""
    data = np.array(values, dtype=np.float64)[:, np.newaxis]
    return Chunk(data, np.array(good or [True] * len(values))[:, np.newaxis])


def test_pick_takes_channels_by_name_in_the_order_asked_for() -> None:
    stream = Pick(("A2", "A1")).open(THREE)
    assert stream.layout.channels == ("A2", "A1")
    assert stream.process(column(1, 2, 3)).data[:, 0].tolist() == [3, 1]


def test_pick_of_all_channels_passes_without_a_copy() -> None:
    chunk = column(1, 2, 3)
    assert Pick(("A1", "Cz", "A2")).open(THREE).process(chunk) is chunk


def test_a_channel_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="channel 'V1' not found, has I, II"):
        Pick(("V1",)).open(LIMBS)
    with pytest.raises(ValueError, match="channel 'V1' not found, has I, II"):
        Derive("x", (("V1", 1.0),)).open(LIMBS)
    with pytest.raises(ValueError, match="channel 'A1' not found, has I, II"):
        Reference(("A1",)).open(LIMBS)
    with pytest.raises(ValueError, match="channel 'Fp1' not found, has I, II"):
        Bipolar().open(LIMBS)


def test_limb_leads_follow_from_the_potentials_of_three_limbs() -> None:
    right_arm, left_arm, left_leg = 0.2, 0.7, 1.6
    terminal = (right_arm + left_arm + left_leg) / 3
    chain = Chain(tuple(Derive.limb(name) for name in ("III", "aVR", "aVL", "aVF"))).open(LIMBS)
    out = chain.process(column(left_arm - right_arm, left_leg - right_arm)).data[:, 0]
    assert chain.layout.channels == ("I", "II", "III", "aVR", "aVL", "aVF")
    assert out[2] == pytest.approx(left_leg - left_arm)
    np.testing.assert_allclose(out[3:], 1.5 * (np.array([right_arm, left_arm, left_leg]) - terminal))


def test_a_derived_channel_is_good_where_all_its_terms_are() -> None:
    out = Derive.limb("III").open(LIMBS).process(column(1, 2, good=[False, True]))
    assert out.good[:, 0].tolist() == [False, True, False]


def test_derive_refuses_what_makes_no_channel() -> None:
    with pytest.raises(ValueError, match="channel 'II' is already there: I, II"):
        Derive("II", (("I", 1.0),)).open(LIMBS)
    with pytest.raises(ValueError, match=r"several units \(mV, uV\)"):
        Derive("x", (("I", 1.0), ("Cz", 1.0))).open(Layout(("I", "Cz"), 250.0, ("mV", "uV")))
    with pytest.raises(ValueError, match="terms must name at least one channel"):
        Derive("x", ())
    with pytest.raises(ValueError, match="weight of 'I' must be a finite number, got inf"):
        Derive("x", (("I", float("inf")),))
    with pytest.raises(ValueError, match="limb leads from I and II are III, aVR, aVL, aVF, got 'V1'"):
        Derive.limb("V1")


def test_the_average_reference_leaves_out_bad_channels() -> None:
    stream = Reference().open(THREE)
    assert stream.process(column(1, 2, 6)).data[:, 0].tolist() == [-2, -1, 3]
    out = stream.process(column(1, 1000, 6, good=[True, False, True]))
    assert out.data[:, 0].tolist() == [-2.5, 996.5, 2.5]
    assert out.good[:, 0].tolist() == [True, False, True]
    assert not stream.process(column(1, 2, 6, good=[False] * 3)).good.any()


def test_linked_ears_need_both_ears() -> None:
    stream = Reference(("A1", "A2")).open(THREE)
    assert stream.process(column(1, 10, 3)).data[:, 0].tolist() == [-1, 8, 1]
    assert not stream.process(column(1, 10, 3, good=[True, True, False])).good.any()


@settings(deadline=None)
@given(n_good=st.integers(0, 64), seed=st.integers(0, 1000))
def test_the_average_reference_sums_to_zero_over_good_channels(n_good: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    layout = Layout(tuple(map(str, range(64))), 250.0, ("uV",) * 64)
    good = np.repeat(rng.permutation(np.arange(64) < n_good)[:, np.newaxis], 9, axis=1)
    out = Reference().open(layout).process(Chunk(rng.normal(size=(64, 9)), good))
    np.testing.assert_allclose(np.where(good, out.data, 0).sum(axis=0), 0, atol=1e-12)


def test_references_need_one_unit() -> None:
    mixed = Layout(("Fp1", "F7"), 250.0, ("uV", "mV"))
    with pytest.raises(ValueError, match="Reference needs channels of one unit, has mV, uV"):
        Reference().open(mixed)
    with pytest.raises(ValueError, match="Fp1-F7 needs one unit, has uV and mV"):
        Bipolar((("Fp1", "F7"),)).open(mixed)


def test_a_bipolar_channel_is_first_minus_second_and_good_where_both_are() -> None:
    stream = Bipolar((("Cz", "A1"), ("A2", "Cz"))).open(THREE)
    out = stream.process(column(1, 10, 3, good=[False, True, True]))
    assert stream.layout.channels == ("Cz-A1", "A2-Cz")
    assert out.data[:, 0].tolist() == [9, -7]
    assert out.good[:, 0].tolist() == [False, True]


@pytest.mark.parametrize("temporal", [("T3", "T4", "T5", "T6"), ("T7", "T8", "P7", "P8")])
def test_the_double_banana_opens_on_old_and_new_names(temporal: tuple[str, ...]) -> None:
    head = ("Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "C3", "Cz", "C4", "P3", "Pz", "P4", "O1", "O2", *temporal)
    stream = Bipolar().open(Layout(head, 250.0, ("uV",) * len(head)))
    assert len(stream.layout.channels) == 18
    potential = {name: float(i) ** 2 for i, name in enumerate(head)}
    chains = dict(zip(stream.layout.channels, stream.process(column(*potential.values())).data[:, 0], strict=True))
    left = ("Fp1-F7", "F7-T7", "T7-P7", "P7-O1")
    parasagittal = ("Fp1-F3", "F3-C3", "C3-P3", "P3-O1")
    for chain in (left, parasagittal):
        assert sum(chains[name] for name in chain) == potential["Fp1"] - potential["O1"]


def test_the_two_sides_of_the_double_banana_mirror_each_other() -> None:
    pairs = set(DOUBLE_BANANA)

    def across(name: str) -> str:
        return name if name.endswith("z") else name[:-1] + str(int(name[-1]) + (1 if int(name[-1]) % 2 else -1))

    assert {(across(first), across(second)) for first, second in pairs} == pairs


def test_a_channel_named_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="channels must name each channel once, got I, I"):
        Pick(("I", "I"))
    with pytest.raises(ValueError, match="pairs must name each channel once"):
        Bipolar((("A1", "Cz"), ("A1", "Cz")))

"""Amplitudes against the recording's own past: by hand where that is possible."""

import numpy as np
import pytest

from biosig.records.recording import Layout
from biosig.signal.normalise import Normalise
from biosig.signal.stream import Chunk

LAYOUT = Layout(("Fp1", "O1"), 100.0, ("uV", "uV"))


def normalised(data, **options):
    return Normalise(**options).open(LAYOUT).process(Chunk.of(data)).data


def test_a_constant_ends_at_one_whatever_its_size():
    data = np.repeat([[5.0], [0.2]], 1000, axis=1)
    np.testing.assert_allclose(normalised(data, memory_s=0.5, start=2.0)[:, -1], 1.0, rtol=1e-6)


def test_the_first_sample_is_scaled_by_start_and_its_own_share():
    decay = np.exp(-1 / (0.5 * 100))
    expected = 5.0 / np.sqrt(decay * 2.0**2 + (1 - decay) * 5.0**2)
    np.testing.assert_allclose(normalised([[5.0], [5.0]], memory_s=0.5, start=2.0)[:, 0], expected)


def test_one_scale_for_all_keeps_channels_in_proportion():
    data = np.random.default_rng(0).normal(size=(1, 500)) * [[1.0], [4.0]]
    out = normalised(data, memory_s=1.0, over="recording")
    np.testing.assert_allclose(out[1], 4 * out[0])


def test_what_was_not_recorded_is_zero_and_teaches_nothing():
    data = np.random.default_rng(0).normal(size=(2, 400))
    with_gap = np.concatenate([data[:, :200], np.full((2, 50), np.nan), data[:, 200:]], axis=1)
    plain, gapped = normalised(data), normalised(with_gap)
    assert not gapped[:, 200:250].any()
    np.testing.assert_array_equal(np.delete(gapped, np.s_[200:250], axis=1), plain)


def test_a_wave_crosses_zero_when_it_did_before():
    wave = np.sin(np.arange(3000) / 7)
    np.testing.assert_array_equal(np.sign(normalised(np.stack([wave, 3 * wave]))), np.sign(np.stack([wave, wave])))
    assert Normalise().open(LAYOUT).delay_s == 0


def test_a_flat_channel_stays_flat():
    assert not normalised(np.zeros((2, 50_000)), memory_s=0.1).any()


@pytest.mark.parametrize("options", [{"memory_s": 0.0}, {"start": -1.0}, {"start": float("inf")}])
def test_a_scale_that_is_no_scale_is_refused(options):
    with pytest.raises(ValueError, match="must be a positive number"):
        Normalise(**options)

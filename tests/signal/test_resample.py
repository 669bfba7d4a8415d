"""Resampling against scipy's whole-signal polyphase filter, and what its docstring promises."""

import math

import numpy as np
import pytest
from scipy import signal

from biosig.records.recording import Layout
from biosig.signal.resample import Resample, ResampleStream, anti_alias_taps
from biosig.signal.stream import Chain, Chunk

RATES = [(360.0, 250.0), (250.0, 360.0), (256.0, 128.0), (128.0, 256.0), (500.0, 250.0), (160.0, 128.0), (360.0, 100.5)]


def opened(fs: float, to_hz: float, **options: float) -> ResampleStream:
    stream = Resample(to_hz, **options).open(Layout(("I",), fs, ("mV",)))
    assert isinstance(stream, ResampleStream)
    return stream


@pytest.mark.parametrize(("fs", "to_hz"), RATES)
def test_output_is_scipys_polyphase_filter_later_by_the_declared_delay(fs: float, to_hz: float) -> None:
    stream = opened(fs, to_hz)
    quiet = round(fs / math.gcd(round(2 * fs), round(2 * to_hz)) * 2) * 40
    data = np.random.default_rng(0).normal(size=(1, 3000))
    data[:, :quiet] = data[:, -quiet:] = 0.0
    out = stream.process(Chunk.of(data)).data[0]
    whole = signal.resample_poly(data[0], stream.up, stream.down, window=stream.taps / stream.up)
    shift = stream.delay_s * to_hz
    if shift == round(shift):
        lag = round(shift)
        np.testing.assert_allclose(out[lag:], whole[: len(out) - lag], rtol=0, atol=1e-12)
    dense = np.convolve(np.kron(data[0], np.eye(1, stream.up)[0]), stream.taps)
    np.testing.assert_allclose(out, dense[:: stream.down][: len(out)], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("fs", "to_hz"), RATES)
def test_the_delay_is_fifteen_samples_of_the_lower_rate(fs: float, to_hz: float) -> None:
    assert opened(fs, to_hz).delay_s == pytest.approx(15 / min(fs, to_hz), rel=1e-12)


@pytest.mark.parametrize(("up", "down"), [(25, 36), (1, 2), (2, 1), (125, 128), (1, 10), (67, 240)])
@pytest.mark.parametrize(("attenuation_db", "transition"), [(60.0, 0.25), (40.0, 0.5), (90.0, 0.1)])
def test_what_would_alias_is_down_and_the_pass_band_flat(
    up: int, down: int, attenuation_db: float, transition: float
) -> None:
    taps = anti_alias_taps(up, down, attenuation_db=attenuation_db, transition=transition)
    np.testing.assert_allclose(taps, taps[::-1], rtol=0, atol=1e-15)
    nyquist = 1 / max(up, down)
    hz, response = signal.freqz(taps / up, worN=np.linspace(0, min(1.0, 6 * nyquist), 20_000), fs=2.0)
    ripple = 10 ** (-attenuation_db / 20)
    slack = 1.1
    assert np.abs(response[hz >= nyquist]).max() <= slack * ripple
    assert np.abs(np.abs(response[hz <= (1 - transition) * nyquist]) - 1).max() <= slack * ripple


@pytest.mark.parametrize(("fs", "to_hz"), RATES)
def test_a_constant_passes_exactly_from_the_first_sample_on(fs: float, to_hz: float) -> None:
    out = opened(fs, to_hz).process(Chunk.of(np.full((1, 500), 4000.0))).data
    np.testing.assert_allclose(out, 4000.0, rtol=1e-13)


def test_a_sine_arrives_whole_and_late_by_the_delay() -> None:
    stream = opened(360.0, 250.0)
    times_s = np.arange(3600) / 360.0
    out = stream.process(Chunk.of(np.sin(2 * np.pi * 17.0 * times_s)[np.newaxis])).data[0]
    expected = np.sin(2 * np.pi * 17.0 * (np.arange(len(out)) / 250.0 - stream.delay_s))
    np.testing.assert_allclose(out[250:], expected[250:], atol=2e-3)


def test_an_output_sample_comes_with_the_input_sample_at_or_before_it() -> None:
    stream = opened(360.0, 250.0)
    came = [stream.process(Chunk.of(np.zeros((1, 1)))).n_times for _ in range(720)]
    first_input_of = np.repeat(np.arange(720), came)
    np.testing.assert_array_equal(first_input_of, np.arange(500) * 36 // 25)


def test_a_bad_input_makes_bad_what_it_weighs_on_and_no_more() -> None:
    stream = opened(360.0, 250.0)
    good = np.ones((1, 3600), dtype=bool)
    good[0, 1000] = False
    out = stream.process(Chunk(np.zeros((1, 3600)), good))
    bad_s = np.flatnonzero(~out.good[0]) / 250.0 - stream.delay_s
    assert len(bad_s) > 0
    assert np.all(np.diff(bad_s) == pytest.approx(1 / 250.0))
    assert abs(bad_s.mean() - 1000 / 360.0) < 1 / 250.0
    weight = np.zeros((1, 3600))
    weight[0, 1000] = 1.0
    response = opened(360.0, 250.0).process(Chunk.of(weight)).data[0]
    assert (response[out.good[0]] ** 2).sum() < 0.01 * (response**2).sum()


@pytest.mark.parametrize(("fs", "to_hz"), RATES)
def test_an_output_is_good_where_all_inputs_under_its_central_taps_are(fs: float, to_hz: float) -> None:
    stream = opened(fs, to_hz)
    energy = stream.taps**2
    centre = len(energy) // 2
    held = [energy[centre - half : centre + half + 1].sum() for half in range(centre + 1)]
    span = next(half for half, part in enumerate(held) if part >= 0.99 * energy.sum())
    good = np.random.default_rng(1).random(600) > 0.05
    before = np.concatenate([np.full(200, good[0]), good])
    out = stream.process(Chunk(np.zeros((1, 600)), good[np.newaxis])).good[0]
    for m in range(len(out)):
        under = [k for k in range(-200, 600) if abs(m * stream.down - centre - k * stream.up) <= span]
        assert out[m] == all(before[k + 200] for k in under)


def test_a_bad_first_sample_stands_for_all_before_it() -> None:
    good = np.ones((1, 360), dtype=bool)
    good[0, 0] = False
    out = opened(360.0, 250.0).process(Chunk(np.zeros((1, 360)), good))
    delay = round(opened(360.0, 250.0).delay_s * 250.0)
    assert not out.good[0, : delay + 1].any()
    assert out.good[0, 2 * delay :].all()


def test_the_same_rate_passes_untouched_and_without_delay() -> None:
    stream = Resample(250.0).open(Layout(("I",), 250.0, ("mV",)))
    chunk = Chunk.of(np.arange(5.0)[np.newaxis])
    assert stream.process(chunk) is chunk
    assert stream.delay_s == 0.0


def test_the_new_rate_stands_in_the_layout() -> None:
    assert opened(360.0, 250.0).layout == Layout(("I",), 250.0, ("mV",))


def test_rates_without_a_short_ratio_are_refused() -> None:
    with pytest.raises(ValueError, match=r"ratio of whole numbers up to 1000, got 250 / 360.007; choose another to_hz"):
        opened(360.007, 250.0)
    with pytest.raises(ValueError, match="ratio of whole numbers up to 1000"):
        opened(1.0, 1e5)
    with pytest.raises(ValueError, match="ratio of whole numbers up to 1000"):
        opened(1e5, 1.0)


def test_designs_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="to_hz must be a positive number of Hz, got 0"):
        Resample(0.0)
    with pytest.raises(ValueError, match="attenuation_db must lie between 21 and 160 dB, got 10"):
        Resample(250.0, attenuation_db=10.0)
    with pytest.raises(ValueError, match=r"transition must lie inside \[0.01, 1\), got 1"):
        Resample(250.0, transition=1.0)


def test_a_sample_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="Resample: a sample is NaN or infinite; put HoldGaps before it"):
        opened(360.0, 250.0).process(Chunk.of(np.array([[0.0, np.nan, 0.0]])))


@pytest.mark.parametrize("rates", [(360.0, 180.0), (256.0, 100.0), (125.0, 360.0), (500.0, 360.0, 256.0, 100.0)])
def test_a_chain_says_with_which_input_an_output_comes(rates: tuple[float, ...]) -> None:
    stream = Chain(tuple(Resample(to_hz=rate) for rate in rates[1:])).open(Layout(("A",), rates[0], ("mV",)))
    n_known = np.cumsum([0] + [stream.process(Chunk.of(np.zeros((1, 1)))).n_times for _ in range(1000)])
    asked = np.arange(n_known[-1] + 1)
    np.testing.assert_array_equal(stream.inputs_for(asked), np.searchsorted(n_known, asked))

"""Filters against scipy, step responses known by hand, and what happens after gaps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from biosig.records.recording import Layout
from biosig.signal.filters import BandPass, HighPass, LowPass, Notch, SosStream, group_delay_s
from biosig.signal.repair import HoldGaps
from biosig.signal.stream import Chain, Chunk, Step

ECG = Layout(("I", "II"), 250.0, ("mV", "mV"))


def walk(n_times: int, seed: int = 0) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).normal(size=(2, n_times)), axis=1)


@pytest.mark.parametrize(
    ("step", "sos"),
    [
        (BandPass(0.5, 40.0, order=4), signal.butter(4, [0.5, 40.0], "bandpass", output="sos", fs=250.0)),
        (HighPass(0.5, order=2), signal.butter(2, 0.5, "highpass", output="sos", fs=250.0)),
        (LowPass(40.0, order=5), signal.butter(5, 40.0, "lowpass", output="sos", fs=250.0)),
        (Notch(50.0, q=25.0), signal.tf2sos(*signal.iirnotch(50.0, 25.0, fs=250.0))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_output_is_that_of_scipy_primed_with_the_first_sample(step: Step, sos: np.ndarray) -> None:
    data = walk(2000) + 100.0
    expected = [signal.sosfilt(sos, row, zi=signal.sosfilt_zi(sos) * row[0])[0] for row in data]
    np.testing.assert_allclose(step.open(ECG).process(Chunk.of(data)).data, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("step", "gain"), [(BandPass(0.5, 40.0), 0.0), (HighPass(0.5), 0.0), (LowPass(40.0), 1.0), (Notch(50.0), 1.0)]
)
def test_a_constant_has_no_edge_at_the_start(step: Step, gain: float) -> None:
    out = step.open(ECG).process(Chunk.of(np.full((2, 500), 4000.0)))
    np.testing.assert_allclose(out.data, 4000.0 * gain, atol=1e-6)


def gain_db(step: Step, hz: float) -> float:
    """Gain at one frequency, from the sections a stream runs."""
    stream = step.open(ECG)
    assert isinstance(stream, SosStream)
    _, response = signal.freqz_sos(stream.sos, worN=[hz], fs=250.0)
    return float(20 * np.log10(abs(response[0])))


def test_edges_are_3_db_down() -> None:
    assert gain_db(BandPass(0.5, 40.0), 0.5) == pytest.approx(-3.01, abs=0.01)
    assert gain_db(BandPass(0.5, 40.0), 40.0) == pytest.approx(-3.01, abs=0.01)
    assert gain_db(HighPass(0.5), 0.5) == pytest.approx(-3.01, abs=0.01)
    assert gain_db(LowPass(40.0), 40.0) == pytest.approx(-3.01, abs=0.01)


def test_an_edge_falls_by_6_db_per_octave_and_order() -> None:
    assert gain_db(HighPass(1.0, order=2), 1 / 16) - gain_db(HighPass(1.0, order=2), 1 / 32) == pytest.approx(
        12, abs=0.1
    )
    assert gain_db(HighPass(1.0, order=4), 1 / 16) - gain_db(HighPass(1.0, order=4), 1 / 32) == pytest.approx(
        24, abs=0.1
    )


@pytest.mark.parametrize("harmonic", [1, 2])
def test_a_notch_takes_out_each_harmonic_and_as_wide_as_the_first(harmonic: int) -> None:
    step = Notch(50.0, q=25.0, harmonics=2)
    assert gain_db(step, 50.0 * harmonic) < -120
    assert gain_db(step, 50.0 * harmonic + 1.0) == pytest.approx(-3.0, abs=0.2)
    assert gain_db(step, 10.0) == pytest.approx(0.0, abs=0.01)


def test_mains_hum_is_gone_after_a_second_and_a_half() -> None:
    times_s = np.arange(1000) / 250.0
    out = Notch(50.0).open(ECG).process(Chunk.of(np.tile(np.sin(2 * np.pi * 50 * times_s), (2, 1))))
    assert np.abs(out.data[:, 375:]).max() < 1e-3


@pytest.mark.parametrize("hz", [1.0, 4.47, 10.0, 30.0])
def test_group_delay_is_the_slope_of_the_phase(hz: float) -> None:
    sos = signal.butter(2, [0.5, 40.0], "bandpass", output="sos", fs=250.0)
    _, response = signal.freqz_sos(sos, worN=[hz - 1e-4, hz + 1e-4], fs=250.0)
    slope = np.diff(np.unwrap(np.angle(response)))[0] / (2 * np.pi * 2e-4)
    assert group_delay_s(sos, 250.0, hz) == pytest.approx(-slope, rel=1e-4)


def test_a_fourth_order_ecg_band_delays_1_hz_by_248_ms_and_10_hz_by_12_ms() -> None:
    stream = BandPass(0.5, 40.0, order=4).open(ECG)
    assert group_delay_s(stream.sos, 250.0, 1.0) == pytest.approx(0.248, abs=5e-4)
    assert group_delay_s(stream.sos, 250.0, 10.0) == pytest.approx(0.012, abs=5e-4)
    assert stream.delay_s == pytest.approx(group_delay_s(stream.sos, 250.0, 20**0.5))


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (BandPass(0.5, 150.0), r"band must lie inside \(0, 125\) Hz at fs=250 Hz, got 0.5-150 Hz"),
        (BandPass(0.0, 40.0), r"band must lie inside \(0, 125\) Hz at fs=250 Hz, got 0-40 Hz"),
        (HighPass(125.0), r"low_hz must lie inside \(0, 125\) Hz at fs=250 Hz, got 125 Hz"),
        (LowPass(-1.0), r"high_hz must lie inside \(0, 125\) Hz at fs=250 Hz, got -1 Hz"),
        (Notch(150.0), r"mains_hz must lie inside \(0, 125\) Hz at fs=250 Hz, got 150 Hz"),
        (Notch(50.0, harmonics=3), r"mains_hz must lie inside .*, got 150 \(harmonic 3\) Hz"),
    ],
)
def test_a_band_outside_the_rate_is_refused_with_both_numbers(step: Step, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        step.open(ECG)


def test_a_design_that_makes_no_sense_is_refused_before_it_meets_data() -> None:
    with pytest.raises(ValueError, match=r"low_hz must be below high_hz, got 40-0\.5 Hz"):
        BandPass(40.0, 0.5)
    with pytest.raises(ValueError, match="low_hz must be below high_hz"):
        BandPass(float("nan"), 40.0)
    with pytest.raises(ValueError, match="order must be at least 1, got 0"):
        HighPass(0.5, order=0)
    with pytest.raises(ValueError, match="q must be positive, got 0"):
        Notch(50.0, q=0.0)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        Notch(50.0, harmonics=0)


@settings(deadline=None)
@given(at=st.integers(0, 299), value=st.sampled_from([np.nan, np.inf, -np.inf]))
def test_a_sample_that_is_not_finite_is_refused_and_the_way_out_named(at: int, value: float) -> None:
    data = walk(300)
    data[1, at] = value
    with pytest.raises(ValueError, match="BandPass: a sample is NaN or infinite; put HoldGaps before"):
        BandPass(0.5, 40.0).open(ECG).process(Chunk.of(data))


def test_marks_pass_unchanged() -> None:
    chunk = Chunk(data=walk(100), good=np.random.default_rng(0).random((2, 100)) > 0.5)
    np.testing.assert_array_equal(HighPass(0.5).open(ECG).process(chunk).good, chunk.good)


def after_a_gap(gap_s: float, *, rail: float) -> float:
    """Largest output in the ten seconds after a gap that begins with a sample at the rail, input amplitude 1."""
    times_s = np.arange(round(30 * 250.0)) / 250.0
    data = np.tile(np.sin(2 * np.pi * 10 * times_s), (2, 1))
    begin, end = 2500, 2500 + round(gap_s * 250)
    data[0, begin:end] = np.nan
    data[0, begin - 1] = rail
    out = Chain((HoldGaps(), BandPass(0.5, 40.0))).open(ECG).process(Chunk.of(data))
    assert np.abs(out.data[1]).max() < 1.5
    good = out.data[0, end:][out.good[0, end:]]
    return float(np.abs(good).max())


def test_a_filter_starts_anew_after_a_long_gap_instead_of_ringing_for_seconds() -> None:
    assert after_a_gap(3.0, rail=300.0) < 2.5
    assert after_a_gap(0.5, rail=300.0) > 100.0


def test_a_filter_starts_from_the_first_real_sample_where_a_recording_begins_with_a_gap() -> None:
    data = np.full((2, 1000), 4000.0)
    data[0, :300] = np.nan
    out = Chain((HoldGaps(), HighPass(0.5))).open(ECG).process(Chunk.of(data))
    first_good = int(np.flatnonzero(out.good[0])[0])
    np.testing.assert_allclose(out.data[0, first_good:], 0.0, atol=1e-6)
    np.testing.assert_allclose(out.data[1], 0.0, atol=1e-6)


@settings(deadline=None)
@given(bad=st.sampled_from([0, 1, 248, 249, 250, 251, 400]), cut=st.integers(0, 900))
def test_a_filter_starts_anew_after_exactly_a_second_of_bad_samples(bad: int, cut: int) -> None:
    data = walk(900)
    good = np.ones(data.shape, dtype=bool)
    good[0, 300 : 300 + bad] = False
    stream = HighPass(0.5).open(ECG)
    pieces = [Chunk(data[:, :cut], good[:, :cut]), Chunk(data[:, cut:], good[:, cut:])]
    out = Chunk.join([stream.process(piece) for piece in pieces]).data
    straight = HighPass(0.5).open(ECG).process(Chunk.of(data)).data
    np.testing.assert_array_equal(out[1], straight[1])
    if bad < 250:
        np.testing.assert_array_equal(out[0], straight[0])
    else:
        anew = HighPass(0.5).open(ECG).process(Chunk.of(data[:, 300 + bad :])).data
        np.testing.assert_array_equal(out[0, : 300 + bad], straight[0, : 300 + bad])
        np.testing.assert_array_equal(out[0, 300 + bad :], anew[0])


def test_neighbouring_filters_in_one_pass_give_the_bits_of_one_after_another() -> None:
    rng = np.random.default_rng(0)
    steps = (HighPass(0.5), BandPass(0.5, 40.0), Notch(50.0, harmonics=2), LowPass(30.0))
    good = np.ones((ECG.n_channels, 5000), dtype=bool)
    good[1, 1000:1500] = good[:, 2000:2600] = False
    chunk = Chunk(rng.normal(size=good.shape) + 50.0, good)
    together = Chain(steps).open(ECG).process(chunk)
    for step in steps:
        chunk = step.open(ECG).process(chunk)
    assert together.data.tobytes() == chunk.data.tobytes()

"""Power spectra and maps: right in number, clear about what they cannot show."""

import numpy as np
import pytest
from scipy.signal import welch

from biosig.records.recording import Layout, Recording
from biosig.records.spectra import band_power, power_spectra

FS = 250.0
SITES = ("F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2")


@pytest.fixture(scope="module")
def eeg():
    """White noise of 5 uV, alpha of 20 uV peak behind, hum at 50 Hz everywhere."""
    draw = np.random.default_rng(1)
    time_s = np.arange(0, 60, 1 / FS)
    data = draw.normal(0, 5, (8, time_s.size)) + 3 * np.sin(2 * np.pi * 50 * time_s)
    data[6:] += 20 * np.sin(2 * np.pi * 10 * time_s)
    return Recording.from_array(data, Layout(SITES, FS, ("uV",) * 8), name="head")


@pytest.fixture(scope="module")
def ecg():
    data = np.random.default_rng(0).normal(0, 0.1, (2, 3600))
    return Recording.from_array(data, Layout(("MLII", "V1"), 360.0, ("mV", "mV")), name="heart")


def test_density_is_that_of_welch(eeg):
    frequency, density = power_spectra(eeg)
    expected_hz, expected = welch(eeg.data.astype(float), fs=FS, nperseg=1000, noverlap=500)
    np.testing.assert_allclose(frequency, expected_hz)
    np.testing.assert_allclose(density, expected)


def test_power_of_a_sine_is_half_its_amplitude_squared(eeg):
    frequency, density = power_spectra(eeg)
    alpha = band_power(frequency, density, (8.0, 13.0))
    noise = 5.0**2 / (FS / 2) * 5.0
    np.testing.assert_allclose(alpha[6:], 200.0 + noise, rtol=0.05)
    np.testing.assert_allclose(alpha[:6], noise, rtol=0.25)


def test_gaps_are_left_out_not_bridged(eeg):
    torn = Recording.from_array(eeg.data.copy(), eeg.layout)
    torn.data[0, 7000:7300] = np.nan
    torn.data[1, ::900] = np.nan
    _, density = power_spectra(torn)
    _, whole = power_spectra(eeg)
    assert np.isnan(density[1]).all()
    np.testing.assert_allclose(np.median(density[0] / whole[0]), 1.0, atol=0.1)


@pytest.mark.parametrize("stretch", [(0.0, 3.0), (58.0, None), (-1.0, 30.0)])
def test_a_stretch_must_hold_a_window(eeg, stretch):
    with pytest.raises(ValueError, match="head: a spectrum needs 4 s or more between 0 and 60 s"):
        power_spectra(eeg, *stretch)


def test_bands_and_mains_are_marked_and_channels_named(eeg):
    sheet = eeg.plot_spectrum()
    axes = sheet.axes[0]
    texts = [text.get_text() for text in axes.texts]
    assert {"delta", "theta", "alpha", "beta", "gamma"} <= set(texts)
    assert any(text.startswith("mains 50 Hz, +") for text in texts)
    assert "60 Hz" in texts
    assert axes.get_ylabel() == "dB (µV²/Hz)"
    assert [line.get_label() for line in axes.get_lines()[:8]] == list(SITES)
    peak = axes.get_lines()[7].get_xydata()
    assert peak[peak[:, 1].argmax(), 0] == 10.0
    assert len(sheet.to_png()) > 10_000


def test_an_ecg_has_a_spectrum_without_eeg_bands(ecg):
    axes = ecg.plot_spectrum().axes[0]
    assert axes.get_ylabel() == "dB (mV²/Hz)"
    assert not {"alpha", "delta"} & {text.get_text() for text in axes.texts}


def test_channels_of_the_usual_unit_are_drawn_where_none_are_named():
    layout = Layout(("F3", "F4", "ECG"), FS, ("uV", "uV", "mV"))
    mixed = Recording.from_array(np.random.default_rng(0).normal(0, 5, (3, 2500)), layout)
    assert len(mixed.plot_spectrum().axes[0].get_legend_handles_labels()[1]) == 2
    with pytest.raises(ValueError, match="channels have several units"):
        mixed.plot_spectrum(channels=["F3", "ECG"])


def test_maps_are_drawn_one_per_band_and_say_their_reference(eeg):
    sheet = eeg.plot_topomap()
    titles = [axes.get_title() for axes in sheet.axes]
    assert [title.split("\n")[0] for title in titles if title] == ["delta", "theta", "alpha", "beta", "gamma"]
    assert "reference average" in sheet.get_suptitle()
    assert "8-13 Hz" in eeg.plot_topomap("alpha", reference="recorded").axes[0].get_title()
    assert "9-11 Hz" in eeg.plot_topomap((9.0, 11.0), stop_s=20.0).axes[0].get_title()
    assert len(sheet.to_png()) > 10_000


def test_an_ecg_and_unknown_places_have_no_map(ecg, eeg):
    with pytest.raises(ValueError, match=r"heart: a map needs 4 electrodes in uV .* has 0 among MLII, V1"):
        ecg.plot_topomap()
    strange = Recording.from_array(eeg.data, Layout(tuple(f"E{n}" for n in range(8)), FS, ("uV",) * 8), name="net")
    with pytest.raises(ValueError, match="net: a map needs 4 electrodes in uV with known positions"):
        strange.plot_topomap()


@pytest.mark.parametrize("band", ["mu", (), ["alpha", "sigma"]])
def test_an_unknown_band_is_told_the_known_ones(eeg, band):
    with pytest.raises(ValueError, match="band must be of delta, theta, alpha, beta, gamma, or two frequencies"):
        eeg.plot_topomap(band)


@pytest.mark.data
def test_alpha_of_a_resting_subject_stands_over_the_back_of_the_head(data_dir):
    import biosig

    recording = biosig.read(data_dir / "eegmat" / "Subject03_1.edf")
    frequency, density = power_spectra(recording.pick(["O1", "O2", "Fp1", "Fp2"]))
    back, front = np.split(band_power(frequency, density, (8.0, 13.0)), 2)
    assert back.min() > front.max()
    assert len(recording.plot_topomap("alpha").to_png()) > 5_000

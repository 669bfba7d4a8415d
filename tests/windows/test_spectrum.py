"""What a window's spectra say, against scipy, numpy and signals whose answer is known."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, coherence, sosfiltfilt, welch

from biosig.records.recording import Layout
from biosig.signal.stream import Chain
from biosig.windows.slide import Slide
from biosig.windows.spectrum import Spectrum
from biosig.windows.stream import Cutting, WindowStream

LAYOUT = Layout(("Fp1", "Cz", "O1"), 100.0, ("uV",) * 3)
NOISE = (np.random.default_rng(0).normal(size=(3, 400)) * [[1.0], [3.0], [0.2]]).astype(np.float32)
ALL = np.ones((3, 400), dtype=bool)
BANDS = ((4.0, 8.0), (8.0, 13.0))


def read(design, samples=NOISE, good=ALL):
    reader = design.open(LAYOUT, 400)
    return dict(zip(reader.names, reader.read(samples, good).tolist(), strict=True))


def test_power_is_welchs():
    found = read(Spectrum(low_hz=1.0, high_hz=41.0, bin_hz=2.0))
    hz, power = welch(NOISE.astype(np.float64), 100.0, window="hann", nperseg=200, detrend="constant")
    for row, name in enumerate(LAYOUT.channels):
        for low in range(1, 41, 2):
            inside = (hz >= low) & (hz < low + 2)
            expected = np.log(power[row, inside] + 1e-6).mean()
            assert found[f"{name} {low}-{low + 2} Hz"] == pytest.approx(expected, abs=1e-4)


def test_coupling_is_the_correlation_within_the_band():
    source = np.random.default_rng(1).normal(size=(3, 40_000))
    mixed = np.array([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [-0.3, 0.0, 1.0]]) @ source
    reader = Spectrum(coupling_hz=BANDS).open(LAYOUT, mixed.shape[1])
    found = dict(
        zip(reader.names, reader.read(mixed.astype(np.float32), np.ones(mixed.shape, dtype=bool)), strict=True)
    )
    for low, high in BANDS:
        band = sosfiltfilt(butter(4, (low, high), "bandpass", fs=100.0, output="sos"), mixed)
        expected = np.corrcoef(band)
        assert np.tanh(found[f"Fp1~Cz {low:g}-{high:g} Hz"]) == pytest.approx(expected[0, 1], abs=0.03)
        assert np.tanh(found[f"Fp1~O1 {low:g}-{high:g} Hz"]) == pytest.approx(expected[0, 2], abs=0.03)


def test_coupling_is_the_real_part_of_coherency():
    one, other = NOISE[0], NOISE[0] + NOISE[1]
    found = read(Spectrum(coupling_hz=((10.0, 10.5),)), np.stack([one, other, NOISE[2]]))
    hz, squared = coherence(one.astype(np.float64), other.astype(np.float64), 100.0, nperseg=200)
    assert np.tanh(found["Fp1~Cz 10-10.5 Hz"]) ** 2 <= squared[np.searchsorted(hz, 10.0)] + 1e-6


def test_amplitude_does_not_change_coupling():
    design = Spectrum(coupling_hz=BANDS)
    loud = read(design, NOISE * np.float32([[5.0], [1.0], [0.1]]))
    for name, value in read(design).items():
        if "~" in name:
            assert loud[name] == pytest.approx(value, abs=1e-5)


def test_power_can_be_left_out():
    both, alone = read(Spectrum(coupling_hz=BANDS)), read(Spectrum(bin_hz=0.0, coupling_hz=BANDS))
    assert alone == {name: value for name, value in both.items() if "~" in name}


def test_couplings_against_the_average_do_not_see_the_reference_electrode():
    design = Spectrum(coupling_hz=BANDS, coupling_reference="average")
    common = np.random.default_rng(2).normal(size=400).astype(np.float32)
    found, moved = read(design), read(design, NOISE + common)
    assert all(moved[name] == pytest.approx(found[name], abs=1e-4) for name in found if "~" in name)
    assert read(Spectrum(coupling_hz=BANDS), NOISE + common)["Fp1~O1 4-8 Hz"] != pytest.approx(
        read(Spectrum(coupling_hz=BANDS))["Fp1~O1 4-8 Hz"], abs=0.1
    )


def test_what_a_missing_channel_would_say_is_not_known():
    good = ALL.copy()
    good[1] = False
    silent = NOISE.copy()
    silent[1] = 0.0
    design = Spectrum(coupling_hz=BANDS, coupling_reference="average")
    found = read(design, silent, good)
    assert {name for name, value in found.items() if np.isnan(value)} == {name for name in found if "Cz" in name}
    without = Spectrum(coupling_hz=BANDS, coupling_reference="average").open(LAYOUT.pick(["Fp1", "O1"]), 400)
    alone = dict(zip(without.names, without.read(NOISE[[0, 2]], ALL[[0, 2]]).tolist(), strict=True))
    for name, value in alone.items():
        assert found[name] == pytest.approx(value, abs=1e-5)


def test_nothing_known_is_nothing_said():
    assert all(np.isnan(value) for value in read(Spectrum(coupling_hz=BANDS), good=~ALL).values())


@settings(max_examples=20)
@given(st.lists(st.integers(0, 900), max_size=8), st.integers(0, 8))
def test_features_do_not_depend_on_chunking_or_on_a_pause(cuts, pause):
    signal = np.random.default_rng(3).normal(size=(3, 900))
    chain = Chain(())
    cutter = Slide(1.0, 0.7, Spectrum(segment_s=0.5, high_hz=41.0, coupling_hz=BANDS))
    whole = WindowStream(chain, cutter, LAYOUT)
    expected = Cutting.join([whole.push(signal), whole.flush()])
    assert expected.features.shape == (12, len(whole.features))
    stream, parts = WindowStream(chain, cutter, LAYOUT), []
    for number, (start, stop) in enumerate(pairwise([0, *sorted(cuts), 900])):
        if number == pause:
            resumed = WindowStream(chain, cutter, LAYOUT)
            resumed.load_state_dict(stream.state_dict())
            stream = resumed
        parts.append(stream.push(signal[:, start:stop]))
    np.testing.assert_array_equal(Cutting.join([*parts, stream.flush()]).features, expected.features)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"bin_hz": 0.2}, "bin_hz must be 0 or at least 1 / segment_s"),
        ({"bin_hz": 0.0}, "a spectrum has no features"),
        ({"coupling_hz": ((8.0, 4.0),)}, "a band must rise from above 0 Hz, got 8-4 Hz"),
        ({"min_good": 1.5}, r"min_good must lie in \[0, 1\]"),
        ({"high_hz": 60.0}, "bands must end at or below 50 Hz at fs=100 Hz, got 60"),
        ({"segment_s": 5.0}, "segment_s=5 is longer than the window, 4 s"),
        ({"coupling_hz": ((4.1, 4.3),)}, "every band must hold a multiple of 0.5 Hz"),
    ],
)
def test_bands_that_cannot_be_read_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        Spectrum(**options).open(LAYOUT, 400)

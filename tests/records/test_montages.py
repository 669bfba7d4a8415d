"""EEG as people read it: what a montage is made of, and what its filter does not touch."""

import numpy as np
import pytest

from biosig.records.montages import DOUBLE_BANANA, as_read, montage_of, same_chain
from biosig.records.recording import Layout, Recording

NINETEEN = [
    *("Fp1", "Fp2", "F3", "F4", "F7", "F8", "T3", "T4", "C3", "C4", "T5", "T6"),
    *("P3", "P4", "O1", "O2", "Fz", "Cz", "Pz"),
]
FS = 250.0


def eeg(names=(*NINETEEN, "ECG"), seconds=20.0, seed=0):
    draw = np.random.default_rng(seed)
    units = tuple("mV" if name == "ECG" else "uV" for name in names)
    data = draw.normal(0, 30, (len(names), round(seconds * FS)))
    return Recording.from_array(data, Layout(tuple(names), FS, units), name="head")


def test_the_double_banana_is_taken_where_all_of_its_electrodes_are_there():
    assert montage_of(eeg()) == "double-banana"
    assert montage_of(eeg(NINETEEN[:-1])) == "average"
    assert montage_of(eeg(["Fpz-Cz", "Pz-Oz"])) == "recorded"


def test_pairs_are_differences_under_either_name_of_a_site_and_the_rest_follows():
    recording = eeg()
    shown = as_read(recording)
    assert shown.layout.channels == (*(f"{first}-{second}" for first, second in DOUBLE_BANANA), "ECG")
    assert shown.layout.units == ("uV",) * 18 + ("mV",)
    row = {name: recording.data[place] for place, name in enumerate(recording.layout.channels)}
    np.testing.assert_allclose(shown.data[1], row["F7"] - row["T3"], atol=1e-4)
    np.testing.assert_array_equal(shown.data[-1], row["ECG"])


def test_an_average_reference_leaves_a_sum_of_zero():
    shown = as_read(eeg(), "average")
    np.testing.assert_allclose(shown.data[:19].sum(axis=0), 0, atol=1e-3)


def test_an_electrode_can_be_the_reference():
    recording = eeg()
    shown = as_read(recording, "Cz")
    assert "Cz-Cz" not in shown.layout.channels
    o1, cz = (recording.data[recording.layout.index(name)] for name in ("O1", "Cz"))
    np.testing.assert_allclose(shown.data[shown.layout.index("O1-Cz")], o1 - cz, atol=1e-4)


def test_negative_up_turns_the_eeg_round_but_not_the_ecg():
    plain, turned = as_read(eeg()), as_read(eeg(), negative_up=True)
    np.testing.assert_array_equal(turned.data[:18], -plain.data[:18])
    np.testing.assert_array_equal(turned.data[18], plain.data[18])


def test_the_band_keeps_what_lies_in_it_without_delay_and_takes_the_offset_away():
    time_s = np.arange(0, 20, 1 / FS)
    wave = 20 * np.sin(2 * np.pi * 10 * time_s)
    data = np.stack([wave + 4000, -wave + 4000, 0.1 * wave, 0 * wave + 3])
    recording = Recording.from_array(data, Layout(("F3", "F4", "O1", "O2"), FS, ("uV",) * 4))
    shown = as_read(recording, "recorded", (1.0, 70.0)).data[:, 1000:4000]
    np.testing.assert_allclose(shown[0], wave[1000:4000], atol=0.2)
    np.testing.assert_allclose(shown[3], 0, atol=1e-3)


def test_a_stretch_is_the_same_however_it_is_read():
    shown = as_read(eeg(seconds=60.0), band_hz=(1.0, 70.0))
    np.testing.assert_allclose(shown.samples.read(7000, 8000), shown.data[:, 7000:8000], atol=0.5)


def test_gaps_stay_gaps():
    recording = eeg()
    recording.data[0, 2000:2500] = np.nan
    shown = as_read(recording, band_hz=(1.0, 70.0))
    assert np.isnan(shown.data[0, 2000:2500]).all()
    assert np.isfinite(shown.data[0, :2000]).all()
    assert np.isfinite(shown.data[1]).all()


@pytest.mark.parametrize(
    ("recording", "montage", "message"),
    [
        (eeg(["ECG"]), "auto", "needs electrodes of the 10-20 system in uV, has ECG in mV"),
        (eeg(["F3", "F4"]), "average", "an average reference needs 4 electrodes, has F3, F4"),
        (eeg(["F3", "F4"]), "double-banana", "montage double-banana needs C3, C4, Cz, F7"),
        (
            eeg(["F3", "F4"]),
            "banana",
            "auto, recorded, average, double-banana or an electrode of F3, F4, got",
        ),
    ],
)
def test_what_cannot_be_shown_is_told(recording, montage, message):
    with pytest.raises(ValueError, match=message):
        as_read(recording, montage)


def test_a_band_must_rise():
    with pytest.raises(ValueError, match="two rising frequencies from 0 Hz on, got 70-1"):
        as_read(eeg(), band_hz=(70.0, 1.0))


def test_chains_go_on_where_the_trace_before_ended():
    assert same_chain("Fp1-F7", "F7-T7")
    assert not same_chain("P7-O1", "Fp1-F3")
    assert same_chain("Fp1", "Fp2")

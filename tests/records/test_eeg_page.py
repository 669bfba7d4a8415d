"""The clinical EEG page: montage, sensitivity, chains, sides, and the ECG below."""

import numpy as np
import pytest

import biosig
from biosig.records.paper import INK, LEFT_INK, RIGHT_INK, side_ink
from biosig.records.recording import Annotations, Layout, Recording

FS = 250.0
SITES = (
    *("Fp1", "Fp2", "F3", "F4", "F7", "F8", "T7", "T8", "C3", "C4", "P7", "P8"),
    *("P3", "P4", "O1", "O2", "Fz", "Cz", "Pz"),
)


@pytest.fixture(scope="module")
def head():
    """Sines of 10 Hz, 30 uV peak at F3, 10 uV elsewhere, and an ECG."""
    time_s = np.arange(0, 30, 1 / FS)
    wave = np.sin(2 * np.pi * 10 * time_s)
    data = np.stack([(30 if site == "F3" else 10) * wave for site in SITES] + [0.5 * (time_s % 1.0 < 0.04)])
    layout = Layout((*SITES, "ECG"), FS, ("uV",) * 19 + ("mV",))
    eyes = Annotations.at(np.array([0.0, 15.0]), ["eyes closed", "eyes open"], duration_s=np.array([15.0, 15.0]))
    return Recording.from_array(data, layout, name="head", annotations=eyes)


def traces(sheet):
    return [line for line in sheet.axes[0].lines if len(line.get_xydata()) > 100]


def texts(sheet):
    return [text.get_text() for text in sheet.axes[0].texts]


def test_an_eeg_is_drawn_in_the_double_banana_with_its_ecg_below(head):
    sheet = head.plot(5)
    names = [text for text in texts(sheet) if "-" in text and len(text) < 8]
    assert names[:4] == ["Fp1-F7", "F7-T7", "T7-P7", "P7-O1"]
    assert len(traces(sheet)) == 19
    assert "25 mm/s   5 µV/mm   double-banana, 1-70 Hz, negative up" in texts(sheet)
    assert {"ECG", "20\nµV"} <= set(texts(sheet))


def test_sensitivity_is_what_a_ruler_finds(head):
    line = traces(head.plot(5, uv_per_mm=7.0))[5]
    height_mm = line.get_ydata()
    assert np.ptp(height_mm) == pytest.approx(2 * 20 / 7, rel=0.02)


def test_negative_goes_up(head):
    up, down = (traces(head.plot(5, negative_up=turned))[5].get_ydata() for turned in (True, False))
    assert np.corrcoef(up, down)[0, 1] == pytest.approx(-1, abs=1e-3)


def test_left_is_blue_right_is_red_and_the_middle_black(head):
    colours = [line.get_color() for line in traces(head.plot(5))]
    assert colours == [LEFT_INK] * 8 + [INK] * 2 + [RIGHT_INK] * 8 + [INK]
    assert [side_ink(name) for name in ("AF3-avg", "FC6", "Cz", "ECG", "MLII", "V1")] == [
        *(LEFT_INK, RIGHT_INK),
        *(INK,) * 4,
    ]


def test_chains_stand_apart(head):
    middle = [np.median(line.get_ydata()) for line in traces(head.plot(5))][:18]
    steps = -np.diff(middle)
    assert (steps[[3, 7, 9, 13]] > steps[0] + 3).all()
    np.testing.assert_allclose(steps[[0, 1, 2, 4, 5, 6, 8]], steps[0], atol=0.5)


def test_what_lasts_is_written_again_at_the_beginning_of_each_page(head):
    assert "eyes closed" in texts(head.plot(5))
    assert "eyes open" in texts(head.plot(12))
    assert "eyes closed" not in texts(head.plot(18))


def test_channels_named_are_drawn_as_recorded(head):
    sheet = head.plot(5, channels=["O1", "O2"], band_hz=None)
    assert len(traces(sheet)) == 2
    assert any("recorded, negative up" in text for text in texts(sheet))


def test_an_ecg_has_no_montage():
    heart = Recording.from_array(np.zeros((1, 2500)), Layout(("MLII",), FS, ("mV",)), name="heart")
    with pytest.raises(ValueError, match="heart: a montage needs electrodes of the 10-20 system in uV, has MLII in mV"):
        heart.plot(montage="average")


@pytest.mark.data
@pytest.mark.parametrize(
    ("pattern", "montage", "n_traces"),
    [
        ("eegmat/Subject03_1.edf", "double-banana", 20),
        ("guinea_bissau_eeg/**/sub-25*.edf", "average", 14),
        ("eegmmidb/**/S001R04.edf", "double-banana", 18),
    ],
)
def test_real_recordings_are_drawn_in_the_montage_they_allow(data_dir, pattern, montage, n_traces):
    path = next(iter(sorted(data_dir.glob(pattern))))
    sheet = biosig.read(path).plot(10, 20)
    assert any(montage in text for text in texts(sheet))
    assert len(traces(sheet)) == n_traces

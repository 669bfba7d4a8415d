import pickle
import tracemalloc
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import biosig
from biosig.errors import RecordError
from biosig.records import Annotations, Layout, Recording, read
from biosig.records.electrode_positions import electrode_positions

FORMATS = "eeg_formats/mne-testing-data"
START = datetime(2020, 1, 2, 3, 4, 5)


def make_raw(values: np.ndarray, names: list[str], types: list[str], *, first_samp: int = 0) -> Any:
    """An MNE recording at 100 Hz, its numbers in MNE's units."""
    import mne

    return mne.io.RawArray(values, mne.create_info(names, 100.0, types), first_samp=first_samp, verbose="ERROR")


@pytest.fixture
def fif(tmp_path: Path) -> Path:
    """Four kinds of channel, 10 s from sample 1234 of the measurement, with annotations."""
    import mne

    raw = make_raw(
        np.arange(4000.0).reshape(4, 1000) * 1e-6, ["EEG Fp1-Ref", "T3", "X1", "STI"], ["eeg", "eeg", "ecg", "stim"],
        first_samp=1234,
    )  # fmt: skip
    raw.set_meas_date(START.replace(tzinfo=UTC))
    raw.info["subject_info"] = {"his_id": "P7"}
    marks = mne.Annotations([5.0, 1.0], [1.0, 0.5], ["BAD_ACQ_SKIP", "seizure"], ch_names=[(), ("T3",)])
    raw.set_annotations(marks, verbose="ERROR")
    raw.info["bads"] = ["T3"]
    raw.save(tmp_path / "s_raw.fif", verbose="ERROR")
    return tmp_path / "s_raw.fif"


def test_fif_volts_become_microvolt_and_millivolt_of_ecg(fif: Path) -> None:
    recording = read(fif)
    assert (recording.layout.channels, recording.fs) == (("Fp1", "T3", "X1", "STI"), 100.0)
    assert recording.layout.units == ("uV", "uV", "mV", "NU")
    kept = np.r_[0:500, 600:1000]
    assert np.allclose(recording.data[0, kept], kept, rtol=1e-6)
    assert np.allclose(recording.data[2, kept], (2000 + kept) / 1000, rtol=1e-6)
    assert (recording.subject, recording.name) == ("P7", f"{fif.parent.name}/s_raw")
    assert recording.comments == ("Fp1 is 'EEG Fp1-Ref' in the file", "marked bad: T3")


def test_annotations_count_from_the_first_sample_not_from_the_measurement(fif: Path) -> None:
    recording = read(fif)
    # Written at 1 s and 5 s after the first sample, which is sample 1234 of the measurement; MNE doubles the skip.
    frame = recording.annotations.to_frame().drop_duplicates("label")
    assert frame.label.tolist() == ["seizure", "BAD_ACQ_SKIP"]
    assert frame.onset_s.tolist() == pytest.approx([1.0, 5.0])
    assert frame.channel.tolist() == [1, -1]
    assert recording.start == datetime(2020, 1, 2, 3, 4, 17, 340_000)


def test_what_was_skipped_while_recording_is_nan_not_zero(fif: Path) -> None:
    recording = read(fif)
    assert np.flatnonzero(np.isnan(recording.data).all(axis=0)).tolist() == list(range(500, 600))
    assert np.isnan(recording.samples.read(550, 620)).any(axis=0).sum() == 50


def test_channels_are_chosen_by_name_alias_and_label(fif: Path) -> None:
    whole = read(fif)
    chosen = read(fif, channels=("X1", "T7", "EEG Fp1-Ref"))
    assert chosen.layout.channels == ("X1", "T7", "EEG Fp1-Ref")
    assert np.array_equal(chosen.data, whole.data[[2, 1, 0]], equal_nan=True)
    assert np.array_equal(whole.pick(["X1", "Fp1"]).data, whole.data[[2, 0]], equal_nan=True)
    assert np.array_equal(pickle.loads(pickle.dumps(whole)).data, whole.data, equal_nan=True)
    with pytest.raises(RecordError, match=r"s_raw: expected lead 'Oz', found Fp1, T3, X1, STI; name one of these"):
        read(fif, channels=["Oz"])
    with pytest.raises(ValueError, match="annotator must be None"):
        read(fif, annotator="atr")


def test_a_window_of_a_long_file_costs_less_than_twice_its_size(tmp_path: Path) -> None:
    path = tmp_path / "long_raw.fif"
    rng = np.random.default_rng(0)
    names = [f"EEG {k}" for k in range(64)]
    make_raw(rng.normal(size=(64, 30_000)) * 1e-5, names, ["eeg"] * 64).save(path, verbose="ERROR")
    recording = read(path)
    recording.samples.read(0, 1)
    tracemalloc.start()
    try:
        window = recording.samples.read(12_000, 18_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * window.nbytes
    assert np.array_equal(window, np.concatenate(list(recording.chunks(7.7)), axis=1)[:, 12_000:18_000])


@pytest.mark.parametrize("suffix", ["set", "fif", "gdf", "fif.gz", "gz"])
def test_damaged_files_are_refused_in_one_line(tmp_path: Path, suffix: str, fif: Path) -> None:
    path = tmp_path / f"r.{suffix}"
    rng = np.random.default_rng(0)
    whole = fif.read_bytes()
    for content in (b"", b"x", bytes(3000), rng.bytes(3000), b"GDF 2.10" + bytes(400), b"MATLAB 5.0", whole[:2000]):
        path.write_bytes(content)
        with pytest.raises(RecordError, match=r"r.*: expected .*, found .*") as caught:
            read(path).samples.read(0, 10)
        assert "\n" not in str(caught.value)


def test_nothing_is_logged_or_warned(fif: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = fif.with_name("unconventional.fif")
    path.write_bytes(fif.read_bytes())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(path).data.shape == (4, 1000)
    assert capfd.readouterr() == ("", "")


def test_a_recording_goes_to_mne_and_back() -> None:
    data = np.array([[1.0, 2, 3, 4], [5, 6, np.nan, 8], [0.5, 0.25, np.nan, 1], [7, 7, np.nan, 7]])
    data[0, 2] = np.nan
    recording = Recording.from_array(
        data, Layout(("T7", "EOG left", "II", "SpO2"), 4.0, ("uV", "uV", "mV", "%")), name="made/1", subject="P7",
        annotations=Annotations.at(np.array([0.25]), ["blink"], duration_s=np.array([0.5])), start=START,
    )  # fmt: skip
    raw = recording.to_mne()
    assert raw.get_channel_types() == ["eeg", "eog", "ecg", "misc"]
    assert raw.get_data()[:, 0] == pytest.approx([1e-6, 5e-6, 0.5e-3, 7])
    assert raw.get_data()[:, 2].tolist() == [0, 0, 0, 0]
    assert list(raw.annotations.description) == ["blink", "BAD_ACQ_SKIP"]
    assert raw.info["meas_date"] == START.replace(tzinfo=UTC)
    assert np.isfinite(raw.info["chs"][0]["loc"][:3]).all()
    back = biosig.from_mne(raw)
    assert (back.subject, back.start, back.layout.channels) == ("P7", START, recording.layout.channels)
    assert back.layout.units == ("uV", "uV", "mV", "NU")
    assert np.allclose(back.data, recording.data, equal_nan=True)
    assert back.annotations.label == ("blink", "BAD_ACQ_SKIP")
    assert biosig.from_mne(raw, name="a", subject="b").subject == "b"
    with pytest.raises(ValueError, match=r"from_mne needs an mne\.io\.Raw, got ndarray"):
        biosig.from_mne(data)


def test_channels_of_several_rates_do_not_go_to_mne() -> None:
    recording = Recording.from_array(np.zeros((2, 4)), Layout(("Cz", "b"), 4.0, ("uV", "%")), channel_fs=(4.0, 2.0))
    with pytest.raises(ValueError, match="MNE needs channels of one rate, has 2 Hz, 4 Hz"):
        recording.to_mne()


def test_positions_are_those_of_the_standard_head() -> None:
    right, front, up = 0, 1, 2
    places = electrode_positions(["Fp1", "fp2", "T7", "T3", "Cz", "Oz", "Fp1-F7", "ECG"])
    assert places[0, right] < 0 < places[1, right]
    assert np.array_equal(places[2], places[3])
    assert np.nanargmax(places[:, up]) == 4
    assert np.nanargmin(places[:, front]) == 5
    assert np.isnan(places[6:]).all()
    assert (np.linalg.norm(places[:6], axis=1) > 0.05).all()
    assert (np.linalg.norm(places[:6], axis=1) < 0.15).all()


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "reader"), [("test_raw.set", "eeglab"), ("test_raw_2021.set", "eeglab"), ("test_1ch.gdf", "gdf")]
)
def test_samples_and_annotations_are_what_mne_reads(data_dir: Path, name: str, reader: str) -> None:
    import mne

    path = data_dir / FORMATS / reader.upper() / name
    raw = getattr(mne.io, f"read_raw_{reader}")(path, verbose="ERROR")
    recording = read(path)
    factor = 1e3 if recording.layout.unit == "mV" else 1e6  # the one channel of the GDF file is ECG
    assert np.allclose(recording.data, raw.get_data() * factor, rtol=1e-6)
    assert np.array_equal(recording.samples.read(100, 203), recording.data[:, 100:203])
    assert recording.annotations.label == tuple(raw.annotations.description)
    assert np.allclose(recording.annotations.onset_s, raw.annotations.onset)


@pytest.mark.data
@pytest.mark.parametrize(("code", "unit", "factor"), [(4275, "mV", 1e-3), (4256, "mV", 1e3), (4276, "mV", 1e-6)])
def test_units_of_gdf_that_mne_takes_for_volt_are_converted(
    data_dir: Path, tmp_path: Path, code: int, unit: str, factor: float
) -> None:
    content = bytearray((data_dir / FORMATS / "GDF" / "test_1ch.gdf").read_bytes())
    millivolt = read(data_dir / FORMATS / "GDF" / "test_1ch.gdf").data
    content[256 + 102 : 256 + 104] = code.to_bytes(2, "little")
    (tmp_path / "r.gdf").write_bytes(content)
    recording = read(tmp_path / "r.gdf")
    assert recording.layout.unit == unit
    assert np.allclose(recording.data, millivolt * factor, rtol=1e-6)
    content[256 + 102 : 256 + 104] = bytes(2)
    (tmp_path / "r.gdf").write_bytes(content)
    assert read(tmp_path / "r.gdf").layout.unit == "uncalibrated"

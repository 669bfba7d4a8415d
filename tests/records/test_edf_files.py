import tracemalloc
import warnings
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biosig.errors import RecordError
from biosig.records import Recording, edf_files, read
from biosig.records.units import is_ecg

Write = Callable[..., Path]


def ramp(records: int, count: int, *, first: int = -1000) -> np.ndarray:
    return (first + np.arange(records * count)).reshape(records, count)


def tal(onset: str, *notes: str) -> bytes:
    return b"\x00".join([f"+{onset}\x14\x14".encode(), *(note.encode() for note in notes)]) + b"\x00"


def oracle(path: Path) -> Any:
    """The file as MNE reads it."""
    import mne

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reader = mne.io.read_raw_bdf if path.suffix == ".bdf" else mne.io.read_raw_edf
        return reader(path, stim_channel=None, verbose="ERROR")


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("uV", 1), ("µV", 1), ("UV", 1), ("mV", 1e3), ("V", 1e6), ("nV", 1e-3), ("volt", 1e6)],
)
def test_voltages_become_microvolt_whatever_the_file_wrote(
    write_edf: Write, edf_column: Any, unit: str, factor: float
) -> None:
    recording = read(write_edf([edf_column("EEG Fp1-Ref", ramp(3, 10), unit)]))
    assert recording.layout.units == ("uV",)
    # By hand: -1000..1000 digital is -100..100 physical, so one digital unit is 0.1.
    assert np.allclose(recording.data, np.arange(-1000, -970) / 10 * factor, rtol=1e-6)


def test_ecg_leads_of_an_eeg_file_are_in_millivolt(write_edf: Write, edf_column: Any) -> None:
    labels = ["EEG Cz", "ECG ECG", "EKG1", "aVF", "EOG left", "EMG", "SaO2 X9"]
    columns = [edf_column(label, ramp(1, 10), "%" if "Sa" in label else "uV") for label in labels]
    recording = read(write_edf(columns))
    assert recording.layout.channels == ("Cz", "ECG", "EKG1", "aVF", "EOG left", "EMG", "SaO2 X9")
    assert recording.layout.units == ("uV", "mV", "mV", "mV", "uV", "uV", "%")
    assert recording.data[:, 0] == pytest.approx([-100, -0.1, -0.1, -0.1, -100, -100, -100])
    assert not any(map(is_ecg, ("Pecg", "VEOG", "T3", "V")))


def test_a_signal_without_a_unit_is_uncalibrated_not_volt(write_edf: Write, edf_column: Any) -> None:
    recording = read(write_edf([edf_column("EEG Fp1", ramp(1, 10), ""), edf_column("EEG Fp2", ramp(1, 10), "uV")]))
    assert recording.layout.units == ("uncalibrated", "uV")
    assert np.array_equal(recording.data[0], recording.data[1])


@pytest.mark.parametrize("ranges", [(("0", "0"), ("0", "0")), (("-100", "100"), ("0", "0")), (("0", "0"), ("-9", "9"))])
def test_placeholders_without_name_and_range_are_left_out(write_edf: Write, edf_column: Any, ranges: Any) -> None:
    # CHB-MIT cases 14 and 15 hold such signals, and MNE warns of them: "Scaling factor is not defined".
    columns = [
        edf_column("-", ramp(2, 10), "", *ranges),
        edf_column("FP1-F7", ramp(2, 10)),
        edf_column(".", ramp(2, 10)),
    ]
    recording = read(write_edf(columns))
    assert recording.layout.channels == ("Fp1-F7", ".")
    assert recording.data[0] == pytest.approx(np.arange(-1000, -980) / 10)
    with pytest.raises(RecordError, match="Cz"):
        read(write_edf([edf_column("Cz", ramp(2, 10), "uV", *ranges)]))


def test_the_lowest_number_is_a_sample_like_any_other(write_edf: Write, edf_column: Any) -> None:
    values = np.array([[-32768, 32767, 0]])
    recording = read(write_edf([edf_column("Cz", values, "uV", ("-32768", "32767"), ("-32768", "32767"))]))
    assert recording.data.tolist() == [[-32768.0, 32767.0, 0.0]]
    values = np.array([[-(2**23), 2**23 - 1, 0]])
    recording = read(write_edf([edf_column("Cz", values, "uV", *[("-8388608", "8388607")] * 2)], width=3, name="r.bdf"))
    assert recording.data.tolist() == [[-8388608.0, 8388607.0, 0.0]]


def test_an_inverted_physical_range_turns_the_signal_over(write_edf: Write, edf_column: Any) -> None:
    recording = read(write_edf([edf_column("Cz", ramp(1, 3), "uV", ("100", "-100"))]))
    assert recording.data.tolist() == [[pytest.approx(100), pytest.approx(99.9), pytest.approx(99.8)]]


def test_slower_channels_are_nan_between_their_own_samples(write_edf: Write, edf_column: Any) -> None:
    path = write_edf([edf_column("Cz", ramp(4, 6)), edf_column("SpO2", ramp(4, 2), "%")], duration="0.5")
    recording = read(path)
    assert (recording.fs, recording.channel_fs, recording.n_times) == (12.0, (12.0, 4.0), 24)
    assert np.array_equal(np.flatnonzero(~np.isnan(recording.data[1])), np.arange(0, 24, 3))
    assert np.allclose(recording.data[1, ::3], np.arange(-1000, -992) / 10)
    assert not np.isnan(recording.data[0]).any()
    alone = read(path, channels=["SpO2"])
    assert (alone.fs, alone.channel_fs) == (4.0, ())
    assert np.array_equal(alone.data[0], recording.data[1, ::3])


def test_missing_time_between_records_is_nan_not_joined(write_edf: Write, edf_column: Any) -> None:
    timed = [tal("7"), tal("8"), tal("12.5", "+13.25\x152\x14seizure\x14"), tal("13.5")]
    path = write_edf([edf_column("Cz", ramp(4, 4)), edf_column("Pz", ramp(4, 8))], timed=timed, kind="EDF+D")
    recording = read(path)
    # 2 s recorded, 3.5 s missing, 2 s recorded; time counts from the first sample, 7 s after the header's time.
    assert recording.duration_s == 7.5
    assert recording.start == datetime(2003, 2, 1, 4, 5, 13)
    recorded = ~np.isnan(recording.data)
    assert np.flatnonzero(recorded[1]).tolist() == [*range(16), *range(44, 60)]
    assert np.flatnonzero(recorded[0]).tolist() == [*range(0, 16, 2), *range(44, 60, 2)]
    assert np.allclose(recording.data[0][recorded[0]], np.arange(-1000, -984) / 10)
    marks = recording.annotations
    assert (marks.onset_s.tolist(), marks.duration_s.tolist(), marks.label) == ([6.25], [2.0], ("seizure",))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 60), max_size=8), large=st.booleans())
def test_samples_do_not_depend_on_how_they_are_cut(
    write_edf: Write, edf_column: Any, cuts: list[int], large: bool
) -> None:
    timed = [tal("0"), tal("1"), tal("5.5"), tal("6.5")]
    path = write_edf([edf_column("Cz", ramp(4, 4)), edf_column("Pz", ramp(4, 8))], timed=timed, kind="EDF+D")
    whole = read(path).data
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edf_files, "_LARGE_RECORD", 1 if large else 1 << 18)
        recording = read(path)
    edges = [0, *sorted(cuts), recording.n_times]
    pieces = [recording.samples.read(start, stop) for start, stop in pairwise(edges)]
    assert np.array_equal(np.concatenate(pieces, axis=1), whole, equal_nan=True)


def test_a_gap_that_a_contiguous_file_admits_to_is_kept_but_rounded_times_are_not_gaps(
    write_edf: Write, edf_column: Any
) -> None:
    column = edf_column("Cz", ramp(3, 4))
    assert read(write_edf([column], timed=[tal("0"), tal("1.3"), tal("2.1")])).n_times == 12
    assert np.isnan(read(write_edf([column], timed=[tal("0"), tal("1"), tal("4")])).data[0, 8:16]).all()


def test_records_that_go_back_in_time_are_refused(write_edf: Write, edf_column: Any) -> None:
    path = write_edf([edf_column("Cz", ramp(3, 4))], timed=[tal("0"), tal("1"), tal("1.5")], kind="EDF+D")
    with pytest.raises(RecordError, match=r"data record 3: expected an onset of 2 s or later.*, found 1\.5 s"):
        read(path)


def test_a_discontinuous_file_must_say_when_its_records_begin(write_edf: Write, edf_column: Any) -> None:
    path = write_edf([edf_column("Cz", ramp(2, 4))], timed=[tal("0"), b"+1\x14note\x14\x00"], kind="EDF+D")
    with pytest.raises(RecordError, match=r"data record 2: expected its onset as the first annotation"):
        read(path)


def test_a_fraction_of_the_first_second_shifts_the_start_not_the_annotations(write_edf: Write, edf_column: Any) -> None:
    timed = [tal("0.25", "+0.5\x14a\x14b\x14"), tal("1.25", "+1.75\x150.125\x14µ→\x14")]
    recording = read(write_edf([edf_column("Cz", ramp(2, 4))], timed=timed))
    assert recording.start == datetime(2003, 2, 1, 4, 5, 6, 250_000)
    assert recording.annotations.onset_s.tolist() == [0.25, 0.25, 1.5]
    assert recording.annotations.label == ("a", "b", "µ→")
    assert recording.annotations.duration_s.tolist() == [0, 0, 0.125]


def test_a_file_of_annotations_only_has_no_channels(write_edf: Write) -> None:
    path = write_edf([], timed=[b"+0\x14\x14\x00+0\x1530\x14Sleep stage W\x14\x00"], duration="0")
    recording = read(path)
    assert (recording.layout.channels, recording.n_times, recording.data.shape) == ((), 0, (0, 0))
    assert recording.annotations.label == ("Sleep stage W",)
    with pytest.raises(RecordError, match="lead 'Cz'"):
        read(path, channels=["Cz"])


def test_channels_are_found_by_name_by_label_and_by_another_name_of_the_site(write_edf: Write, edf_column: Any) -> None:
    labels = ["EEG T3-Ref", "Fc5.", "EEG Fpz-Cz", "EEG T3-Ref"]
    path = write_edf([edf_column(label, ramp(1, 4, first=row)) for row, label in enumerate(labels)])
    recording = read(path)
    assert recording.layout.channels == ("T3", "FC5", "Fpz-Cz", "T3 (2)")
    assert recording.comments == (
        "T3 is 'EEG T3-Ref' in the file",
        "FC5 is 'Fc5.' in the file",
        "Fpz-Cz is 'EEG Fpz-Cz' in the file",
        "T3 (2) is 'EEG T3-Ref' in the file",
    )
    for wanted, row in (("T7", 0), ("T3", 0), ("EEG T3-Ref", 0), ("Fc5.", 1), ("Fpz-Cz", 2), ("T3 (2)", 3)):
        chosen = read(path, channels=(wanted,))
        assert chosen.layout.channels == (wanted,)
        assert np.array_equal(chosen.data[0], recording.data[row])
    assert recording.pick(["FC5", "T7"]).layout.channels == ("FC5", "T7")
    assert np.array_equal(recording.pick(["FC5", "T7"]).data, recording.data[[1, 0]])
    with pytest.raises(RecordError, match=r"lead 'Oz', found T3, FC5, Fpz-Cz, T3 \(2\)"):
        read(path, channels=["Oz"])
    with pytest.raises(ValueError, match="annotator must be None"):
        read(path, annotator="atr")


@pytest.mark.parametrize(
    ("patient", "subject"),
    [
        ("MCH-0234567 F 02-MAY-1951 Haagse_Harry", "MCH-0234567"),
        ("X F X Female_33yr", "r"),
        ("0 X 25-JUN-1985 No_Name", "r"),
        ("A 3Hz sinewave", "r"),
        ("", "r"),
    ],
)
def test_the_subject_is_the_patient_code_or_the_file(
    write_edf: Write, edf_column: Any, patient: str, subject: str
) -> None:
    assert read(write_edf([edf_column("Cz", ramp(1, 4))], patient=patient)).subject == subject


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        ({"date": "31.12.85", "time": "23.59.58"}, datetime(1985, 12, 31, 23, 59, 58)),
        ({"date": "31.12.84"}, datetime(2084, 12, 31, 4, 5, 6)),
        ({"date": "02.03.yy", "recording": "Startdate 02-MAR-2102 X X X"}, None),
        ({"date": "02.03.02", "recording": "Startdate 02-MAR-2102 X X X"}, datetime(2102, 3, 2, 4, 5, 6)),
        ({"date": "01.01.85", "recording": "Startdate X X X X"}, None),
        ({"date": "00.00.00"}, None),
    ],
)
def test_the_start_is_the_date_of_the_header(
    write_edf: Write, edf_column: Any, fields: dict[str, str], start: datetime | None
) -> None:
    assert read(write_edf([edf_column("Cz", ramp(1, 4))], **fields)).start == start


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory, edf_bytes: Callable[..., bytes], edf_column: Any) -> Path:
    """64 channels at 256 Hz, half an hour: 59 MB, its records a copy of one."""
    one = np.arange(256).reshape(1, 256)
    content = edf_bytes([edf_column(f"EEG {k}", one) for k in range(64)], records="1800")
    header = 256 * 65
    path = tmp_path_factory.mktemp("long") / "long.edf"
    path.write_bytes(content[:header] + content[header:] * 1800)
    return path


def measured(action: Callable[[], Any]) -> tuple[Any, int]:
    """What ``action`` gives, and the most memory that was taken at once, in bytes."""
    tracemalloc.start()
    try:
        return action(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_two_seconds_of_a_long_file_cost_less_than_twice_their_size(long_file: Path) -> None:
    recording = read(long_file)
    recording.samples.read(0, 1)
    window, peak = measured(lambda: recording.samples.read(1000 * 256, 1002 * 256))
    assert window.shape == (64, 512)
    assert peak < 2 * window.nbytes
    assert np.allclose(window[:, :256], np.arange(256) / 10)


def test_streaming_a_long_file_takes_less_than_twice_one_chunk(long_file: Path) -> None:
    recording = read(long_file)

    # map lets go of a chunk before it asks for the next one.
    sizes, peak = measured(lambda: list(map(np.size, recording.chunks(30))))
    assert sum(sizes) == 64 * recording.n_times
    assert peak < 2 * 64 * 30 * 256 * 4


def test_opening_a_long_file_reads_only_its_header(long_file: Path) -> None:
    read(long_file)
    _, peak = measured(lambda: read(long_file))
    assert peak < 1_000_000


def own(recording: Recording, row: int) -> np.ndarray:
    """One channel's own samples, taken off the common grid."""
    rates = recording.channel_fs or (recording.fs,) * recording.layout.n_channels
    return recording.data[row, :: round(recording.fs / rates[row])]


@pytest.mark.data
@pytest.mark.parametrize(
    "name",
    [
        "eeg_formats/edfio/short_psg.edf",
        "eeg_formats/mne-python/edf/duplicate_channel_labels.edf",
        "eeg_formats/mne-python/edf/test.bdf",
        "eeg_formats/mne-python/edf/test_edf_stim_channel.edf",
        "eeg_formats/mne-testing-data/BDF/multiple_annotation_chans.bdf",
        "eeg_formats/mne-testing-data/EDF/chtypes_edf.edf",
        "eeg_formats/mne-testing-data/EDF/test_utf8_annotations.edf",
        "eegmat/Subject00_1.edf",
        "eegmmidb/S001/S001R04.edf",
        "guinea_bissau_eeg/sub-01/eeg/sub-01_task-rest_eeg.edf",
    ],
)
def test_every_channel_and_annotation_is_what_mne_reads(data_dir: Path, name: str) -> None:
    recording, raw = read(data_dir / name), oracle(data_dir / name)
    rates = recording.channel_fs or (recording.fs,) * recording.layout.n_channels
    compared = 0
    for row, unit in enumerate(recording.layout.units):
        if rates[row] == raw.info["sfreq"]:  # MNE interpolates the slower ones
            volt = raw.get_data([row])[0]
            factor = {"uV": 1e6, "mV": 1e3}.get(unit, 1)
            assert np.allclose(own(recording, row), volt * factor, rtol=1e-6, atol=1e-6 * np.abs(volt * factor).max())
            compared += 1
    assert compared >= 3
    assert recording.duration_s == pytest.approx(len(raw.times) / raw.info["sfreq"])
    assert np.allclose(recording.annotations.onset_s, raw.annotations.onset)
    assert np.allclose(recording.annotations.duration_s, raw.annotations.duration)
    assert recording.annotations.label == tuple(raw.annotations.description)
    assert recording.start is None or recording.start == raw.info["meas_date"].replace(tzinfo=None)


@pytest.mark.data
def test_volt_and_microvolt_in_one_file_at_two_rates(data_dir: Path) -> None:
    recording = read(data_dir / "eeg_formats/mne-python/edf/test_uneven_samp.edf")
    assert (recording.layout.units, recording.channel_fs) == (("uV", "uV"), (100.0, 12.8))
    volts = own(recording, 0) / 1e6
    assert (volts.max(), volts.min()) == pytest.approx((5, -5), abs=0.1)  # its label: "3Hz +5/-5 V"
    block = own(recording, 1)
    assert set(np.rint(block)) == {0.0, 1.0}  # its label: "0.2Hz Blk 1/0uV"


@pytest.mark.data
def test_a_hypnogram_is_read(data_dir: Path) -> None:
    marks = read(data_dir / "eeg_formats/mne-testing-data/EDF/SC4001EC-Hypnogram.edf").annotations
    assert (len(marks), marks.label[0], marks.duration_s[0], marks.onset_s[1]) == (154, "Sleep stage W", 30630, 30630)


def test_rails_are_the_physical_range_in_the_layouts_unit(tmp_path):
    signals = [
        edfio.EdfSignal(np.zeros(100), 100, label="EEG Fp1", physical_dimension="mV", physical_range=(-2, 3)),
        edfio.EdfSignal(np.zeros(100), 100, label="ECG", physical_dimension="uV", physical_range=(-5000, 5000)),
    ]
    edfio.Edf(signals).write(tmp_path / "a.edf")
    recording = read(tmp_path / "a.edf")
    np.testing.assert_allclose(recording.rails, [(-2000, 3000), (-5, 5)])
    np.testing.assert_allclose(recording.pick(["ECG"]).rails, [(-5, 5)])

"""Our reader against wfdb, the reference implementation in Python; where wfdb is wrong, the test says so and why."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import wfdb

from biosig.errors import RecordError
from biosig.records import Recording, read

MILLIVOLT = {"mV": 1.0, "V": 1000.0, "uV": 0.001}


def channels(recording: Recording) -> Iterator[np.ndarray]:
    """Each channel's own samples, taken off the common grid."""
    rates = recording.channel_fs or (recording.fs,) * recording.layout.n_channels
    for row, fs in zip(recording.data, rates, strict=True):
        yield row[:: round(recording.fs / fs)]


def assert_like_wfdb(path: Path) -> None:
    """The same physical values as ``wfdb.rdrecord`` to 1e-6 (relative above 1), NaN in the same places."""
    recording, reference = read(path), wfdb.rdrecord(str(path), smooth_frames=False)
    assert recording.layout.n_channels == len(reference.e_p_signal)
    for ours, theirs, unit in zip(channels(recording), reference.e_p_signal, reference.units, strict=True):
        np.testing.assert_allclose(ours, theirs * MILLIVOLT.get(unit, 1.0), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("storage", [8, 16, 24, 32, 61, 80, 160, 212, 310, 311])
@pytest.mark.parametrize("n_signals", [1, 2, 3])
def test_every_format_reads_as_wfdb_reads_it(storage: int, n_signals: int, write_record: Callable[..., Path]) -> None:
    rng = np.random.default_rng(storage)
    bits = {24: 24, 32: 32, 16: 16, 61: 16, 160: 16, 212: 12, 310: 10, 311: 10, 80: 8}.get(storage, 8)
    digital = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), size=(101, n_signals))
    if storage == 8:
        digital = np.cumsum(digital // 2, axis=0)
    assert_like_wfdb(write_record(digital, storage, gain="123.4(17)/mV"))


@pytest.mark.parametrize("storage", ["508", "516", "524"])
def test_flac_reads_as_wfdb_reads_it(storage: str, tmp_path: Path) -> None:
    limit = 2 ** (int(storage) - 501)
    digital = np.random.default_rng(0).integers(-limit, limit, size=(5000, 3))
    wfdb.wrsamp(
        "r", fs=250, units=["mV"] * 3, sig_name=["a", "b", "c"], fmt=[storage] * 3, d_signal=digital,
        adc_gain=[200.0] * 3, baseline=[5] * 3, write_dir=str(tmp_path),
    )  # fmt: skip
    assert_like_wfdb(tmp_path / "r")


def test_several_rates_files_offsets_and_skews_read_as_wfdb_reads_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    (tmp_path / "a.dat").write_bytes(rng.bytes(10 + 2 * 7 * 80))
    (tmp_path / "b.dat").write_bytes(rng.bytes(80 * 3))
    (tmp_path / "r.hea").write_text(
        "r 5 50 80\na.dat 16x4+10 100(3)/mV 16 0 0 0 0 II\na.dat 16x2+10 16(800)/mmHg 16 0 0 0 0 ABP\n"
        "a.dat 16+10 4093(2)/Ohm 16 0 0 0 0 Resp\nb.dat 212x1 1e1/uV 12 7 0 0 0 V\nb.dat 212x1:5 0.5/V 12 0 0 0 0 aVF\n"
    )
    assert_like_wfdb(tmp_path / "r")


def test_a_skewed_channel_of_several_samples_per_frame_loses_all_samples_of_its_last_frames(tmp_path: Path) -> None:
    # wfdb 4.3 marks only as many samples as there are frames of skew, and leaves zeros of its own in the rest.
    (tmp_path / "r.dat").write_bytes(np.arange(1, 31, dtype="<i2").tobytes())
    (tmp_path / "r.hea").write_text("r 1 50 10\nr.dat 16x3:2 1/mV 16 0 0 0 0 II\n")
    data = read(tmp_path / "r").data[0]
    assert np.array_equal(data[:24], np.arange(7, 31))
    assert np.isnan(data[24:]).all()


def test_format_8_without_an_initial_value_starts_from_the_adc_zero(tmp_path: Path) -> None:
    # header(5): "If this field is missing, a value equal to the ADC zero is assumed"; wfdb 4.3 starts from 0.
    (tmp_path / "r.dat").write_bytes(bytes([0, 1, 2]))
    (tmp_path / "r.hea").write_text("r 1 50 3\nr.dat 8 1(0)/mV 12 100\n")
    assert read(tmp_path / "r").data.tolist() == [[100, 101, 103]]


def test_format_8_read_from_the_middle_continues_the_sum(write_record: Callable[..., Path]) -> None:
    # wfdb 4.3 starts from the initial value wherever it enters, and says so in a comment.
    digital = np.cumsum(np.full((1000, 1), 3), axis=0)
    recording = read(write_record(digital, 8, gain="1/mV"))
    assert recording.samples.read(900, 903).tolist() == [[2703, 2706, 2709]]


def test_a_broken_sampling_frequency_is_not_read_as_another_number(tmp_path: Path) -> None:
    # wfdb 4.3 reads 36O as 36 Hz and 360,5 as 360 Hz.
    (tmp_path / "r.dat").write_bytes(bytes(20))
    for text in ("36O", "360,5"):
        (tmp_path / "r.hea").write_text(f"r 1 {text} 10\nr.dat 16 1/mV 16 0 0 0 0 II\n")
        with pytest.raises(RecordError, match=rf"sampling frequency in Hz as a number .*, found '{text}'"):
            read(tmp_path / "r")


@pytest.mark.data
def test_every_sample_record_reads_as_wfdb_reads_it(data_dir: Path) -> None:
    headers = sorted((data_dir / "wfdb_samples").rglob("*.hea"))
    checked = 0
    for header in headers:
        if "layout" not in header.name:  # has no samples; wfdb refuses it
            assert_like_wfdb(header.with_suffix(""))
            checked += 1
    assert checked >= 40


@pytest.mark.data
@pytest.mark.parametrize("record", ["mitdb/101", "mitdb/208", "nstdb/ma", "ludb/1", "cinc2017/A00009"])
def test_database_records_read_as_wfdb_reads_them(data_dir: Path, record: str) -> None:
    if not (data_dir / f"{record}.hea").exists():
        record = str(sorted((data_dir / record).parent.rglob("*.hea"))[0].with_suffix("").relative_to(data_dir))
    assert_like_wfdb(data_dir / record)


@pytest.mark.data
def test_every_annotation_file_reads_as_wfdb_reads_it(data_dir: Path) -> None:
    files = [*sorted((data_dir / "mitdb").glob("*.atr"))[::4], *sorted((data_dir / "wfdb_samples").glob("*.*qrs*"))]
    files += sorted((data_dir / "ludb").rglob("1.*"))
    checked = 0
    for path in files:
        if path.suffix in {".hea", ".dat"}:
            continue
        recording = read(path.with_suffix(""), annotator=path.suffix[1:])
        marks, reference = recording.annotations, wfdb.rdann(str(path.with_suffix("")), path.suffix[1:])
        fs = reference.fs
        marks = marks.where((marks.onset_s > 0) | (np.array(marks.label) != '"'))  # wfdb drops genuine notes there
        assert np.array_equal(marks.samples(fs), reference.sample)
        assert np.array_equal(marks.onset_s, reference.sample / fs)
        assert marks.label == tuple(reference.symbol)
        assert marks.aux == tuple(note.rstrip("\0") for note in reference.aux_note)
        assert np.array_equal(np.maximum(marks.channel, 0), reference.chan)
        checked += 1
    assert checked >= 10

import warnings
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from biosig.errors import RecordError
from biosig.records import read

Write = Callable[..., Path]
VALUES = np.arange(40).reshape(10, 4) - 20
"""Ten samples of four channels."""

MARKERS = "Mk1=New Segment,,1,1,0,20200102030405250000\nMk2=Stimulus,S  1,3,2,0\nMk3=Comment,a\\1b,4,0,2\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a BrainVision recording of ``VALUES``; ``common`` replaces lines of the header, None leaves one out."""

    def build(
        *, numbers: str = "<i2", vectorized: bool = False, markers: str = MARKERS, encoding: str = "utf-8",
        channels: str = "Ch1=FP1,,0.5,µV\nCh2=EKG,,,mV\nCh3=T3,,2,\nCh4=Resp,,1,%", **common: str | None,
    ) -> Path:  # fmt: skip
        (tmp_path / "r.eeg").write_bytes((VALUES.T if vectorized else VALUES).astype(numbers).tobytes())
        lines = {
            "DataFile": "r.eeg", "MarkerFile": "r.vmrk", "DataFormat": "BINARY", "NumberOfChannels": "4",
            "DataOrientation": "VECTORIZED" if vectorized else "MULTIPLEXED", "SamplingInterval": "4000",
        } | common  # fmt: skip
        kind = {"i2": "INT_16", "i4": "INT_32", "f4": "IEEE_FLOAT_32"}[numbers[1:]]
        text = "Brain Vision Data Exchange Header File Version 1.0\n; a note\n\n[Common Infos]\n"
        text += "".join(f"{key}={value}\n" for key, value in lines.items() if value is not None)
        text += f"[Binary Infos]\nBinaryFormat={kind}\nUseBigEndianOrder={'YES' if numbers[0] == '>' else 'NO'}\n"
        text += f"[Channel Infos]\n{channels}\n[Comment]\nsays = what = it wants\n"
        (tmp_path / "r.vhdr").write_bytes(text.encode(encoding))
        head = "Brain Vision Data Exchange Marker File, Version 1.0\n[Common Infos]\nDataFile=r.eeg\n[Marker Infos]\n"
        (tmp_path / "r.vmrk").write_text(head + markers)
        return tmp_path / "r.vhdr"

    return build


@pytest.mark.parametrize("vectorized", [False, True])
@pytest.mark.parametrize("numbers", ["<i2", "<i4", "<f4", ">i2", ">i4", ">f4"])
def test_every_number_format_and_orientation_reads_alike(write: Write, numbers: str, vectorized: bool) -> None:
    recording = read(write(numbers=numbers, vectorized=vectorized))
    assert (recording.layout.channels, recording.fs) == (("Fp1", "EKG", "T3", "Resp"), 250.0)
    assert recording.layout.units == ("uV", "mV", "uV", "%")
    assert np.array_equal(recording.data, VALUES.T * np.array([[0.5], [1], [2], [1]]))
    assert np.array_equal(read(recording.path, channels=["T7"]).data[0], recording.data[2])
    assert np.array_equal(recording.samples.read(3, 7), recording.data[:, 3:7])


@pytest.mark.parametrize(("unit", "factor"), [("µV", 1), ("", 1), ("mV", 1e3), ("V", 1e6), ("nV", 1e-3), ("uV", 1)])
def test_voltages_become_microvolt_and_an_empty_unit_is_microvolt(write: Write, unit: str, factor: float) -> None:
    channels = "\n".join(f"Ch{k}=C{k},,0.5,{unit}" for k in range(1, 5))
    for encoding in ("utf-8", "latin-1"):
        recording = read(write(channels=channels, encoding=encoding))
        assert recording.layout.unit == "uV"
        assert np.allclose(recording.data, VALUES.T * 0.5 * factor, rtol=1e-6)


def test_numbers_that_are_not_finite_are_not_recorded(write: Write) -> None:
    path = write(numbers="<f4")
    values = VALUES.astype("<f4")
    values[2, 0], values[3, 0], values[4, 0] = np.nan, -np.inf, 1e38
    path.with_suffix(".eeg").write_bytes(values.tobytes())
    assert np.flatnonzero(np.isnan(read(path).data[0])).tolist() == [2, 3, 4]


def test_markers_point_at_their_sample_counted_from_the_first(write: Write) -> None:
    recording = read(write())
    marks = recording.annotations
    assert recording.start == datetime(2020, 1, 2, 3, 4, 5, 250_000)
    assert marks.label == ("Stimulus/S  1", "Comment/a,b")
    assert (marks.onset_s.tolist(), marks.duration_s.tolist()) == ([2 / 250, 3 / 250], [2 / 250, 0])
    assert marks.channel.tolist() == [-1, 1]
    assert len(read(write(MarkerFile=None)).annotations) == 0


def test_a_pause_between_segments_is_nan_not_joined(write: Write) -> None:
    pause = MARKERS + "Mk4=New Segment,,6,1,0,20200102030405286000\nMk5=Response,R  1,8,1,0\n"
    recording = read(write(markers=pause))
    # By hand: 5 samples of 4 ms, then the next segment 36 ms after the first began, at sample 9.
    assert recording.n_times == 14
    assert np.flatnonzero(np.isnan(recording.data[0])).tolist() == [5, 6, 7, 8]
    assert np.array_equal(recording.data[0, 9:], VALUES[5:, 0] * 0.5)
    marks = recording.annotations
    assert dict(zip(marks.label, marks.samples(250).tolist(), strict=True))["Response/R  1"] == 11
    drifted = MARKERS + "Mk4=New Segment,,6,1,0,20200102030405269000\n"
    assert read(write(markers=drifted)).n_times == 10
    back = MARKERS + "Mk4=New Segment,,6,1,0,20200102030403269000\n"
    with pytest.raises(RecordError, match=r"r\.vmrk: expected the segment at sample 5 to begin after the one before"):
        read(write(markers=back))


@pytest.mark.parametrize(
    ("common", "message"),
    [
        (
            {"DataPoints": "11"},
            r"r\.eeg: expected at least 88 bytes for the 11 samples .*, found 80 bytes; the file is",
        ),
        ({"NumberOfChannels": "3"}, r"r\.eeg: expected whole frames of 6 bytes \(3 channels\), found 80 bytes"),
        ({"NumberOfChannels": "5"}, r"Channel Infos: expected a line Ch5=, found none"),
        ({"NumberOfChannels": "0"}, r"expected channels as a whole number from 1 to 4096, found '0'"),
        ({"SamplingInterval": "0"}, r"expected microseconds as a number from 0\.1 .*, found '0'"),
        ({"SamplingInterval": None}, r"expected a line SamplingInterval=, found none"),
        ({"DataFormat": "ASCII"}, r"expected DataFormat BINARY, found ASCII"),
        ({"DataOrientation": "SIDEWAYS"}, r"expected DataOrientation MULTIPLEXED or VECTORIZED, found SIDEWAYS"),
        ({"DataFile": "gone.eeg"}, r"gone\.eeg: expected a readable file, found No such file"),
        ({"DataFile": "../r.eeg"}, r"expected file names inside the record's folder, found '\.\./r\.eeg'"),
        ({"MarkerFile": "gone.vmrk"}, r"gone\.vmrk: expected a readable file"),
        ({"markers": "Mk1=Stimulus,S  1,0,1,0\n"}, r"Mk1|mk1: expected position as a whole number from 1"),
        ({"markers": "Mk1=Stimulus,S  1\n"}, r"expected type, description, position, size and channel"),
        ({"markers": "nonsense\n"}, r"expected lines such as 'key=value' in a section, found 'nonsense'"),
        ({"channels": "Ch1=a,,0\nCh2=b\nCh3=c\nCh4=d"}, r"expected resolution of Ch1 other than 0, found 0"),
        ({"channels": "Ch1=a,,0x2\nCh2=b\nCh3=c\nCh4=d"}, r"expected resolution of Ch1 as a number .*, found '0x2'"),
        ({"channels": "Ch1=a\nCh1=b\nCh3=c\nCh4=d"}, r"expected Ch1 once in \[channel infos\], found it twice"),
    ],
)
def test_a_damaged_header_or_marker_file_is_refused(write: Write, common: dict[str, str | None], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        read(write(**common))


def test_the_data_file_may_be_named_after_the_header(write: Write) -> None:
    assert read(write(DataFile="$b.eeg", MarkerFile="$b.vmrk")).n_times == 10


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.vhdr"
    path.write_text("[Common Infos]\n")
    with pytest.raises(RecordError, match="expected a first line such as 'BrainVision Data Exchange Header File"):
        read(path)


@pytest.mark.data
def test_samples_and_markers_are_what_mne_reads(data_dir: Path) -> None:
    import mne

    path = data_dir / "eeg_formats/mne-python/brainvision/test.vhdr"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw = mne.io.read_raw_brainvision(path, verbose="ERROR")
    recording = read(path)
    # MNE makes siemens of microsiemens and says uV of none of the last six; here they keep their unit.
    assert recording.layout.units == ("uV",) * 26 + ("BS", "µS", "ARU", "uS", "S", "C")
    assert np.allclose(recording.data[:26], 1e6 * raw.get_data()[:26], rtol=1e-6)
    assert recording.annotations.label == tuple(raw.annotations.description)
    assert np.allclose(recording.annotations.onset_s, raw.annotations.onset)
    assert np.allclose(recording.annotations.duration_s, raw.annotations.duration)
    assert recording.start == raw.info["meas_date"].replace(tzinfo=None)

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from biosig.errors import RecordError
from biosig.records import Recording, read

HOSTILE = """
import resource, sys, time
from biosig.errors import RecordError
from biosig.records import read
before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
try:
    read(sys.argv[1]).data
    outcome = "read"
except RecordError:
    outcome = "refused"
spent = time.process_time() - begun
sys.stdout.write(f"{outcome} {spent} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before}")
"""


def header(folder: Path, text: str, data: dict[str, bytes] | None = None) -> Path:
    """A record ``r`` from the text of its header and the bytes of its files; returns its path without suffix."""
    (folder / "r.hea").write_text(text)
    for name, content in (data or {"r.dat": np.arange(20, dtype="<i2").tobytes()}).items():
        (folder / name).write_bytes(content)
    return folder / "r"


def test_a_record_has_name_subject_layout_start_and_comments(tmp_path: Path) -> None:
    folder = tmp_path / "mitdb"
    folder.mkdir()
    record = read(
        header(
            folder,
            "r 2 360 10 12:00:00 01/02/2003\nr.dat 16 200(4)/mV 11 1024 995 0 0 MLII\nr.dat 16 10/mmHg 11 0 0 0 0 ABP\n"
            "# 69 M\n",
        )
    )
    assert (record.name, record.subject, record.path) == ("mitdb/r", "r", folder / "r.hea")
    assert (record.layout.channels, record.layout.units, record.fs) == (("MLII", "ABP"), ("mV", "mmHg"), 360.0)
    assert (record.start, record.comments, record.channel_fs) == (datetime(2003, 2, 1, 12), ("69 M",), ())
    assert record.data.dtype == np.float32
    assert np.allclose(record.data, [(np.arange(0, 20, 2) - 4) / 200, np.arange(1, 20, 2) / 10])


def test_the_baseline_is_the_adc_zero_where_it_is_not_stated(tmp_path: Path) -> None:
    record = read(header(tmp_path, "r 1 360 3\nr.dat 16 10/mV 11 5 0 0 0 I\n"))
    assert np.allclose(record.data, [[-0.5, -0.4, -0.3]])


@pytest.mark.parametrize(("unit", "factor"), [("V", 1000), ("mV", 1), ("uV", 0.001)])
def test_every_voltage_arrives_in_millivolts(tmp_path: Path, unit: str, factor: float) -> None:
    record = read(header(tmp_path, f"r 1 360 20\nr.dat 16 2/{unit} 16 0 0 0 0 V1\n"))
    assert record.layout.units == ("mV",)
    assert np.allclose(record.data[0], np.arange(20) / 2 * factor, rtol=1e-6)


def test_eeg_arrives_in_microvolts(tmp_path: Path) -> None:
    record = read(header(tmp_path, "r 1 360 20\nr.dat 16 2/mV 16 0 0 0 0 EEG C4-A1\n"))
    assert record.layout.units == ("uV",)
    assert np.allclose(record.data[0], np.arange(20) * 500)


def test_an_uncalibrated_channel_says_so_in_its_unit(tmp_path: Path) -> None:
    record = read(header(tmp_path, "r 2 360 10\nr.dat 16 0 16 0 0 0 0 A\nr.dat 16\n"))
    assert record.layout.units == ("uncalibrated", "uncalibrated")
    assert np.allclose(record.data[0], np.arange(0, 20, 2) / 200)


def test_channels_without_a_name_or_with_the_same_get_one_each(tmp_path: Path) -> None:
    lines = "".join(f"~ 0 1/mV 16 0 0 0 0 {name}\n" for name in ("ECG", "", "ECG", "ECG (2)", "ECG"))
    record = read(header(tmp_path, f"r 5 360 10\n{lines}"))
    assert record.layout.channels == ("ECG", "signal 1", "ECG (2)", "ECG (2) (2)", "ECG (3)")


def test_channels_are_chosen_by_name_in_the_order_given(tmp_path: Path) -> None:
    path = header(tmp_path, "r 2 360 10\nr.dat 16 1/mV 16 0 0 0 0 V1\nr.dat 16 1/mV 16 0 0 0 0 MLII\n")
    assert np.array_equal(read(path, channels=["MLII", "V1"]).data, read(path).data[::-1])
    with pytest.raises(RecordError, match=r"/r: expected lead 'V5', found V1, MLII; name one of these"):
        read(path, channels=["V5"])
    for wrong in ("MLII", []):
        with pytest.raises(ValueError, match="channels must be a list"):
            read(path, channels=wrong)


def test_invalid_samples_are_nan(write_record: Callable[..., Path]) -> None:
    for storage, lowest in ((16, -32768), (212, -2048), (310, -512), (80, -128), (24, -(2**23)), (32, -(2**31))):
        data = read(write_record(np.array([[1], [lowest], [lowest + 1]]), storage)).data[0]
        assert np.isnan(data).tolist() == [False, True, False]


def test_a_length_left_open_comes_from_the_file(write_record: Callable[..., Path]) -> None:
    path = write_record(np.arange(14).reshape(-1, 2), 212)
    text = path.with_suffix(".hea").read_text()
    path.with_suffix(".hea").write_text(text.replace("r 2 250 7", "r 2 250"))
    assert read(path).n_times == 7


def test_bytes_after_the_declared_samples_are_ignored(write_record: Callable[..., Path]) -> None:
    path = write_record(np.arange(14).reshape(-1, 2), 16)
    with path.with_suffix(".dat").open("ab") as file:
        file.write(b"appendix")
    assert read(path).n_times == 7


def test_a_record_of_marks_alone_has_no_channels(tmp_path: Path) -> None:
    record = read(header(tmp_path, "r 0 128 1000\n"))
    assert (record.layout.n_channels, record.n_times, record.data.shape) == (0, 1000, (0, 1000))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("r 1 360 20\nnone.dat 16\n", "none.dat: expected a readable file, found No such file"),
        ("r 1 360 21\nr.dat 16\n", "r.dat: expected at least 42 bytes for the 21 frames .*, found 40 bytes"),
        ("r 1 360 20\nr.dat 16+1\n", "expected at least 41 bytes"),
        ("r 1 360 20\n/etc/passwd 16\n", "inside the record's folder, found '/etc/passwd'"),
        ("r 1 360 20\n../r.dat 16\n", "inside the record's folder"),
        ("r 1 360 20\nempty.dat 16\n", "empty.dat: expected samples, found an empty file"),
        ("r 1 360\nr.dat 16+40\n", "expected at least one frame"),
        ("r 1 360 20\nr.dat 99\n", "expected a signal format of"),
        ("r 1 360 20\nr.dat 0\n", "expected a signal format of"),
        ("r 2 360 10\nr.dat 16\nr.dat 212\n", "expected one format for r.dat, found 16, 212"),
        ("r 2 360 10\nr.dat 16+2\nr.dat 16+4\n", "expected one byte offset for r.dat, found 2, 4"),
        ("r 3 360 5\nr.dat 16\ns.dat 16\nr.dat 16\n", "signals of r.dat on consecutive lines, found others in between"),
        ("r 2 360\nr.dat 16\ns.dat 16\n", "signal files of one length, found frames in r.dat 20, s.dat 10"),
        ("r 1 360 20\npipe 16\n", "expected a regular file, found a pipe"),
        ("r 1 360 20\nfolder 16\n", "expected a regular file, found a folder"),
        ("r 1 360 20\nfar.dat 16\n", "found 'far.dat', a link to"),
    ],
)
def test_a_header_that_does_not_fit_its_files_is_refused(tmp_path: Path, text: str, message: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "secret.dat").write_bytes(bytes(100))
    (home / "far.dat").symlink_to(tmp_path / "secret.dat")
    (home / "folder").mkdir()
    os.mkfifo(home / "pipe")
    path = header(home, text, {"r.dat": bytes(40), "s.dat": bytes(20), "empty.dat": b""})
    with pytest.raises(RecordError, match=message):
        read(path)


def segments(folder: Path, master: str, **parts: str) -> Recording:
    """A multi-segment record ``r`` whose segments all read from ``r.dat``, the numbers 0 to 19."""
    for name, text in parts.items():
        (folder / f"{name}.hea").write_text(f"{name} {text}")
    return read(header(folder, master))


AFTER_I = "r/2 1 250 20\nc 10\na 10\n"
TWO = "r.dat 16 1/mV 16 0 0 0 0 I\nr.dat 16 1/mV 16 0 0 0 0 II\n"


def test_fixed_segments_follow_each_other(tmp_path: Path) -> None:
    double = TWO.replace("1/mV", "2/mV")
    record = segments(tmp_path, "r/3 2 250 23\na 10\nb 3\na 10\n", a=f"2 250 10\n{TWO}", b=f"2 250 3\n{double}")
    first = np.arange(0, 20, 2)
    assert np.array_equal(record.data[0], [*first, *(first[:3] / 2), *first])


def test_segments_of_a_variable_layout_are_matched_by_name(tmp_path: Path) -> None:
    layout = "~ 0 1/mV 16 0 0 0 0 II\n~ 0 1/mmHg 16 0 0 0 0 ABP\n~ 0 1/mV 16 0 0 0 0 I\n"
    record = segments(
        tmp_path,
        "r/4 3 250 9\nlayout 0\na 3\n~ 2\nb 4\n",
        layout=f"3 250 0\n{layout}",
        a=f"2 250 3\n{TWO}",
        b="1 250 4\nr.dat 16 1/mmHg 16 0 0 0 0 ABP\n",
    )
    nan = np.nan
    assert record.layout.channels == ("II", "ABP", "I")
    assert np.array_equal(
        record.data,
        [
            [1, 3, 5, nan, nan, nan, nan, nan, nan],
            [nan, nan, nan, nan, nan, 0, 1, 2, 3],
            [0, 2, 4, nan, nan, nan, nan, nan, nan],
        ],
        equal_nan=True,
    )


@pytest.mark.parametrize(
    ("master", "part", "message"),
    [
        ("r/1 2 250 10\nr 10\n", "", "expected segments that are single-segment records, found r with segments"),
        ("r/1 2 250 10\n~ 10\n", "", "expected a first segment that names the signals"),
        ("r/1 2 250 0\na 0\n", f"2 250 0\n{TWO}", "expected a first segment that names the signals, and one with"),
        ("r/1 2 250 10\na 10\n", "none", "a.hea line 1: expected number of signals"),
        ("r/1 3 250 10\na 10\n", f"2 250 10\n{TWO}", "a.hea: expected 3 signals, as in r.hea, found 2"),
        ("r/1 2 250 10\na 10\n", f"2 500 10\n{TWO}", "a.hea: expected 250 Hz, as in r.hea, found 500 Hz"),
        ("r/1 2 250 10\na 9\n", f"2 250 10\n{TWO}", "r.hea: expected 9 samples in a, found 10 in its header"),
        ("r/1 2 250 11\na 10\n", f"2 250 10\n{TWO}", "r.hea: expected segments of 11 samples in all, found 10"),
        ("r/1 2 250 10\n../a 10\n", "", "inside the record's folder"),
        ("r/1 2 250 10\nb 10\n", "", "b.hea: expected a readable file, found No such file"),
        (AFTER_I, "1 250 10\nr.dat 16 1/mV 16 0 0 0 0 II\n", "expected signals I, as in the first segment, found II"),
        (AFTER_I, "1 250 10\nr.dat 16 1/bpm 16 0 0 0 0 I\n", "expected I in mV, 1 samples per frame, found bpm, 1"),
        (AFTER_I, "1 250 10\nr.dat 16x2 1/mV 16 0 0 0 0 I\n", "expected I in mV, 1 samples per frame, found mV, 2"),
        ("r/2 1 250 10\nd 0\na 10\n", f"2 250 10\n{TWO}", "expected signals I, as in the first segment, found I, II"),
    ],
)  # fmt: skip
def test_segments_that_do_not_fit_together_are_refused(tmp_path: Path, master: str, part: str, message: str) -> None:
    one = "r.dat 16 1/mV 16 0 0 0 0 I\n"
    with pytest.raises(RecordError, match=message):
        segments(tmp_path, master, a=part, c=f"1 250 10\n{one}", d=f"1 250 0\n{one.replace('r.dat 16', '~ 0')}")


@pytest.mark.parametrize(
    "text",
    [
        "r/1000000000 2 250 1000000000\nr_1 1\n",
        "r 999999999 250 1000000000000\nr.dat 16 200/mV\n",
        "r 1 250 999999999999999\nr.dat 16x1000000 200/mV\n",
        "r 1 1e400 1\nr.dat 16\n",
        "r/2 1 250 999999999999\nl 0\n~ 999999999999\n",
        "r/1 1 250 10\nr 10\n",
        "r 1 250 10\n/dev/zero 16\n",
        "r 1 250 10\nr.dat 16:2147483647+99999999999\n",
    ],
)
def test_a_hostile_header_costs_neither_time_nor_memory(tmp_path: Path, text: str) -> None:
    (tmp_path / "l.hea").write_text("l 1 250 0\n~ 0 200/mV\n")
    path = header(tmp_path, text)
    done = subprocess.run([sys.executable, "-c", HOSTILE, str(path)], capture_output=True, check=True, text=True)
    outcome, seconds, kilobytes = done.stdout.split()
    assert outcome == "refused"
    assert float(seconds) < 1.0  # processor time: 18 s where n_seg is believed
    assert int(kilobytes) < 50_000

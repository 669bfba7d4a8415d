from datetime import datetime
from pathlib import Path

import pytest

from biosig.errors import RecordError
from biosig.records.wfdb_header import Header, Segment, Signal, parse_header


def parse(folder: Path, text: str | bytes) -> Header:
    path = folder / "r.hea"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return parse_header(path)


def test_every_field_of_a_full_header_is_read(tmp_path: Path) -> None:
    header = parse(
        tmp_path,
        "#before\r\nr 2 360/720(1.5) 650000 10:44:18.529 04/05/2704\r\n\r\n"
        "a.dat 212x2:3+24 200.5(1024)/uV 11 1000 995 -22131 512 MLII, upper  one\r\n"
        "a.dat 212\r\n# 69 M 1085 1629 x1\r\n",
    )
    assert header == Header(
        path=tmp_path / "r.hea",
        name="r",
        fs=360.0,
        n_frames=650000,
        n_signals=2,
        start=datetime(2704, 5, 4, 10, 44, 18, 529000),
        signals=(
            Signal("a.dat", 212, 2, 3, 24, 200.5, 1024, "uV", True, 995, "MLII, upper  one", (-24.0, 2023.0)),
            Signal("a.dat", 212, 1, 0, None, 200.0, 0, "mV", False, 0, ""),
        ),
        segments=(),
        comments=("before", "69 M 1085 1629 x1"),
    )


def test_absent_fields_have_the_defaults_of_the_format(tmp_path: Path) -> None:
    header = parse(tmp_path, "r 1\na.dat 16 100 12 7\n")
    assert (header.fs, header.n_frames, header.start) == (250.0, None, None)
    signal = header.signals[0]
    assert (signal.baseline, signal.initial, signal.units) == (7, 7, "mV")  # both default to ADC zero


def test_a_gain_of_zero_means_uncalibrated(tmp_path: Path) -> None:
    signal = parse(tmp_path, "r 1 250 10\na.dat 16 0 12 0 0 0 0 ECG\n").signals[0]
    assert (signal.gain, signal.calibrated) == (200.0, False)


def test_segments_are_read(tmp_path: Path) -> None:
    header = parse(tmp_path, "r/3 2 125 30 8:26:04 26/10/1994\nr_layout 0\n~ 20\nr_1 10\n")
    assert header.segments == (Segment("r_layout", 0), Segment("~", 20), Segment("r_1", 10))
    assert header.signals == ()


@pytest.mark.parametrize(
    ("text", "fs"),
    [("360", 360), ("360.0", 360), ("360/400", 360), ("360/400(0)", 360), ("62.4725/999.56", 62.4725),
     ("0.0166666666667/125(-3.5)", 0.0166666666667), ("1e3", 1000)],
)  # fmt: skip
def test_legal_sampling_frequencies_are_read(tmp_path: Path, text: str, fs: float) -> None:
    assert parse(tmp_path, f"r 0 {text} 10\n").fs == fs


@pytest.mark.parametrize(
    "text", ["36O", "360,5", "0", "-360", "nan", "inf", "1e400", "1e-30", "360/", "360/x", "360(0)", "360/1(2", "/360"]
)
def test_broken_sampling_frequencies_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecordError, match=r"r\.hea line 1: expected .*frequency"):
        parse(tmp_path, f"r 0 {text} 10\n")


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("0:0:0 0/0/0", None),
        ("13:05:00", None),
        ("17:27:45 15/08/1994", datetime(1994, 8, 15, 17, 27, 45)),
        ("5:30 15/08/1994", datetime(1994, 8, 15, 0, 5, 30)),
        ("24:00:01 31/12/1999", datetime(2000, 1, 1, 0, 0, 1)),
        ("05-Feb-2020 11:39:16", datetime(2020, 2, 5, 11, 39, 16)),  # as the CinC 2020 challenge has it
        ("11:39:16 05-Feb-2020", datetime(2020, 2, 5, 11, 39, 16)),
        ("1:00:00 31/02/2020", None),
    ],
)
def test_start_comes_from_base_time_and_date(tmp_path: Path, text: str, start: datetime | None) -> None:
    assert parse(tmp_path, f"r 0 360 10 {text}\n").start == start


@pytest.mark.parametrize(
    "text", ["noon", "12h", "1:2:3:4", "12:00:00 1.2.2000", "1:00:00 1/2/2000 x", "5-Foo-2020 1:0:0"]
)
def test_a_start_in_another_notation_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecordError, match=r"expected base (time|date) as"):
        parse(tmp_path, f"r 0 360 10 {text}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# only this\n", "expected a record line, found only comments"),
        ("r\n", "expected a record line"),
        ("/3 2 360\n", "expected a record line"),
        ("r two 360 10\n", "number of signals as a whole number"),
        ("r -1 360 10\n", "number of signals as a whole number"),
        ("r 999999 360 10\n", "number of signals as a whole number from 0 to 4096"),
        ("r 1 360 1e6\na.dat 16\n", "number of samples as a whole number"),
        ("r 1 360 -5\na.dat 16\n", "number of samples as a whole number"),
        ("r 2 360 10\na.dat 16\n", "expected 2 signal lines, as the record line declares, found 1"),
        ("r 1 360 10\na.dat 16\na.dat 16\n", "expected 1 signal lines, as the record line declares, found 2"),
        ("r/1000000000 2 360 10\na 10\n", "expected 1000000000 segment lines, as the record line declares, found 1"),
        ("r/0 2 360 10\n", "number of segments as a whole number from 1"),
        ("r/1 2 360 10\na\n", "line 2: expected a segment line"),
        ("r/1 2 360 10\na -10\n", "segment length in samples as a whole number"),
        ("r 1 360 10\na.dat\n", "line 2: expected a signal line"),
        ("r 1 360 10\na.dat x16\n", "line 2: expected a signal line"),
        ("r 1 360 10\na.dat 16x0\n", "samples per frame as a whole number from 1"),
        ("r 1 360 10\na.dat 16:99999999999\n", "skew as a whole number"),
        ("r 1 360 10\na.dat 16 -200\n", "ADC gain as a number from 0"),
        ("r 1 360 10\na.dat 16 nan\n", "ADC gain as a number from 0"),
        ("r 1 360 10\na.dat 16 1e-300\n", "expected ADC gain of 0 or at least 1e-12"),
        ("r 1 360 10\na.dat 16 200(1.5)\n", "baseline as a whole number"),
        ("r 1 360 10\na.dat 16 200)(\n", "expected ADC gain as"),
        ("r 1 360 10\na.dat 16 200 12 zero\n", "ADC zero as a whole number"),
        ("r 1 360 10\na.dat 16 200 12 0 5 x\n", "checksum as a whole number"),
        (b"r 1 360 10\n\x00\x01\x02", "expected a text header, found control character"),
        ("r 1 360 10\na.dat 16 1 12 0 0 0 0 \x1b[31mred\n", "expected a text header, found control character"),
        ("r 1 360 10\na.dat 16 1 12 0 0 0 0 \x9b31mred\n", "expected a text header, found control character"),
        ("\u2003\n", "expected a record line, found only comments or blank lines"),
    ],
)
def test_every_broken_line_is_refused_with_its_number_and_field(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    with pytest.raises(RecordError, match=r"r\.hea") as caught:
        parse(tmp_path, text)
    assert message in str(caught.value)


def test_names_outside_ascii_are_read_as_utf_8_or_windows_1252(tmp_path: Path) -> None:
    for encoding in ("utf-8", "cp1252"):
        header = parse(tmp_path, "r 1 360 10\na.dat 16 1/µV 12 0 0 0 0 Élan\n# Müller\n".encode(encoding))
        assert (header.signals[0].units, header.signals[0].name, header.comments) == ("µV", "Élan", ("Müller",))


def test_a_header_beyond_one_megabyte_is_refused_unread(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="at most 1048576 bytes"):
        parse(tmp_path, b"#" * 2_000_000)

import os
from pathlib import Path

import pytest

from biosig.errors import RecordError
from biosig.records.guard import decimal, inside, mismatch, read_small, regular_size, whole


def test_a_complaint_names_file_expectation_finding_and_remedy() -> None:
    error = mismatch(Path("mitdb/100.dat"), "4 bytes", "3 bytes", "get it again")
    assert str(error) == "mitdb/100.dat: expected 4 bytes, found 3 bytes; get it again"


def test_a_complaint_stays_one_short_printable_line() -> None:
    message = str(mismatch("r.hea", "text", "a\nb\x1b" + "x" * 500))
    assert message.isprintable()
    assert len(message) < 150
    assert len(str(mismatch("a" * 10**6, "b" * 10**6, "c" * 10**6))) < 700


def test_a_missing_file_a_folder_and_a_device_are_no_regular_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, found in (
        (tmp_path / "none", "No such file"),
        (tmp_path, "a folder"),
        (tmp_path / "pipe", "a pipe, socket or device"),
        (Path("/dev/zero"), "a pipe, socket or device"),
        (tmp_path / ("x" * 300), "File name too long"),
    ):
        with pytest.raises(RecordError, match=found):
            regular_size(path)


def test_small_files_are_read_whole_and_empty_or_large_ones_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.hea"
    path.write_bytes(b"")
    with pytest.raises(RecordError, match="expected at least one byte, found an empty file"):
        read_small(path)
    path.write_bytes(b"12345")
    assert read_small(path, 5) == b"12345"
    with pytest.raises(RecordError, match="expected at most 4 bytes, found 5 bytes"):
        read_small(path, 4)


@pytest.mark.parametrize("name", ["/etc/passwd", "../x.dat", "a/../../x.dat", "..\\x.dat", "\\x", "C:x.dat", "a\0b"])
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecordError, match="inside the record's folder"):
        inside(tmp_path, name, named_by=tmp_path / "r.hea")


def test_links_may_stay_in_the_folder_but_not_leave_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "secret.dat").write_bytes(b"x")
    (home / "own.dat").write_bytes(b"x")
    (home / "near.dat").symlink_to("own.dat")
    (home / "far.dat").symlink_to(tmp_path / "secret.dat")
    (home / "loop.dat").symlink_to("loop.dat")
    (home / "way").symlink_to(tmp_path)
    assert inside(home, "near.dat", named_by=home / "r.hea") == home / "near.dat"
    assert inside(home, "loop.dat", named_by=home / "r.hea") == home / "loop.dat"
    for name in ("far.dat", "way/secret.dat"):
        with pytest.raises(RecordError, match="a link to"):
            inside(home, name, named_by=home / "r.hea")


def test_a_folder_that_is_itself_a_link_is_home_too(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "r.dat").write_bytes(b"x")
    (tmp_path / "link").symlink_to("real")
    assert inside(tmp_path / "link", "r.dat", named_by=tmp_path / "link" / "r.hea").exists()


@pytest.mark.parametrize("text", ["", "1.0", "1e3", "0x10", " 1", "1 ", "١٢", "²", "9" * 19, "--1", "11", "-1"])
def test_whole_takes_ascii_integers_in_range_only(text: str) -> None:
    with pytest.raises(RecordError, match="field as a whole number from 0 to 10"):
        whole(text, 0, 10, what="field", where="r.hea line 1")


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("10", 10), ("+7", 7), ("-3", -3), ("007", 7)])
def test_whole_reads_integers(text: str, value: int) -> None:
    assert whole(text, -5, 10, what="field", where="r.hea") == value


@pytest.mark.parametrize(
    "text", ["", "36O", "360,5", "nan", "inf", "-inf", "1e999", "0", "-1", "1_000", "٣", "1e", "."]
)
def test_decimal_takes_finite_ascii_numbers_in_range_only(text: str) -> None:
    with pytest.raises(RecordError, match="expected fs as a number from 0"):
        decimal(text, 0.1, 1e9, what="fs", where="r.hea line 1")


@pytest.mark.parametrize(
    ("text", "value"), [("360", 360), ("62.4725", 62.4725), ("1.", 1), (".5", 0.5), ("1.2e+3", 1200)]
)
def test_decimal_reads_every_usual_notation(text: str, value: float) -> None:
    assert decimal(text, 0.1, 1e9, what="fs", where="r.hea") == value

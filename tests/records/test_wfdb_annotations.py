from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st

from biosig.errors import RecordError
from biosig.records import Annotations, write_annotations
from biosig.records.wfdb_annotations import SYMBOLS, Marks, read_annotations, read_marks, write_marks


def word(code: int, value: int) -> bytes:
    return (code << 10 | value).to_bytes(2, "little")


def note(text: bytes) -> bytes:
    return word(63, len(text)) + text + b"\0" * (len(text) % 2)


def marks_in(folder: Path, raw: bytes) -> Marks:
    (folder / "r.atr").write_bytes(raw)
    return read_marks(folder / "r.atr")


@st.composite
def any_marks(draw: st.DrawFn, symbols: Sequence[str] = tuple(SYMBOLS.values())) -> Marks:
    n = draw(st.integers(1, 12))

    def column(low: int, high: int) -> np.ndarray:
        return np.array(draw(st.lists(st.integers(low, high), min_size=n, max_size=n)), dtype=np.int64)

    gap = st.one_of(st.integers(0, 1500), st.integers(0, 2**31 + 5))
    text = st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=40).filter(
        lambda aux: not aux.startswith("## ")
    )
    return Marks(
        sample=np.cumsum(draw(st.lists(gap, min_size=n, max_size=n)), dtype=np.int64) + 1,
        symbol=tuple(draw(st.lists(st.sampled_from(symbols), min_size=n, max_size=n))),
        subtype=column(-128, 127),
        chan=column(0, 255),
        num=column(-128, 127),
        aux=tuple(draw(st.lists(text, min_size=n, max_size=n))),
        fs=draw(st.sampled_from([None, 360.0, 62.4725, 0.0166666666667, 128.00000000000003])),
    )


def assert_same(found: Marks, expected: Marks) -> None:
    assert np.array_equal(found.sample, expected.sample)
    assert (found.symbol, found.aux, found.fs) == (expected.symbol, expected.aux, expected.fs)
    assert np.array_equal(found.subtype, expected.subtype)
    assert np.array_equal(found.num, expected.num)
    assert np.array_equal(found.chan, expected.chan if expected.chan.any() else np.full(len(expected.chan), -1))


@settings(deadline=None)
@given(marks=any_marks([*SYMBOLS.values(), "[15]", "[42]", "[49]"]))
def test_marks_come_back_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, marks: Marks) -> None:
    folder = tmp_path_factory.getbasetemp()
    assert_same(read_marks(write_marks(folder, "r", marks, annotator="tst")), marks)


@settings(deadline=None)
@given(marks=any_marks())
def test_wfdb_reads_what_we_write(tmp_path_factory: pytest.TempPathFactory, marks: Marks) -> None:
    folder = tmp_path_factory.getbasetemp()
    write_marks(folder, "w", marks, annotator="tst")
    found = wfdb.rdann(str(folder / "w"), "tst")
    assert np.array_equal(found.sample, marks.sample)
    assert (tuple(found.symbol), tuple(found.aux_note)) == (marks.symbol, marks.aux)
    for field in ("subtype", "chan", "num"):
        assert np.array_equal(getattr(found, field), getattr(marks, field))
    assert found.fs == pytest.approx(marks.fs, rel=1e-12) if marks.fs else found.fs is None


def test_we_read_what_wfdb_writes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n = 500
    symbols = rng.choice(sorted(SYMBOLS.values()), n)
    sample = np.cumsum(rng.integers(1, 4000, n))
    fields = {
        "subtype": rng.integers(-128, 128, n), "chan": rng.integers(0, 4, n), "num": rng.integers(-128, 128, n)
    }  # fmt: skip
    aux = [("", "(AFIB", "odd")[k] for k in rng.integers(0, 3, n)]
    wrapped = {"chan": fields["chan"], "subtype": fields["subtype"] % 128, "num": fields["num"] % 128}
    wfdb.wrann("r", "tst", sample, list(symbols), aux_note=aux, fs=360, write_dir=str(tmp_path), **wrapped)
    expected = Marks(sample, tuple(symbols), wrapped["subtype"], wrapped["chan"], wrapped["num"], tuple(aux), 360.0)
    assert_same(read_marks(tmp_path / "r.tst"), expected)


def test_bytes_mean_what_the_format_description_says(tmp_path: Path) -> None:
    marks = marks_in(
        tmp_path,
        word(28, 18) + note(b"(N\0")  # rhythm at 18, the note's null counted in as in the MIT-BIH files
        + word(1, 59) + word(62, 1)  # beat at 77, on signal 1 from here on
        + word(59, 0) + b"\x01\x00\x02\x00" + word(5, 3) + word(61, 0xFF) + word(60, 2)  # 65538 + 3 later
        + word(0, 7)  # no mark, but its time counts
        + word(8, 1) + word(0, 0)
        + b"whatever comes after the end",
    )  # fmt: skip
    assert marks.sample.tolist() == [18, 77, 65618, 65626]
    assert marks.symbol == ("+", "N", "V", "A")
    assert marks.aux == ("(N", "", "", "")
    assert marks.chan.tolist() == [0, 1, 1, 1]
    assert marks.subtype.tolist() == [0, 0, -1, 0]
    assert marks.num.tolist() == [0, 0, 2, 2]
    assert marks.fs is None


def test_a_skip_may_go_back_and_marks_arrive_in_order_of_time(tmp_path: Path) -> None:
    raw = word(1, 500) + word(59, 0) + b"\xff\xff\x00\xff" + word(5, 0) + word(0, 0)  # back by 256
    assert marks_in(tmp_path, raw).sample.tolist() == [500, 244]
    annotations = read_annotations(tmp_path / "r.atr", fs=250)
    assert annotations.label == ("V", "N")
    assert annotations.samples(250).tolist() == [244, 500]


def test_a_stated_time_resolution_goes_before_the_record_s_rate(tmp_path: Path) -> None:
    raw = word(22, 0) + note(b"## time resolution: 1000") + word(1, 500) + word(0, 0)
    assert marks_in(tmp_path, raw).fs == 1000.0
    annotations = read_annotations(tmp_path / "r.atr", fs=250)
    assert annotations.onset_s.tolist() == [0.5]
    assert annotations.label == ("N",)


def test_symbols_defined_in_the_file_are_used_and_the_definitions_left_out(tmp_path: Path) -> None:
    raw = (
        word(22, 0) + note(b"## annotation type definitions") + word(22, 0) + note(b"42 pT Plateau of T")
        + word(22, 0) + note(b"## end of definitions") + word(22, 0) + note(b"43 is a genuine note")
        + word(42, 9) + word(43, 1) + word(0, 0)
    )  # fmt: skip
    marks = marks_in(tmp_path, raw)
    assert marks.symbol == ('"', "pT", "[43]")
    # wfdb 4.3 drops every note at sample 0, this one too.
    assert marks.aux == ("43 is a genuine note", "", "")


def test_notes_are_utf_8_or_else_latin_1(tmp_path: Path) -> None:
    raw = word(22, 1) + note("é".encode()) + word(22, 1) + note("é".encode("latin-1")) + word(0, 0)
    assert marks_in(tmp_path, raw).aux == ("é", "é")


def test_a_file_without_signal_numbers_marks_the_whole_recording(tmp_path: Path) -> None:
    assert marks_in(tmp_path, word(1, 5) + word(0, 0)).chan.tolist() == [-1]
    assert len(marks_in(tmp_path, word(0, 0)).sample) == 0


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "expected at least one byte, found an empty file"),
        (word(1, 5), "expected an end mark .*, found 2 bytes without one"),
        (word(1, 5) + b"\0", "expected an end mark"),
        (word(1, 5) + word(63, 9) + b"short" + word(0, 0), "expected an end mark"),
        (word(1, 5) + word(59, 0) + word(0, 0) * 2, "expected an end mark"),
        (word(53, 5) + word(0, 0), "expected annotation codes 0-49 and 59-63, found 53 at byte 0"),
        (word(62, 5) + word(1, 5) + word(0, 0), "expected a mark before its details"),
        (word(59, 0) + b"\xff\xff\x00\xff" + word(5, 0) + word(0, 0), "expected marks from sample 0 on"),
        (word(22, 0) + note(b"## time resolution: 36O") + word(0, 0), "expected time resolution in Hz"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, raw: bytes, message: str) -> None:
    with pytest.raises(RecordError, match=rf"r\.atr: {message}"):
        marks_in(tmp_path, raw)


def test_annotations_are_written_with_their_rate_sorted_and_found_again(tmp_path: Path) -> None:
    annotations = Annotations(
        onset_s=np.array([2.5, 0.1]), duration_s=np.zeros(2), label=("V", '"'), aux=("", "späte Notiz"),
        channel=np.array([-1, -1]),
    )  # fmt: skip
    path = write_annotations(tmp_path, "100", annotations, fs=360, annotator="qrs")
    assert path == tmp_path / "100.qrs"
    assert [entry.name for entry in tmp_path.iterdir()] == ["100.qrs"]
    found = read_annotations(path, fs=999)
    assert found.samples(360).tolist() == [36, 900]
    assert (found.label, found.aux, found.channel.tolist()) == (('"', "V"), ("späte Notiz", ""), [-1, -1])


def test_marks_can_be_written_in_pieces_in_order_of_time(tmp_path: Path) -> None:
    onset_s = np.cumsum(np.random.default_rng(0).integers(1, 5000, 500)) / 360
    whole = Annotations.at(onset_s, ["N", "V", "Q", "S"] * 125)
    pieces = [whole.where((onset_s >= a) & (onset_s < b)) for a, b in ((0, 9), (9, 9), (9, 1000), (1000, 1e9))]
    once = write_annotations(tmp_path, "once", whole, fs=360)
    assert write_annotations(tmp_path, "pieces", iter(pieces), fs=360).read_bytes() == once.read_bytes()
    with pytest.raises(ValueError, match="marks must be in order of time"):
        write_annotations(tmp_path, "odd", pieces[::-1], fs=360)
    assert len(read_marks(write_annotations(tmp_path, "none", [], fs=360)).sample) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"once.qrs", "pieces.qrs", "none.qrs"}


def test_reference_marks_are_replaced_only_when_told(tmp_path: Path) -> None:
    first, second = Annotations.at(np.array([1.0]), ["N"]), Annotations.at(np.array([1.0]), ["V"])
    for annotator in ("atr", "qrs"):
        write_annotations(tmp_path, "r", first, fs=250, annotator=annotator)
    with pytest.raises(RecordError, match=r"r\.atr: expected no reference annotations yet, found a file"):
        write_annotations(tmp_path, "r", second, fs=250, annotator="atr")
    assert read_marks(tmp_path / "r.atr").symbol == ("N",)
    write_annotations(tmp_path, "r", second, fs=250, annotator="atr", overwrite=True)
    write_annotations(tmp_path, "r", second, fs=250)
    assert read_marks(tmp_path / "r.atr").symbol == read_marks(tmp_path / "r.qrs").symbol == ("V",)


def test_nothing_is_left_behind_when_writing_fails(tmp_path: Path) -> None:
    (tmp_path / "r.qrs").mkdir()
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(RecordError, match="expected a place to write to"):
            write_annotations(folder, "r", Annotations.at(np.array([1.0]), ["N"]), fs=250)
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.qrs"]


@pytest.mark.parametrize(
    ("label", "aux", "onset_s", "duration_s", "channel", "message"),
    [
        ("T0", "", 1.0, 0.0, -1, r"not WFDB symbols: 'T0'; put free text into aux"),
        ("N", "x" * 256, 1.0, 0.0, -1, r"a note holds at most 255 bytes and no null, got 256"),
        ("N", "a\0b", 1.0, 0.0, -1, r"a note holds at most 255 bytes and no null"),
        ("N", "", -1.0, 0.0, -1, r"marks must be in order of time, from sample 0 on"),
        ("N", "", 1.0, 2.0, -1, r"WFDB marks have no duration"),
        ("N", "", 1.0, 0.0, 256, r"chan must lie in -1 to 255"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(
    tmp_path: Path, label: str, aux: str, onset_s: float, duration_s: float, channel: int, message: str
) -> None:
    annotations = Annotations(
        np.array([onset_s]), np.array([duration_s]), (label,), (aux,), np.array([channel], dtype=np.int64)
    )
    with pytest.raises(ValueError, match=message):
        write_annotations(tmp_path, "r", annotations, fs=250)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("record", "annotator", "fs"),
    [("../r", "qrs", 250), ("", "qrs", 250), ("r", "hea", 250), ("r", "DAT", 250), ("r", "a/b", 250), ("r", "qrs", 0)],
)
def test_names_that_would_hit_other_files_are_refused(tmp_path: Path, record: str, annotator: str, fs: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        write_annotations(tmp_path, record, Annotations.at(np.array([1.0]), ["N"]), fs=fs, annotator=annotator)

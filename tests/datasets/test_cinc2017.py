"""CinC 2017 as published: where its files lie, what its labels are, and that it has no sample."""

from pathlib import Path

import numpy as np
import pytest

from biosig.datasets.cinc2017 import Cinc2017
from biosig.datasets.fetch import PUBLIC, verify_record
from biosig.datasets.registry import open_corpus
from biosig.errors import DatasetError
from biosig.recipe import load_recipe
from biosig.windows.slide import Slide
from biosig.windows.stream import cut_recording

HEADER = "{name} 1 300 2700 05:05:15 1/05/2014 \n{name}.mat 16+24 1000/mV 16 0 {first} 0 0 ECG \n"
MAT_LEVEL_4 = np.array([30, 1, 2700, 0, 4], dtype="<i4").tobytes() + b"val\0"
"""The 24 bytes before the samples: type int16, 1 row, 2,700 columns, real, a name of 4 letters."""


def write_record(folder: Path, name: str) -> None:
    """Nine seconds laid out as the challenge published them: MATLAB level 4, int16, 1000 units per mV."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = np.round(500 * np.sin(np.arange(2700) / 30)).astype("<i2") - 127
    (folder / f"{name}.hea").write_text(HEADER.format(name=name, first=samples[0]))
    (folder / f"{name}.mat").write_bytes(MAT_LEVEL_4 + samples.tobytes())


@pytest.mark.parametrize("place", ["", "training2017", "training/A00"])
def test_a_recording_is_found_in_every_published_layout(tmp_path: Path, place: str) -> None:
    write_record(tmp_path / place, "A00001")
    (tmp_path / "REFERENCE-v3.csv").write_text("A00001,N\n")
    corpus = open_corpus("cinc2017", tmp_path)
    recording = corpus.read("A00001", ["ECG"])
    assert (recording.fs, recording.layout.units, recording.n_times) == (300.0, ("mV",), 2700)
    assert (recording.name, recording.subject) == ("cinc2017/A00001", "cinc2017-A00001")
    assert recording.data[0, 0] == pytest.approx(-0.127)
    assert corpus.reference_beats(recording) is None


def test_every_window_has_the_label_of_its_recording(tmp_path: Path) -> None:
    for name in ("A00001", "A00002", "A00003"):
        write_record(tmp_path, name)
    (tmp_path / "REFERENCE-v3.csv").write_bytes(b"A00001,~\r\nA00002,A\r\nA00003,O\r\n")
    corpus = Cinc2017.open(tmp_path)
    chain = load_recipe("ecg").chain
    given = {}
    for name in corpus.split("all").train:
        recording = corpus.read(name, ["ECG"])
        windows = cut_recording(recording, chain, Slide(2.0, 2.0))
        given[name] = corpus.label(recording, windows, ("N", "A", "~")).tolist()
    assert given == {"A00001": [2] * 4, "A00002": [1] * 4, "A00003": [-1] * 4}


@pytest.mark.parametrize(
    ("table", "line"),
    [("A00001,N\nA00002,X\n", 2), ("A00001,N\nA00001,A\n", 2), ("A00001\n", 1), ("A00001,N,1\n", 1)],
)
def test_a_table_that_is_not_records_and_labels_is_named_with_its_line(tmp_path: Path, table: str, line: int) -> None:
    (tmp_path / "REFERENCE-v3.csv").write_text(table)
    with pytest.raises(DatasetError, match=rf"REFERENCE-v3\.csv: line {line} must be a record"):
        Cinc2017.open(tmp_path).splits()


def test_without_the_database_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BIOSIG_DATA", raising=False)
    with pytest.raises(DatasetError, match="needs the database: biosig data get cinc2017 DIR"):
        open_corpus("cinc2017")
    with pytest.raises(DatasetError, match="biosig data get cinc2017"):
        open_corpus("cinc2017", tmp_path)


def test_a_record_is_verified_by_length_and_first_sample(tmp_path: Path) -> None:
    database = PUBLIC["cinc2017"]
    record = "training/A00/A00001"
    assert database.records[0] == record
    assert database.records[-1] == "training/A08/A08528"
    assert verify_record(database, tmp_path, record) == "missing"
    write_record(tmp_path / "training/A00", "A00001")
    assert verify_record(database, tmp_path, record) is None
    path = tmp_path / f"{record}.mat"
    whole = path.read_bytes()
    path.write_bytes(whole[:24] + b"\1\0" + whole[26:])
    assert "first sample [1], header says [-127]" in str(verify_record(database, tmp_path, record))
    path.write_bytes(whole[:-2])
    assert "2700" in str(verify_record(database, tmp_path, record))


@pytest.mark.data
def test_the_recordings_at_hand_are_read_as_published(data_dir: Path) -> None:
    corpus = open_corpus("cinc2017", data_dir)
    records = corpus.split("all").train
    corpus.require(records, "test")
    counts = {label: list(corpus.rhythms.values()).count(label) for label in "NAO~"}
    assert counts == {"N": 893, "A": 133, "O": 425, "~": 49}
    recording = corpus.read("A00009", ["ECG"])
    assert recording.n_times == 9000
    assert recording.data[0, 0] == pytest.approx(0.051)
    assert corpus.rhythms["A00009"] == "A"

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biosig.errors import RecordError
from biosig.records import read, read_bids

Write = Callable[..., Path]
CHANNELS = (
    "name\ttype\tunits\tstatus\nEEG Fp1\tEEG\tuV\tgood\nT7\tEEG\tmV\tbad\nX9\tECG\tuV\tgood\nSpO2\tMISC\t%\tgood\n"
)


@pytest.fixture
def dataset(tmp_path: Path, edf_bytes: Callable[..., bytes], edf_column: Any) -> Path:
    """Two subjects of one recording each; one channel has no unit in the file."""
    values = np.arange(-4, 4).reshape(2, 4) * 10
    units = {"EEG Fp1-Ref": "uV", "EEG T3": "", "X9": "uV", "SpO2": "%"}
    content = edf_bytes(
        [edf_column(label, values, unit) for label, unit in units.items()],
        timed=[b"+0\x14\x14\0+0.5\x14in the file\x14\0", b"+1\x14\x14\0"],
    )
    for subject in ("sub-01", "sub-02"):
        folder = tmp_path / "set" / subject / "eeg"
        folder.mkdir(parents=True)
        (folder / f"{subject}_task-rest_eeg.edf").write_bytes(content)
    root = tmp_path / "set"
    (root / "participants.tsv").write_text("participant_id\tage\tgroup\nsub-02\tn/a\tcontrol\nsub-01\t33\tepilepsy\n")
    (root / "sub-01/eeg/sub-01_task-rest_channels.tsv").write_text(CHANNELS)
    return root


def rest(dataset: Path, subject: str = "sub-01", ending: str = "eeg.edf") -> Path:
    return dataset / subject / "eeg" / f"{subject}_task-rest_{ending}"


def test_the_subject_and_what_is_known_of_it_come_with_the_recording(dataset: Path) -> None:
    recording = read(rest(dataset))
    assert recording.subject == "sub-01"
    assert recording.comments[-3:] == ("age: 33", "group: epilepsy", "marked bad: T3")
    assert read(rest(dataset, "sub-02")).comments[-1] == "group: control"


def test_a_unit_that_the_file_lacks_is_that_of_the_table(dataset: Path) -> None:
    recording = read(rest(dataset))
    digital = np.arange(-4, 4)
    assert recording.layout.channels == ("Fp1", "T3", "X9", "SpO2")
    assert recording.layout.units == ("uV", "uV", "mV", "%")
    # One digital unit is 0.1 of the file's unit; the second channel's are mV by the table, the third is ECG in mV.
    for row, factor in enumerate((1, 1000, 1e-3, 1)):
        assert np.allclose(recording.data[row], digital * factor)
    chosen = read(rest(dataset), channels=["T7", "Fp1"])
    assert np.array_equal(chosen.data, recording.data[[1, 0]])
    assert np.array_equal(recording.pick(["X9"]).data, recording.data[[2]])
    assert np.array_equal(recording.samples.read(2, 5), recording.data[:, 2:5])
    assert read(rest(dataset, "sub-02")).layout.units == ("uV", "uncalibrated", "uV", "%")


@pytest.mark.parametrize("unit", ["µV", "microV", "μV", "n/a"])
def test_one_unit_written_in_two_ways_is_no_contradiction(dataset: Path, unit: str) -> None:
    rest(dataset, ending="channels.tsv").write_text(CHANNELS.replace("\tuV\t", f"\t{unit}\t"), encoding="utf-8")
    assert read(rest(dataset)).layout.units[0] == "uV"


def test_a_table_that_contradicts_the_file_is_refused(dataset: Path) -> None:
    rest(dataset, ending="channels.tsv").write_text(CHANNELS.replace("Fp1\tEEG\tuV", "Fp1\tEEG\tV"))
    with pytest.raises(
        RecordError, match=r"EEG Fp1: expected the unit that the recording states, uV, found V; correct"
    ):
        read(rest(dataset))
    rates = "name\ttype\tunits\tsampling_frequency\nEEG Fp1\tEEG\tuV\t{}\n"
    rest(dataset, ending="channels.tsv").write_text(rates.format("500"))
    with pytest.raises(
        RecordError, match=r"EEG Fp1: expected a sampling_frequency of 4, as the recording has, found 500"
    ):
        read(rest(dataset))
    rest(dataset, ending="channels.tsv").write_text(rates.format("4.001"))
    assert read(rest(dataset)).fs == 4


def test_events_take_the_place_of_annotations_in_the_file(dataset: Path) -> None:
    assert read(rest(dataset)).annotations.label == ("in the file",)
    rest(dataset, ending="events.tsv").write_text(
        "\ufeffonset\tduration\ttrial_type\tvalue\n1.5\t0.25\tseizure\t7\n0.5\tn/a\tn/a\t3\nn/a\t1\tlost\t1\n1.75\t0\tn/a\tn/a\n",
        encoding="utf-8",
    )
    marks = read(rest(dataset)).annotations
    assert marks.label == ("3", "seizure", "event")
    assert marks.aux == ("", "7", "")
    assert (marks.onset_s.tolist(), marks.duration_s.tolist()) == ([0.5, 1.5, 1.75], [0, 0.25, 0])


def test_the_nearest_table_counts_and_the_most_specific_there(dataset: Path) -> None:
    (dataset / "task-rest_events.tsv").write_text("onset\tduration\ttrial_type\n0\t1\tfar\n")
    (dataset / "task-other_events.tsv").write_text("onset\tduration\ttrial_type\n0\t1\tother\n")
    assert read(rest(dataset, "sub-02")).annotations.label == ("far",)
    (dataset / "sub-02/sub-02_events.tsv").write_text("onset\tduration\ttrial_type\n0\t1\tnear\n")
    (dataset / "sub-02/sub-02_task-rest_events.tsv").write_text("onset\tduration\ttrial_type\n0\t1\tspecific\n")
    assert read(rest(dataset, "sub-02")).annotations.label == ("specific",)
    assert read(rest(dataset, "sub-01")).annotations.label == ("far",)


@pytest.mark.parametrize(
    ("ending", "content", "message"),
    [
        ("channels.tsv", "name\ttype\nFp1\tEEG\n", r"channels\.tsv: expected a column units, found name, type"),
        (
            "channels.tsv",
            "name\ttype\tunits\nFp1\tEEG\n",
            r"channels\.tsv: line 2: expected 3 cells between tabs, found 2",
        ),
        ("events.tsv", "onset\tduration\n1,5\t0\n", r"events\.tsv: onset 1,5: expected onset in s as a number"),
        ("events.tsv", "onset\tduration\n1.5\t-1\n", r"expected duration in s as a number from 0 .*, found '-1'"),
        ("events.tsv", "time\n1\n", r"events\.tsv: expected a column onset, found time"),
        ("events.tsv", "onset\n\udcff\n", r"events\.tsv: expected a table in UTF-8"),
        ("events.tsv", "", r"events\.tsv: expected at least one byte"),
    ],
)
def test_a_damaged_table_is_refused(dataset: Path, ending: str, content: str, message: str) -> None:
    rest(dataset, ending=ending).write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(RecordError, match=message):
        read(rest(dataset))


def test_a_folder_is_read_as_its_recordings(dataset: Path) -> None:
    assert [recording.subject for recording in read_bids(dataset)] == ["sub-01", "sub-02"]
    assert read_bids(dataset, channels=["Fp1"])[1].layout.channels == ("Fp1",)
    assert read(dataset / "sub-02").subject == "sub-02"
    with pytest.raises(
        RecordError, match=r"expected one recording in the folder .*, found 2: sub-01_task-rest_eeg.edf"
    ):
        read(dataset)
    (dataset / "empty").mkdir()
    for opened in (read, read_bids):
        with pytest.raises(RecordError, match=r"empty: expected .*, found none"):
            opened(dataset / "empty")


@pytest.mark.data
def test_the_guinea_bissau_recordings_know_their_group(data_dir: Path) -> None:
    folder = data_dir / "guinea_bissau_eeg"
    recordings = read_bids(folder, channels=["AF3", "T3"])
    groups = [comment for one in recordings for comment in one.comments if comment.startswith("group: ")]
    assert len(recordings) == len({one.subject for one in recordings}) == len(groups)
    assert set(groups) == {"group: epilepsy", "group: control"}
    assert {label for one in recordings for label in one.annotations.label} >= {"eyes closed", "eyes open"}

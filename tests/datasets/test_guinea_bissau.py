"""Guinea-Bissau as a BIDS folder: groups from its table, eyes from its annotations."""

from pathlib import Path

import numpy as np
import pytest
from edfio import Edf, EdfAnnotation, EdfSignal

from biosig.datasets.fetch import fetch, verify
from biosig.datasets.guinea_bissau import GuineaBissau
from biosig.errors import DatasetError
from biosig.recipe import load_recipe
from biosig.windows.slide import Slide
from biosig.windows.stream import cut_recording

CLOSED_FIRST, OPEN_FIRST = "closed-3min-then-open-2min", "open-3min-then-closed-2min"
HEAD = "participant_id\tgroup\teyes_condition\tremarks\tduration_s\n"
CHANNELS = load_recipe("eeg-epilepsy").data.channels


def write_person(folder: Path, name: str) -> None:
    """Forty seconds, eyes closed for the first half."""
    place = folder / name / "eeg"
    place.mkdir(parents=True)
    rng = np.random.default_rng(0)
    signals = [
        EdfSignal(rng.normal(4200, 20, 40 * 128), 128, label=f"EEG {c}", physical_dimension="uV") for c in CHANNELS
    ]
    notes = [EdfAnnotation(0, 20, "eyes closed"), EdfAnnotation(20, 20, "eyes open")]
    Edf(signals, annotations=notes).write(place / f"{name}_task-rest_eeg.edf")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        f"sub-01\tepilepsy\t{CLOSED_FIRST}\tn/a\t40.0",
        f"sub-02\tcontrol\t{OPEN_FIRST}\tn/a\t40.0",
        f"sub-03\tcontrol\t{CLOSED_FIRST}\tn/a\t40.0",
    ]
    (tmp_path / "participants.tsv").write_text(HEAD + "\n".join(rows) + "\n")
    for name in ("sub-01", "sub-02"):
        write_person(tmp_path, name)
    return tmp_path


def test_the_group_is_everywhere_and_the_eyes_where_they_are_annotated(folder: Path) -> None:
    corpus = GuineaBissau.open(folder)
    recording = corpus.read("sub-01", CHANNELS)
    assert (recording.subject, recording.layout.unit) == ("guinea_bissau_eeg-01", "uV")
    windows = cut_recording(recording, load_recipe("eeg-epilepsy").chain, Slide(4.0, 4.0))
    assert corpus.label(recording, windows, ["control", "epilepsy"]).tolist() == [1] * len(windows)
    eyes = corpus.label(recording, windows, ["eyes closed", "eyes open"])
    assert eyes.tolist() == [0] * 5 + [1] * 5


def test_splits_hold_who_is_there_and_say_so(folder: Path) -> None:
    corpus = GuineaBissau.open(folder)
    assert corpus.split("all").train == ("sub-01", "sub-02")
    assert "2 of the 97 people" in corpus.split("all").note
    assert corpus.split("closed-first").train == ("sub-01",)
    assert "Without 1 controls" in corpus.split("closed-first").note


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("participant_id\tgroup\n", "needs a column eyes_condition"),
        (HEAD + f"sub-01\tasthma\t{CLOSED_FIRST}\tn/a\t1\n", "line 2 must hold participant_id"),
        (HEAD + "sub-01\tcontrol\n", "line 2 must hold participant_id"),
    ],
)
def test_a_damaged_table_is_named(tmp_path: Path, table: str, said: str) -> None:
    (tmp_path / "participants.tsv").write_text(table)
    with pytest.raises(DatasetError, match=said):
        GuineaBissau.open(tmp_path).split("all")


def test_what_biosig_cannot_fetch_it_says_how_to_make_and_checks(folder: Path, tmp_path_factory) -> None:
    said: list[str] = []
    with pytest.raises(DatasetError, match=r"cannot be fetched by biosig; download it from .*zenodo\.1252141"):
        fetch("guinea_bissau_eeg", tmp_path_factory.mktemp("empty"), say=said.append)
    fetch("guinea_bissau_eeg", folder, say=said.append)
    assert "2 recordings of Epilepsy and controls" in said[-1]
    (folder / "sub-02" / "eeg" / "sub-02_task-rest_eeg.edf").write_bytes(b"0" * 300)
    with pytest.raises(DatasetError, match=r"sub-02_task-rest_eeg\.edf"):
        verify("guinea_bissau_eeg", folder, say=said.append)


@pytest.mark.data
def test_the_people_at_hand(data_dir: Path) -> None:
    corpus = GuineaBissau.open(data_dir)
    split = corpus.split("all")
    groups = [corpus.people[record]["group"] for record in split.train]
    assert (groups.count("epilepsy"), groups.count("control")) == (20, 20)
    assert len(corpus.split("closed-first").train) == 37

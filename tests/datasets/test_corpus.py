"""What every database of the registry promises; a new line in DATASETS is tested for free."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from biosig.datasets.corpus import Corpus
from biosig.datasets.mitbih import SAMPLE, MitBih
from biosig.datasets.registry import DATASETS, open_corpus
from biosig.datasets.splits import check_disjoint
from biosig.errors import DatasetError, RecordError
from biosig.recipe import load_recipe


def test_a_record_is_a_wfdb_header_unless_a_database_says_otherwise():
    corpus = MitBih(SAMPLE, is_sample=True)
    assert corpus.path_of("118") == SAMPLE / "118.hea"
    assert corpus.has("118")
    assert not corpus.has("999")


def test_a_database_may_keep_its_records_elsewhere(tmp_path: Path):
    @dataclass(frozen=True)
    class Nested(MitBih):
        def path_of(self, record: str) -> Path:
            return self.folder / record / f"{record}.hea"

    corpus: Corpus = Nested(tmp_path)
    (tmp_path / "118").mkdir()
    for file in SAMPLE.glob("118.*"):
        (tmp_path / "118" / file.name).write_bytes(file.read_bytes())
    assert corpus.has("118")
    recording = corpus.read("118", ["MLII"])
    assert (recording.name, recording.subject) == ("mitdb/118", "mitdb-118")
    assert recording.layout.channels == ("MLII",)


def test_a_missing_channel_is_named():
    with pytest.raises(RecordError, match="lead 'V9'"):
        MitBih(SAMPLE, is_sample=True).read("118", ["V9"])


WRITTEN = {"sleep-edf": "sleep_edf_folder", "chbmit": "chbmit_folder"}
"""Databases that tests write in their published layout."""


@pytest.fixture
def corpus(name: str, request: pytest.FixtureRequest) -> Corpus:
    """The named database where it can be had without asking anyone: written, its sample, or what BIOSIG_DATA holds."""
    if name in WRITTEN:
        return open_corpus(name, request.getfixturevalue(WRITTEN[name]))
    try:
        return open_corpus(name)
    except DatasetError:
        pytest.skip(f"no sample of {name} ships, and BIOSIG_DATA has none")


@pytest.mark.parametrize("name", DATASETS)
def test_no_subject_stands_in_two_parts(corpus: Corpus) -> None:
    for split, parts in corpus.splits().items():
        if parts.train == parts.test or split == "de-chazal":
            continue  # all there is, or as published with one person on both sides; each says so in its note
        held_out = parts.test if parts.test != parts.validation else ()
        check_disjoint(
            {
                part: [corpus.subject_of(record) for record in records]
                for part, records in (("train", parts.train), ("validation", parts.validation), ("test", held_out))
            }
        )


RECIPES = {
    "mitbih": "ecg",
    "eegmat": "eeg",
    "guinea_bissau": "eeg-epilepsy",
    "eegmmidb": "eeg-motor",
    "sleep-edf": "eeg-sleep",
    "chbmit": "eeg-seizure",
}


@pytest.mark.parametrize("name", DATASETS)
def test_records_have_their_subject_name_and_sane_units(name: str, corpus: Corpus) -> None:
    if name not in RECIPES:
        pytest.skip(f"no shipped recipe reads {name}")
    data = load_recipe(RECIPES[name]).data
    record = next(record for record in corpus.split(data.split).train if corpus.has(record))
    recording = corpus.read(record, data.channels)
    assert recording.name == f"{corpus.name}/{record}"
    assert recording.subject == corpus.subject_of(record)
    assert recording.layout.channels == data.channels
    assert recording.layout.unit == data.unit
    spread = np.nanstd(recording.crop(0, 30).data - np.nanmean(recording.crop(0, 30).data, axis=1, keepdims=True))
    assert {"mV": 0.02, "uV": 2.0}[data.unit] < spread < {"mV": 5.0, "uV": 2000.0}[data.unit]

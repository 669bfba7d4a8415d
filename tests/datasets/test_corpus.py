"""What every database of the registry promises; a new line in DATASETS is tested for free."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from biosig.datasets.corpus import Corpus
from biosig.datasets.mitbih import SAMPLE, MitBih
from biosig.errors import RecordError


def test_a_record_is_a_wfdb_header_unless_a_database_says_otherwise():
    corpus = MitBih.open(None)
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
        MitBih.open(None).read("118", ["V9"])

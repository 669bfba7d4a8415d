"""EDF+ files of annotations: what EDF+ demands, and what cannot be said in it."""

from datetime import datetime

import mne
import numpy as np
import pytest

import biosig
from biosig.records.edf_writing import write_edf_annotations
from biosig.records.recording import Annotations


def marks(onset_s=(0.0, 1.5), label=("N", "V"), aux=("", "")):
    n = len(onset_s)
    return Annotations(np.array(onset_s), np.zeros(n), label, aux, np.full(n, -1, dtype=np.int64))


def test_unprintable_characters_do_not_break_the_lists(tmp_path):
    path = write_edf_annotations(tmp_path / "a.edf", marks(label=("a\x14b", "\x00"), aux=("", "two\nlines\x15")))
    assert biosig.read(path).annotations.label == ("a b", ": two lines")


def test_text_in_any_language_is_kept(tmp_path):
    path = write_edf_annotations(tmp_path / "a.edf", marks(label=("Vorhofflimmern ≥ 30 s", "心室細動")))
    assert mne.read_annotations(path).description.tolist() == ["Vorhofflimmern ≥ 30 s", "心室細動"]


def test_header_has_the_patient_in_printable_ascii(tmp_path):
    path = write_edf_annotations(tmp_path / "a.edf", marks(), subject="Bett 3, Öst")
    assert path.read_bytes()[8:88].decode("ascii").split()[0] == "Bett_3,__st"
    assert biosig.read(path).subject == "Bett_3,__st"


@pytest.mark.parametrize("start", [None, datetime(1905, 1, 1), datetime(2199, 1, 1)])
def test_a_start_that_cannot_be_said_is_unknown(tmp_path, start):
    path = write_edf_annotations(tmp_path / "a.edf", marks(), start=start)
    assert b"Startdate X X" in path.read_bytes()[88:168]
    assert biosig.read(path).start is None


@pytest.mark.parametrize("wrong", [marks((), (), ()), marks((-0.5, 1.0))])
def test_what_the_format_cannot_say_is_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="EDF\\+ needs one mark or more, none before 0 s"):
        write_edf_annotations(tmp_path / "a.edf", wrong)
    assert not list(tmp_path.iterdir())

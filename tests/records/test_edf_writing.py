"""EDF+ files of annotations: what EDF+ demands, and what cannot be said in it."""

from datetime import datetime
from itertools import pairwise

import mne
import numpy as np
import pyedflib
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


def many(n):
    draw = np.random.default_rng(0)
    onset_s = np.cumsum(draw.integers(0, 2_000_000, n)) / 1e6
    label = tuple(f"mark {number}" for number in draw.integers(1000, size=n))
    return Annotations(onset_s, draw.integers(2, size=n) * 1.5, label, ("",) * n, np.full(n, -1, dtype=np.int64))


@pytest.mark.parametrize("start", [None, datetime(2021, 3, 4, 5, 6, 7, 250_000)])
def test_many_marks_are_read_back_from_several_data_records(tmp_path, start):
    whole = many(9000)
    path = write_edf_annotations(tmp_path / "a.edf", whole, start=start)
    header = path.read_bytes()[:512]
    n_records, n_samples = int(header[236:244]), int(header[472:480])
    assert n_records > 3
    assert path.stat().st_size == 512 + n_records * n_samples * 2
    found = biosig.read(path)
    assert found.start == start
    np.testing.assert_allclose(found.annotations.onset_s, whole.onset_s, atol=1e-9)
    assert found.annotations.label == whole.label
    by_mne = mne.read_annotations(path)
    assert by_mne.description.tolist() == list(whole.label)
    np.testing.assert_allclose(by_mne.duration, whole.duration_s)
    with pyedflib.EdfReader(str(path)) as file:
        onset_s, duration_s, text = file.readAnnotations()
    np.testing.assert_allclose(onset_s, whole.onset_s, atol=1e-6)
    np.testing.assert_allclose(np.maximum(duration_s, 0.0), whole.duration_s)
    assert text.tolist() == list(whole.label)


def test_marks_can_come_in_pieces(tmp_path):
    whole = many(9000)
    edges = [0, 10, 10, 5000, 9000]
    pieces = (whole.where((np.arange(9000) >= a) & (np.arange(9000) < b)) for a, b in pairwise(edges))
    once = write_edf_annotations(tmp_path / "once.edf", whole)
    assert write_edf_annotations(tmp_path / "pieces.edf", pieces).read_bytes() == once.read_bytes()


def test_a_text_that_no_data_record_holds_is_refused(tmp_path):
    with pytest.raises(ValueError, match="a mark has 70007 bytes, a data record 61440: xxx"):
        write_edf_annotations(tmp_path / "a.edf", marks(label=("N", "x" * 70_000)))
    assert not list(tmp_path.iterdir())

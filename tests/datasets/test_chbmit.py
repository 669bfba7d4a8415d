"""CHB-MIT: summaries, changing montages and who is who, on files in the published layout."""

import shutil

import numpy as np
import pytest

from biosig.datasets.chbmit import MONTAGE, read_summary
from biosig.datasets.registry import open_corpus
from biosig.errors import DatasetError, RecordError
from biosig.records.reading import read
from biosig.signal.montage import DOUBLE_BANANA
from biosig.signal.stream import Chain
from biosig.windows.slide import Slide
from biosig.windows.stream import cut_recording

SUMMARY = """File Name: chb09_06.edf
File Start Time: 10:18:27
File End Time: 14:18:34
Number of Seizures in File: 1
Seizure 1 Start Time: 12231 seconds
Seizure 1 End Time: 12295 seconds

File Name: chb09_08.edf
File Start Time: 20:22:09
File End Time: 24:22:17
Number of Seizures in File: 2
Seizure 1 Start Time: 2951 seconds
Seizure 1 End Time: 3030 seconds
Seizure 2 Start Time: 9196 seconds
Seizure 1 End Time: 9267 seconds

Channels changed:
*****************
Channel 1: FP1-F7

File Name: chb09_09.edf
Number of Seizures in File: 0
"""


def renamed(path, old: str, new: str) -> None:
    """Another label in the header of an EDF file."""
    content = path.read_bytes()
    path.write_bytes(content.replace(old.encode().ljust(16), new.encode().ljust(16), 1))


@pytest.fixture
def case_one(chbmit_folder, tmp_path):
    shutil.copytree(chbmit_folder / "chb01", tmp_path / "chb01")
    return tmp_path


def test_seizures_pair_in_order_whatever_number_the_summary_prints(tmp_path):
    # chb09_08 really says "Seizure 1 End Time" twice, and ends at 24:22:17.
    path = tmp_path / "chb09-summary.txt"
    path.write_text(SUMMARY)
    found = read_summary(path)
    assert {name: spans.tolist() for name, spans in found.items()} == {
        "chb09_06": [[12231, 12295]],
        "chb09_08": [[2951, 3030], [9196, 9267]],
        "chb09_09": [],
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("in File: 2", "in File: 3", "expected 3 seizures of chb09_08.edf, .* found start 2951 s, end 3030 s, start"),
        ("Seizure 1 End Time: 3030 seconds\n", "", "each with its start and end, found start 2951 s, start 9196 s"),
        ("End Time: 3030", "End Time: 2030", "a seizure of chb09_08.edf ends before it starts"),
    ],
)
def test_a_summary_that_contradicts_itself_is_refused(tmp_path, old, new, message):
    path = tmp_path / "chb09-summary.txt"
    path.write_text(SUMMARY.replace(old, new))
    with pytest.raises(DatasetError, match=message):
        read_summary(path)


def test_case_21_is_the_subject_of_case_1_and_tests_with_nobody(chbmit_folder):
    corpus = open_corpus("chbmit", chbmit_folder)
    assert corpus.subject_of("chb21_19") == corpus.subject_of("chb01_03") == "chbmit-01"
    assert corpus.subject_of("chb17a_03") == corpus.subject_of("chb17b_57") == "chbmit-17"
    split = corpus.split("subjects")
    assert split.train == ("chb01_03", "chb02_16+", "chb17a_03", "chb21_19")
    assert split.test == ("chb05_06", "chb05_07")
    assert corpus.split("all-records").train == ("chb01_03", "chb01_04", "chb02_16+", "chb17a_03", "chb21_19")
    assert "one person" in split.note


def test_channels_come_by_name_and_the_first_of_the_two_t8_p8(chbmit_folder):
    path = chbmit_folder / "chb01" / "chb01_03.edf"
    stored = read(path)
    recording = open_corpus("chbmit", chbmit_folder).read("chb01_03", MONTAGE)
    assert set(MONTAGE) == {f"{first}-{second}" for first, second in DOUBLE_BANANA}
    assert recording.layout.channels == MONTAGE
    assert recording.layout.units == ("uV",) * 18
    row = stored.layout.channels.index("T8-P8")
    assert row == 14
    assert stored.layout.channels[22] == "T8-P8 (2)"
    np.testing.assert_array_equal(recording.data[MONTAGE.index("T8-P8")], stored.data[row])
    np.testing.assert_array_equal(recording.chunks(7).__next__(), recording.data[:, : 7 * 256])


def test_a_montage_that_changes_between_files_changes_nothing(case_one):
    path = case_one / "chb01" / "chb01_03.edf"
    before = open_corpus("chbmit", case_one).read("chb01_03", MONTAGE).data
    renamed(path, "T7-FT9", "-")
    renamed(path, "FT9-FT10", "VNS")
    renamed(path, "FT10-T8", "ECG")
    np.testing.assert_array_equal(open_corpus("chbmit", case_one).read("chb01_03", MONTAGE).data, before)


def test_derivations_are_made_of_electrodes_where_a_file_holds_those(case_one):
    # chb12_27 holds electrodes against CS2, chb12_28 and chb12_29 bare ones, O1 written with a digit.
    path = case_one / "chb01" / "chb01_03.edf"
    stored = read(path).data
    for old, new in (("FP1-F7", "FP1-CS2"), ("F7-T7", "F7-CS2"), ("T7-P7", "P7"), ("P7-O1", "01")):
        renamed(path, old, new)
    recording = open_corpus("chbmit", case_one).read("chb01_03", ["Fp1-F7", "P7-O1", "F3-C3"])
    np.testing.assert_allclose(recording.data[0], stored[0] - stored[1], atol=1e-3)
    np.testing.assert_allclose(recording.data[1], stored[2] - stored[3], atol=1e-3)
    np.testing.assert_array_equal(recording.data[2], stored[5])
    with pytest.raises(RecordError, match="neither 'T7-P7' nor both its electrodes found, has FP1-CS2"):
        open_corpus("chbmit", case_one).read("chb01_03", ["T7-P7"])


def test_seizures_are_marks_and_windows_half_in_one_are_seizure(chbmit_folder):
    corpus = open_corpus("chbmit", chbmit_folder)
    recording = corpus.read("chb02_16+", ["Fp1-F7"])
    marks = recording.annotations
    assert list(zip(marks.onset_s, marks.duration_s, marks.label, strict=True)) == [
        (30.0, 30.0, "seizure"),
        (160.0, 40.0, "seizure"),
    ]
    windows = cut_recording(recording, Chain(()), Slide(8.0, 2.0))
    label = corpus.label(recording, windows, ["background", "seizure"])
    by_onset = dict(zip(windows.onset_s.tolist(), label.tolist(), strict=True))
    assert [by_onset[at] for at in (20, 22, 24, 26, 28, 52, 56, 58, 60)] == [0, 0, -1, 1, 1, 1, 1, -1, 0]


def test_a_file_that_no_summary_speaks_of_is_refused(case_one):
    shutil.copy(case_one / "chb01" / "chb01_03.edf", case_one / "chb01" / "chb01_99.edf")
    with pytest.raises(DatasetError, match=r"chb01-summary.txt: says nothing of chb01_99.edf; fetch"):
        open_corpus("chbmit", case_one).read("chb01_99", MONTAGE)
    (case_one / "chb01" / "chb01-summary.txt").rename(case_one / "chb01" / "chb02-summary.txt")
    with pytest.raises(DatasetError, match=r"chb01-summary.txt: missing, needed for chb01_99.edf"):
        open_corpus("chbmit", case_one).read("chb01_99", MONTAGE)

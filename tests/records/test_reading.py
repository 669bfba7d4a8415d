import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from biosig.errors import RecordError
from biosig.records import Annotations, read, write_annotations


def test_a_record_is_found_by_its_name_its_header_or_its_signal_file(write_record: Callable[..., Path]) -> None:
    path = write_record(np.arange(6).reshape(-1, 2), 16, "100")
    for given in (path, str(path), path.with_suffix(".hea"), path.with_suffix(".dat")):
        assert read(given).name.endswith("/100")


def test_a_mat_file_is_read_through_the_header_beside_it(tmp_path: Path) -> None:
    # A MATLAB 4 matrix as the CinC challenges store it: 20 bytes of header, the name "val" with its null, int16.
    head = np.array([30, 2, 5, 0, 4], dtype="<i4").tobytes() + b"val\0"
    (tmp_path / "A1.mat").write_bytes(head + np.arange(10, dtype="<i2").tobytes())
    (tmp_path / "A1.hea").write_text("A1 2 300 5\nA1.mat 16+24 10/mV 16 0 0 0 0 I\nA1.mat 16+24 10/mV 16 0 1 0 0 II\n")
    assert np.allclose(read(tmp_path / "A1.mat").data, [np.arange(0, 10, 2) / 10, np.arange(1, 10, 2) / 10])
    (tmp_path / "B1.mat").write_bytes(head)
    with pytest.raises(RecordError, match=r"B1\.hea: expected a readable file, found No such file"):
        read(tmp_path / "B1.mat")


def test_a_record_name_may_hold_a_dot(write_record: Callable[..., Path]) -> None:
    path = write_record(np.arange(4).reshape(-1, 1), 16)
    path.with_suffix(".hea").rename(path.with_name("v1.2.hea"))
    assert read(path.with_name("v1.2")).n_times == 4


@pytest.mark.parametrize("name", ["none", "none.hea", "none.dat", "none.xyz", "x" * 300, "a\0b", "a\0b.hea"])
def test_what_is_not_there_or_not_known_ends_in_a_record_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecordError, match=r"expected .*, found"):
        read(tmp_path / name)


def test_reference_marks_come_with_the_record_and_others_when_named(write_record: Callable[..., Path]) -> None:
    path = write_record(np.arange(100).reshape(-1, 1), 16)
    assert len(read(path).annotations) == 0
    beats = Annotations.at(np.array([0.1, 0.2]), ["N", "V"])
    write_annotations(path.parent, "r", beats, fs=250, annotator="atr")
    write_annotations(path.parent, "r", beats.where(np.array([True, False])), fs=250, annotator="qrs")
    assert read(path).annotations.label == ("N", "V")
    assert read(path, annotator="qrs").annotations.label == ("N",)
    with pytest.raises(RecordError, match=r"r\.ann: expected a readable file"):
        read(path, annotator="ann")
    with pytest.raises(ValueError, match="annotator must be a file suffix"):
        read(path, annotator="../../etc/passwd")


def test_marks_behind_a_link_out_of_the_folder_are_refused(write_record: Callable[..., Path], tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    path = write_record(np.arange(10).reshape(-1, 1), 16)
    for suffix in (".hea", ".dat"):
        path.with_suffix(suffix).rename(home / f"r{suffix}")
    (home / "r.atr").symlink_to("/etc/passwd")
    with pytest.raises(RecordError, match="a link to"):
        read(home / "r")


def test_opening_records_imports_neither_wfdb_nor_mne_nor_pandas() -> None:
    heavy = "{'wfdb', 'mne', 'pandas', 'torch', 'scipy'}"
    code = f"import sys, biosig.records; sys.stdout.write(str({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"set()"

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_matrix

from biosig.errors import RecordError
from biosig.records.mne_guard import check_fif, check_mat

VARIABLES: dict[str, Any] = {
    "numbers": np.arange(6.0).reshape(2, 3),
    "complex": np.array([1 + 2j]),
    "text": "Fp1",
    "none": np.zeros((0, 0)),
    "no_text": "",
    "structure": {"a": 1, "deeper": {"b": "c"}},
    "structures": np.array([(1, "x"), (2, "y")], dtype=[("n", object), ("s", object)]),
    "cell": np.array([1, "two", np.array([3.0])], dtype=object),
    "sparse": csc_matrix(np.eye(3)),
    "flags": np.array([True, False]),
}


@pytest.mark.parametrize("packed", [False, True])
def test_whole_matlab_files_pass(tmp_path: Path, packed: bool) -> None:
    savemat(tmp_path / "r.set", VARIABLES, do_compression=packed)
    check_mat(tmp_path / "r.set")


def test_hdf5_is_left_to_its_own_library(tmp_path: Path) -> None:
    (tmp_path / "r.set").write_bytes(b"MATLAB 7.3 MAT-file".ljust(512))
    check_mat(tmp_path / "r.set")


@pytest.mark.parametrize("packed", [False, True])
def test_a_matlab_file_cut_short_is_refused(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "r.set"
    savemat(path, {"numbers": np.arange(1000.0)}, do_compression=packed)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(
        RecordError, match=r"r\.set: byte 128: expected an element inside the one around it, found some"
    ):
        check_mat(path)


def test_sizes_that_do_not_fit_the_numbers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.set"
    savemat(path, {"numbers": np.arange(4.0).reshape(1, 4)})
    content = bytearray(path.read_bytes())
    place = content.index(struct.pack("<ii", 1, 4))
    content[place : place + 8] = struct.pack("<ii", 1, 4000)
    path.write_bytes(content)
    with pytest.raises(RecordError, match=r"expected as many numbers as the sizes say, found something else"):
        check_mat(path)


def tag(kind: int, size: int, following: int) -> bytes:
    return struct.pack(">iiii", kind, 3, size, following)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            tag(100, 4, 0) + bytes(4) + tag(106, 0, 20),
            r"byte 20: expected a tag that is followed by a later one, found 20",
        ),
        (tag(100, 4, 0) + bytes(4) + tag(106, 0, -7), r"byte 20: expected a tag that is followed by a later one"),
        (tag(100, 4, 0) + bytes(4) + tag(106, -9, 0), r"byte 20: expected a tag that lies inside the file, found -9"),
        (tag(100, 400, 0), r"byte 0: expected a tag that lies inside the file, found 400 bytes"),
        (tag(7, 0, 0), r"byte 0: expected a tag"),
        (b"x", r"expected a FIF file, found 1 bytes"),
    ],
)
def test_fif_tags_that_do_not_lead_to_the_end_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "r.fif").write_bytes(content)
    with pytest.raises(RecordError, match=message):
        check_fif(tmp_path / "r.fif")


def test_fif_tags_that_follow_each_other_pass(tmp_path: Path) -> None:
    (tmp_path / "r.fif").write_bytes(tag(100, 4, 0) + bytes(4) + tag(106, 2, 40) + bytes(4) + tag(108, 0, -1))
    check_fif(tmp_path / "r.fif")

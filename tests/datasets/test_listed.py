"""Databases with a list of checksums: what is missing, what is damaged, and that fetching checks what it finds."""

import hashlib

import pytest

from biosig.datasets.fetch import PUBLIC, fetch, verify
from biosig.datasets.listed import ListedDatabase
from biosig.datasets.registry import DATASETS
from biosig.errors import DatasetError

DATABASE = ListedDatabase("demo", "Demo", ("S???/*.edf",), "ODC-By")


@pytest.fixture
def folder(tmp_path):
    lines = []
    for name in ("S001/S001R01.edf", "S001/S001R02.edf", "README.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode())
        lines.append(f"{hashlib.sha256(name.encode()).hexdigest()} {name}")
    (tmp_path / "SHA256SUMS.txt").write_text("\n".join(lines))
    return tmp_path


def test_what_is_there_and_whole_needs_no_fetching(folder):
    assert DATABASE.missing(folder) == []
    assert DATABASE.check(folder) == 2


def test_missing_and_changed_files_are_fetched_again_and_only_those_wanted(folder):
    (folder / "S001" / "S001R01.edf").write_bytes(b"half")
    (folder / "README.txt").unlink()
    assert DATABASE.missing(folder) == ["S001/S001R01.edf"]
    with pytest.raises(DatasetError, match=r"S001R01.edf: SHA-256 .*, SHA256SUMS.txt says"):
        DATABASE.check(folder)
    (folder / "S001" / "S001R01.edf").unlink()
    with pytest.raises(DatasetError, match=r"S001R01.edf: missing"):
        DATABASE.check(folder)


def test_a_list_without_the_files_wanted_is_refused(folder, tmp_path):
    (folder / "SHA256SUMS.txt").write_text("an error page\n")
    with pytest.raises(DatasetError, match="expected checksums of S"):
        DATABASE.missing(folder)
    (folder / "SHA256SUMS.txt").unlink()
    with pytest.raises(DatasetError, match="FileNotFoundError"):
        DATABASE.check(folder)


def test_a_whole_folder_is_verified_without_the_network(chbmit_folder, tmp_path):
    import shutil

    shutil.copytree(chbmit_folder, tmp_path, dirs_exist_ok=True)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.relative_to(tmp_path).as_posix()}" for path in files
    ]
    (tmp_path / "SHA256SUMS.txt").write_text("\n".join(sums))
    said: list[str] = []
    assert fetch("chbmit", tmp_path, say=said.append) == tmp_path
    assert len(said) == 1
    assert "12 files of CHB-MIT Scalp EEG Database, whole; Open Data Commons" in said[0]
    verify("chbmit", tmp_path, say=said.append)


def test_databases_of_the_registry_that_are_public_say_where_they_live():
    assert {"eegmmidb", "sleep-edf", "chbmit"} <= PUBLIC.keys() & DATASETS.keys()
    assert PUBLIC["sleep-edf"].address == "https://physionet.org/content/sleep-edfx/"

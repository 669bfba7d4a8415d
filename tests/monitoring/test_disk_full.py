"""A real file system that is full: nothing committed is lost, one line says why, and with room again it goes on."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from biosig.datasets.mitbih import SAMPLE
from biosig.monitoring.store import Store

SIZES_KIB = ("1024", "3072")
"""Of the file system: full after a few commits, and late; store and journal would need 4 MB."""

ALONE = ("unshare", "--user", "--map-root-user", "--mount")


@pytest.fixture
def mounted(tmp_path):
    """A folder to mount a small file system on, in a mount namespace of one's own."""
    folder = tmp_path / "small"
    folder.mkdir()
    if shutil.which(ALONE[0]) is None:
        pytest.skip("needs unshare of util-linux, to mount a small file system")
    tried = alone("mount", "-t", "tmpfs", "-o", "size=64k", "none", folder)
    if tried.returncode:
        pytest.skip(f"needs leave to mount a small file system: {tried.stderr.strip()}")
    return folder


def alone(*arguments):
    return subprocess.run(
        [*ALONE, *map(str, arguments)],
        capture_output=True, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def test_what_was_committed_is_there_and_with_room_the_log_is_that_of_an_unbroken_run(
    mounted, tmp_path, bundle_folder, unbroken, log
):
    script = Path(__file__).with_name("filling.py")
    ended = alone(sys.executable, script, bundle_folder, SAMPLE / "207", 200, 260, mounted, tmp_path, *SIZES_KIB)
    assert ended.returncode == 0, ended.stderr
    lengths = []
    for size in SIZES_KIB:
        found = tmp_path / size
        said = (found / "said").read_text()
        assert "the disk is full; make room" in said
        assert len(said.splitlines()) == 1
        full = Store.in_file(found / "full" / "events.sqlite")
        before = log(full.resume({}), "mitdb/207")
        full.close()
        assert before == unbroken[: len(before)]
        assert len(before) < len(unbroken)
        lengths.append(len(before))
        assert (found / "said after").read_text() == ""
        end = Store.in_file(found / "end" / "events.sqlite")
        assert log(end.resume({}), "mitdb/207") == unbroken
        end.close()
    assert 0 < lengths[0] < lengths[1]


def test_where_not_even_the_first_commit_has_room_the_command_says_so_in_one_line_and_ends_with_2(
    mounted, tmp_path, bundle_folder
):
    command = f'"{sys.executable}" -m biosig monitor "$1" --bundle "$2" --speed max --out "$3/out"'
    script = f'mount -t tmpfs -o size=160k none "$3" && {command}'
    ended = alone("sh", "-c", script, "sh", SAMPLE / "207", bundle_folder, mounted)
    assert ended.returncode == 2, ended.stderr
    wrong = [line for line in ended.stderr.splitlines() if "full" in line]
    assert len(wrong) == 1
    assert wrong[0].startswith("biosig: ")
    assert wrong[0].endswith("--resume goes on from there")
    assert "Traceback" not in ended.stderr

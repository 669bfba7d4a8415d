"""What a user can mend is said in one line, with exit code 2; ``--debug`` shows where it comes from."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from biosig.cli import main
from biosig.datasets.mitbih import SAMPLE
from biosig.errors import RecordError

Command = Callable[..., Any]


@pytest.fixture(autouse=True)
def _no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands see the shipped sample, whatever databases this machine has."""
    monkeypatch.delenv("BIOSIG_DATA", raising=False)


BAD = {
    "unknown recipe": (["train", "eeg-nothing"], "known: chest-xray"),
    "missing recipe file": (["train", "nowhere.toml"], "no such recipe file"),
    "unknown key": (["train", "ecg", "--set", "train.lrr=1"], "did you mean 'lr'?"),
    "unknown part of the recipe": (["train", "ecg", "--set", "trian.lr=1"], "did you mean 'train'?"),
    "setting without a value": (["train", "ecg", "--set", "train.lr"], "key=value"),
    "value of the wrong type": (["train", "ecg", "--set", "train.epochs=many"], "train.epochs"),
    "value out of range": (["train", "ecg", "--set", "train.lr=-1"], "train.lr"),
    "unknown option of the model": (["train", "ecg", "--set", "model.options.cel=gru"], "did you mean 'cell'?"),
    "impossible filter": (["train", "ecg", "--set", "signal.BandPass.low_hz=99"], "low_hz must be below high_hz"),
    "no database there": (["train", "ecg", "--data", "nowhere"], "biosig data get mitdb nowhere"),
    "unknown device": (["train", "ecg", "--device", "tpu"], "auto, cpu or cuda"),
    "no bundle there": (["evaluate", "nowhere"], "no bundle here"),
    "no record there": (["inspect", "nowhere"], "nowhere.hea"),
    "lead that is not there": (["beats", SAMPLE / "106", "--lead", "V9"], "has MLII, V1"),
    "no annotation file": (["bxb", SAMPLE / "106.atr", "nowhere.qrs"], "nowhere.qrs"),
    "record instead of annotations": (["bxb", SAMPLE / "106", SAMPLE / "106.atr"], "106.atr"),
    "unknown database": (["data", "get", "mitdbb", "."], "known: mitdb"),
}


@pytest.mark.parametrize(("words", "expected"), BAD.values(), ids=BAD)
def test_bad_input_is_one_line_and_exit_code_2(
    words: list[object], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = command(*words)
    assert ended.code == 2
    assert ended.out == ""
    assert len(ended.err.splitlines()) == 1
    assert ended.err.startswith("biosig: ")
    assert expected in ended.err


@pytest.mark.parametrize("words", [["--debug", "inspect", "nothing"], ["inspect", "nothing", "--debug"]])
def test_debug_shows_where_an_error_comes_from(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["biosig", *words])
    with pytest.raises(RecordError, match="nothing") as raised:
        main()
    assert {entry.name for entry in raised.traceback} >= {"inspect", "read"}


def test_help_tells_of_debug(command: Command) -> None:
    assert "--debug" in command("--help").out


def test_a_picture_that_cannot_be_written_is_one_line(tmp_path: Path, command: Command) -> None:
    ended = command("inspect", SAMPLE / "106", "--plot", tmp_path / "nowhere" / "106.png")
    assert ended.code == 2
    assert ended.err == f"biosig: {tmp_path / 'nowhere' / '106.png'}: No such file or directory\n"

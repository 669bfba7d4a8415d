"""The benchmark of the chain measures both ways and finds that memory does not grow."""

import json

import pytest
from typer.testing import CliRunner

from biosig.cli import app
from biosig.signal.bench import bench_signal

KEYS = ["channels", "minutes", "biosig_s", "mne_s", "ratio", "biosig_memory_mb", "biosig_memory_early_mb"]


def test_the_command_prints_json_and_memory_does_not_grow() -> None:
    result = CliRunner().invoke(app, ["bench", "signal", "--channels", "4", "--minutes", "2", "--json"])
    assert result.exit_code == 0
    figures = json.loads(result.stdout)
    assert list(figures) == KEYS
    assert figures["ratio"] == pytest.approx(figures["mne_s"] / figures["biosig_s"])
    assert figures["biosig_memory_mb"] < 1.1 * figures["biosig_memory_early_mb"] < 3.0


def test_impossible_amounts_are_refused() -> None:
    with pytest.raises(ValueError, match="channels must be 2 or more"):
        bench_signal(channels=1)

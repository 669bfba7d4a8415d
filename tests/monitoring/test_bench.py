"""The benchmark measures what it says it measures."""

import json

import torch
from typer.testing import CliRunner

from biosig.cli import app
from biosig.monitoring.bench import bench_monitor

KEYS = ["patients", "cores", "real_time_factor", "p50_ms", "p99_ms", "memory_per_patient_mb"]


def test_every_number_of_patients_is_measured_and_each_takes_less_than_a_megabyte():
    threads = torch.get_num_threads()
    rows = bench_monitor((1, 3), seconds=2)
    assert [sorted(row) for row in rows] == [sorted(KEYS)] * 2
    assert [row["patients"] for row in rows] == [1, 3]
    for row in rows:
        assert 0 < row["p50_ms"] <= row["p99_ms"]
        assert row["cores"] > 0
        assert row["real_time_factor"] > 0
        assert 0.01 < row["memory_per_patient_mb"] < 1.0
    assert torch.get_num_threads() == threads


def test_the_command_prints_json():
    result = CliRunner().invoke(app, ["bench", "monitor", "--patients", "2", "--seconds", "1", "--json"])
    assert result.exit_code == 0
    assert list(json.loads(result.stdout)[0]) == KEYS

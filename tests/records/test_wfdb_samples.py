import pickle
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biosig.errors import RecordError
from biosig.records import Recording, read
from biosig.records import wfdb_signal as signal_files
from biosig.records.wfdb_samples import empty_samples

MEASURE = """
import resource, sys
from biosig.records import read
recording = read(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
samples, largest = 0, 0
for chunk in recording.chunks(float(sys.argv[2])):
    samples += chunk.shape[1]
    largest = max(largest, chunk.nbytes)
sys.stdout.write(f"{samples} {largest} {1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)}")
"""


@pytest.fixture
def tangled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recording:
    """A record of everything at once: segments, a gap, several rates, skew, files and formats, in tiny blocks."""
    monkeypatch.setattr(signal_files, "_BLOCK_SAMPLES", 40)
    rng = np.random.default_rng(3)
    for name in ("a", "b"):
        for suffix, storage, width in (("d", "<i2", 6), ("e", "i1", 1)):
            values = rng.integers(-128, 128, size=50 * width)
            (tmp_path / f"{name}.{suffix}").write_bytes(values.astype(storage).tobytes())
        (tmp_path / f"{name}.hea").write_text(
            f"{name} 4 10 50\n{name}.d 16x3:2 100/mV 16 0 0 0 0 I\n{name}.d 16x2 100/mV 16 0 0 0 0 II\n"
            f"{name}.d 16 1/NU 16 0 0 0 0 P\n{name}.e 8 1/mmHg 8 0 3 0 0 ABP\n"
        )
    (tmp_path / "layout.hea").write_text(
        "layout 4 10 0\n~ 0x3 1/mV 16 0 0 0 0 I\n~ 0x2 1/mV 16 0 0 0 0 II\n"
        "~ 0 1/mmHg 8 0 0 0 0 ABP\n~ 0 1/NU 8 0 0 0 0 P\n"
    )
    (tmp_path / "r.hea").write_text("r/4 4 10 117\nlayout 0\na 50\n~ 17\nb 50\n")
    return read(tmp_path / "r")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cuts=st.lists(st.integers(0, 117 * 6), max_size=8))
def test_samples_do_not_depend_on_how_they_are_cut(tangled: Recording, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), tangled.n_times]
    pieces = [tangled.samples.read(start, stop) for start, stop in pairwise(edges)]
    assert np.array_equal(np.concatenate(pieces, axis=1), tangled.data, equal_nan=True)


def test_chunks_put_together_are_the_whole(tangled: Recording) -> None:
    for seconds in (0.05, 0.7, 3.0, 100.0):
        assert np.array_equal(np.concatenate(list(tangled.chunks(seconds)), axis=1), tangled.data, equal_nan=True)


def test_ranges_beyond_the_ends_are_cut_as_slices_are(tangled: Recording) -> None:
    for start, stop in ((-5, None), (700, 10_000), (10_000, 20_000), (50, 40), (3, 3)):
        expected = tangled.data[:, start:stop]
        assert np.array_equal(tangled.samples.read(start, stop or tangled.n_times), expected, equal_nan=True)


def test_picking_rows_keeps_the_grid_and_the_order(tangled: Recording) -> None:
    picked = tangled.pick(["ABP", "I"])
    assert picked.fs == tangled.fs
    assert picked.channel_fs == (10.0, 30.0)
    assert np.array_equal(picked.data, tangled.data[[2, 0]], equal_nan=True)


def test_each_channel_lies_on_the_grid_at_its_own_rate_with_nan_between(tangled: Recording) -> None:
    assert tangled.fs == 60.0  # 3 and 2 samples per frame of 0.1 s meet on 6 points
    assert tangled.channel_fs == (30.0, 20.0, 10.0, 10.0)
    recorded = ~np.isnan(tangled.data)
    first = recorded[:, : 50 * 6].sum(axis=1)
    assert first.tolist() == [48 * 3, 50 * 2, 50, 50]  # I lags two frames: its last two are not in the file
    for row, step in enumerate((2, 3, 6, 6)):
        assert set(np.flatnonzero(recorded[row]) % step) == {0}
    assert not recorded[:, 50 * 6 : 67 * 6].any()  # the gap


def test_a_channel_read_alone_has_its_own_rate(tangled: Recording) -> None:
    assert tangled.path is not None
    for row, (channel, fs) in enumerate((("I", 30.0), ("II", 20.0), ("ABP", 10.0))):
        alone = read(tangled.path, channels=[channel])
        assert (alone.fs, alone.channel_fs) == (fs, ())
        assert np.array_equal(alone.data[0], tangled.data[row, :: round(60 / fs)], equal_nan=True)


def test_rates_without_a_reasonable_common_grid_are_refused_unless_chosen_apart(tmp_path: Path) -> None:
    (tmp_path / "r.dat").write_bytes(bytes(2 * 64 * 2))
    (tmp_path / "r.hea").write_text("r 2 1 2\nr.dat 16x31 1/mV 16 0 0 0 0 A\nr.dat 16x33 1/mV 16 0 0 0 0 B\n")
    with pytest.raises(RecordError, match=r"found 31, 33 samples per frame; read channels of one rate with channels="):
        read(tmp_path / "r")
    assert read(tmp_path / "r", channels=["B"]).fs == 33.0


def test_a_recording_can_be_sent_to_another_process(tangled: Recording) -> None:
    copy = pickle.loads(pickle.dumps(tangled))
    assert np.array_equal(copy.data, tangled.data, equal_nan=True)


def test_asking_for_more_samples_than_memory_ends_in_an_error_that_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "layout.hea").write_text("layout 1 250 0\n~ 0 1/mV 16 0 0 0 0 I\n")
    (tmp_path / "r.hea").write_text("r/2 1 250 1000000000000\nlayout 0\n~ 1000000000000\n")
    recording = read(tmp_path / "r")
    assert np.isnan(recording.samples.read(10**11, 10**11 + 5)).all()
    with pytest.raises(RecordError, match=r"bytes of samples at once, found 4000000000000; .*chunks"):
        _ = recording.data
    assert empty_samples("r", 0, 10**12).shape == (0, 10**12)


@pytest.mark.parametrize("storage", [8, 16, 24, 61, 80, 212, 310, 311])
@pytest.mark.parametrize("seconds", [60, 600])
def test_chunks_need_less_than_three_times_their_own_memory(tmp_path: Path, storage: int, seconds: int) -> None:
    n_frames = 360 * 2000
    (tmp_path / "r.dat").write_bytes(np.random.default_rng(0).bytes(n_frames * 2 * 3))
    lines = "".join(f"r.dat {storage} 200/mV 12 0 0 0 0 L{k}\n" for k in range(2))
    (tmp_path / "r.hea").write_text(f"r 2 360 {n_frames}\n{lines}")
    recording = read(tmp_path / "r")
    largest = 0
    tracemalloc.start()
    for chunk in recording.chunks(seconds):  # the loop holds one chunk while the next one is read
        largest = max(largest, chunk.nbytes)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * largest


@pytest.mark.parametrize("storage", [212, 8])
def test_a_file_larger_than_memory_streams_in_less_than_three_chunks(tmp_path: Path, storage: int) -> None:
    n_frames = 40_000_000  # two channels: 320 MB of samples, read in chunks of 16 MB; the file is sparse
    with (tmp_path / "r.dat").open("wb") as file:
        file.truncate(n_frames * 3 if storage == 212 else n_frames * 2)
    lines = "".join(f"r.dat {storage} 200/mV 12 0 0 0 0 L{k}\n" for k in range(2))
    (tmp_path / "r.hea").write_text(f"r 2 1000 {n_frames}\n{lines}")
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "r"), "2000"]
    samples, largest, grown = map(int, subprocess.run(command, capture_output=True, check=True).stdout.split())
    assert samples == n_frames
    assert largest == 16_000_000
    assert grown < 3 * largest


def test_a_skewed_channel_starts_later_in_its_file_and_ends_in_nan(write_record: Callable[..., Path]) -> None:
    path = write_record(np.arange(-500, 500).reshape(-1, 2), 16)
    header = path.with_suffix(".hea")
    header.write_text(header.read_text().replace("r.dat 16 ", "r.dat 16:400 ", 1))
    data = read(path).data
    assert np.array_equal(data[0, :100], np.arange(300, 500, 2, dtype=np.float32) / 200)
    assert np.isnan(data[0, 100:]).all()
    assert not np.isnan(data[1]).any()

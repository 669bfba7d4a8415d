from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from biosig.errors import RecordError
from biosig.records import read
from biosig.records import wfdb_signal as signal_files
from biosig.records.wfdb_formats import DIFFERENCES, PACKED
from biosig.records.wfdb_signal import Contents, DifferenceFile, FlacFile, PackedFile, open_signal_file


def blocks(file: signal_files.SignalFile, start: int, stop: int) -> np.ndarray:
    return np.concatenate([values for _, values in file.blocks(start, stop)])


@pytest.fixture
def flac(tmp_path: Path) -> Callable[..., Path]:
    """Write ``digital`` (n_times, n_channels) as a FLAC stream."""
    soundfile = pytest.importorskip("soundfile")

    def write(digital: np.ndarray, subtype: str = "PCM_16", name: str = "r.dat") -> Path:
        wide = {"PCM_S8": (np.int16, 8), "PCM_16": (np.int16, 0), "PCM_24": (np.int32, 8)}[subtype]
        soundfile.write(
            tmp_path / name, digital.astype(wide[0]) << wide[1], 96000, format="FLAC", subtype=subtype
        )  # fmt: skip
        return tmp_path / name

    return write


@pytest.mark.parametrize("storage", [*PACKED, 8])
def test_blocks_give_the_same_frames_wherever_they_start(
    storage: int, write_record: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal_files, "_BLOCK_SAMPLES", 21)  # 7 frames of 3: no format's groups fit evenly
    rng = np.random.default_rng(storage)
    digital = np.cumsum(rng.integers(-4, 5, size=(61, 3)), axis=0)
    path = write_record(digital, storage).with_suffix(".dat")
    contents = Contents(path, 0, (1, 1, 1), tuple(int(value) for value in digital[0]))
    file = open_signal_file(contents, storage, where="r.hea")
    assert np.array_equal(blocks(file, 0, 61), digital)
    for start in (0, 1, 6, 7, 8, 40, 60):
        for stop in (start + 1, min(start + 8, 61), 61):
            assert np.array_equal(blocks(file, start, stop), digital[start:stop])


def test_format_8_can_be_entered_late_without_reading_the_start_twice(write_record: Callable[..., Path]) -> None:
    digital = np.cumsum(np.tile([[100], [-99]], (100_000, 1)), axis=0)  # grows without bound, past 16 bits
    path = write_record(digital, 8).with_suffix(".dat")
    file = DifferenceFile(PackedFile(Contents(path, 0, (1,), (100,)), DIFFERENCES))
    assert np.array_equal(blocks(file, 150_000, 150_010), digital[150_000:150_010])
    with path.open("r+b") as stored:
        stored.write(b"\x55" * 100)  # who reads these again comes to other sums
    for start in (199_990, 150_010, 150_000, 149_990):
        assert np.array_equal(blocks(file, start, start + 10), digital[start : start + 10])
    assert not np.array_equal(blocks(file, 0, 10), digital[:10])


def test_a_byte_offset_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "r.dat"
    path.write_bytes(b"prolog" + np.array([1, 2, 3], dtype="<i2").tobytes())
    file = PackedFile(Contents(path, 6, (1,), (0,)), PACKED[16])
    assert file.capacity() == 3
    assert blocks(file, 0, 3).tolist() == [[1], [2], [3]]


def test_a_file_that_is_too_short_is_refused_with_both_sizes(write_record: Callable[..., Path]) -> None:
    path = write_record(np.zeros((11, 1), dtype=int), 212).with_suffix(".dat")  # 17 bytes
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RecordError, match=r"r\.dat: expected at least 17 bytes for the 11 frames .*, found 16 bytes"):
        PackedFile(Contents(path, 0, (1,), (0,)), PACKED[212]).require(11)


def test_a_file_that_shrinks_while_it_is_read_is_refused(write_record: Callable[..., Path]) -> None:
    path = write_record(np.zeros((100, 2), dtype=int), 16)
    recording = read(path)
    path.with_suffix(".dat").write_bytes(b"1234")
    with pytest.raises(RecordError, match=r"r\.dat: expected 400 bytes at byte 0, found 4"):
        _ = recording.data
    path.with_suffix(".dat").unlink()
    with pytest.raises(RecordError, match=r"r\.dat: expected a readable file"):
        recording.samples.read(0, 1)


def test_unknown_formats_and_endless_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"expected a signal format of 8, 16, 24, 32, 61, 80, 160, 212, .*, found 17"):
        open_signal_file(Contents(tmp_path / "r.dat", 0, (1,), (0,)), 17, where="r.hea")
    with pytest.raises(RecordError, match="at most 1000000 samples per frame"):
        open_signal_file(Contents(tmp_path / "r.dat", 0, (10**6, 1), (0, 0)), 16, where="r.hea")


@pytest.mark.parametrize(("subtype", "storage", "bits"), [("PCM_S8", 508, 8), ("PCM_16", 516, 16), ("PCM_24", 524, 24)])
def test_flac_is_read_from_anywhere(flac: Callable[..., Path], subtype: str, storage: int, bits: int) -> None:
    rng = np.random.default_rng(bits)
    digital = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), size=(9000, 2))
    file = open_signal_file(Contents(flac(digital, subtype), 10, (3, 3), (0, 0)), storage, where="r.hea")
    assert file.invalid == -(2 ** (bits - 1))
    assert file.capacity() == 8990 // 3
    file.require(8990 // 3)
    # Channel-wise samples of each frame follow each other, as in any other signal file.
    framed = digital[10 : 10 + 2996 * 3].reshape(-1, 3, 2).transpose(0, 2, 1).reshape(-1, 6)
    for start, stop in ((0, 2996), (1, 2), (2000, 2996)):
        assert np.array_equal(blocks(file, start, stop), framed[start:stop])


def test_a_flac_file_cut_short_is_refused_at_once(flac: Callable[..., Path]) -> None:
    path = flac(np.random.default_rng(0).integers(-3000, 3000, size=(20_000, 1)))
    path.write_bytes(path.read_bytes()[:-500])  # its header still declares 20,000 samples
    with pytest.raises(RecordError, match=r"r\.dat: expected a FLAC stream of 20000 frames, found a damaged one"):
        FlacFile(Contents(path, 0, (1,), (0,)), 16).require(20_000)


def test_a_flac_file_that_is_none_or_another_one_is_refused(flac: Callable[..., Path], tmp_path: Path) -> None:
    wide = flac(np.zeros((50, 2), dtype=int), "PCM_24")
    (tmp_path / "no.dat").write_bytes(b"RIFF" + bytes(100))
    for path, storage, widths, message in (
        (tmp_path / "no.dat", 516, (1,), "expected a FLAC stream"),
        (wide, 516, (1, 1), "FLAC of at most 16 bits with 2 channels, found FLAC PCM_24 with 2 channels"),
        (wide, 524, (1,), "FLAC of at most 24 bits with 1 channels, found FLAC PCM_24 with 2 channels"),
    ):
        file = open_signal_file(Contents(path, 0, widths, (0,) * len(widths)), storage, where="r.hea")
        with pytest.raises(RecordError, match=message):
            file.require(1)
    with pytest.raises(RecordError, match="one number of samples per frame in a FLAC file"):
        open_signal_file(Contents(wide, 0, (1, 2), (0, 0)), 524, where="r.hea")

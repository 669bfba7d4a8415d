"""Flutter and fibrillation: the contracts of everything that streams, oscillations by hand, and the real thing."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import biosig
from biosig.records.recording import Layout
from biosig.signal.fibrillation import FIBRILLATING, Fibrillation, FibrillationStream, FibrillationValues
from biosig.signal.stream import Chunk
from biosig.windows.labels import vf_spans

SAMPLE = Path(biosig.__file__).parent / "datasets" / "samples" / "mitdb"
FS = 360.0


def layout(fs: float = FS, unit: str = "mV") -> Layout:
    return Layout(channels=("MLII",), fs=fs, units=(unit,))


def flutter(hz: float, seconds: float = 12.0, fs: float = FS, mv: float = 0.5) -> NDArray[np.float64]:
    """An oscillation with a second harmonic and slowly changing height."""
    t = np.arange(round(seconds * fs)) / fs
    wave = np.sin(2 * np.pi * hz * t) + 0.2 * np.sin(4 * np.pi * hz * t + 1.0)
    return mv * wave * (1.0 + 0.3 * np.sin(2 * np.pi * 0.3 * t))


@pytest.fixture(scope="module")
def ecg() -> NDArray[np.float64]:
    """30 s of record 208 (N and V beats) as recorded, mV."""
    return biosig.read(SAMPLE / "208").data[0, : round(30 * FS)].astype(np.float64)


def values(lead: NDArray[np.float64], cuts: list[int] | None = None, fs: float = FS) -> FibrillationValues:
    stream = Fibrillation().open(layout(fs))
    pieces = np.split(lead, sorted(cut % len(lead) for cut in cuts or []))
    return FibrillationValues.join([stream.process(Chunk.of(piece)) for piece in pieces])


def same(one: FibrillationValues, other: FibrillationValues) -> bool:
    pairs = ((one.time_s, other.time_s), (one.value, other.value), (one.usable, other.usable))
    return all(np.array_equal(a, b) for a, b in pairs)


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 10**6), max_size=12), gap=st.booleans())
def test_values_do_not_depend_on_chunking(ecg: NDArray[np.float64], cuts: list[int], gap: bool) -> None:
    lead = np.concatenate([ecg[:4000], flutter(4.0, 5.0)])
    if gap:
        lead[1500:2100] = np.nan
    whole = values(lead)
    assert len(whole) == 1 + (len(lead) - 1080) // 180
    assert same(values(lead, cuts), whole)
    assert same(values(lead, list(range(0, len(lead), 97))), whole)


@settings(max_examples=15, deadline=None)
@given(cut=st.integers(0, 5000))
def test_a_stream_goes_on_from_a_saved_state_and_a_value_is_known_with_its_last_sample(
    ecg: NDArray[np.float64], cut: int
) -> None:
    lead = ecg[:5000]
    first, second = Fibrillation().open(layout()), Fibrillation().open(layout())
    head = first.process(Chunk.of(lead[:cut]))
    state = first.state_dict()
    first.process(Chunk.of(lead[cut : cut + 300]))
    second.load_state_dict(state)
    tail = second.process(Chunk.of(lead[cut:]))
    assert same(FibrillationValues.join([head, tail]), values(lead))
    assert np.all(head.time_s * FS <= cut)
    assert np.all(tail.time_s * FS > cut)


def test_reset_makes_a_stream_fresh_and_memory_does_not_grow(ecg: NDArray[np.float64]) -> None:
    stream: FibrillationStream = Fibrillation().open(layout())
    once = stream.process(Chunk.of(ecg))
    assert sum(value.nbytes for value in stream.state_dict().values()) < 40_000
    stream.reset()
    assert same(stream.process(Chunk.of(ecg)), once)
    assert len(FibrillationValues.join([])) == len(stream.process(Chunk.of(np.zeros((1, 0))))) == 0


@pytest.mark.parametrize("hz", [3.0, 4.0, 5.0])
@pytest.mark.parametrize("fs", [125.0, 250.0, 360.0, 1000.0])
def test_an_oscillation_of_180_to_300_a_minute_is_flutter(hz: float, fs: float) -> None:
    assert np.all(values(flutter(hz, fs=fs), fs=fs).value[2:] >= FIBRILLATING)


@pytest.mark.parametrize("hz", [0.3, 1.0, 10.0, 17.0])
def test_a_slower_or_faster_oscillation_is_not(hz: float) -> None:
    assert np.all(values(flutter(hz)).value[2:] < FIBRILLATING)


def test_neither_beats_nor_noise_nor_a_flat_line_are_flutter(ecg: NDArray[np.float64]) -> None:
    noise = np.random.default_rng(0).normal(0.0, 0.3, 10_000)
    for lead in (ecg, noise, np.zeros(5000), flutter(4.0, mv=0.02)):
        assert np.all(values(lead).value < FIBRILLATING)


def test_amplitude_and_unit_do_not_matter() -> None:
    lead = np.rint(flutter(4.0) * 1024.0) / 1024.0
    microvolts = Fibrillation().open(layout(unit="uV")).process(Chunk.of(1000.0 * lead))
    assert np.allclose(microvolts.value, values(lead).value, atol=1e-9)
    assert np.allclose(values(3.0 * lead).value, values(lead).value, atol=1e-6)


def test_a_window_with_a_gap_is_not_usable(ecg: NDArray[np.float64]) -> None:
    lead = ecg.copy()
    lead[3600:4320] = np.nan
    found = values(lead)
    touched = (found.time_s > 10.3) & (found.time_s < 14.5)
    assert not found.usable[touched].any()
    assert found.usable[found.time_s <= 10.0].all()
    assert found.usable[found.time_s >= 16.0].all()
    assert np.isfinite(found.value).all()


def test_a_layout_or_design_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"layout of 1 lead, got 2 \(MLII, V1\)"):
        Fibrillation().open(Layout(("MLII", "V1"), FS, ("mV", "mV")))
    with pytest.raises(ValueError, match="fs of 60 Hz or more, got 50 Hz"):
        Fibrillation().open(layout(50.0))
    with pytest.raises(ValueError, match="fine_mv must be a positive amplitude"):
        Fibrillation(fine_mv=0.0)
    with pytest.raises(ValueError, match=r"min_good must lie in \(0, 1\]"):
        Fibrillation(min_good=1.5)


@pytest.mark.data
def test_flutter_of_207_is_told_from_everything_else_in_the_recording(data_dir: Path) -> None:
    recording = biosig.read(data_dir / "mitdb" / "207").pick(["MLII"])
    found = values(recording.data[0].astype(np.float64))
    inside, near = (np.zeros(len(found), dtype=np.bool_) for _ in range(2))
    for start_s, stop_s in vf_spans(recording.annotations).tolist():
        inside |= (found.time_s - 3.0 >= start_s) & (found.time_s <= stop_s)
        near |= (found.time_s > start_s) & (found.time_s - 3.0 < stop_s)
    hit = found.value >= FIBRILLATING
    assert hit[inside].mean() >= 0.93
    assert hit[~near].mean() <= 0.005


@pytest.mark.data
@pytest.mark.parametrize("name", ["em", "ma", "bw"])
def test_recorded_noise_is_hardly_ever_flutter_for_four_seconds(data_dir: Path, name: str) -> None:
    found = values(biosig.read(data_dir / "nstdb" / name).data[0].astype(np.float64))
    hit = found.value >= FIBRILLATING
    assert not np.any(hit[2:] & hit[1:-1] & hit[:-2])

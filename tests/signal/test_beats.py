"""The R-peak detector: the contracts of everything that streams, what it finds, and how it recovers."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import resample_poly

import biosig
from biosig.evaluation.ec57 import compare_beats
from biosig.records.recording import Annotations, Layout
from biosig.signal.beats import Beats, BeatStream, RPeaks, r_peaks
from biosig.signal.stream import Chunk
from biosig.windows.labels import is_beat

SAMPLE = Path(biosig.__file__).parent / "datasets" / "samples" / "mitdb"
FS = 360.0
DS1 = (
    *("101", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122"),
    *("124", "201", "203", "205", "207", "208", "209", "215", "220", "223", "230"),
)


def layout(fs: float = FS, unit: str = "mV") -> Layout:
    return Layout(channels=("MLII",), fs=fs, units=(unit,))


@pytest.fixture(scope="module")
def ecg() -> NDArray[np.float64]:
    """40 s of record 208 (N and V beats) as recorded, mV."""
    return biosig.read(SAMPLE / "208").data[0, : round(40 * FS)].astype(np.float64)


@pytest.fixture(scope="module")
def marks() -> NDArray[np.int64]:
    """The reference beats of these 40 s."""
    annotations = biosig.read(SAMPLE / "208").annotations
    beats = annotations.samples(FS)[[is_beat(label) for label in annotations.label]]
    return beats[beats < 40 * FS]


def pushed(stream: BeatStream, ecg: NDArray[np.float64], cuts: list[int]) -> Beats:
    """What comes out when the lead is cut at these places, in order, flushed at the end."""
    pieces = np.split(ecg, sorted(cut % len(ecg) for cut in cuts))
    return Beats.join([*(stream.process(Chunk.of(piece)) for piece in pieces), stream.flush()])


def same(one: Beats, other: Beats) -> bool:
    return np.array_equal(one.sample, other.sample) and np.array_equal(one.decided, other.decided)


def unmatched(reference: NDArray[np.int64], found: NDArray[np.int64], fs: float = FS) -> tuple[int, int]:
    """Beats missed and invented, with a window of 150 ms, from the first second to the end."""
    lone_reference = [beat for beat in reference if np.abs(found - beat).min(initial=10**9) > 0.15 * fs]
    lone_found = [beat for beat in found if np.abs(reference - beat).min(initial=10**9) > 0.15 * fs]
    return len(lone_reference), len(lone_found)


CUTS = st.lists(st.integers(0, 10**6), max_size=12).flatmap(
    lambda cuts: st.sampled_from([cuts, cuts + cuts, cuts + [cut + 1 for cut in cuts]])
)


@settings(max_examples=25, deadline=None)
@given(cuts=CUTS, gap=st.booleans())
def test_beats_do_not_depend_on_chunking(ecg: NDArray[np.float64], cuts: list[int], gap: bool) -> None:
    lead = ecg[: round(20 * FS)].copy()
    if gap:
        lead[2000:2600] = np.nan
        lead[4000:4010] = np.nan
    whole = pushed(RPeaks().open(layout()), lead, [])
    assert len(whole) > 15
    assert same(pushed(RPeaks().open(layout()), lead, cuts), whole)


@settings(max_examples=15, deadline=None)
@given(rounds=st.lists(st.lists(st.sampled_from([0, 1, 359, 360, 720]), min_size=4, max_size=4), max_size=15))
def test_leads_side_by_side_have_the_beats_of_each_alone(ecg: NDArray[np.float64], rounds: list[list[int]]) -> None:
    leads = [ecg[start : start + 6000].copy() for start in (0, 1000, 3000, 8000)]
    leads[1][:500] = leads[2][2000:2600] = leads[3][4000:4010] = np.nan
    streams, seen = [RPeaks().open(layout()) for _ in leads], [0] * len(leads)
    parts: list[list[Beats]] = [[] for _ in leads]
    for sizes in [*rounds, [6000] * 4]:
        chunks = [Chunk.of(lead[at : at + size]) for lead, at, size in zip(leads, seen, sizes, strict=True)]
        for number, (stream, chunk) in enumerate(zip(streams, chunks, strict=True)):
            parts[number].append(stream.process(chunk))
            seen[number] += sizes[number]
    for lead, stream, found in zip(leads, streams, parts, strict=True):
        assert same(Beats.join([*found, stream.flush()]), pushed(RPeaks().open(layout()), lead, []))


@pytest.mark.parametrize("size", [1, 7, 90, 360])
def test_beats_do_not_depend_on_equal_chunks(ecg: NDArray[np.float64], size: int) -> None:
    lead = ecg[: round(14 * FS)]
    assert same(
        pushed(RPeaks().open(layout()), lead, list(range(0, len(lead), size))),
        pushed(RPeaks().open(layout()), lead, []),
    )


def test_beats_of_a_long_lead_do_not_depend_on_blocks(ecg: NDArray[np.float64]) -> None:
    lead = np.tile(ecg, 32)
    stream = RPeaks().open(layout(120.0))
    assert same(pushed(RPeaks().open(layout(120.0)), lead, [100_001, 333_333]), pushed(stream, lead, []))


@settings(max_examples=15, deadline=None)
@given(cut=st.integers(0, 14_000), fs=st.sampled_from([100.0, 128.0, 250.0, 360.0, 500.0, 1000.0]))
def test_a_beat_is_known_with_the_sample_it_says_and_not_before(ecg: NDArray[np.float64], cut: int, fs: float) -> None:
    stream = RPeaks().open(layout(fs))
    before = stream.process(Chunk.of(ecg[:cut]))
    assert np.all(before.decided < cut)
    after = stream.process(Chunk.of(ecg[cut:]))
    assert np.all(after.decided >= cut)


@settings(max_examples=15, deadline=None)
@given(cut=st.integers(0, 14_000), seed=st.integers(0, 100))
def test_beats_do_not_depend_on_what_comes_later(ecg: NDArray[np.float64], cut: int, seed: int) -> None:
    other = ecg.copy()
    other[cut:] = np.random.default_rng(seed).normal(0.0, 2.0, len(ecg) - cut)
    one, two = (RPeaks().open(layout()).process(Chunk.of(lead)) for lead in (ecg, other))
    assert np.array_equal(one.sample[one.decided < cut], two.sample[two.decided < cut])


@pytest.mark.parametrize("fs", [100.0, 125.0, 128.0, 180.0, 250.0, 257.3, 360.0, 500.0, 1000.0])
def test_every_beat_is_known_within_the_declared_delay(ecg: NDArray[np.float64], fs: float) -> None:
    rng = np.random.default_rng(0)
    for lead in (ecg, rng.normal(size=20_000), rng.normal(size=20_000).cumsum()):
        stream = RPeaks(threshold=-8.0).open(layout(fs))
        beats = pushed(stream, lead, [5000, 5001])
        assert len(beats) > 5
        assert np.all(beats.decided - beats.sample <= stream.delay_s * fs)
        assert np.all(beats.decided >= beats.sample)
        assert np.all(np.diff(beats.sample) > 0)
        assert beats.decided[-1] < len(lead)


@settings(max_examples=15, deadline=None)
@given(cut=st.integers(0, 14_000), lost=st.booleans())
def test_a_stream_goes_on_from_a_saved_state(ecg: NDArray[np.float64], cut: int, lost: bool) -> None:
    lead = ecg.copy()
    if lost:
        lead[max(0, cut - 30) : cut + 30] = np.nan
    first, second = RPeaks().open(layout()), RPeaks().open(layout())
    head = first.process(Chunk.of(lead[:cut]))
    state = first.state_dict()
    first.process(Chunk.of(lead[cut : cut + 500]))
    assert all(isinstance(value, np.ndarray) for value in state.values())
    second.load_state_dict(state)
    tail = Beats.join([second.process(Chunk.of(lead[cut:])), second.flush()])
    assert same(Beats.join([head, tail]), pushed(RPeaks().open(layout()), lead, []))


def test_reset_and_flush_make_a_stream_fresh(ecg: NDArray[np.float64]) -> None:
    stream = RPeaks().open(layout())
    once = pushed(stream, ecg, [])
    assert same(pushed(stream, ecg, []), once)
    stream.process(Chunk.of(ecg[:5000]))
    stream.reset()
    assert same(pushed(stream, ecg, []), once)


def test_nothing_in_gives_nothing_out() -> None:
    stream = RPeaks().open(layout())
    assert len(stream.process(Chunk.of(np.zeros((1, 0))))) == 0
    assert len(stream.flush()) == 0
    assert len(r_peaks(np.zeros(5000), FS)) == 0
    assert len(r_peaks(np.full(5000, np.nan), FS)) == 0


def test_memory_does_not_grow_with_the_stream(ecg: NDArray[np.float64]) -> None:
    stream = RPeaks().open(layout())
    stream.process(Chunk.of(np.tile(ecg, 3)))
    early = sum(value.nbytes for value in stream.state_dict().values())
    stream.process(Chunk.of(np.tile(ecg, 30)))
    assert sum(value.nbytes for value in stream.state_dict().values()) <= early + 64 < 30_000


def test_peaks_lie_where_the_annotators_put_them(ecg: NDArray[np.float64], marks: NDArray[np.int64]) -> None:
    found = r_peaks(ecg, FS)
    assert unmatched(marks, found) == (0, 0)
    offset = np.abs(found[:, None] - marks).min(axis=1)
    assert np.median(offset) <= 0.008 * FS


@pytest.mark.parametrize("gain", [0.3, 3.0, -1.0])
def test_gain_and_polarity_do_not_change_what_is_found(
    ecg: NDArray[np.float64], marks: NDArray[np.int64], gain: float
) -> None:
    assert unmatched(marks, r_peaks(gain * ecg + 5.0, FS)) == (0, 0)


def test_microvolts_and_millivolts_give_the_same_beats(ecg: NDArray[np.float64]) -> None:
    lead = np.rint(ecg * 1024.0) / 1024.0
    assert same(pushed(RPeaks().open(layout(unit="uV")), 1000.0 * lead, []), pushed(RPeaks().open(layout()), lead, []))


@pytest.mark.parametrize(("up", "down", "fs"), [(25, 72, 125.0), (25, 36, 250.0), (25, 18, 500.0), (25, 9, 1000.0)])
def test_other_rates_find_the_same_beats(
    ecg: NDArray[np.float64], marks: NDArray[np.int64], up: int, down: int, fs: float
) -> None:
    found = r_peaks(resample_poly(ecg, up, down), fs)
    assert unmatched(np.rint(marks * fs / FS).astype(np.int64), found, fs) == (0, 0)


@pytest.mark.parametrize("marked", [False, True])
def test_no_beat_lies_in_a_gap_and_those_around_it_are_found(
    ecg: NDArray[np.float64], marks: NDArray[np.int64], marked: bool
) -> None:
    lead = ecg.copy()
    first, last = 5000, 8000
    lead[first:last] = lead[first - 1] if marked else np.nan
    chunk = Chunk.of(lead)
    if marked:
        chunk.good[0, first:last] = False
    stream = RPeaks().open(layout())
    found = Beats.join([stream.process(chunk), stream.flush()]).sample
    assert not np.any((found >= first) & (found < last))
    apart = (marks < first - 0.3 * FS) | (marks > last + 0.5 * FS)
    assert unmatched(marks[apart], found)[0] == 0
    assert unmatched(marks, found)[1] <= 1


def test_a_lead_that_starts_missing_finds_its_beats(ecg: NDArray[np.float64]) -> None:
    late = np.concatenate((np.full(777, np.nan), ecg))
    assert np.array_equal(r_peaks(late, FS), r_peaks(ecg, FS) + 777)


def test_a_burst_of_twenty_times_the_amplitude_is_forgotten_in_two_seconds(
    ecg: NDArray[np.float64], marks: NDArray[np.int64]
) -> None:
    lead = ecg.copy()
    first, last = round(10 * FS), round(15 * FS)
    rng = np.random.default_rng(1)
    lead[first:last] = 20.0 * (lead[first:last] + rng.normal(0.0, 0.5, last - first).cumsum() / 10.0)
    found = r_peaks(lead, FS)
    later = last + 2 * FS
    assert unmatched(marks[marks > later], found)[0] == 0
    assert unmatched(marks, found[found > later])[1] == 0


def test_a_flat_line_after_beats_has_no_beats_and_beats_after_it_are_found(
    ecg: NDArray[np.float64], marks: NDArray[np.int64]
) -> None:
    end = int(marks[10]) + 200
    pause = np.full(round(30 * FS), ecg[end])
    found = r_peaks(np.concatenate((ecg[:end], pause, ecg[end:])), FS)
    flat = (found > end + 0.2 * FS) & (found < end + len(pause) - 0.2 * FS)
    assert not flat.any()
    late = marks[marks > end + 0.5 * FS] + len(pause)
    assert unmatched(late, found)[0] == 0


def test_the_design_is_comparable_and_checks_itself() -> None:
    assert RPeaks() == RPeaks(**{name: getattr(RPeaks(), name) for name in ("threshold", "refractory_s")})
    assert hash(RPeaks()) == hash(RPeaks())
    with pytest.raises(ValueError, match=r"refractory_s must lie in 0.15 to 0.4 s, got 2"):
        RPeaks(refractory_s=2.0)
    with pytest.raises(ValueError, match="threshold must be a finite log odds, got nan"):
        RPeaks(threshold=float("nan"))


def test_a_layout_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"layout of 1 lead, got 2 \(MLII, V1\)"):
        RPeaks().open(Layout(("MLII", "V1"), FS, ("mV", "mV")))
    for fs in (99.0, 1001.0):
        with pytest.raises(ValueError, match=f"fs from 100 to 1000 Hz, got {fs:g}"):
            RPeaks().open(layout(fs))
    with pytest.raises(ValueError, match="expected a chunk of 1 lead, got 2"):
        RPeaks().open(layout()).process(Chunk.of(np.zeros((2, 5))))
    with pytest.raises(ValueError, match="samples must be one lead"):
        r_peaks(np.zeros((1, 5)), FS)


def gross(data_dir: Path, records: tuple[str, ...], noise: tuple[str, float] | None = None) -> tuple[float, float]:
    """Gross sensitivity and positive predictivity as EC57 counts, first lead of each record."""
    matched = missed = extra = 0
    for name in records:
        recording = biosig.read(data_dir / "mitdb" / name)
        lead = recording.data[0].astype(np.float64)
        if noise is not None:
            beats = recording.annotations.samples(FS)
            height = np.median([np.ptp(lead[beat - 18 : beat + 18]) for beat in beats[50:-50:10]])
            kind = biosig.read(data_dir / "nstdb" / noise[0]).data[0].astype(np.float64)
            power = np.median([np.var(kind[i : i + 360]) for i in range(0, len(kind) - 360, 360)])
            lead += np.resize(kind, len(lead)) * height / np.sqrt(8.0 * power) * 10.0 ** (-noise[1] / 20.0)
        found = r_peaks(lead, FS)
        result = compare_beats(recording.annotations, Annotations.at(found / FS, ["N"] * len(found)), fs=FS).qrs
        matched += result.true_positives
        missed += result.false_negatives
        extra += result.false_positives
    return matched / (matched + missed), matched / (matched + extra)


@pytest.mark.data
def test_ds1_is_detected_better_than_by_detectors_that_see_the_future(data_dir: Path) -> None:
    sensitivity, predictivity = gross(data_dir, DS1)
    assert sensitivity >= 0.9985
    assert predictivity >= 0.9975


@pytest.mark.data
def test_paced_records_are_detected(data_dir: Path) -> None:
    sensitivity, predictivity = gross(data_dir, ("102", "104", "107", "217"))
    assert sensitivity >= 0.998
    assert predictivity >= 0.998


@pytest.mark.data
@pytest.mark.parametrize(("kind", "least"), [("em", 0.82), ("ma", 0.92), ("bw", 0.98)])
def test_detection_goes_on_in_recorded_noise_of_six_decibels(data_dir: Path, kind: str, least: float) -> None:
    sensitivity, predictivity = gross(data_dir, ("101", "109", "119", "208", "230"), (kind, 6.0))
    assert sensitivity >= 0.97
    assert predictivity >= least

"""What every step of the registry promises: add an example here and the step is tested for free."""

from __future__ import annotations

import io
import json
import math
import tomllib
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from biosig.records.recording import Layout
from biosig.signal.filters import BandPass, HighPass, LowPass, Notch
from biosig.signal.montage import DOUBLE_BANANA, Bipolar, Derive, Pick, Reference
from biosig.signal.normalise import Normalise
from biosig.signal.quality import Quality
from biosig.signal.registry import STEPS, step_from_dict, step_to_dict
from biosig.signal.repair import Clip, HoldGaps
from biosig.signal.resample import Resample
from biosig.signal.stream import Chain, Chunk, Step, Stream, process_together


def layout(*channels: str, fs: float = 250.0, unit: str = "mV") -> Layout:
    return Layout(channels, fs, (unit,) * len(channels))


ECG = layout("I", "II", "V1")
EEG = layout("Fp1", "F3", "C3", "P3", fs=128.0, unit="uV")
TEN_TWENTY = layout(*dict.fromkeys(electrode for pair in DOUBLE_BANANA for electrode in pair), unit="uV")


@dataclass(frozen=True)
class Example:
    """A step on a layout, and the frequency at which its declared delay holds.

    ``own_gain`` is a step whose gain changes with time, so that a wave's energy does not arrive when the wave does.
    """

    step: Step
    layout: Layout
    tone_hz: float = 5.0
    takes_nan: bool = False
    own_gain: bool = False

    def __str__(self) -> str:
        return f"{type(self.step).__name__}@{self.layout.fs:g}Hz"


EXAMPLES = [
    Example(HoldGaps(), ECG, takes_nan=True),
    Example(HoldGaps(max_s=0.01, settle_s=0.02), ECG, takes_nan=True),
    Example(Quality(flat_s=0.02, flat_range=0.1, limit=2.5), ECG, takes_nan=True),
    Example(Quality(), EEG, takes_nan=True),
    Example(Quality(flat_s=0.2), ECG, takes_nan=True),
    Example(Pick(("V1", "I")), ECG, takes_nan=True),
    Example(Derive("III", (("II", 1.0), ("I", -1.0))), ECG, takes_nan=True),
    Example(Derive.limb("aVR"), ECG, takes_nan=True),
    Example(BandPass(0.5, 40.0), ECG, tone_hz=math.sqrt(20.0)),
    Example(BandPass(1.0, 30.0, order=4), layout("I", fs=360.0), tone_hz=math.sqrt(30.0)),
    Example(HighPass(0.5), ECG),
    Example(HighPass(0.5), layout("I", "II", fs=50.0), tone_hz=math.sqrt(0.5 * 25.0)),
    Example(HighPass(30.0, order=3), EEG, tone_hz=math.sqrt(30.0 * 64.0)),
    Example(LowPass(40.0), ECG, tone_hz=4.0),
    Example(Notch(50.0), ECG, tone_hz=10.0),
    Example(Notch(60.0, q=10.0, harmonics=2), layout("I", "II", fs=360.0), tone_hz=12.0),
    Example(Resample(250.0), layout("I", "II", fs=360.0)),
    Example(Resample(128.0), ECG),
    Example(Resample(200.0), EEG),
    Example(Resample(64.0, attenuation_db=80.0, transition=0.5), layout("I", "II", fs=256.0)),
    Example(Resample(250.0), ECG, takes_nan=True),
    Example(Reference(), EEG),
    Example(Reference(), layout(*map(str, range(40)), fs=100.0, unit="uV")),
    Example(Reference(("C3", "P3")), EEG),
    Example(Bipolar((("Fp1", "F3"), ("C3", "P3"))), EEG, takes_nan=True),
    Example(Bipolar(), TEN_TWENTY),
    Example(Clip(2.0), ECG, takes_nan=True),
    Example(Normalise(memory_s=1.0, start=3.0), ECG, takes_nan=True, own_gain=True),
    Example(Normalise(memory_s=0.5, start=3.0, over="recording"), EEG, takes_nan=True, own_gain=True),
]

WHOLE_CHAIN = Chain(
    (
        Quality(flat_s=0.04, limit=30.0),
        HoldGaps(max_s=0.1, settle_s=0.05),
        Derive.limb("III"),
        Notch(50.0),
        BandPass(0.5, 40.0),
        Resample(128.0),
        Reference(("III",)),
        Bipolar((("I", "II"), ("V1", "III"))),
        Pick(("V1-III", "I-II")),
        Clip(2.0),
    )
)
EVERYTHING = [*EXAMPLES, Example(WHOLE_CHAIN, layout("I", "II", "V1", fs=360.0), takes_nan=True)]

over_examples = pytest.mark.parametrize("example", EXAMPLES, ids=str)
over_everything = pytest.mark.parametrize("example", EVERYTHING, ids=str)


def noisy(example: Example, *, n_times: int, seed: int) -> Chunk:
    """An offset random walk with stretches marked bad, flat stretches and, where allowed, NaN gaps at both ends."""
    rng = np.random.default_rng(seed)
    n_channels = example.layout.n_channels
    data = rng.normal(size=(n_channels, n_times)) + 3.0
    good = np.ones(data.shape, dtype=bool)
    for row in range(n_channels):
        for _ in range(3):
            start, length = int(rng.integers(0, n_times)), int(rng.integers(1, n_times // 2))
            kind = rng.integers(0, 3 if example.takes_nan else 2)
            if kind == 0:
                good[row, start : start + length] = False
            elif kind == 1:
                data[row, start : start + length] = data[row, start]
            else:
                data[row, start : start + length] = np.nan
    return Chunk(data=data, good=good & np.isfinite(data))


def part(chunk: Chunk, start: int, stop: int) -> Chunk:
    return Chunk(data=chunk.data[:, start:stop], good=chunk.good[:, start:stop])


def pushed(stream: Stream, chunk: Chunk, cuts: list[int]) -> Chunk:
    """What comes out of a stream that gets the chunk in pieces."""
    edges = [0, *cuts, chunk.n_times]
    return Chunk.join([stream.process(part(chunk, a, b)) for a, b in pairwise(edges)])


def same(a: Chunk, b: Chunk) -> bool:
    """Equal to the bit, signed zeros apart from unsigned ones."""
    return (
        a.data.shape == b.data.shape == a.good.shape == b.good.shape
        and a.data.dtype == b.data.dtype == np.float64
        and a.good.dtype == b.good.dtype == np.bool_
        and np.ascontiguousarray(a.data).tobytes() == np.ascontiguousarray(b.data).tobytes()
        and np.array_equal(a.good, b.good)
    )


def cut_points(n_times: int) -> st.SearchStrategy[list[int]]:
    """Where to cut: repeated points make empty chunks, neighbours make chunks of one sample."""
    some = st.lists(st.integers(0, n_times), max_size=12).map(sorted)
    singles = st.integers(0, n_times - 8).map(lambda first: list(range(first, first + 8)))
    return some | singles


def test_every_step_of_the_registry_has_an_example() -> None:
    assert {type(example.step) for example in EXAMPLES} == set(STEPS.values())
    assert [cls.__name__ for cls in STEPS.values()] == list(STEPS)


@over_everything
@settings(max_examples=25, deadline=None)
@given(cuts=cut_points(700), seed=st.integers(0, 2**32 - 1))
def test_output_does_not_depend_on_chunking(example: Example, cuts: list[int], seed: int) -> None:
    chunk = noisy(example, n_times=700, seed=seed)
    whole = example.step.open(example.layout).process(chunk)
    assert same(whole, pushed(example.step.open(example.layout), chunk, cuts))


@over_everything
def test_output_of_single_samples_is_the_output_of_the_whole(example: Example) -> None:
    chunk = noisy(example, n_times=400, seed=1)
    whole = example.step.open(example.layout).process(chunk)
    assert same(whole, pushed(example.step.open(example.layout), chunk, list(range(400))))


@over_everything
@settings(max_examples=10, deadline=None)
@given(now=st.integers(0, 500), seed=st.integers(0, 2**32 - 1))
def test_the_future_changes_nothing_that_came_out_before(example: Example, now: int, seed: int) -> None:
    past, future = noisy(example, n_times=500, seed=seed), noisy(example, n_times=500, seed=seed ^ 1)
    changed = Chunk.join([part(past, 0, now), part(future, now, 500)])
    known = example.step.open(example.layout).process(part(past, 0, now))
    for chunk in (past, changed):
        out = example.step.open(example.layout).process(chunk)
        assert same(part(out, 0, known.n_times), known)


@over_everything
def test_as_many_samples_come_out_as_the_rates_say(example: Example) -> None:
    stream = example.step.open(example.layout)
    counts = np.array([0, 1, 1, 0, 7, 200, 3])
    came = [stream.process(part(noisy(example, n_times=1000, seed=0), 0, int(n))).n_times for n in counts]
    expected = np.ceil(np.cumsum(counts) * stream.layout.fs / example.layout.fs - 1e-9).astype(int)
    np.testing.assert_array_equal(np.cumsum(came), expected)


@pytest.mark.parametrize("example", [example for example in EXAMPLES if not example.own_gain], ids=str)
def test_a_wave_comes_out_later_by_the_declared_delay(example: Example) -> None:
    stream = example.step.open(example.layout)
    times_s = np.arange(round(60 * example.layout.fs)) / example.layout.fs
    wave = np.exp(-0.5 * ((times_s - 30) / 3) ** 2) * np.sin(2 * np.pi * example.tone_hz * times_s)
    share = np.linspace(0.3, 1.0, example.layout.n_channels) ** 2
    out = stream.process(Chunk.of(share[:, np.newaxis] * wave)).data
    energy = out**2
    out_s = np.arange(out.shape[1]) / stream.layout.fs
    arrived_s = (energy * out_s).sum(axis=1) / energy.sum(axis=1)
    np.testing.assert_allclose(arrived_s - 30, stream.delay_s, atol=0.02 / example.layout.fs + 0.01 * stream.delay_s)


def test_delays_of_a_chain_add_up() -> None:
    at_360 = layout("I", "II", "V1", fs=360.0)
    expected = BandPass(0.5, 40.0).open(at_360).delay_s + Notch(50.0).open(at_360).delay_s + 15 / 128
    assert WHOLE_CHAIN.open(at_360).delay_s == pytest.approx(expected)


def through_a_file(state: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    file = io.BytesIO()
    np.savez(file, **state)  # type: ignore[arg-type]
    file.seek(0)
    with np.load(file, allow_pickle=False) as loaded:
        return dict(loaded)


@over_everything
@settings(max_examples=10, deadline=None)
@given(stop=st.integers(0, 600), seed=st.integers(0, 2**32 - 1))
def test_a_stream_stopped_and_loaded_from_a_file_goes_on_bit_for_bit(example: Example, stop: int, seed: int) -> None:
    chunk = noisy(example, n_times=600, seed=seed)
    unbroken = example.step.open(example.layout)
    first = unbroken.process(part(chunk, 0, stop))
    state = unbroken.state_dict()
    second = unbroken.process(part(chunk, stop, 600))
    resumed = example.step.open(example.layout)
    resumed.process(noisy(example, n_times=50, seed=3))
    resumed.load_state_dict(through_a_file(state))
    assert same(resumed.process(part(chunk, stop, 600)), second)
    assert same(Chunk.join([first, second]), example.step.open(example.layout).process(chunk))


@over_everything
@settings(max_examples=15, deadline=None)
@given(
    rounds=st.lists(st.lists(st.sampled_from([None, 0, 1, 40, 61]), min_size=3, max_size=3), max_size=10),
    seed=st.integers(0, 2**16),
)
def test_patients_side_by_side_get_what_each_gets_alone(
    example: Example, rounds: list[list[int | None]], seed: int
) -> None:
    chunks = [noisy(example, n_times=400, seed=seed + patient) for patient in range(3)]
    alone = [Chain((example.step,)).open(example.layout).process(chunk) for chunk in chunks]
    chains = [Chain((example.step,)).open(example.layout) for _ in chunks]
    parts: list[list[Chunk]] = [[] for _ in chunks]
    seen = [0, 0, 0]
    last: list[int | None] = [400, 400, 400]
    for sizes in [*rounds, last]:
        there = [patient for patient, size in enumerate(sizes) if size is not None]
        edges = {patient: min(400, seen[patient] + (sizes[patient] or 0)) for patient in there}
        pushed_now = [part(chunks[patient], seen[patient], edges[patient]) for patient in there]
        for patient, out in zip(there, process_together([chains[i] for i in there], pushed_now), strict=True):
            parts[patient].append(out)
            seen[patient] = edges[patient]
    for patient, whole in enumerate(alone):
        assert same(Chunk.join(parts[patient]), whole)


@over_everything
def test_loading_a_state_does_not_tie_two_streams_together(example: Example) -> None:
    chunk = noisy(example, n_times=300, seed=5)
    one, other = example.step.open(example.layout), example.step.open(example.layout)
    one.process(chunk)
    other.load_state_dict(one.state_dict())
    expected = other.process(chunk)
    other.load_state_dict(one.state_dict())
    one.process(noisy(example, n_times=100, seed=6))
    assert same(other.process(chunk), expected)


@over_everything
def test_a_state_of_another_layout_is_refused(example: Example) -> None:
    stream = example.step.open(example.layout)
    stream.process(noisy(example, n_times=300, seed=5))
    state = stream.state_dict()
    wider = {key: np.concatenate([value, value]) if value.ndim else value for key, value in state.items()}
    if any(value.ndim for value in state.values()):
        with pytest.raises(ValueError, match="must have shape"):
            stream.load_state_dict(wider)
        with pytest.raises(ValueError, match="state has no"):
            stream.load_state_dict({})
    else:
        with pytest.raises(ValueError, match="keeps no state, got zi"):
            stream.load_state_dict({"zi": np.zeros(3)})


@over_everything
def test_reset_forgets_everything(example: Example) -> None:
    chunk = noisy(example, n_times=400, seed=7)
    stream = example.step.open(example.layout)
    fresh = stream.process(chunk)
    stream.reset()
    assert same(stream.process(chunk), fresh)


@over_everything
def test_a_stream_writes_nothing_into_what_it_is_given(example: Example) -> None:
    chunk = noisy(example, n_times=400, seed=8)
    before = chunk.data.tobytes(), chunk.good.tobytes()
    stream = example.step.open(example.layout)
    chunk.data.flags.writeable = chunk.good.flags.writeable = False
    out = stream.process(chunk)
    held = out.data.tobytes()
    stream.process(noisy(example, n_times=100, seed=9))
    assert (chunk.data.tobytes(), chunk.good.tobytes()) == before
    assert out.data.tobytes() == held


@over_everything
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_nothing_but_finite_samples_follows_held_gaps(example: Example, seed: int) -> None:
    chain = Chain((HoldGaps(), example.step)).open(example.layout)
    gappy = noisy(Example(example.step, example.layout, takes_nan=True), n_times=500, seed=seed)
    gappy.data[:, ::97] = np.inf
    gappy.data[0, :] = np.nan
    assert np.isfinite(chain.process(gappy).data).all()


def toml(entry: dict[str, Any]) -> str:
    """The entry as lines of TOML (JSON's strings, lists and numbers are TOML's too)."""
    lines = (f"{key} = {json.dumps(value).replace('Infinity', 'inf')}" for key, value in entry.items())
    return "\n".join(lines)


@over_examples
def test_a_step_comes_back_from_its_line_in_a_recipe(example: Example) -> None:
    entry = step_to_dict(example.step)
    assert tomllib.loads(toml(entry)) == entry
    assert step_from_dict(tomllib.loads(toml(entry))) == example.step
    assert hash(step_from_dict(entry)) == hash(example.step)


@over_everything
def test_steps_are_frozen(example: Example) -> None:
    field = next(iter(vars(example.step)))
    with pytest.raises(AttributeError):
        setattr(example.step, field, None)

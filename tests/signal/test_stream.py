"""Chunks and chains."""

import numpy as np
import pytest

from biosig.records.recording import Layout
from biosig.signal.filters import HighPass
from biosig.signal.resample import Resample
from biosig.signal.stream import BLOCK_VALUES, MIN_BLOCK_TIMES, Chain, Chunk


def test_a_chunk_of_raw_samples_is_good_where_they_are_finite() -> None:
    chunk = Chunk.of(np.array([1.0, np.nan, np.inf], dtype=np.float32))
    assert chunk.data.shape == (1, 3)
    assert chunk.data.dtype == np.float64
    assert chunk.good.tolist() == [[True, False, False]]


@pytest.mark.parametrize("n_channels", [1, 300])
def test_a_chunk_longer_than_a_block_gives_the_same_bits_as_its_pieces(n_channels: int) -> None:
    layout = Layout(tuple(map(str, range(n_channels))), 360.0, ("uV",) * n_channels)
    n_times = 2 * max(MIN_BLOCK_TIMES, BLOCK_VALUES // n_channels) + 77
    chunk = Chunk.of(np.random.default_rng(0).normal(size=(n_channels, n_times)))
    chain = Chain((HighPass(0.5), Resample(250.0)))
    whole = chain.open(layout).process(chunk)
    stream = chain.open(layout)
    cuts = np.array_split(np.arange(n_times), 7)
    pieces = Chunk.join([stream.process(Chunk(chunk.data[:, c], chunk.good[:, c])) for c in cuts])
    assert whole.data.tobytes() == pieces.data.tobytes()
    assert np.array_equal(whole.good, pieces.good)


def test_a_chunk_of_another_number_of_channels_is_refused() -> None:
    stream = Chain((HighPass(0.5),)).open(Layout(("I", "II"), 250.0, ("mV", "mV")))
    with pytest.raises(ValueError, match="chain was opened for 2 channels, got a chunk of 3"):
        stream.process(Chunk.of(np.zeros((3, 10))))


def test_an_empty_chain_changes_nothing() -> None:
    layout = Layout(("I",), 250.0, ("mV",))
    stream = Chain(()).open(layout)
    chunk = Chunk.of(np.ones((1, 4)))
    assert stream.layout == layout
    assert stream.delay_s == 0
    assert stream.process(chunk) is chunk

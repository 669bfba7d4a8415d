"""Another sampling rate by a causal polyphase FIR filter with carried phase."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from biosig.records.recording import Layout
from biosig.signal.stream import Chunk, State, Stateless, Step, Stream, restore

__all__ = ["MAX_RATIO", "Resample", "anti_alias_taps"]

MAX_RATIO = 1000
"""Largest term of the ratio of two rates; the filter has about 30 times as many taps."""

TILE_OUTPUTS, BLOCK_OUTPUTS = 16, 256
"""Outputs of a tile, at least, and of a block, about. A tile's matrix holds each tap many times among zeros, and yet
256 to 128 Hz costs 2.6 ns per input sample so, 18 ns by ``upfirdn``."""

MAIN_ENERGY = 0.99
"""A bad input sample makes those outputs bad whose taps hold it within this central share of their energy."""


@dataclass(frozen=True)
class Resample(Step):
    """Samples at ``to_hz``: output sample m stands at m / to_hz, and comes as soon as its input sample is there.

    A linear-phase Kaiser-window FIR filter (Kaiser 1974; Oppenheim & Schafer, Discrete-Time
    Signal Processing, 3rd ed., sec. 7.5.3) at the common multiple of both rates. Everything
    above half the lower rate is at least ``attenuation_db`` down; the pass band, flat to the
    same accuracy, ends at ``1 - transition`` of it (93.75 Hz at 250 Hz). The group delay is
    constant and a whole number of samples at the lower rate (15 with the defaults: 60 ms at
    250 Hz). The past before the first sample counts as equal to it, so there is no edge at
    the start, and each phase passes a constant exactly. After n input samples there are
    ``ceil(n * to_hz / fs)`` output samples.

    An output is good where every input under the central part of its taps, 99 % of
    their energy, is good.

    Parameters
    ----------
    to_hz : the rate that comes out; to_hz / fs must be a ratio of whole numbers up to 1000.
    attenuation_db : least attenuation of what would alias.
    transition : width of the transition band as a share of half the lower rate; smaller means more delay.
    """

    to_hz: float
    attenuation_db: float = 60.0
    transition: float = 0.25

    def __post_init__(self) -> None:
        if not (math.isfinite(self.to_hz) and self.to_hz > 0):
            raise ValueError(f"to_hz must be a positive number of Hz, got {self.to_hz:g}")
        if not 21 <= self.attenuation_db <= 160:
            raise ValueError(f"attenuation_db must lie between 21 and 160 dB, got {self.attenuation_db:g}")
        if not 0.01 <= self.transition < 1:
            raise ValueError(f"transition must lie inside [0.01, 1), got {self.transition:g}")

    def open(self, layout: Layout) -> Stream:
        ratio = Fraction(self.to_hz / layout.fs).limit_denominator(MAX_RATIO)
        whole = 0 < ratio.numerator <= MAX_RATIO and math.isclose(float(ratio), self.to_hz / layout.fs, rel_tol=1e-9)
        if not whole:
            raise ValueError(
                f"to_hz / fs must be a ratio of whole numbers up to {MAX_RATIO}, "
                f"got {self.to_hz:g} / {layout.fs:g}; choose another to_hz"
            )
        if ratio == 1:
            return SameRateStream(layout)
        return ResampleStream(layout, self, up=ratio.numerator, down=ratio.denominator)


class SameRateStream(Stateless):
    """The rate is already the one asked for: samples pass untouched, without delay."""

    per_channel: ClassVar[Mapping[str, int]] = {}

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def process(self, chunk: Chunk) -> Chunk:
        return chunk


class ResampleStream(Stream):
    """The last inputs still under the taps, and how many samples came so far, less whole blocks.

    Outputs are computed in blocks of a fixed number, counted from the first one, by matrix products of one shape: an
    output always stands at the same place of the same product, in which inputs that have not come yet meet zeros.
    So it is the same sum in the same order however the input was cut, whatever the order that BLAS chooses.
    """

    per_channel: ClassVar[Mapping[str, int]] = {"_data": 0, "_good": 0}
    in_common: ClassVar[tuple[str, ...]] = ("_seen",)

    _seen: int
    _data: NDArray[np.float64]
    _good: NDArray[np.bool_]

    def __init__(self, layout: Layout, step: Resample, *, up: int, down: int) -> None:
        self.layout = Layout(layout.channels, step.to_hz, layout.units)
        self.up, self.down = up, down
        self.taps = anti_alias_taps(up, down, attenuation_db=step.attenuation_db, transition=step.transition)
        self._centre = (len(self.taps) - 1) // 2
        self.delay_s = self._centre / (up * layout.fs)
        self._span = _main_span(self.taps)
        turns = math.ceil(TILE_OUTPUTS / up)
        self._tile_in = turns * down
        self._tiles = max(1, round(BLOCK_OUTPUTS / (turns * up)))
        self._block_in = self._tiles * self._tile_in
        self._matrices = _tile_matrices(self.taps, up, down, turns)
        self._reach = (len(self._matrices) - 1) * self._tile_in
        self.reset()

    def process(self, chunk: Chunk) -> Chunk:
        """Samples (n_channels, n_out) that are now known; ``ValueError`` where the input is not finite."""
        if chunk.n_times == 0:
            return chunk
        if self._seen == 0:
            self._data = np.repeat(chunk.data[:, :1], self._reach, axis=1)
            self._good = np.repeat(chunk.good[:, :1], self._reach, axis=1)
        begin = self._buffer_start
        good = np.concatenate([self._good, chunk.good], axis=1)
        known, came = self._data.shape[1], self._data.shape[1] + chunk.n_times
        n_blocks = -(-(came - self._reach) // self._block_in)
        data = np.empty((len(good), n_blocks * self._block_in + self._reach))
        data[:, :known], data[:, known:came], data[:, came:] = self._data, chunk.data, 0.0
        seen = self._seen + chunk.n_times
        first, last = -(-self._seen * self.up // self.down), -(-seen * self.up // self.down)
        before = (begin + self._reach) * self.up // self.down
        out = self._filter(data, n_blocks)[:, first - before : last - before]
        marks = self._marks(good, np.arange(first, last))
        self._seen = seen
        keep = self._buffer_start - begin
        self._data, self._good = data[:, keep:came].copy(), good[:, keep:].copy()
        self._seen -= max(0, seen // self._block_in - 1) * self._block_in
        return Chunk(data=out, good=marks)

    def inputs_for(self, n_outputs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Output number i, from 0, is known with input number ``i * down / up``, rounded down."""
        return np.where(n_outputs > 0, (n_outputs - 1) * self.down // self.up + 1, 0)

    @property
    def _buffer_start(self) -> int:
        """Input sample the kept inputs begin at: as many tiles as taps reach before the present block."""
        return self._seen // self._block_in * self._block_in - self._reach

    def _filter(self, data: NDArray[np.float64], n_blocks: int) -> NDArray[np.float64]:
        """Outputs (n_channels, n_out) of whole blocks, of their inputs and as many tiles before as taps reach."""
        tiles = data.reshape(len(data), -1, self._tile_in)
        n_back = len(self._matrices) - 1
        shape = (len(data), n_blocks, self._tiles, self._tile_in)
        out = tiles[:, n_back:].reshape(shape) @ self._matrices[0]
        for back, matrix in enumerate(self._matrices[1:], start=1):
            out += tiles[:, n_back - back : tiles.shape[1] - back].reshape(shape) @ matrix
        if not np.isfinite(out).all():
            raise ValueError("Resample: a sample is NaN or infinite; put HoldGaps before it")
        whole: NDArray[np.float64] = out.reshape(len(data), -1)
        return whole

    def _marks(self, good: NDArray[np.bool_], outputs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these output samples rest on good inputs only, bool (n_channels, n_out)."""
        if good.all():
            return np.ones((len(good), len(outputs)), dtype=bool)
        middle = outputs * self.down - self._centre
        oldest = -((self._span - middle) // self.up) - self._buffer_start
        newest = (middle + self._span) // self.up - self._buffer_start
        bad = np.cumsum(~good, axis=1, dtype=np.int64)
        bad = np.concatenate([np.zeros((len(good), 1), dtype=np.int64), bad], axis=1)
        return np.asarray(bad[:, newest + 1] == bad[:, oldest])

    def state_dict(self) -> State:
        return {"seen": np.array(self._seen), "data": self._data.copy(), "good": self._good.copy()}

    def load_state_dict(self, state: State) -> None:
        data, good = (
            restore(state, "data", self._data, free_axis=1),
            restore(state, "good", self._good, free_axis=1),
        )
        seen = int(restore(state, "seen", np.array(self._seen)))
        expected = seen % self._block_in + self._reach if seen else 0
        if not data.shape[1] == good.shape[1] == expected:
            raise ValueError(f"state 'data' and 'good' must hold {expected} samples, got {data.shape[1]}")
        self._seen = seen
        self._data, self._good = data, good

    def reset(self) -> None:
        self._seen = 0
        self._data = np.empty((self.layout.n_channels, 0))
        self._good = np.empty((self.layout.n_channels, 0), dtype=bool)


def _tile_matrices(taps: NDArray[np.float64], up: int, down: int, turns: int) -> NDArray[np.float64]:
    """What a tile of inputs adds to its own outputs and to those of the tiles after it, (n_tiles, n_in, n_out)."""
    n_in, n_out = turns * down, turns * up
    n_tiles = 1 + math.ceil((len(taps) - 1) // up / n_in)
    back, place, output = np.ogrid[:n_tiles, :n_in, :n_out]
    tap = output * down - (place - back * n_in) * up
    return np.where((tap >= 0) & (tap < len(taps)), taps[np.clip(tap, 0, len(taps) - 1)], 0.0)


def anti_alias_taps(up: int, down: int, *, attenuation_db: float, transition: float) -> NDArray[np.float64]:
    """Symmetric low-pass taps at ``up`` times the input rate, each of the ``up`` phases summing to 1.

    Their number is odd and their centre a multiple of ``max(up, down)``, so that the delay is
    a whole number of samples at the lower rate.
    """
    widest = max(up, down)
    n_taps, beta = signal.kaiserord(attenuation_db, transition / widest)
    half = math.ceil((n_taps - 1) / 2 / widest) * widest
    taps = signal.firwin(2 * half + 1, (1 - transition / 2) / widest, window=("kaiser", beta))
    for phase in range(up):
        taps[phase::up] /= taps[phase::up].sum()
    return np.asarray(taps, dtype=np.float64)


def _main_span(taps: NDArray[np.float64]) -> int:
    """How many taps either side of the centre hold ``MAIN_ENERGY`` of the energy."""
    half = len(taps) // 2
    energy = taps**2
    within = energy[half] + np.concatenate([[0.0], np.cumsum(energy[half + 1 :] + energy[half - 1 :: -1])])
    return int(np.searchsorted(within, MAIN_ENERGY * energy.sum()))

"""Causal Butterworth and notch filters: second-order sections with float64 state, one row per channel.

A filter starts in the steady state of a constant equal to the *first sample* (never the
mean of the first chunk, which would make the output depend on how the network cut it).
It starts anew, per channel, from the first good sample after ``PRIME_AGAIN_S`` or more of
bad ones: by then its state knows the held value of a gap or the rail of a loose electrode,
and the jump back would ring through the pass band for seconds.

Delay of an IIR filter depends on frequency. ``delay_s`` is the group delay at one stated
frequency per step; :func:`group_delay_s` gives it at any other.

Designs are the bilinear-transform Butterworth and notch of ``scipy.signal`` (Oppenheim &
Schafer, Discrete-Time Signal Processing, 3rd ed., ch. 7); initial conditions as in
Gustafsson 1996, doi:10.1109/78.492552, for a constant input.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from biosig.records.recording import Layout
from biosig.signal.stream import Chunk, State, Step, Stream, restore

__all__ = ["PRIME_AGAIN_S", "BandPass", "HighPass", "LowPass", "Notch", "SosStream", "group_delay_s"]

Sections = NDArray[np.float64]

PRIME_AGAIN_S = 1.0
"""Seconds of bad samples in one channel after which its filter state is worth nothing.

Two time constants of a second-order 0.5 Hz high-pass (0.45 s each): 90 % of its idea of the
baseline then comes from samples that were not real.
"""


@dataclass(frozen=True)
class BandPass(Step):
    """Butterworth band-pass; ``delay_s`` is the group delay at the geometric centre of the band.

    Parameters
    ----------
    low_hz, high_hz : the -3 dB edges in Hz, inside (0, fs/2).
    order : order of the prototype; each edge falls with ``6 * order`` dB per octave.
    """

    low_hz: float
    high_hz: float
    order: int = 2

    def __post_init__(self) -> None:
        _check_order(self.order)
        if not self.low_hz < self.high_hz:
            raise ValueError(f"low_hz must be below high_hz, got {self.low_hz:g}-{self.high_hz:g} Hz")

    def open(self, layout: Layout) -> SosStream:
        if not (self.low_hz > 0 and self.high_hz < layout.fs / 2):
            raise ValueError(_outside("band", layout.fs, f"{self.low_hz:g}-{self.high_hz:g}"))
        edges = (self.low_hz, self.high_hz)
        sos = signal.butter(self.order, edges, "bandpass", output="sos", fs=layout.fs)
        return SosStream(layout, sos, reference_hz=math.sqrt(self.low_hz * self.high_hz), name="BandPass")


@dataclass(frozen=True)
class HighPass(Step):
    """Butterworth high-pass; ``delay_s`` is the group delay a decade above the edge.

    Where a decade above is past fs/2, it is taken half-way (geometrically) between edge and fs/2.

    Parameters
    ----------
    low_hz : the -3 dB edge in Hz, inside (0, fs/2).
    order : the edge falls with ``6 * order`` dB per octave.
    """

    low_hz: float
    order: int = 2

    def __post_init__(self) -> None:
        _check_order(self.order)

    def open(self, layout: Layout) -> SosStream:
        if not 0 < self.low_hz < layout.fs / 2:
            raise ValueError(_outside("low_hz", layout.fs, f"{self.low_hz:g}"))
        sos = signal.butter(self.order, self.low_hz, "highpass", output="sos", fs=layout.fs)
        reference_hz = min(10 * self.low_hz, math.sqrt(self.low_hz * layout.fs / 2))
        return SosStream(layout, sos, reference_hz=reference_hz, name="HighPass")


@dataclass(frozen=True)
class LowPass(Step):
    """Butterworth low-pass; ``delay_s`` is the group delay a decade below the edge.

    Parameters
    ----------
    high_hz : the -3 dB edge in Hz, inside (0, fs/2).
    order : the edge falls with ``6 * order`` dB per octave.
    """

    high_hz: float
    order: int = 2

    def __post_init__(self) -> None:
        _check_order(self.order)

    def open(self, layout: Layout) -> SosStream:
        if not 0 < self.high_hz < layout.fs / 2:
            raise ValueError(_outside("high_hz", layout.fs, f"{self.high_hz:g}"))
        sos = signal.butter(self.order, self.high_hz, "lowpass", output="sos", fs=layout.fs)
        return SosStream(layout, sos, reference_hz=self.high_hz / 10, name="LowPass")


@dataclass(frozen=True)
class Notch(Step):
    """Notches at the mains frequency and its multiples; ``delay_s`` is the group delay at ``mains_hz / 5``.

    Parameters
    ----------
    mains_hz : 50 or 60 Hz, depending on the country.
    q : centre over -3 dB width; 30 at 50 Hz takes out 49.2-50.8 Hz, and every harmonic as wide as that.
    harmonics : how many multiples, the mains frequency itself being the first; all below fs/2.
    """

    mains_hz: float
    q: float = 30.0
    harmonics: int = 1

    def __post_init__(self) -> None:
        if not (math.isfinite(self.q) and self.q > 0):
            raise ValueError(f"q must be positive, got {self.q:g}")
        if self.harmonics < 1:
            raise ValueError(f"harmonics counts the mains frequency as the first: at least 1, got {self.harmonics}")

    def open(self, layout: Layout) -> SosStream:
        highest = self.mains_hz * self.harmonics
        if not (self.mains_hz > 0 and highest < layout.fs / 2):
            got = f"{highest:g}" if self.harmonics == 1 else f"{highest:g} (harmonic {self.harmonics})"
            raise ValueError(_outside("mains_hz", layout.fs, got))
        rows = []
        for harmonic in range(1, self.harmonics + 1):
            b, a = signal.iirnotch(self.mains_hz * harmonic, self.q * harmonic, fs=layout.fs)
            rows.append(np.concatenate([b, a]))
        return SosStream(layout, np.array(rows), reference_hz=self.mains_hz / 5, name="Notch")


class SosStream(Stream):
    """One patient's channels running through second-order sections.

    Parameters
    ----------
    layout : what comes in and goes out.
    sos : float64 (n_sections, 6), as scipy writes them.
    reference_hz : where ``delay_s`` is the group delay, in Hz.
    name : the step, for errors.
    """

    per_channel: ClassVar[Mapping[str, int]] = {"_zi": 1, "_bad_run": 0}
    in_common: ClassVar[tuple[str, ...]] = ("_primed",)

    _zi: NDArray[np.float64]
    _bad_run: NDArray[np.int64]
    _primed: bool

    def __init__(self, layout: Layout, sos: Sections, *, reference_hz: float, name: str) -> None:
        self.layout = layout
        self.sos = np.ascontiguousarray(sos, dtype=np.float64)
        self.reference_hz = reference_hz
        self.delay_s = group_delay_s(self.sos, layout.fs, reference_hz)
        self.name = name
        self._steady = signal.sosfilt_zi(self.sos)[:, np.newaxis, :]
        self._patience = math.ceil(PRIME_AGAIN_S * layout.fs)
        self.reset()

    def process(self, chunk: Chunk) -> Chunk:
        """Filtered samples (n_channels, n_times), marks unchanged; ``ValueError`` where the input is not finite."""
        return self.process_in_series([self], chunk)

    @classmethod
    def process_in_series(cls, streams: Sequence[Self], chunk: Chunk) -> Chunk:
        """The sections of neighbouring filters in one pass, which costs hardly more than one section.

        A sample runs through the same sections in the same order as filter by filter, and each filter starts from
        what the one before it gives: the bits are the same.
        """
        if chunk.n_times == 0:
            return chunk
        # every filter of a series has seen the same marks, so all start anew together
        starts, *_ = [stream._starts(chunk.good) for stream in streams]
        sos = np.concatenate([stream.sos for stream in streams])
        parts = []
        for begin, end in pairwise(sorted({0, *starts, chunk.n_times})):
            if begin in starts:
                _prime(streams, starts[begin], chunk.data[starts[begin], begin : begin + 1])
            zi = np.concatenate([stream._zi for stream in streams])
            part, zi = signal.sosfilt(sos, chunk.data[:, begin:end], axis=-1, zi=zi)
            if not np.isfinite(zi).all():
                raise ValueError(
                    f"{streams[0].name}: a sample is NaN or infinite; put HoldGaps before the first filter"
                )
            first = 0
            for stream in streams:
                stream._zi = zi[first : first + len(stream.sos)]
                first += len(stream.sos)
            parts.append(part)
        return Chunk(data=parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1), good=chunk.good)

    def _starts(self, good: NDArray[np.bool_]) -> dict[int, list[int]]:
        """Rows that start anew at each time of this chunk; counts the runs of bad samples on."""
        starts: dict[int, list[int]] = {}
        if not self._primed:
            starts[0] = list(range(len(good)))
            self._primed = True
        for row in np.flatnonzero((self._bad_run > 0) | ~good.all(axis=1)):
            times = np.flatnonzero(good[row])
            run = int(self._bad_run[row])
            bad_before = np.diff(times, prepend=-1 - run) - 1
            for time in times[bad_before >= self._patience]:
                starts.setdefault(int(time), []).append(int(row))
            trailing = good.shape[1] - 1 - int(times[-1]) if len(times) else run + good.shape[1]
            self._bad_run[row] = min(trailing, self._patience)
        return starts

    def state_dict(self) -> State:
        return {"zi": self._zi.copy(), "bad_run": self._bad_run.copy(), "primed": np.array(self._primed)}

    def load_state_dict(self, state: State) -> None:
        zi, bad_run = restore(state, "zi", self._zi), restore(state, "bad_run", self._bad_run)
        self._primed = bool(restore(state, "primed", np.array(self._primed)))
        self._zi, self._bad_run = zi, bad_run

    def reset(self) -> None:
        self._zi = np.zeros((len(self.sos), self.layout.n_channels, 2))
        self._bad_run = np.full(self.layout.n_channels, self._patience)
        self._primed = False


def _prime(streams: Sequence[SosStream], rows: list[int], first: NDArray[np.float64]) -> None:
    """Start these rows anew, each filter in the steady state of the first sample it gets; ``first`` is (n_rows, 1)."""
    for stream in streams:
        stream._zi[:, rows] = stream._steady * first
        first, _ = signal.sosfilt(stream.sos, first, axis=-1, zi=stream._zi[:, rows])


def group_delay_s(sos: Sections, fs: float, hz: float) -> float:
    """Group delay in seconds of second-order sections (n_sections, 6) at ``hz``, for data at ``fs`` Hz."""
    delay = sum(float(signal.group_delay((row[:3], row[3:]), w=[hz], fs=fs)[1][0]) for row in sos)
    return delay / fs


def _check_order(order: int) -> None:
    if order < 1:
        raise ValueError(f"order must be at least 1, got {order}")


def _outside(what: str, fs: float, got: str) -> str:
    return f"{what} must lie inside (0, {fs / 2:g}) Hz at fs={fs:g} Hz, got {got} Hz"

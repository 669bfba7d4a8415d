"""How fast the causal chain is, beside what MNE does by default: one run, one machine, CPU seconds."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from biosig.records.recording import Layout
from biosig.signal.filters import BandPass, Notch
from biosig.signal.montage import Reference
from biosig.signal.resample import Resample
from biosig.signal.stream import Chain, Chunk

__all__ = ["bench_signal"]

FS, TO_HZ = 256.0, 128.0
BAND_HZ = (0.5, 40.0)
MAINS_HZ = 50.0
CHUNK_S = 4
"""Seconds of signal pushed at a time."""
PIECE_S = 60
"""Seconds of noise drawn; longer signals repeat them."""


def bench_signal(*, channels: int = 64, minutes: int = 60) -> dict[str, float]:
    """Band-pass, notch, resampling and average reference of noise at 256 Hz: ours in a stream, MNE's of the whole.

    MNE filters with the defaults of ``mne.filter.filter_data``, ``notch_filter`` and ``resample``: FIR filters that
    look ahead as far as they look back, the whole signal in memory. Ours is causal and never holds more than a chunk.

    Parameters
    ----------
    channels, minutes : how much signal.

    Returns
    -------
    ``channels``; ``minutes``; ``biosig_s`` and ``mne_s`` (CPU seconds); ``ratio`` (of the latter to the former);
    ``biosig_memory_mb`` (most that the chain takes at a time, over 10 minutes), and the same over the first minute,
    ``biosig_memory_early_mb``: it does not grow.
    """
    if channels < 2 or minutes < 1:
        raise ValueError(f"channels must be 2 or more and minutes 1 or more, got {channels} and {minutes}")
    noise = np.random.default_rng(0).normal(scale=20.0, size=(channels, int(PIECE_S * FS)))
    _stream(noise, minutes=1)
    biosig_s = _stream(noise, minutes)
    early, most = (_memory_mb(noise, length) for length in (1, min(minutes, 10)))
    mne_s = _whole(np.tile(noise, minutes))
    return {
        "channels": channels,
        "minutes": minutes,
        "biosig_s": biosig_s,
        "mne_s": mne_s,
        "ratio": mne_s / biosig_s,
        "biosig_memory_mb": most,
        "biosig_memory_early_mb": early,
    }


def _chunks(noise: NDArray[np.float64], minutes: int) -> Iterator[NDArray[np.float64]]:
    size = int(CHUNK_S * FS)
    for _ in range(minutes):
        for start in range(0, noise.shape[1], size):
            yield noise[:, start : start + size]


def _stream(noise: NDArray[np.float64], minutes: int) -> float:
    """CPU seconds of the causal chain over so many repetitions of a minute."""
    layout = Layout(tuple(map(str, range(len(noise)))), FS, ("uV",) * len(noise))
    chain = Chain((BandPass(*BAND_HZ), Notch(MAINS_HZ), Resample(TO_HZ), Reference())).open(layout)
    began = time.process_time()
    for samples in _chunks(noise, minutes):
        chain.process(Chunk(data=samples, good=np.isfinite(samples)))
    return time.process_time() - began


def _memory_mb(noise: NDArray[np.float64], minutes: int) -> float:
    """Most memory that the chain takes over so many minutes."""
    tracemalloc.start()
    try:
        _stream(noise, minutes)
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def _whole(data: NDArray[np.float64]) -> float:
    """CPU seconds of MNE's way over the whole signal."""
    import mne

    began = time.process_time()
    with mne.utils.use_log_level("ERROR"):
        data = mne.filter.filter_data(data, FS, *BAND_HZ, copy=False)
        data = mne.filter.notch_filter(data, FS, MAINS_HZ, copy=False)
        data = mne.filter.resample(data, up=TO_HZ, down=FS)
    data -= data.mean(axis=0)
    return time.process_time() - began

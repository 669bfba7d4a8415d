"""Power spectra of a recording as it is, for pictures: Welch's method around gaps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.signal import welch

from biosig.records.recording import Recording

__all__ = ["EEG_BANDS", "band_power", "power_spectra"]

EEG_BANDS: Mapping[str, tuple[float, float]] = {
    "delta": (0.5, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 13.0),
    "beta": (13.0, 30.0),
    "gamma": (30.0, 45.0),
}
"""Low and high edge in Hz, as clinical neurophysiology names them (IFCN glossary: Kane et al. 2017,
doi:10.1016/j.cnp.2017.07.002, whose delta begins at 0.1 Hz and whose gamma ends at 80 Hz)."""


def power_spectra(
    recording: Recording, start_s: float = 0.0, stop_s: float | None = None, *, window_s: float = 4.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies (n,) in Hz and power spectral density (n_channels, n) in the layout's unit squared per Hz.

    Mean of Hann-windowed periodograms that overlap by half (Welch 1967, doi:10.1109/TAU.1967.1161901), each from
    samples without a gap; NaN for a channel without one such window.

    Parameters
    ----------
    recording : channels of one rate.
    start_s, stop_s : the stretch in seconds; None = to the end.
    window_s : seconds per periodogram: frequencies are ``1 / window_s`` apart.

    Raises
    ------
    ValueError : the stretch is shorter than a window or lies outside the recording, or channels have several rates.
    """
    stop_s = recording.duration_s if stop_s is None else min(stop_s, recording.duration_s)
    if len(set(recording.channel_fs)) > 1:
        raise ValueError(f"{recording.name}: channels have several rates; pick those of one with channels=[...]")
    size = round(window_s * recording.fs)
    first, last = round(start_s * recording.fs), round(stop_s * recording.fs)
    if not (size >= 2 and first >= 0 and last - first >= size):
        raise ValueError(
            f"{recording.name}: a spectrum needs {window_s:g} s or more between 0 and {recording.duration_s:g} s, "
            f"got {start_s:g} to {stop_s:g} s"
        )
    data = recording.samples.read(first, last)
    frequency = np.arange(size // 2 + 1) / (size / recording.fs)
    return frequency, np.stack([_around_gaps(values.astype(np.float64), recording.fs, size) for values in data])


def _around_gaps(values: NDArray[np.float64], fs: float, size: int) -> NDArray[np.float64]:
    """The spectrum of one channel: the runs without a gap, weighted by how many windows each holds."""
    there = np.isfinite(values)
    edges = np.flatnonzero(np.diff(there.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    runs = [(values[a:b], 1 + 2 * (b - a - size) // size) for a, b in edges.tolist() if b - a >= size]
    if not runs:
        return np.full(size // 2 + 1, np.nan)
    spectra = [welch(run, fs=fs, window="hann", nperseg=size, noverlap=size // 2)[1] for run, _ in runs]
    return np.average(spectra, axis=0, weights=[n for _, n in runs])


def band_power(
    frequency: NDArray[np.float64], density: NDArray[np.float64], band_hz: tuple[float, float]
) -> NDArray[np.float64]:
    """Power (n_channels,) between two frequencies, from a density (n_channels, n); ``ValueError`` for an empty band."""
    low, high = band_hz
    inside = (frequency >= low) & (frequency < high)
    if not inside.any():
        raise ValueError(f"no frequency lies in {low:g}-{high:g} Hz; they go to {frequency[-1]:g} Hz")
    return np.asarray(density[:, inside].sum(axis=1) * (frequency[1] - frequency[0]))

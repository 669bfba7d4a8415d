"""What a window's spectra say: log power per channel and frequency, and how channels go together per band.

Welch's estimate (Welch 1967, doi:10.1109/TAU.1967.1161901): Hann segments that overlap by half, their mean taken out.
Coupling is the real part of coherency, the zero-lag correlation within a band, after Fisher's z (Fisher 1915,
doi:10.2307/2331838). It compares every pair with itself, so it says nothing about amplitude, and, other than the
logarithm of a covariance matrix, nothing about its rank: recordings from which independent components were removed
one by one would otherwise be told apart by what was removed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from biosig.records.recording import Layout

__all__ = ["Spectrum", "SpectrumReader"]

FLOOR = 1e-6
"""Added to power before its logarithm is taken, in squared units per Hz: a flat channel is finite."""

MAX_COUPLING = 0.95
"""Correlations are held within this before Fisher's z, which is infinite at 1."""


@dataclass(frozen=True)
class Spectrum:
    """Features of a window from its spectra.

    Parameters
    ----------
    low_hz, high_hz, bin_hz : log power is averaged over bins of ``bin_hz`` from ``low_hz`` up to ``high_hz``;
        ``bin_hz`` 0 leaves it out, so that nothing tells of amplitude.
    segment_s : length of Welch's segments in seconds; frequencies are 1 / ``segment_s`` apart.
    coupling_hz : bands, in Hz, in which every pair of channels is compared; empty = none.
    coupling_reference : ``average`` takes the mean over channels out before they are compared, ``none`` does not.
    min_good : share of a channel's samples that must be good; features of a channel with fewer are NaN, not known.
    """

    low_hz: float = 1.0
    high_hz: float = 45.0
    bin_hz: float = 2.0
    segment_s: float = 2.0
    coupling_hz: tuple[tuple[float, float], ...] = ()
    coupling_reference: Literal["none", "average"] = "none"
    min_good: float = 0.5

    def __post_init__(self) -> None:
        if not (self.segment_s > 0 and (self.bin_hz == 0 or self.bin_hz >= 1 / self.segment_s)):
            raise ValueError(
                f"bin_hz must be 0 or at least 1 / segment_s, got {self.bin_hz:g} Hz, segments of {self.segment_s:g} s"
            )
        if not (self.bin_hz or self.coupling_hz):
            raise ValueError("with bin_hz 0 and no coupling_hz a spectrum has no features; give one of them")
        for low, high in ((self.low_hz, self.high_hz), *self.coupling_hz):
            if not 0 < low < high:
                raise ValueError(f"a band must rise from above 0 Hz, got {low:g}-{high:g} Hz")
        if not 0 <= self.min_good <= 1:
            raise ValueError(f"min_good must lie in [0, 1], got {self.min_good:g}")

    def open(self, layout: Layout, length: int) -> SpectrumReader:
        """What reads windows of ``length`` samples; ``ValueError`` where they or the rate do not suffice."""
        return SpectrumReader(self, layout, length)


class SpectrumReader:
    """Features of windows of one layout and length.

    A window is read alone, so what comes out does not depend on which windows are read together.

    Parameters
    ----------
    design : what is wanted.
    layout : of the windows.
    length : samples per window.
    """

    def __init__(self, design: Spectrum, layout: Layout, length: int) -> None:
        self._segment = round(design.segment_s * layout.fs)
        if self._segment > length:
            raise ValueError(f"segment_s={design.segment_s:g} is longer than the window, {length / layout.fs:g} s")
        highest = max(design.high_hz, *(high for _, high in design.coupling_hz), 0.0)
        if highest > layout.fs / 2:
            raise ValueError(f"bands must end at or below {layout.fs / 2:g} Hz at fs={layout.fs:g} Hz, got {highest:g}")
        frequency = np.fft.rfftfreq(self._segment, 1 / layout.fs)
        n_bins = int((design.high_hz - design.low_hz) / design.bin_hz + 1e-9) if design.bin_hz else 0
        edges = design.low_hz + design.bin_hz * np.arange(n_bins + 1)
        self._bins = [np.flatnonzero((frequency >= a) & (frequency < b)) for a, b in pairwise(edges)]
        self._bands = [np.flatnonzero((frequency >= a) & (frequency < b)) for a, b in design.coupling_hz]
        if not all(map(len, (*self._bins, *self._bands))):
            raise ValueError(
                f"every band must hold a multiple of {1 / design.segment_s:g} Hz; widen bands or segment_s"
            )
        taper = np.hanning(self._segment + 1)[:-1]
        self._taper = taper / np.sqrt(layout.fs * np.square(taper).sum() / 2)
        self._begins = range(0, length - self._segment + 1, max(1, self._segment // 2))
        pairs = list(combinations(range(layout.n_channels), 2)) if self._bands else []
        self._first, self._second = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
        self._average = design.coupling_reference == "average"
        self._min_good = design.min_good
        names = layout.channels
        self.names = (
            *(f"{name} {a:g}-{b:g} Hz" for name in names for a, b in pairwise(edges.tolist())),
            *(f"{names[i]}~{names[j]} {a:g}-{b:g} Hz" for a, b in design.coupling_hz for i, j in pairs),
        )

    def read(self, samples: NDArray[np.float32], good: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Features float32 (n_features,) of one window.

        Parameters
        ----------
        samples : float32 (n_channels, length), in the layout's units.
        good : bool (n_channels, length).
        """
        known = good.mean(axis=1) >= self._min_good
        pieces = np.stack([samples[:, at : at + self._segment] for at in self._begins], axis=1).astype(np.float64)
        pieces -= pieces.mean(axis=-1, keepdims=True)
        spectra = np.fft.rfft(pieces * self._taper, axis=-1)
        power = (spectra.real**2 + spectra.imag**2).mean(axis=1)
        log_power = np.log(power + FLOOR)
        means = [log_power[:, place].mean(axis=1) for place in self._bins]
        levels = np.stack(means, axis=1) if means else np.zeros((len(samples), 0))
        levels[~known] = np.nan
        return np.concatenate([levels.ravel(), *self._couplings(spectra, known)]).astype(np.float32)

    def _couplings(self, spectra: NDArray[np.complex128], known: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
        """Fisher's z of every pair's correlation, (n_pairs,) per band."""
        if self._average and self._bands and known.any():
            spectra = spectra - spectra[known].mean(axis=0)
        unknown = ~(known[self._first] & known[self._second]) if self._bands else np.zeros(0, dtype=np.bool_)
        couplings = []
        for place in self._bands:
            band = spectra[:, :, place].reshape(len(spectra), -1)
            values = np.concatenate([band.real, band.imag], axis=1)
            length = np.sqrt(np.square(values).sum(axis=1))
            unit = values / np.maximum(length, 1e-12)[:, None]
            together = (unit[self._first] * unit[self._second]).sum(axis=1)
            coupling = np.arctanh(np.clip(together, -MAX_COUPLING, MAX_COUPLING))
            coupling[unknown] = np.nan
            couplings.append(coupling)
        return couplings

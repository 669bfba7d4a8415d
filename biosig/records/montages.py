"""EEG as people read it: which electrode against which, and the band they look at.

For pictures only: the filter looks ahead. What models see is filtered by :mod:`biosig.signal`, causally.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from biosig.records.channel_names import OTHER_NAME, is_electrode, is_pair_or_electrode
from biosig.records.recording import Layout, Recording, Samples

__all__ = ["DOUBLE_BANANA", "as_read", "is_eeg", "montage_of", "same_chain"]

DOUBLE_BANANA: tuple[tuple[str, str], ...] = (
    ("Fp1", "F7"),
    ("F7", "T7"),
    ("T7", "P7"),
    ("P7", "O1"),
    ("Fp1", "F3"),
    ("F3", "C3"),
    ("C3", "P3"),
    ("P3", "O1"),
    ("Fz", "Cz"),
    ("Cz", "Pz"),
    ("Fp2", "F4"),
    ("F4", "C4"),
    ("C4", "P4"),
    ("P4", "O2"),
    ("Fp2", "F8"),
    ("F8", "T8"),
    ("T8", "P8"),
    ("P8", "O2"),
)
"""Longitudinal bipolar montage of the 10-20 system, left above right (ACNS guideline 3: Acharya et al. 2016,
J Clin Neurophysiol 33:312-316, doi:10.1097/WNP.0000000000000317)."""

_PAD_S = 5.0
"""Seconds beyond a stretch that its filter sees, so that the stretch does not begin with a step."""
_ORDER = 2
_FEWEST = 4
"""Electrodes of which an average is a reference."""

Weights = tuple[tuple[int, float], ...]
"""Rows of the recording and how much of each makes up one trace."""


def is_eeg(recording: Recording) -> bool:
    """Whether two channels or more are electrodes of the 10-20 system, or pairs of them, in uV."""
    layout = recording.layout
    named = [is_pair_or_electrode(name) for name in layout.channels]
    return sum(unit == "uV" and known for unit, known in zip(layout.units, named, strict=True)) >= 2


def montage_of(recording: Recording) -> str:
    """The montage that a recording's electrodes allow: ``double-banana``, else ``average``, else ``recorded``."""
    sites = _sites(recording)
    if all(_row(sites, site) is not None for pair in DOUBLE_BANANA for site in pair):
        return "double-banana"
    return "average" if len(sites) >= _FEWEST else "recorded"


def as_read(
    recording: Recording,
    montage: str = "auto",
    band_hz: tuple[float, float] | None = None,
    *,
    negative_up: bool = False,
) -> Recording:
    """The recording in a montage and a band, its samples worked out when they are asked for.

    Channels that are no electrodes (ECG, pairs) stay as they were recorded, below the others.

    Parameters
    ----------
    recording : EEG in uV.
    montage : ``double-banana`` (18 pairs, front to back), ``average`` (each electrode against the mean of all),
        ``recorded``, an electrode that becomes the reference (``Cz``), or ``auto`` (:func:`montage_of`).
    band_hz : low and high edge of a zero-phase Butterworth filter of order 2, run both ways; None = none. An edge at or
        beyond half the sampling rate is left out.
    negative_up : turn traces in uV round.

    Raises
    ------
    ValueError : no EEG, or the montage needs electrodes that are not there.
    """
    layout, sites = recording.layout, _sites(recording)
    if not is_eeg(recording):
        raise ValueError(
            f"{recording.name}: a montage needs electrodes of the 10-20 system in uV, has "
            f"{', '.join(f'{name} in {unit}' for name, unit in zip(layout.channels, layout.units, strict=True))}"
        )
    chosen = montage_of(recording) if montage == "auto" else montage
    traces = _traces(recording.name, sites, chosen, layout)
    rest = [row for row in range(layout.n_channels) if chosen == "recorded" or layout.channels[row] not in sites]
    names = (*traces, *(layout.channels[row] for row in rest))
    weights = (*traces.values(), *(((row, 1.0),) for row in rest))
    units = (*("uV" for _ in traces), *(layout.units[row] for row in rest))
    if negative_up:
        turned = [tuple((row, -share) for row, share in one) for one in weights]
        weights = tuple(other if unit == "uV" else one for one, other, unit in zip(weights, turned, units, strict=True))
    samples = _Read(recording.samples, weights, _filter(band_hz, layout.fs), round(_PAD_S * layout.fs))
    rates = tuple(min(recording.channel_fs[row] for row, _ in one) for one in weights) if recording.channel_fs else ()
    shown = Layout(tuple(names), layout.fs, tuple(units))
    return replace(recording, layout=shown, samples=samples, channel_fs=rates, rails=())


def same_chain(before: str, name: str) -> bool:
    """Whether a bipolar trace goes on where the one above it ended (``Fp1-F7``, ``F7-T7``)."""
    return before.partition("-")[2] == name.partition("-")[0] or "-" not in before + name


def _sites(recording: Recording) -> dict[str, int]:
    """Rows of the single electrodes in uV, by name."""
    layout = recording.layout
    return {
        name: row
        for row, (name, unit) in enumerate(zip(layout.channels, layout.units, strict=True))
        if unit == "uV" and is_electrode(name)
    }


def _row(sites: dict[str, int], site: str) -> int | None:
    """Row of an electrode under its 10-10 or its 10-20 name."""
    return sites.get(site, sites.get(OTHER_NAME.get(site, "")))


def _traces(name: str, sites: dict[str, int], montage: str, layout: Layout) -> dict[str, Weights]:
    """What each trace of a montage is made of, by its name."""
    if montage == "recorded":
        return {}
    if montage == "double-banana":
        pairs = {f"{first}-{second}": (_row(sites, first), _row(sites, second)) for first, second in DOUBLE_BANANA}
        missing = sorted({site for pair in DOUBLE_BANANA for site in pair if _row(sites, site) is None})
        if missing:
            raise ValueError(f"{name}: montage double-banana needs {', '.join(missing)}, has {', '.join(sites)}")
        return {pair: ((a, 1.0), (b, -1.0)) for pair, (a, b) in pairs.items() if a is not None and b is not None}
    if montage == "average":
        if len(sites) < _FEWEST:
            raise ValueError(f"{name}: an average reference needs {_FEWEST} electrodes, has {', '.join(sites)}")
        share = 1.0 / len(sites)
        mean = [(row, -share) for row in sites.values()]
        return {f"{site}-avg": ((row, 1.0), *mean) for site, row in sites.items()}
    reference = _row(sites, montage)
    if reference is None:
        raise ValueError(
            f"{name}: montage must be auto, recorded, average, double-banana or an electrode of "
            f"{', '.join(sites)}, got {montage!r}"
        )
    return {f"{site}-{montage}": ((row, 1.0), (reference, -1.0)) for site, row in sites.items() if row != reference}


def _filter(band_hz: tuple[float, float] | None, fs: float) -> NDArray[np.float64] | None:
    if band_hz is None:
        return None
    low, high = band_hz
    if not 0 <= low < high:
        raise ValueError(f"band_hz must be two rising frequencies from 0 Hz on, got {low:g}-{high:g}")
    if low > 0 and high < fs / 2:
        return np.asarray(butter(_ORDER, (low, high), "bandpass", fs=fs, output="sos"))
    if low > 0:
        return np.asarray(butter(_ORDER, low, "highpass", fs=fs, output="sos"))
    return np.asarray(butter(_ORDER, high, "lowpass", fs=fs, output="sos")) if high < fs / 2 else None


@dataclass(frozen=True, eq=False)
class _Read:
    """Samples of a montage in a band."""

    source: Samples
    weights: Sequence[Weights]
    sos: NDArray[np.float64] | None
    pad: int

    @property
    def n_times(self) -> int:
        return self.source.n_times

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        first, last = max(0, start - self.pad), min(self.n_times, stop + self.pad)
        raw = self.source.read(first, last).astype(np.float64)
        traces = np.stack([sum(weight * raw[row] for row, weight in one) for one in self.weights])
        if self.sos is not None:
            traces = np.stack([_filtered(trace, self.sos) for trace in traces])
        return traces[:, start - first : stop - first].astype(np.float32)

    def pick(self, rows: Sequence[int]) -> _Read:
        return replace(self, weights=[self.weights[row] for row in rows])


def _filtered(trace: NDArray[np.float64], sos: NDArray[np.float64]) -> NDArray[np.float64]:
    """Filtered both ways; what is missing is bridged for the filter and stays missing."""
    there = np.flatnonzero(np.isfinite(trace))
    longest = 3 * (2 * len(sos) + 1)
    if len(there) <= longest or math.isclose(float(np.ptp(trace[there])), 0.0):
        return trace - (trace[there].mean() if len(there) else 0.0)
    places = np.arange(len(trace))
    found = np.asarray(sosfiltfilt(sos, np.interp(places, there, trace[there])))
    found[~np.isfinite(trace)] = np.nan
    return found

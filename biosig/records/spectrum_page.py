"""Power spectra of a recording's channels, drawn; and power over the head, as maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from numpy.typing import NDArray

from biosig.records.electrode_positions import electrode_positions
from biosig.records.montages import as_read, is_eeg
from biosig.records.paper import INK, QUIET_INK, Sheet
from biosig.records.recording import Recording
from biosig.records.spectra import EEG_BANDS, band_power, power_spectra

__all__ = ["plot_spectrum", "plot_topomap"]

_MAINS_HZ = (50.0, 60.0)
_STANDS_OUT_DB = 6.0
"""How far above its surroundings a mains line must rise to be called there."""
_FEWEST = 4
"""Electrodes that a map is interpolated from, at least."""
_EEG_TO_HZ, _ECG_TO_HZ = 70.0, 125.0


def plot_spectrum(
    recording: Recording,
    start_s: float = 0.0,
    stop_s: float | None = None,
    *,
    channels: Sequence[str] | None = None,
    max_hz: float | None = None,
    window_s: float = 4.0,
) -> Sheet:
    """Draw the power spectral density of each channel in dB, mains lines and, for EEG, the classical bands marked.

    Parameters
    ----------
    recording : what to draw.
    start_s, stop_s : the stretch in seconds from the start of the recording; None = to the end.
    channels : names, of one unit; None = those of the unit that most channels have.
    max_hz : highest frequency shown; None = 70 Hz for EEG, 125 Hz for others, at most half the sampling rate.
    window_s : seconds per periodogram.

    Returns
    -------
    A matplotlib figure; the vertical axis is 10 log10 of the unit squared per Hz. Electrodes are coloured from front to
    back where their positions are known.

    Raises
    ------
    ValueError : the stretch is too short, channels have several units or rates, or nothing was recorded in it.
    """
    units = recording.layout.units
    if channels is None:
        usual = max(dict.fromkeys(units), key=units.count, default="")
        channels = [name for name, unit in zip(recording.layout.channels, units, strict=True) if unit == usual]
    if not channels:
        raise ValueError(f"{recording.name}: there is no channel to draw a spectrum of")
    shown = recording.pick(channels)
    unit = shown.layout.unit
    frequency, density = power_spectra(shown, start_s, stop_s, window_s=window_s)
    eeg = is_eeg(shown)
    top_hz = min(recording.fs / 2, max_hz or (_EEG_TO_HZ if eeg else _ECG_TO_HZ))
    inside = (frequency > 0) & (frequency <= top_hz)
    frequency, decibel = frequency[inside], _decibel(density[:, inside])
    if not np.isfinite(decibel).any():
        raise ValueError(f"{recording.name}: no channel has {window_s:g} s in a row without a gap in this stretch")
    sheet = Sheet(190, 105, layout="constrained")
    axes = sheet.add_subplot()
    for values, name, colour in zip(decibel, channels, _colours(channels), strict=True):
        axes.plot(frequency, values, color=colour, linewidth=0.9, label=name)
    low, high = np.nanpercentile(decibel, (0.5, 100))
    axes.set_ylim(low - 3, high + 0.18 * (high - low))
    axes.set_xlim(0, top_hz)
    _mark_mains(axes, frequency, decibel, top_hz)
    if eeg:
        _mark_bands(axes, top_hz)
    axes.set_xlabel("Hz", fontsize=8)
    axes.set_ylabel(f"dB ({_shown(unit)}²/Hz)", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.set_title(recording.name, loc="left", fontsize=11, weight="bold", color=INK)
    span_s = (start_s, recording.duration_s if stop_s is None else min(stop_s, recording.duration_s))
    axes.set_title(f"{span_s[0]:g}-{span_s[1]:g} s, Welch, {window_s:g} s windows", loc="right", fontsize=8)
    axes.grid(color="#e4e4e4", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if len(channels) > 1:
        sheet.legend(loc="outside right upper", fontsize=7, frameon=False, ncols=1 + len(channels) // 24)
    else:
        axes.legend(loc="upper right", fontsize=8, frameon=False)
    return sheet


def plot_topomap(
    recording: Recording,
    band: str | tuple[float, float] | Sequence[str] = tuple(EEG_BANDS),
    start_s: float = 0.0,
    stop_s: float | None = None,
    *,
    reference: str = "average",
    window_s: float = 4.0,
) -> Sheet:
    """Draw the power of one or more bands over the head, seen from above with the nose up, interpolated by MNE-Python.

    Parameters
    ----------
    recording : EEG in uV with four electrodes of the 10-20 system or more.
    band : ``delta``, ``theta``, ``alpha``, ``beta``, ``gamma``, several of these, or two frequencies in Hz.
    start_s, stop_s : the stretch in seconds from the start of the recording; None = to the end.
    reference : what electrodes are measured against, as in :func:`~biosig.records.montages.as_read` (``average``,
        ``recorded``, an electrode). The map depends on it, so it stands in the title.
    window_s : seconds per periodogram.

    Raises
    ------
    ValueError : no EEG, positions that are not known, an unknown band, or a stretch too short.
    """
    import mne

    bands = _bands(band)
    head = recording.pick(_placed(recording))
    shown = as_read(head, reference)
    frequency, density = power_spectra(shown, start_s, stop_s, window_s=window_s)
    rows = np.flatnonzero(np.isfinite(density).all(axis=1)).tolist()
    sites = [shown.layout.channels[row].partition("-")[0] for row in rows]
    if len(sites) < _FEWEST:
        raise ValueError(f"{recording.name}: fewer than {_FEWEST} electrodes have {window_s:g} s without a gap there")
    info = head.pick(sites).crop(0, 1).to_mne().info
    sheet = Sheet(max(75, 8 + 44 * len(bands)), 60, layout="constrained")
    for place, (name, edges) in enumerate(bands.items(), start=1):
        axes = sheet.add_subplot(1, len(bands), place)
        power = _decibel(band_power(frequency, density[rows], edges))
        image, _ = mne.viz.plot_topomap(
            power, info, axes=axes, show=False, cmap="viridis", contours=4, vlim=(power.min(), power.max())
        )
        axes.set_title(f"{name}\n{edges[0]:g}-{edges[1]:g} Hz", fontsize=9)
        bar = sheet.colorbar(image, ax=axes, orientation="horizontal", shrink=0.75, pad=0.02)
        bar.ax.tick_params(labelsize=7)
        bar.set_label("dB (µV²)", fontsize=7)
    sheet.suptitle(f"{recording.name}, reference {reference}", x=0.02, ha="left", fontsize=9, weight="bold")
    return sheet


def _placed(recording: Recording) -> list[str]:
    """The single electrodes in uV whose positions are known."""
    layout = recording.layout
    placed = [bool(np.isfinite(place).all()) for place in electrode_positions(layout.channels)]
    names = [
        name for name, unit, known in zip(layout.channels, layout.units, placed, strict=True) if known and unit == "uV"
    ]
    if len(names) < _FEWEST:
        raise ValueError(
            f"{recording.name}: a map needs {_FEWEST} electrodes in uV with known positions (10-20 system), has "
            f"{len(names)} among {', '.join(layout.channels)}"
        )
    return names


def _bands(band: str | tuple[float, float] | Sequence[str]) -> dict[str, tuple[float, float]]:
    """Edges in Hz by name."""
    if not isinstance(band, str) and len(band) == 2 and not any(isinstance(edge, str) for edge in band):
        low, high = (float(edge) for edge in band)
        return {"power": (low, high)}
    names = [band] if isinstance(band, str) else [str(name) for name in band]
    unknown = [name for name in names if name not in EEG_BANDS]
    if unknown or not names:
        raise ValueError(f"band must be of {', '.join(EEG_BANDS)}, or two frequencies in Hz, got {band!r}")
    return {name: EEG_BANDS[name] for name in names}


def _decibel(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """10 log10; NaN for what is not known or has no power at all (a flat channel)."""
    return 10.0 * np.log10(power, out=np.full_like(power, np.nan), where=power > 0)


def _colours(channels: Sequence[str]) -> list[str | tuple[float, float, float, float]]:
    """From the front of the head (dark) to its back (bright); ink for what has no place there."""
    front = electrode_positions([name.partition("-")[0] for name in channels])[:, 1]
    known = np.isfinite(front).tolist()
    if sum(known) < 2:
        lines = colormaps["tab10"]
        return [lines(number % 10) for number in range(len(channels))]
    share = (np.nanmax(front) - front) / max(float(np.nanmax(front) - np.nanmin(front)), 1e-9)
    ramp = colormaps["viridis"]
    return [ramp(0.9 * float(one)) if there else INK for one, there in zip(share, known, strict=True)]


def _mark_mains(axes: Axes, frequency: NDArray[np.float64], decibel: NDArray[np.float64], top_hz: float) -> None:
    """Dotted lines where mains hum would be; said to be there where a middling channel rises above its surroundings."""
    middle = np.nanmedian(decibel, axis=0)
    for mains_hz in _MAINS_HZ:
        if mains_hz >= top_hz:
            continue
        away = np.abs(frequency - mains_hz)
        rise = np.nanmax(middle[away <= 0.5]) - np.nanmedian(middle[(away > 1.0) & (away <= 5.0)])
        there = rise >= _STANDS_OUT_DB
        axes.axvline(mains_hz, color="#b32400" if there else QUIET_INK, linewidth=1.0 if there else 0.6, linestyle=":")
        said = f"mains {mains_hz:g} Hz, +{rise:.0f} dB" if there else f"{mains_hz:g} Hz"
        axes.text(
            mains_hz, 0.92, said, fontsize=7, rotation=90, ha="right", va="top", color=QUIET_INK,
            transform=axes.get_xaxis_transform(), bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip


def _mark_bands(axes: Axes, top_hz: float) -> None:
    """The classical bands as shades, named at the top."""
    for number, (name, (low, high)) in enumerate(EEG_BANDS.items()):
        if low >= top_hz:
            break
        axes.axvspan(low, min(high, top_hz), color="#f1f4f9" if number % 2 else "#e3e9f2", zorder=0, linewidth=0)
        axes.text(
            (low + min(high, top_hz)) / 2, 0.985, name, fontsize=7, ha="center", va="top", color=QUIET_INK,
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip


def _shown(unit: str) -> str:
    return "µV" if unit == "uV" else unit

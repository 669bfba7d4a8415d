"""An EEG page in the clinical layout: a montage, chains apart, left and right told apart, 10 s to the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from biosig.records.montages import as_read, montage_of
from biosig.records.page import plot_page
from biosig.records.paper import Paper, Sheet
from biosig.records.recording import Recording

__all__ = ["plot_eeg_page"]

BAND_HZ = (1.0, 70.0)
"""What routine EEG is read in: low-frequency filter at 1 Hz at most, high-frequency filter at 70 Hz at least (ACNS
guideline 1: Sinha et al. 2016, doi:10.1097/WNP.0000000000000308)."""


def plot_eeg_page(
    recording: Recording,
    start_s: float = 0.0,
    stop_s: float | None = None,
    *,
    montage: str = "auto",
    band_hz: tuple[float, float] | None = BAND_HZ,
    uv_per_mm: float | None = None,
    negative_up: bool = True,
    channels: Sequence[str] | None = None,
    **options: Any,
) -> Sheet:
    """Draw a stretch of an EEG as a clinical reader sees it; the recording itself is not changed.

    Parameters
    ----------
    recording : what to draw.
    start_s, stop_s : the stretch in seconds from the start of the recording; without ``stop_s`` 10 s.
    montage : ``auto``, ``double-banana``, ``average``, ``recorded`` or an electrode that all are measured against; see
        :func:`~biosig.records.montages.as_read`.
    band_hz : band of a zero-phase filter for the eye; None = as recorded.
    uv_per_mm : sensitivity; None = one of the usual ones, so that a middling trace fills its lane.
    negative_up : a trace in uV rises where its first electrode becomes more negative, as clinical readers expect.
    channels : of the montage (``Fp1-F7``), or, as ``recorded``, of the recording; None = all.
    options : of :func:`~biosig.records.page.plot_page`.

    Raises
    ------
    ValueError : no EEG, or the montage needs electrodes that are not there.
    """
    chosen = "recorded" if channels is not None and montage == "auto" else montage
    shown = as_read(recording, chosen, band_hz, negative_up=negative_up)
    if chosen == "auto":
        chosen = montage_of(recording)
    said = [
        chosen,
        *([_band_said(band_hz, recording.fs)] if band_hz else []),
        *(["negative up"] if negative_up else []),
    ]
    note = ", ".join(filter(None, said))
    paper = options.pop("paper", None) or Paper(uv_per_mm=uv_per_mm, note=note)
    return plot_page(shown, start_s, stop_s, channels=channels, paper=paper, **options)


def _band_said(band_hz: tuple[float, float], fs: float) -> str:
    """The band as readers write it; an edge that cuts nothing off is not mentioned."""
    low, high = band_hz
    if high >= fs / 2:
        return f"from {low:g} Hz" if low else ""
    return f"{low:g}-{high:g} Hz" if low else f"to {high:g} Hz"

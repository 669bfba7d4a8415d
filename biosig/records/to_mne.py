"""Recordings as MNE-Python objects, so that analysts keep their tools."""

from __future__ import annotations

import re
from datetime import UTC
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.records.channel_names import is_electrode
from biosig.records.electrode_positions import standard_montage
from biosig.records.mne_files import SKIPPED, quiet
from biosig.records.recording import Recording
from biosig.records.units import is_ecg

__all__ = ["to_mne"]

_VOLT = {"uV": 1e-6, "mV": 1e-3}
_NAMED_TYPE = re.compile(r"(?P<eog>.*EOG.*)|(?P<emg>.*EMG.*)", re.IGNORECASE)


def to_mne(recording: Recording) -> Any:
    """The recording as an ``mne.io.RawArray``: volts in memory, with types, positions, annotations and start.

    Electrodes get the standard positions of the 10-20 system. Time that no channel has recorded is zero and marked
    ``BAD_ACQ_SKIP``, as MNE has it, so that its filters and plots leave it out; a gap in some channels stays NaN.

    Raises
    ------
    ValueError : the channels have several rates (pick those of one), or there is none.
    """
    import mne

    layout = recording.layout
    if len(set(recording.channel_fs)) > 1 or not layout.channels:
        raise ValueError(
            f"{recording.name}: MNE needs channels of one rate, has "
            f"{', '.join(f'{fs:g} Hz' for fs in sorted(set(recording.channel_fs))) or 'no channels'}; "
            "read those of one rate with channels=[...]"
        )
    types = [_type(name, unit) for name, unit in zip(layout.channels, layout.units, strict=True)]
    data = recording.data.astype(np.float64)
    data *= np.array([_VOLT.get(unit, 1.0) for unit in layout.units])[:, None]
    onset_s, duration_s = _missing(data, layout.fs)
    marks = recording.annotations
    with quiet(recording.name, "a recording that MNE can hold"):
        info = mne.create_info(list(layout.channels), layout.fs, types, verbose="ERROR")
        raw = mne.io.RawArray(data, info, copy=None, verbose="ERROR")
        raw.info["subject_info"] = {"his_id": recording.subject}
        raw.set_meas_date(None if recording.start is None else recording.start.replace(tzinfo=UTC))
        raw.set_annotations(
            mne.Annotations(
                np.concatenate([marks.onset_s, onset_s]),
                np.concatenate([marks.duration_s, duration_s]),
                [*marks.label, *[SKIPPED] * len(onset_s)],
            ),
            verbose="ERROR",
        )
        if any(kind == "eeg" and is_electrode(name) for name, kind in zip(layout.channels, types, strict=True)):
            raw.set_montage(standard_montage(), match_case=False, on_missing="ignore", verbose="ERROR")
    return raw


def _type(name: str, unit: str) -> str:
    """MNE's type of a channel."""
    if unit not in _VOLT:
        return "misc"
    if unit == "mV" or is_ecg(name):
        return "ecg"
    found = _NAMED_TYPE.fullmatch(name)
    return "eeg" if found is None or found.lastgroup is None else found.lastgroup


def _missing(data: NDArray[np.float64], fs: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Onsets and durations in s of what no channel has recorded, after zeros were put there."""
    nothing = np.isnan(data).all(axis=0)
    data[:, nothing] = 0.0
    edges = np.flatnonzero(np.diff(nothing.astype(np.int8), prepend=0, append=0))
    return edges[::2] / fs, (edges[1::2] - edges[::2]) / fs

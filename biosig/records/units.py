"""The unit a channel gets in a recording: mV for ECG and other voltages, uV for EEG, all else as the file has it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from biosig.records.channel_names import is_pair_or_electrode

__all__ = ["eeg_channels", "is_ecg", "layout_unit"]

_MILLIVOLT: dict[str, float] = {
    **dict.fromkeys(("v", "volt", "volts"), 1e3),
    **dict.fromkeys(("mv", "millivolt", "millivolts"), 1.0),
    **dict.fromkeys(("uv", "\u00b5v", "\u03bcv", "microv", "microvolt", "microvolts"), 1e-3),
    **dict.fromkeys(("nv", "nanovolt", "nanovolts"), 1e-6),
}
"""Voltage units as files write them (any case), in mV."""

# C1 to C6 also name ECG chest leads.
_CHEST_LEAD = re.compile(r"C[1-9]", re.IGNORECASE)
_ECG = re.compile(r"(.*[^a-z])?(ecg|ekg).*|(ML)?I{1,3}|aV[RLF]|M?V[1-9]R?", re.IGNORECASE)


def eeg_channels(names: Sequence[str]) -> tuple[bool, ...]:
    """Which channels of a recording are EEG: those that say so, and 10-20 electrodes or pairs of them (``C4-A1``).

    ``C1`` to ``C6`` are EEG only beside a channel that can be nothing else.
    """
    electrode = [is_pair_or_electrode(name) for name in names]
    certain = [
        "EEG" in name.upper() or (place and not _CHEST_LEAD.fullmatch(name))
        for name, place in zip(names, electrode, strict=True)
    ]
    return tuple(sure or (place and any(certain)) for sure, place in zip(certain, electrode, strict=True))


def is_ecg(label: str) -> bool:
    """Whether a channel among EEG ones is an ECG lead: it says so, or has a lead's name (``ECG ECG1``, ``aVF``)."""
    return _ECG.fullmatch(label) is not None


def layout_unit(unit: str, *, eeg: bool) -> tuple[str, float]:
    """The unit in the layout, and the factor from ``unit`` to it (``uV`` of an ECG lead -> ``mV``, 0.001)."""
    millivolt = _MILLIVOLT.get(unit.strip().casefold())
    if millivolt is None:
        return unit, 1.0
    return ("uV", millivolt * 1e3) if eeg else ("mV", millivolt)

"""The unit a channel gets in a recording: mV for ECG and other voltages, uV for EEG, all else as the file has it."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["eeg_channels", "layout_unit"]

_MILLIVOLT: dict[str, float] = {
    **dict.fromkeys(("v", "volt", "volts"), 1e3),
    **dict.fromkeys(("mv", "millivolt", "millivolts"), 1.0),
    **dict.fromkeys(("uv", "\u00b5v", "\u03bcv", "microv", "microvolt", "microvolts"), 1e-3),
    **dict.fromkeys(("nv", "nanovolt", "nanovolts"), 1e-6),
}
"""Voltage units as files write them (any case), in mV."""

# Electrodes of the 10-20 system and its extensions. C1 to C6 also name ECG chest leads.
_ELECTRODE = re.compile(r"(Fp|AF|F|FC|FT|C|CP|P|PO|O|T|TP)(z|[0-9]{1,2})|[AM][12]", re.IGNORECASE)
_CHEST_LEAD = re.compile(r"C[1-9]", re.IGNORECASE)


def eeg_channels(names: Sequence[str]) -> tuple[bool, ...]:
    """Which channels of a recording are EEG: those that say so, and 10-20 electrodes or pairs of them (``C4-A1``).

    ``C1`` to ``C6`` are EEG only beside a channel that can be nothing else.
    """
    electrode = [all(_ELECTRODE.fullmatch(part) for part in name.split("-")) for name in names]
    certain = [
        "EEG" in name.upper() or (place and not _CHEST_LEAD.fullmatch(name))
        for name, place in zip(names, electrode, strict=True)
    ]
    return tuple(sure or (place and any(certain)) for sure, place in zip(certain, electrode, strict=True))


def layout_unit(unit: str, *, eeg: bool) -> tuple[str, float]:
    """The unit in the layout, and the factor from ``unit`` to it (``uV`` of an ECG lead -> ``mV``, 0.001)."""
    millivolt = _MILLIVOLT.get(unit.strip().casefold())
    if millivolt is None:
        return unit, 1.0
    return ("uV", millivolt * 1e3) if eeg else ("mV", millivolt)

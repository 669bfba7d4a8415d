"""What is read off a bed for people, in a terminal and on the page alike."""

from __future__ import annotations

import math

from biosig.monitoring.bed import BedView

__all__ = ["rhythm"]

_RHYTHMS = (
    "ventricular-fibrillation",
    "asystole",
    "ventricular-tachycardia",
    "extreme-bradycardia",
    "extreme-tachycardia",
    "ventricular-run",
    "bigeminy",
    "trigeminy",
    "irregular-rhythm",
    "pause",
)
_FEW_BEATS = 8


def rhythm(view: BedView) -> str:
    """The most urgent rhythm in force; ``no finding`` needs enough beats and good signal: silence is not health."""
    if view.silent:
        return "--"
    found = [alarm.alarm for alarm in view.alarms if alarm.shown != "latched"]
    for name in _RHYTHMS:
        if name in found:
            return name.replace("-", " ")
    if len(view.beats) < _FEW_BEATS or view.good < 0.5 or not math.isfinite(view.heart_rate):
        return "--"
    return "no finding"

"""What is read off a bed for people, in a terminal and on the page alike."""

from __future__ import annotations

import math
from dataclasses import dataclass

from biosig.monitoring.alarms import ActiveAlarm

__all__ = ["BedView", "rhythm"]

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


@dataclass(frozen=True, slots=True)
class BedView:
    """What people are shown of a patient.

    Parameters
    ----------
    time_s : seconds of signal watched.
    heart_rate : beats per minute, the mean of the last intervals; NaN where beats are too few.
    beats : the last beats, seconds and label.
    anomaly : the last anomaly score; NaN = none.
    good : usable share of the last second.
    alarms : in force, the most urgent first.
    paused : alarms kept silent (``""`` = all but the technical) and until which second of signal.
    drift_ppm : by how much the source's clock runs fast; None = not known.
    ended : whether the source has ended.
    silent : whether the source sends nothing; then nothing is known of the patient: no rate, no anomaly, nothing good.
    windows : of each bundle that tells of windows, not beats: its name, its last label and since when it is that.
    """

    patient: str
    time_s: float
    heart_rate: float
    beats: tuple[tuple[float, str], ...]
    anomaly: float
    good: float
    alarms: tuple[ActiveAlarm, ...]
    drift_ppm: float | None
    ended: bool
    paused: tuple[tuple[str, float], ...] = ()
    windows: tuple[tuple[str, str, float], ...] = ()
    silent: bool = False


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

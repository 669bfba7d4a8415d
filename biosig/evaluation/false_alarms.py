"""How many false alarms a threshold of anomaly scores gives.

A monitor does not alarm on a single odd window but where most of the last ones are (:func:`persistence`). So a *false
alarm* is counted as that rule raises it, on normal windows alone: a clock minute of a recording in which the rule is
met at least once by normal windows. An alarm that does not end costs sixty an hour, two within a minute cost one.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from biosig.windows.picture import Picture
from biosig.windows.slide import Slide
from biosig.windows.stream import Cutter

__all__ = ["false_alarm_minutes", "persistence", "persistent_level"]

PERSISTENCE_S = 10.0
"""How long anomalies must go on to be told, where windows are cut at a fixed stride."""


def persistence(cutter: Cutter) -> tuple[int, int]:
    """How many of how many usable windows in a row must be anomalies: four of five, of ten beats or ten seconds.

    A picture follows no other one: it counts by itself.
    """
    if isinstance(cutter, Picture):
        return 1, 1
    n = max(2, round(PERSISTENCE_S / cutter.stride_s)) if isinstance(cutter, Slide) else 10
    return math.ceil(0.8 * n), n


def persistent_level(score: NDArray[np.float64], k: int, n: int) -> NDArray[np.float64]:
    """The highest threshold that ``k`` of the last ``n`` scores reach, float64 (n_scores,).

    Parameters
    ----------
    score : float64 (n_scores,), of consecutive windows of one recording.
    """
    padded = np.concatenate([np.full(n - 1, -np.inf), score])
    return np.asarray(np.sort(sliding_window_view(padded, n), axis=1)[:, n - k])


def false_alarm_minutes(
    score: NDArray[np.float64],
    time_s: NDArray[np.float64],
    recording: NDArray[np.int64],
    persistent: tuple[int, int],
) -> NDArray[np.float64]:
    """Of every minute that holds a normal window the highest threshold at which it holds a false alarm.

    Parameters
    ----------
    score, time_s, recording : (n,), of normal windows, in order of recording and time.
    persistent : from :func:`persistence`.

    Returns
    -------
    float64 (n_minutes,); minutes are counted from each recording's start.
    """
    worst = []
    for number in np.unique(recording):
        own = recording == number
        level, minute = persistent_level(score[own], *persistent), (time_s[own] // 60.0).astype(np.int64)
        _, first = np.unique(minute, return_index=True)
        worst.append(np.maximum.reduceat(level, first))
    return np.concatenate(worst) if worst else np.zeros(0)

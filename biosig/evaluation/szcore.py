"""How well seizures were found, event by event and second by second, as the SzCORE framework counts.

Dan et al. 2024, Epilepsia, doi:10.1111/epi.18113. Events of reference and detector are treated alike first: those less
than 90 s apart become one, then those longer than 5 minutes are cut into pieces of 5 minutes. An event is found when
any part of a detection, however short, lies between 30 s before its onset and 60 s after its end; a detection that
touches no such stretch is a false alarm. The tolerance belongs to each piece, so that one detection can find two
neighbouring pieces of a long seizure, as in the framework's own library. Samples are seconds: each counts for itself,
without tolerance, merging or splitting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from biosig.evaluation.counts import mean_and_sd, plain, ratio
from biosig.evaluation.intervals import percentile_interval, resampled_totals

__all__ = ["SZCORE", "Detected", "EventRule", "Tally", "score_events", "score_samples", "szcore_report"]

Spans = NDArray[np.float64]
"""Onset and end of n events in seconds from the start of the recording, float64 (n, 2)."""

_DAY_S = 86_400.0
_EXACT_S = 1e-6
"""What rounding may add to a time in seconds; shorter stretches are nothing."""


@dataclass(frozen=True)
class EventRule:
    """What counts as one event, and as found.

    Parameters
    ----------
    before_s, after_s : a detection so long before onset or after the end still belongs to the event.
    merge_s : events with less than this between them are one.
    split_s : longer events are cut into pieces of this length.
    """

    before_s: float = 30.0
    after_s: float = 60.0
    merge_s: float = 90.0
    split_s: float = 300.0

    def __post_init__(self) -> None:
        for name in ("before_s", "after_s", "merge_s"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be 0 or more seconds, got {getattr(self, name):g}")
        if not self.split_s > 0:
            raise ValueError(f"split_s must be a positive number of seconds, got {self.split_s:g}")

    def events(self, spans: Spans) -> Spans:
        """Separate events of at most ``split_s`` seconds, in order, from spans (n, 2) that are in order and apart."""
        joined = _join(spans, self.merge_s)
        pieces = np.ceil((joined[:, 1] - joined[:, 0] - _EXACT_S) / self.split_s).astype(np.int64)
        number = np.concatenate([np.arange(count) for count in pieces] or [np.zeros(0, dtype=np.int64)])
        onset = np.repeat(joined[:, 0], pieces) + number * self.split_s
        return np.stack([onset, np.minimum(onset + self.split_s, np.repeat(joined[:, 1], pieces))], axis=1)


SZCORE = EventRule()
"""The numbers of the framework."""


class Tally(NamedTuple):
    """What was counted: references (events, or seconds of seizure), how many of them were found, false alarms, and the
    time that this took, s."""

    references: int
    found: int
    false: int
    duration_s: float


@dataclass(frozen=True, eq=False)
class Detected:
    """One recording: who it is of, what happened, what was detected (both (n, 2), seconds), and its length."""

    subject: str
    reference: Spans
    detected: Spans
    duration_s: float


def score_events(reference: Spans, detected: Spans, *, duration_s: float, rule: EventRule = SZCORE) -> Tally:
    """Events found and false alarms of one recording.

    Parameters
    ----------
    reference, detected : (n, 2), onset and end in seconds; in any order, and what overlaps counts once. What lies
        outside the recording does not count.
    duration_s : length of the recording.
    rule : what counts as one event, and as found.

    Raises
    ------
    ValueError
        Where a span ends before it starts, or the recording has no length.
    """
    truth = rule.events(_inside(reference, duration_s, "reference"))
    alarms = rule.events(_inside(detected, duration_s, "detected"))
    reach = np.stack(
        [np.maximum(truth[:, 0] - rule.before_s, 0.0), np.minimum(truth[:, 1] + rule.after_s, duration_s)], axis=1
    )
    touches = (
        np.minimum(reach[:, None, 1], alarms[None, :, 1]) - np.maximum(reach[:, None, 0], alarms[None, :, 0]) > _EXACT_S
    )
    return Tally(len(truth), int(touches.any(axis=1).sum()), int((~touches.any(axis=0)).sum()), duration_s)


def score_samples(reference: Spans, detected: Spans, *, duration_s: float, fs: float = 1.0) -> Tally:
    """Seconds of seizure that were found, and seconds that were called so and are not.

    Parameters
    ----------
    reference, detected, duration_s : as in :func:`score_events`.
    fs : how many samples a second is counted as; SzCORE takes one.
    """
    n = round(duration_s * fs)
    truth = _mask(_inside(reference, duration_s, "reference"), n, fs)
    alarms = _mask(_inside(detected, duration_s, "detected"), n, fs)
    return Tally(int(truth.sum()), int((truth & alarms).sum()), int((alarms & ~truth).sum()), duration_s)


def szcore_report(
    recordings: Mapping[str, Detected], *, rule: EventRule = SZCORE, draws: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """All SzCORE figures of a set of recordings.

    Parameters
    ----------
    recordings : name -> what happened and what was detected in it.
    rule : what counts as one event, and as found.
    draws, seed : of the bootstrap over subjects, see :mod:`biosig.evaluation.intervals`.

    Returns
    -------
    dict
        ``events`` and ``samples``, each with ``sensitivity``, ``precision``, ``f1``, ``false_alarms_per_day``,
        ``references``, ``found``, ``false_alarms``, their ``ci95`` (None with fewer than two subjects) and
        ``subject_mean`` (per figure mean, sd and n over the subjects where it is defined, as the framework reports
        it); ``hours``; ``subjects`` (the event figures of each). Sums over all recordings unless said otherwise;
        an undefined figure is None.

    Raises
    ------
    ValueError
        Where there is no recording.
    """
    if not recordings:
        raise ValueError("SzCORE figures need at least one recording, got none")
    subjects = sorted({one.subject for one in recordings.values()})
    tables = {name: np.zeros((len(subjects), len(Tally._fields))) for name in ("events", "samples")}
    for one in recordings.values():
        row = subjects.index(one.subject)
        tables["events"][row] += score_events(one.reference, one.detected, duration_s=one.duration_s, rule=rule)
        tables["samples"][row] += score_samples(one.reference, one.detected, duration_s=one.duration_s)
    return {
        **{name: _figures(counts, draws=draws, seed=seed) for name, counts in tables.items()},
        "hours": float(tables["events"][:, 3].sum() / 3600),
        "subjects": {who: _summary(row) for who, row in zip(subjects, tables["events"], strict=True)},
    }


def _figures(counts: NDArray[np.float64], *, draws: int, seed: int) -> dict[str, Any]:
    """Figures of the sum over subjects (n_subjects, 4), their intervals, and their means over subjects."""
    each = _rates(counts)
    intervals: dict[str, list[float] | None] = dict.fromkeys(each)
    if len(counts) > 1:
        drawn = _rates(resampled_totals(counts, draws=draws, seed=seed))
        intervals = {name: percentile_interval(values) for name, values in drawn.items()}
    means = {name: mean_and_sd(values) for name, values in each.items()}
    return {**_summary(counts.sum(axis=0)), "ci95": intervals, "subject_mean": means}


def _summary(counts: NDArray[np.float64]) -> dict[str, Any]:
    """Figures and counts of one row (4,)."""
    references, found, false, _ = counts.tolist()
    return {
        **{name: plain(value) for name, value in _rates(counts).items()},
        "references": int(references),
        "found": int(found),
        "false_alarms": int(false),
    }


def _rates(counts: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Figures of counts (..., 4), each (...); NaN where undefined: no reference, no detection, neither."""
    references, found, false, duration_s = np.moveaxis(counts, -1, 0)
    return {
        "sensitivity": ratio(found, references),
        "precision": ratio(found, found + false),
        "f1": ratio(2 * found, references + found + false),
        "false_alarms_per_day": ratio(false * _DAY_S, duration_s),
    }


def _inside(spans: Spans, duration_s: float, what: str) -> Spans:
    """The spans cut to the recording, in order, those that overlap or touch as one."""
    if not duration_s > 0:
        raise ValueError(f"duration_s must be a positive number of seconds, got {duration_s:g}")
    array = np.asarray(spans, dtype=np.float64).reshape(-1, 2)
    wrong = np.flatnonzero(~(array[:, 1] >= array[:, 0]))
    if len(wrong):
        onset, stop = array[wrong[0]]
        raise ValueError(f"{what} event {wrong[0] + 1} must end after its onset, got {onset:g} to {stop:g} s")
    cut = np.clip(array, 0.0, duration_s)
    cut = cut[cut[:, 1] - cut[:, 0] > _EXACT_S]
    return _join(cut[np.argsort(cut[:, 0], kind="stable")], _EXACT_S)


def _join(spans: Spans, gap_s: float) -> Spans:
    """Spans (n, 2) in order of onset, those with less than ``gap_s`` between them as one."""
    if not len(spans):
        return spans
    reached = np.maximum.accumulate(spans[:, 1])
    first = np.concatenate([[True], spans[1:, 0] - reached[:-1] > gap_s - _EXACT_S])
    last = np.concatenate([np.flatnonzero(first)[1:] - 1, [len(spans) - 1]])
    return np.stack([spans[first, 0], reached[last]], axis=1)


def _mask(spans: Spans, n: int, fs: float) -> NDArray[np.bool_]:
    """Which of n samples lie in a span, boundaries rounded to the nearest sample."""
    mask = np.zeros(n, dtype=np.bool_)
    for onset, stop in np.rint(spans * fs).astype(np.int64):
        mask[onset:stop] = True
    return mask

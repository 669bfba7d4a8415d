"""How good alarms were on a recording whose truth is known: delay, false alarms, burden, and the 2015 score.

Alarms and truth are spans of one kind each. Matching is by event, never by sample, and no figure is point-adjusted
(Kim et al. 2022, doi:10.1609/aaai.v36i7.20680): a long event found once is one event found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["CHALLENGE_KINDS", "TOLERANCE_S", "Span", "evaluate_alarms", "pool"]

TOLERANCE_S = 10.0
"""Latest an alarm may come after the end of its event: monitors must alarm within 10 s of onset (ANSI/AAMI EC13), and
the PhysioNet/CinC Challenge 2015 calls an alarm true when its event began within the 10 s before it."""

CHALLENGE_KINDS = (
    "asystole",
    "extreme-bradycardia",
    "extreme-tachycardia",
    "ventricular-tachycardia",
    "ventricular-fibrillation",
)
"""The five of the PhysioNet/CinC Challenge 2015, which its score is about."""

_HOUR_S = 3600.0


class Span(NamedTuple):
    """An event, or the time from an alarm's raise to its end, in seconds from the start of the recording."""

    kind: str
    start_s: float
    stop_s: float


class _Match(NamedTuple):
    """Which events of a kind were found and when (seconds after onset; NaN where an alarm was on already), which
    alarms were true, and for each false alarm the events of other kinds it fell into."""

    found: NDArray[np.bool_]
    delay_s: NDArray[np.float64]
    true: NDArray[np.bool_]


def evaluate_alarms(
    reference: Sequence[Span],
    alarms: Sequence[Span],
    *,
    duration_s: float,
    covered_by: Mapping[str, Sequence[str]] | None = None,
    tolerance_s: float = TOLERANCE_S,
    segment_s: float = 300.0,
) -> dict[str, Any]:
    """All figures of the alarms of one recording.

    An alarm is true when it was raised between the onset of an event of its kind and ``tolerance_s`` after its end.
    An event is found when such an alarm was raised, or one of its kind was on at its onset; alarms of the kinds that
    ``covered_by`` names for it find it too (flutter hides the asystole alarm), and are not called false by it.

    Parameters
    ----------
    reference : what happened.
    alarms : what was raised.
    duration_s : length of the recording.
    covered_by : kind -> kinds of alarm that say it too, being more urgent.
    tolerance_s : see above.
    segment_s : length of the segments of the 2015 score, see below.

    Returns
    -------
    dict
        ``kinds`` (per kind in reference or alarms: events, found, sensitivity, delay_s with median and max, alarms,
        false_alarms, false_alarms_per_hour, ppv, share_of_time; ``delay_s.each`` in seconds, of
        events found that no alarm was on for before), ``false_alarms_per_hour``,
        ``false_alarms_per_patient_day``, ``alarms_per_hour``, ``share_of_time`` (in at least one alarm), ``hours``,
        and ``challenge_2015`` (tp, fp, fn, tn, score, counted). An undefined figure is None.

    Raises
    ------
    ValueError
        Where ``duration_s`` or ``segment_s`` is not positive, or a span ends before it starts.

    Notes
    -----
    The challenge scored one alarm per 5-minute record as true or false: (TP + TN) / (TP + TN + FP + 5 FN). A recording
    that goes on has no candidates to reject, so here every ``segment_s`` of each of the five kinds is one item: with
    an onset found, a TP; with an onset missed, a FN; with no event but a false alarm, a FP; with neither, a TN. A
    segment in which an event goes on that began earlier is no item. TN abound in quiet recordings, so the score lies
    nearer to 1 than the challenge's and does not compare with its published ones; read the counts.
    """
    _check(reference, alarms, duration_s, segment_s)
    covers = {kind: tuple(others) for kind, others in (covered_by or {}).items()}
    kinds = sorted({span.kind for span in (*reference, *alarms)})
    matches = {kind: _match(kind, reference, alarms, covers.get(kind, ()), tolerance_s) for kind in kinds}
    hours = duration_s / _HOUR_S
    false = sum(int((~match.true).sum()) for match in matches.values())
    return {
        "kinds": {kind: _figures(kind, match, alarms, duration_s) for kind, match in matches.items()},
        "hours": hours,
        "false_alarms_per_hour": false / hours,
        "false_alarms_per_patient_day": 24.0 * false / hours,
        "alarms_per_hour": len(alarms) / hours,
        "share_of_time": _covered(alarms, duration_s),
        "challenge_2015": _challenge(reference, alarms, matches, duration_s, segment_s),
    }


def _match(
    kind: str, reference: Sequence[Span], alarms: Sequence[Span], also: Sequence[str], tolerance_s: float
) -> _Match:
    """Events of a kind against the alarms that may find them; alarms of the kind against events that make them true."""
    events = [span for span in reference if span.kind == kind]
    raised = [span for span in alarms if span.kind == kind]
    finders = [span for span in alarms if span.kind == kind or span.kind in also]
    found = np.zeros(len(events), dtype=np.bool_)
    delay = np.full(len(events), np.nan)
    for i, event in enumerate(events):
        late_s = event.stop_s + tolerance_s
        on = any(alarm.start_s < event.start_s <= alarm.stop_s for alarm in finders)
        after = [alarm.start_s for alarm in finders if event.start_s <= alarm.start_s <= late_s]
        found[i] = on or bool(after)
        if after and not on:
            delay[i] = min(after) - event.start_s
    true = [any(event.start_s <= alarm.start_s <= event.stop_s + tolerance_s for event in events) for alarm in raised]
    return _Match(found, delay, np.array(true, dtype=np.bool_))


def _figures(kind: str, match: _Match, alarms: Sequence[Span], duration_s: float) -> dict[str, Any]:
    """What is reported of one kind."""
    delays = match.delay_s[np.isfinite(match.delay_s)]
    false = int((~match.true).sum())
    return {
        "events": len(match.found),
        "found": int(match.found.sum()),
        "sensitivity": _share(int(match.found.sum()), len(match.found)),
        "delay_s": _delays(delays.tolist()),
        "alarms": len(match.true),
        "false_alarms": false,
        "false_alarms_per_hour": false / (duration_s / _HOUR_S),
        "ppv": _share(int(match.true.sum()), len(match.true)),
        "share_of_time": _covered([alarm for alarm in alarms if alarm.kind == kind], duration_s),
    }


def pool(reports: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The figures of :func:`evaluate_alarms` over several recordings together (gross): counts and hours are summed,
    delays put together, shares of time weighted by hours.

    ``ValueError`` where there are none, or their segments of the 2015 score were not of one length.
    """
    given = list(reports)
    counted = sorted({report["challenge_2015"]["counted"] for report in given})
    if len(counted) != 1:
        raise ValueError(f"expected reports that count alike, got {' and '.join(counted) or 'none'}")
    hours = sum(report["hours"] for report in given)
    kinds = sorted({kind for report in given for kind in report["kinds"]})
    false = sum(one["false_alarms"] for report in given for one in report["kinds"].values())
    alarms = sum(one["alarms"] for report in given for one in report["kinds"].values())
    counts = {name: sum(report["challenge_2015"][name] for report in given) for name in ("tp", "fp", "fn", "tn")}
    return {
        "kinds": {
            kind: _together([(one["kinds"][kind], one["hours"]) for one in given if kind in one["kinds"]], hours)
            for kind in kinds
        },
        "hours": hours,
        "false_alarms_per_hour": false / hours,
        "false_alarms_per_patient_day": 24.0 * false / hours,
        "alarms_per_hour": alarms / hours,
        "share_of_time": sum(report["share_of_time"] * report["hours"] for report in given) / hours,
        "challenge_2015": {**counts, "score": _score(counts), "counted": counted[0]},
    }


def _together(parts: Sequence[tuple[Mapping[str, Any], float]], hours: float) -> dict[str, Any]:
    """Figures of a kind in several recordings, given with the hours of each; ``hours`` counts those without it too."""
    events, found, alarms, false = (
        sum(one[name] for one, _ in parts) for name in ("events", "found", "alarms", "false_alarms")
    )
    return {
        "events": events,
        "found": found,
        "sensitivity": _share(found, events),
        "delay_s": _delays([delay for one, _ in parts for delay in one["delay_s"]["each"]]),
        "alarms": alarms,
        "false_alarms": false,
        "false_alarms_per_hour": false / hours,
        "ppv": _share(alarms - false, alarms),
        "share_of_time": sum(one["share_of_time"] * own for one, own in parts) / hours,
    }


def _delays(each: list[float]) -> dict[str, Any]:
    """Seconds from onset to alarm: all of them, the median and the largest."""
    return {
        "median": float(np.median(each)) if each else None,
        "max": max(each) if each else None,
        "each": each,
    }


def _challenge(
    reference: Sequence[Span],
    alarms: Sequence[Span],
    matches: Mapping[str, _Match],
    duration_s: float,
    segment_s: float,
) -> dict[str, Any]:
    """Counts and score over segments and the five kinds."""
    n = max(1, round(duration_s / segment_s))
    counts = dict.fromkeys(("tp", "fp", "fn", "tn"), 0)
    for kind in CHALLENGE_KINDS:
        events = [span for span in reference if span.kind == kind]
        raised = [span for span in alarms if span.kind == kind]
        match = matches.get(kind)
        item = np.full(n, "tn", dtype="<U2")
        for event in events:
            item[_segment(event.start_s, segment_s, n) : _segment(event.stop_s, segment_s, n) + 1] = ""
        if match is not None:
            for alarm, true in zip(raised, match.true, strict=True):
                place = _segment(alarm.start_s, segment_s, n)
                if not true and item[place] == "tn":
                    item[place] = "fp"
            for event, found in zip(events, match.found, strict=True):
                place = _segment(event.start_s, segment_s, n)
                item[place] = "fn" if not found or item[place] == "fn" else "tp"
        for name in counts:
            counts[name] += int((item == name).sum())
    return {**counts, "score": _score(counts), "counted": f"per kind and {segment_s:g} s segment"}


def _score(counts: Mapping[str, int]) -> float | None:
    """The score of the PhysioNet/CinC Challenge 2015: (TP + TN) / (TP + TN + FP + 5 FN)."""
    good = counts["tp"] + counts["tn"]
    return _share(good, good + counts["fp"] + 5 * counts["fn"])


def _segment(time_s: float, segment_s: float, n: int) -> int:
    return min(n - 1, max(0, int(time_s // segment_s)))


def _covered(spans: Sequence[Span], duration_s: float) -> float:
    """Share of the recording that lies in at least one span."""
    total = until_s = 0.0
    for _, start_s, stop_s in sorted(spans, key=lambda span: span.start_s):
        start_s, stop_s = max(start_s, until_s), min(stop_s, duration_s)
        total += max(0.0, stop_s - start_s)
        until_s = max(until_s, stop_s)
    return total / duration_s


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _check(reference: Sequence[Span], alarms: Sequence[Span], duration_s: float, segment_s: float) -> None:
    for name, value in (("duration_s", duration_s), ("segment_s", segment_s)):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be a positive number of seconds, got {value:g}")
    for span in (*reference, *alarms):
        if not span.start_s <= span.stop_s:
            raise ValueError(f"{span.kind}: a span must not end before it starts, got {span.start_s:g}-{span.stop_s:g}")

"""What a monitor should have alarmed, from reference annotations: the definitions of the rules, worked out offline.

Written apart from :mod:`biosig.monitoring.rhythms` on purpose, over whole recordings and by other means (patterns in
a string of beat labels), so that the two check each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from biosig.evaluation.alarms import Span
from biosig.records.recording import Annotations
from biosig.windows.labels import aami_classes, rhythms, vf_spans

__all__ = ["abnormal_spans", "reference_spans"]

_EXACT_S = 1e-6
_PATTERNS = {
    "ventricular-run": r"V{3,}",
    "couplet": r"(?<=[^V])VV(?=[^V])",
    "bigeminy": r"V(?:[^V]V){2,}",
    "trigeminy": r"V(?:[^V]{2}V){2,}",
}
_SINUS = ("N", "SBR")
"""Rhythm notes of sinus rhythm, fast or slow."""
_RHYTHMS = {"AFIB": "irregular-rhythm"}


def reference_spans(
    annotations: Annotations, *, duration_s: float, asystole_s: float = 4.0, pause_s: float = 2.5
) -> tuple[Span, ...]:
    """Every event of the shipped rules in a recording, in order of onset.

    From beats (AAMI classes): ``asystole`` and ``pause`` (from the last beat to the next), ``extreme-bradycardia``
    (below 40 bpm over 5 beats), ``extreme-tachycardia`` (above 140 over 17), ``ventricular-tachycardia`` (5 or more V
    above 100 bpm), ``ventricular-run``, ``couplet``, ``bigeminy``, ``trigeminy``. From ``[`` and ``]`` marks, where
    4 s apart or more: ``ventricular-fibrillation``. From ``(AFIB`` notes: ``irregular-rhythm``. No beat's event reaches
    across flutter or fibrillation, where beats are not marked.

    Parameters
    ----------
    annotations : beats and rhythm marks of one recording.
    duration_s : its length.
    asystole_s, pause_s : shortest gap of each.
    """
    flutter = vf_spans(annotations)
    classes = aami_classes(annotations.label)
    is_beat = classes != ""
    beats_s, labels = annotations.onset_s[is_beat], classes[is_beat]
    spans = [Span("ventricular-fibrillation", a, min(b, duration_s)) for a, b in flutter.tolist() if b - a >= 4.0]
    spans += [
        Span(_RHYTHMS[rhythm.name], rhythm.start_s, rhythm.stop_s)
        for rhythm in rhythms(annotations, duration_s)
        if rhythm.name in _RHYTHMS
    ]
    for start_s, stop_s in _between(flutter, duration_s):
        inside = (beats_s >= start_s) & (beats_s <= stop_s)
        spans += _gaps(np.concatenate([[start_s], beats_s[inside], [stop_s]]), asystole_s, pause_s)
        spans += _rates(beats_s[inside])
        spans += _patterns(beats_s[inside], labels[inside])
    return tuple(sorted(spans, key=lambda span: (span.start_s, span.kind)))


def abnormal_spans(annotations: Annotations, kind: str, k: int, n: int, *, duration_s: float) -> tuple[Span, ...]:
    """Stretches that an alarm on anomalies should tell of, in order of onset.

    From the first of ``k`` abnormal beats among ``n`` consecutive ones to the last of them, and flutter between ``[``
    and ``]`` marks; what touches is one span. A beat is abnormal by its class (AAMI S, V, F or Q), or because it lies
    in a rhythm other than sinus: in atrial fibrillation most beats are class N.

    Parameters
    ----------
    annotations : beats and rhythm marks of one recording.
    kind : name of the alarm.
    k, n : of its rule.
    duration_s : length of the recording.
    """
    classes = aami_classes(annotations.label)
    is_beat = classes != ""
    beats_s, odd = annotations.onset_s[is_beat], classes[is_beat] != "N"
    for rhythm in rhythms(annotations, duration_s):
        if rhythm.name not in _SINUS:
            odd |= (beats_s >= rhythm.start_s) & (beats_s < rhythm.stop_s)
    found = [(start_s, min(stop_s, duration_s)) for start_s, stop_s in vf_spans(annotations).tolist()]
    for first in range(len(beats_s) - n + 1):
        places = np.flatnonzero(odd[first : first + n]) + first
        if len(places) >= k:
            found.append((float(beats_s[places[0]]), float(beats_s[places[-1]])))
    joined: list[tuple[float, float]] = []
    for start_s, stop_s in sorted(found):
        if joined and start_s <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], stop_s)
        else:
            joined.append((start_s, stop_s))
    return tuple(Span(kind, start_s, stop_s) for start_s, stop_s in joined)


def _between(flutter: NDArray[np.float64], duration_s: float) -> Iterator[tuple[float, float]]:
    """Stretches without flutter."""
    start_s = 0.0
    for begin_s, end_s in flutter.tolist():
        yield start_s, begin_s
        start_s = min(end_s, duration_s)
    yield start_s, duration_s


def _gaps(times_s: NDArray[np.float64], asystole_s: float, pause_s: float) -> Iterator[Span]:
    for start_s, stop_s in zip(times_s[:-1].tolist(), times_s[1:].tolist(), strict=True):
        for kind, least_s in (("asystole", asystole_s), ("pause", pause_s)):
            if stop_s - start_s >= least_s - _EXACT_S:
                yield Span(kind, start_s, stop_s)


def _rates(beats_s: NDArray[np.float64]) -> Iterator[Span]:
    for kind, n in (("extreme-bradycardia", 5), ("extreme-tachycardia", 17)):
        if len(beats_s) < n:
            continue
        bpm = 60.0 * (n - 1) / (beats_s[n - 1 :] - beats_s[: 1 - n])
        beyond = bpm < 40.0 - _EXACT_S if kind == "extreme-bradycardia" else bpm > 140.0 + _EXACT_S
        yield from _joined(kind, beats_s, beyond, n)


def _joined(kind: str, beats_s: NDArray[np.float64], beyond: NDArray[np.bool_], n: int) -> Iterator[Span]:
    """One span per stretch of consecutive windows of ``n`` beats that are ``beyond``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], beyond.astype(np.int8), [0]])))
    for first, last in edges.reshape(-1, 2).tolist():
        yield Span(kind, float(beats_s[first]), float(beats_s[last + n - 2]))


def _patterns(beats_s: NDArray[np.float64], labels: NDArray[np.str_]) -> Iterator[Span]:
    text = "".join(labels)
    for kind, pattern in _PATTERNS.items():
        for match in re.finditer(pattern, text):
            yield Span(kind, float(beats_s[match.start()]), float(beats_s[match.end() - 1]))
    for match in re.finditer("V{5,}", text):
        run_s = beats_s[match.start() : match.end()]
        yield from _joined("ventricular-tachycardia", run_s, 240.0 / (run_s[4:] - run_s[:-4]) > 100.0 + _EXACT_S, 5)

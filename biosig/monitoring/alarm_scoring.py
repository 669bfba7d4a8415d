"""A monitored recording against its annotations: what ``biosig evaluate-alarms`` reports."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from biosig.errors import StoreError
from biosig.evaluation.alarm_reference import abnormal_spans, reference_spans
from biosig.evaluation.alarms import Span, evaluate_alarms
from biosig.monitoring.conditions import Level
from biosig.monitoring.events import ENDS, AlarmEvent, BeatEvent
from biosig.monitoring.rhythms import Gap
from biosig.monitoring.rules import Rule, rule_from_dict
from biosig.records.recording import Annotations, Layout
from biosig.windows.labels import aami_classes

if TYPE_CHECKING:
    from biosig.monitoring.store import Session

__all__ = ["Heard", "alarm_events", "alarm_spans", "alarms_in", "reference_beats", "score_alarms"]


@dataclass(frozen=True)
class Heard:
    """The alarms of one patient, and what they came of.

    Parameters
    ----------
    events : in order.
    rules : of the engine that raised them.
    layout : of the samples that were watched.
    watched_s : seconds of signal watched.
    ended : whether the source was seen to its end.
    """

    events: tuple[AlarmEvent, ...]
    rules: tuple[Rule, ...]
    layout: Layout
    watched_s: float
    ended: bool


def alarms_in(session: Session, patient: str) -> Heard:
    """A patient's alarms as a session's store has them.

    ``StoreError`` where the session did not watch the patient, or by rules that this biosig does not know.
    """
    where = f"{session.store.name}: patient {patient!r}"
    snapshot = session.snapshots(patient).get(patient)
    if snapshot is None:
        raise StoreError(f"{where} was not watched in session {session.number}")
    memory = json.loads(snapshot.memory)
    try:
        rules = tuple(rule_from_dict(entry) for entry in memory["engine"]["rules"])
    except ValueError as error:
        raise StoreError(f"{where} was watched by other rules than this biosig knows: {error}") from None
    return Heard(alarm_events(session, patient), rules, snapshot.layout, memory["now_s"], memory["ended"])


def alarm_events(session: Session, patient: str) -> tuple[AlarmEvent, ...]:
    """Everything that happened to a patient's alarms, in order."""
    columns = tuple(AlarmEvent.__slots__)
    pieces = session.pieces("alarms", patient, columns=columns)
    return tuple(AlarmEvent(**dict(zip(columns, row, strict=True))) for piece in pieces for row in piece)


def alarm_spans(events: Iterable[AlarmEvent], *, duration_s: float) -> tuple[Span, ...]:
    """Each alarm from its raise until its condition ended (cleared or latched) or something silenced it.

    Parameters
    ----------
    events : of one recording, in order. Technical alarms count like others; pauses are none.
    duration_s : where alarms still on are taken to end.
    """
    spans: list[Span] = []
    begun: dict[str, float] = {}
    for event in events:
        if event.kind == "raised":
            begun.setdefault(event.alarm, event.time_s)
        elif event.kind in ENDS and event.alarm in begun:
            spans.append(Span(event.alarm, begun.pop(event.alarm), event.time_s))
    spans += [Span(name, start_s, max(start_s, duration_s)) for name, start_s in begun.items()]
    return tuple(sorted(spans, key=lambda span: (span.start_s, span.kind)))


def reference_beats(annotations: Annotations, *, latency_s: float = 0.0) -> tuple[BeatEvent, ...]:
    """The beats of reference annotations as a monitor would hear of them, ``latency_s`` after each peak.

    Class Q (paced, not classifiable) is a beat of unknown class.
    """
    classes = aami_classes(annotations.label).tolist()
    return tuple(
        BeatEvent(time_s, time_s + latency_s, "" if label == "Q" else label)
        for time_s, label in zip(annotations.onset_s.tolist(), classes, strict=True)
        if label
    )


def score_alarms(
    events: Iterable[AlarmEvent], annotations: Annotations, rules: Sequence[Rule], *, duration_s: float, **options: Any
) -> dict[str, Any]:
    """Figures of :func:`~biosig.evaluation.alarms.evaluate_alarms` for the alarms that these rules raised.

    Technical alarms, of which annotations tell nothing, are left out of the figures; ``not_scored`` counts those
    raised, by name. An event counts as found by the alarm of a rule that hides its own. An alarm on anomalies is scored
    against stretches with as many abnormal beats as it asks for, by class or rhythm, and against flutter.

    Parameters
    ----------
    events : of one recording, in order.
    annotations : its reference beats and rhythms.
    rules : of the engine that raised the alarms.
    duration_s : length of the recording.
    options : of ``evaluate_alarms``.
    """
    lengths = {rule.name: rule.watch.at_least_s for rule in rules if isinstance(rule.watch, Gap)}
    gaps = {f"{name}_s": lengths[name] for name in ("asystole", "pause") if name in lengths}
    lasting = {rule.name: rule.watch for rule in rules if isinstance(rule.watch, Level) and rule.watch.of == "anomaly"}
    reference = list(reference_spans(annotations, duration_s=duration_s, **gaps))
    for name, watch in lasting.items():
        reference += abnormal_spans(annotations, name, watch.k, watch.n, duration_s=duration_s)
    names = {rule.name for rule in rules if not rule.technical}
    spans = alarm_spans(events, duration_s=duration_s)
    figures = evaluate_alarms(
        [span for span in reference if span.kind in names],
        [span for span in spans if span.kind in names],
        duration_s=duration_s,
        covered_by={name: [rule.name for rule in rules if name in rule.hides] for name in names},
        **options,
    )
    return figures | {"not_scored": dict(Counter(span.kind for span in spans if span.kind not in names))}

"""Sections of a report that only some tasks have: events by SzCORE, and answers per trial or per recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from biosig.evaluation.markup import Cell, interval, number, table

__all__ = ["recording_tables", "szcore_tables", "trial_tables"]

_FIGURES = (
    ("sensitivity", "sensitivity"),
    ("precision", "precision"),
    ("f1", "F1"),
    ("false_alarms_per_day", "false alarms per 24 h"),
)


def szcore_tables(metrics: Mapping[str, Any]) -> str:
    """Figures of events and of seconds, all together and per subject; nothing where ``metrics`` has no ``szcore``."""
    found = metrics.get("szcore")
    if not found:
        return ""
    rows = []
    for key, name in (("events", "events"), ("samples", "seconds")):
        figures = found[key]
        cells = [Cell(f"{figures[one]:,}") for one in ("references", "found", "false_alarms")]
        for one, _ in _FIGURES:
            digits = 1 if one == "false_alarms_per_day" else 3
            bounds = interval((figures.get("ci95") or {}).get(one), digits=1 if digits == 1 else 2)
            cells.append(Cell(number(figures[one], digits=digits), bounds))
        rows.append((Cell(name), cells))
    columns = ["", "there", "found", "false", *(text for _, text in _FIGURES)]
    caption = (
        f"Over {found['hours']:,.1f} h; events first, then each second for itself. "
        "Below each figure: 95 % interval over subjects."
    )
    return table(caption, columns, rows) + _by_subject(found)


def _by_subject(found: Mapping[str, Any]) -> str:
    rows = []
    for subject, figures in found["subjects"].items():
        counts = [Cell(f"{figures[one]:,}", value=figures[one]) for one in ("references", "found", "false_alarms")]
        rates = [
            Cell(number(figures[one], digits=1 if one == "false_alarms_per_day" else 3), value=figures[one])
            for one, _ in _FIGURES
        ]
        rows.append((Cell(subject, value=subject), [*counts, *rates]))
    columns = ["subject", "events", "found", "false", *(text for _, text in _FIGURES)]
    means = found["events"]["subject_mean"]
    said = ", ".join(
        f"{text} {number(means[one]['mean'], digits=1 if one == 'false_alarms_per_day' else 3)} "
        f"(sd {number(means[one]['sd'], digits=1 if one == 'false_alarms_per_day' else 3)})"
        for one, text in _FIGURES
    )
    return table(f"Events of each subject; mean over subjects: {said}.", columns, rows, kind="sortable long")


def trial_tables(metrics: Mapping[str, Any]) -> str:
    """Accuracy per trial, all together and per subject; nothing where ``metrics`` has no ``trials``."""
    found = metrics.get("trials")
    if not found:
        return ""
    bounds = found.get("ci95") or {}
    overall = [
        (Cell("all"), [Cell(f"{found['n']:,}"), *(Cell(number(found[k]), interval(bounds.get(k))) for k in _OVERALL)])
    ]
    each = [
        (Cell(who, value=who), [Cell(f"{one['n']:,}", value=one["n"]), Cell(number(one["accuracy"]))])
        for who, one in found["subjects"].items()
    ]
    said = "One answer per trial from all its windows (mean log probability). Below each figure: 95 % over subjects."
    spread = found["subject_mean"]
    mean = f"Mean over subjects {number(spread['mean'])}, sd {number(spread['sd'])}."
    return table(said, ["", "trials", *_OVERALL.values()], overall) + table(
        mean, ["subject", "trials", "accuracy"], each, kind="sortable long"
    )


def recording_tables(metrics: Mapping[str, Any]) -> str:
    """Figures of recordings, each answered once; nothing where ``metrics`` has none."""
    found = metrics.get("recording")
    if not found:
        return ""
    shown = {
        "balanced_accuracy": "balanced accuracy",
        "auroc": "AUROC",
        "macro_f1": "macro-F1",
        "kappa": "Cohen's kappa",
    }
    bounds = found.get("ci95") or {}
    cells = [Cell(f"{found['n']:,}"), *(Cell(number(found[key]), interval(bounds.get(key))) for key in shown)]
    said = "One answer per recording. Below each figure: 95 % over subjects."
    labels, matrix = found["confusion"]["labels"], found["confusion"]["matrix"]
    rows = [(Cell(name), [Cell(f"{count:,}") for count in row]) for name, row in zip(labels, matrix, strict=True)]
    return table(said, ["", "recordings", *shown.values()], [(Cell("all"), cells)]) + table(
        "Recordings of each class (rows), and what they were called.", ["", *labels], rows
    )


_OVERALL = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "kappa": "Cohen's kappa"}

"""Sections of a report on scores that tell anomalies from the normal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from biosig.evaluation.anomaly_figures import plot_roc, plot_scores, plot_trade_off
from biosig.evaluation.figures import plot_precision_recall
from biosig.evaluation.markup import Cell, chart, interval, number, table

__all__ = ["anomaly_cards", "anomaly_sections"]

_AREAS = ("auroc", "auprc")
_MOST_NAMED = 10
_COLUMNS = ("anomaly", "n", "AUROC", "AUPRC", "sensitivity")


def anomaly_cards(metrics: Mapping[str, Any]) -> list[tuple[str, float | None, str]]:
    """Headline figures: name, value, interval."""
    overall = [(key.upper(), metrics[key], _bounds(metrics, key)) for key in _AREAS]
    kinds = [
        (f"AUROC of {name}", figures["auroc"], _bounds(figures, "auroc"))
        for name, figures in metrics["classes"].items()
    ]
    patients = metrics["false_alarms"]["patients"] or {"mean": None, "ci95": None}
    return [*overall, *kinds, ("false alarms an hour", patients["mean"], interval(patients["ci95"]))]


def anomaly_sections(metrics: Mapping[str, Any], names: Mapping[str, str]) -> list[tuple[str, str, Callable[[], str]]]:
    """Anchor, heading and maker of each section; ``names`` say what a label stands for."""
    return [
        ("anomalies", "Anomalies against the normal", lambda: _table(metrics, names)),
        ("detected", "End to end, with detected positions", lambda: _detected(metrics, names)),
        ("budget", "False alarms against sensitivity", lambda: _budget(metrics)),
        ("curves", "Curves", lambda: _curves(metrics)),
        ("subjects", "Subject by subject", lambda: _subjects(metrics)),
    ]


def _table(metrics: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Each kind of anomaly against normal windows, and what the threshold gives."""
    alarms, normal = metrics["false_alarms"], metrics["normal"]
    caption = "Each kind against normal windows. Below each figure: 95 % interval over subjects."
    budget = metrics["budget_per_hour"]
    said = (
        f"<p>Sensitivity is that of single windows at the threshold {number(metrics['threshold'], digits=2)}, "
        f"chosen on normal windows of subjects whom the networks scoring them had not seen, for a budget of {budget:g} "
        f"false alarm{'' if budget == 1 else 's'} an hour. A false alarm is a clock minute in which normal windows "
        f"alone meet the alarm's rule: most of the last windows in a row are anomalies. Here: {alarms['minutes']} in "
        f"{alarms['hours']:.1f} h, {number(alarms['per_hour'], digits=2)} an hour; and {_percent(normal)} of "
        f"{normal['support']:,} single normal windows lie at or above the threshold.</p>"
    )
    return said + table(caption, _COLUMNS, _rows(metrics, names))


def _detected(metrics: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """The same where positions were found by biosig; nothing where ``metrics`` has no ``detected``."""
    found = metrics.get("detected")
    if not found:
        return ""
    missed = ", ".join(f"{count} {name}" for name, count in found["missed"].items() if count) or "none"
    said = (
        f"<p>Positions found by biosig's own detector. Missed beats count as never alarmed and rank lowest "
        f"({escape(missed)}); {found['extra']:,} windows are no labelled beat and enter no figure. False alarms: "
        f"{number(found['false_alarms']['per_hour'], digits=2)} an hour.</p>"
    )
    return said + table("End to end.", _COLUMNS, _rows(found, names))


def _budget(metrics: Mapping[str, Any]) -> str:
    """What every threshold would give, here and where the threshold was chosen."""
    charts = [_trade_off(metrics, metrics["false_alarms"]["patients"], "Here")]
    if chosen := metrics.get("chosen"):
        charts.append(_trade_off(chosen, chosen["budget"]["expected"], "As the threshold was chosen"))
    return "".join(charts)


def _trade_off(figures: Mapping[str, Any], patients: Mapping[str, Any] | None, where: str) -> str:
    """One chart and what it says; nothing where no patient has normal windows."""
    if patients is None or not figures["trade_off"]["threshold"]:
        return ""
    budget = figures["budget_per_hour"]
    above = ", ".join(f"{name} ({patients['each'][name]:.1f})" for name in patients["above"][:_MOST_NAMED])
    more = len(patients["above"]) - _MOST_NAMED
    bounds = f" (95 % {interval(patients['ci95'])})" if patients["ci95"] else ""
    said = (
        f"{where}: {patients['mean']:.2f} false alarms an hour as mean over {patients['n']} patients{bounds}, median "
        f"{patients['median']:.2f}, worst {patients['worst']:.1f}. Beyond the budget of {budget:g}: {above or 'nobody'}"
        f"{f' and {more} more' if more > 0 else ''}."
    )
    if "what" in figures:
        said += (
            f" Each patient's rate is that at the threshold all others would have given. The threshold is the lowest "
            f"at which the mean over patients keeps to the budget with {100 * figures['budget']['confidence']:g} % "
            f"confidence (bootstrap over patients). {figures['what']}."
        )
    sensitivity = {name: row["sensitivity"] for name, row in figures["classes"].items()}
    sheet = plot_trade_off(figures["trade_off"], patients, sensitivity, budget)
    return chart(sheet, caption=said, alt=f"Sensitivity over false alarms an hour, and patients' rates. {said}")


def _subjects(metrics: Mapping[str, Any]) -> str:
    """Subject by subject."""
    kinds = list(metrics["classes"])
    rows = []
    for subject, figures in metrics["subjects"].items():
        normal = figures["normal"]
        cells = [
            Cell(f"{figures['n']:,}", value=figures["n"]),
            _area(figures, figures["n"] - normal["support"]),
            Cell(_percent(normal), value=normal["false_positive_rate"]),
            Cell(number(figures["false_alarms"]["per_hour"], digits=1), value=figures["false_alarms"]["per_hour"]),
            *(_area(figures["classes"][kind], figures["classes"][kind]["support"]) for kind in kinds),
        ]
        rows.append((Cell(subject, value=subject), cells))
    columns = [
        "subject",
        "n",
        "AUROC",
        "normal called anomalies",
        "false alarms an hour",
        *(f"AUROC of {k}" for k in kinds),
    ]
    mean = metrics["patient_mean"]
    caption = (
        f"Below each AUROC how many anomalies the subject has; the stronger the tint, the lower. Mean over {mean['n']} "
        f"subjects who have any: {number(mean['auroc'])} (sd {number(mean['sd'])})."
    )
    return table(caption, columns, rows, kind="sortable long")


def _curves(metrics: Mapping[str, Any]) -> str:
    """ROC, precision over recall, and how the scores lie."""
    curves = metrics["curves"]
    parts = []
    if curves:
        areas = {
            key: ", ".join(
                f"{name} {number((metrics if name == 'all' else metrics['classes'][name])[key])}" for name in curves
            )
            for key in _AREAS
        }
        parts = [
            chart(plot_roc(curves), caption=f"Area under the curve: {areas['auroc']}.", alt=f"ROC: {areas['auroc']}"),
            chart(
                plot_precision_recall(curves),
                caption=f"Precision over recall, against normal windows. Area under the curve: {areas['auprc']}.",
                alt=f"Precision-recall curves: {areas['auprc']}",
            ),
        ]
    caption = "How the scores lie; each curve encloses the same area."
    return f'<div class="charts">{"".join(parts)}</div>' + chart(
        plot_scores(metrics["scores"], metrics["threshold"]), caption=caption, alt=caption
    )


def _rows(metrics: Mapping[str, Any], names: Mapping[str, str]) -> list[tuple[Cell, list[Cell]]]:
    whole = sum(figures["support"] for figures in metrics["classes"].values())
    rows = [(Cell("all"), [Cell(f"{whole:,}"), *_area_cells(metrics), Cell("")])]
    for name, figures in metrics["classes"].items():
        cells = [Cell(f"{figures['support']:,}"), *_area_cells(figures), Cell(number(figures["sensitivity"]))]
        rows.append((Cell(name, names.get(name, "")), cells))
    return rows


def _area_cells(figures: Mapping[str, Any]) -> list[Cell]:
    return [Cell(number(figures[key]), _bounds(figures, key)) for key in _AREAS]


def _area(figures: Mapping[str, Any], support: int) -> Cell:
    """An AUROC with the number of anomalies below it."""
    area = figures["auroc"]
    if area is None:
        return Cell("–", f"of {support:,}" if support else "")
    return Cell(number(area), f"of {support:,}", 0.45 * min(1.0, 4 * (1 - area)), "warm", area)


def _bounds(figures: Mapping[str, Any], name: str) -> str:
    return interval((figures.get("ci95") or {}).get(name))


def _percent(normal: Mapping[str, Any]) -> str:
    rate = normal["false_positive_rate"]
    return "–" if rate is None else f"{100 * rate:.2f} %"

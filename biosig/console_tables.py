"""Figures and summaries as tables in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from biosig.records.summary import Summary

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["figure_table", "percent", "print_figures", "print_summary", "spread_table", "templates_table"]

MATTERS = 0.05
"""How much a figure depends on one patient is said where that patient holds at least this share of a class."""


def print_summary(console: Console, summary: Summary) -> None:
    """Header, channels, gaps, marks and comments of a recording."""
    started = f", starts {summary.start}" if summary.start else ""
    console.print(
        f"{summary.name}: subject {summary.subject}, {summary.duration_s:.1f} s at {summary.fs:g} Hz{started}"
    )
    table = Table("channel", "unit", "Hz", "min", "1 %", "median", "99 %", "max", "missing", "flat", "saturated")
    for one in summary.channels:
        spread = (one.minimum, one.p01, one.median, one.p99, one.maximum)
        shares = (one.missing, one.flat, one.saturated)
        figures = ["n/a" if value is None else f"{value:.4g}" for value in spread]
        table.add_row(one.name, one.unit, f"{one.fs:g}", *figures, *(f"{100 * share:.2f} %" for share in shares))
    console.print(table)
    for gap in summary.gaps[:5]:
        console.print(f"not recorded: {gap.start_s:.2f} to {gap.stop_s:.2f} s ({', '.join(gap.channels)})")
    if summary.n_gaps > 5:
        console.print(f"... {summary.n_gaps} gaps in all")
    if summary.n_beats:
        rate = "" if summary.mean_heart_rate is None else f", mean heart rate {summary.mean_heart_rate:.0f}/min"
        console.print(f"{summary.n_beats} annotated beats{rate}")
    if summary.symbols:
        marks = (f"{one.symbol}{f' ({one.aami})' if one.aami else ''} {one.count}" for one in summary.symbols)
        console.print(f"marks: {', '.join(marks)}")
    for name, seconds in summary.rhythm_s.items():
        console.print(f"rhythm {name}: {seconds:.1f} s")
    for line in summary.comments:
        console.print(f"# {line}")


def templates_table(templates: pd.DataFrame) -> Table:
    """The beat templates of a recording, largest first."""
    table = Table("template", "symbol", "beats", "share", "RR to the beat before", "of usual")
    for row in templates.to_dict("records"):
        rhythm = (
            ("", "") if row["rr_s"] != row["rr_s"] else (f"{row['rr_s']:.2f} s", f"{100 * row['prematurity']:.0f} %")
        )
        table.add_row(f"T{row['template']}", row["label"], f"{row['beats']:,}", percent(row["share"]), *rhythm)
    return table


def percent(value: float | None) -> str:
    """``99.85 %`` of a share, ``n/a`` where it is undefined."""
    return "n/a" if value is None else f"{100 * value:.2f} %"


def _share(value: float | None, interval: list[float] | None = None) -> str:
    if value is None:
        return "n/a"
    return f"{value:.3f}" + (f" ({interval[0]:.2f}-{interval[1]:.2f})" if interval else "")


def figure_table(metrics: dict[str, Any], title: str | None = None) -> Table:
    """The figures per class with their intervals: of a classifier, or of scores that tell anomalies from the normal."""
    titled = title or metrics.get("protocol", {}).get("what")
    return _anomaly_table(metrics, titled) if "auprc" in metrics else _class_table(metrics, titled)


def _class_table(metrics: dict[str, Any], title: str | None) -> Table:
    """Sensitivity, positive predictivity and F1 per class."""
    table = Table(title=title, caption=_overall(metrics))
    for name in ("class", "sensitivity", "+P", "F1", "beats" if "S" in metrics["classes"] else "windows"):
        table.add_column(name, justify="left" if name == "class" else "right")
    for name, row in metrics["classes"].items():
        interval = row.get("ci95", {})
        figures = [_share(row.get(key), interval.get(key)) for key in ("sensitivity", "ppv", "f1")]
        table.add_row(name, *figures, str(row["support"]))
    return table


def _anomaly_table(metrics: dict[str, Any], title: str | None) -> Table:
    """AUROC and AUPRC of all anomalies and of each kind against normal windows, and sensitivity at the threshold."""
    alarms, normal = metrics.get("false_alarms"), metrics.get("normal")
    said = "areas: against normal windows; in brackets 95 % intervals over patients"
    if alarms and normal:
        said = (
            f"{_share(normal['false_positive_rate'])} of {normal['support']} normal windows at or above the threshold; "
            f"minutes with a false alarm: {_share(alarms['per_hour'])} an hour in {alarms['hours']:.1f} h"
            f"{_patients_rates(alarms['patients'])}\n{said}"
        )
    table = Table(title=title, caption=said)
    for name in ("anomalies", "AUROC", "AUPRC", "sensitivity", "windows"):
        table.add_column(name, justify="left" if name == "anomalies" else "right")
    table.add_row("all", *(_share(metrics[key], metrics["ci95"][key]) for key in ("auroc", "auprc")), "", "")
    for name, row in metrics["classes"].items():
        areas = [_share(row[key], row["ci95"][key]) for key in ("auroc", "auprc")]
        table.add_row(name, *areas, _share(row["sensitivity"]), str(row["support"]))
    return table


def _patients_rates(patients: dict[str, Any] | None) -> str:
    """Mean, median and worst of patients' false alarms an hour."""
    if patients is None:
        return ""
    figures = f"mean {_share(patients['mean'], patients['ci95'])}, median {_share(patients['median'])}"
    return f"\nover {patients['n']} patients: {figures}, worst {patients['worst']:.1f}"


def print_figures(console: Console, metrics: dict[str, Any], title: str | None = None) -> None:
    """The table per class, then how much of it one patient decides."""
    console.print(figure_table(metrics, title=title))
    mean = metrics.get("patient_mean", {})
    if "auprc" in metrics and mean.get("n", 0) > 1:
        console.print(f"AUROC {_share(mean['auroc'])} (sd {_share(mean['sd'])}) as mean over {mean['n']} patients")
    for name, rest in metrics.get("without_top_patient", {}).items():
        one = mean[name]
        if rest["subject"] is not None and one["n"] > 1 and rest["share"] >= MATTERS:
            console.print(
                f"{name}: F1 {_share(one['f1'])} as mean over {one['n']} patients, {_share(rest['f1'])} without "
                f"{rest['subject']}, who holds {100 * rest['share']:.0f} % of them"
            )

    for line in _task_lines(metrics):
        console.print(line)


def _task_lines(metrics: dict[str, Any]) -> list[str]:
    """Figures that only some tasks have, in a line each."""
    lines = []
    if nights := metrics.get("nights"):
        one = f"accuracy {_share(metrics['accuracy'])}, Cohen's kappa {_share(metrics['kappa'])}"
        lines.append(f"{len(nights)} nights, all epochs together: {one}")
    if answers := metrics.get("recording"):
        bounds = answers.get("ci95") or {}
        one = f"balanced accuracy {_share(answers['balanced_accuracy'], bounds.get('balanced_accuracy'))}"
        lines.append(
            f"{answers['n']} recordings, one answer each: {one}, AUROC {_share(answers['auroc'], bounds.get('auroc'))}"
        )
    if trials := metrics.get("trials"):
        mean = trials["subject_mean"]
        lines.append(
            f"{trials['n']} trials, one answer each: accuracy "
            f"{_share(trials['accuracy'], (trials.get('ci95') or {}).get('accuracy'))}; "
            f"mean over {mean['n']} subjects {_share(mean['mean'])} (sd {_share(mean['sd'])})"
        )
    if found := metrics.get("szcore"):
        events = found["events"]
        lines.append(
            f"{found['rule']['label']} events as SzCORE counts, {events['references']} in {found['hours']:.1f} h: "
            f"sensitivity {_share(events['sensitivity'])}, precision {_share(events['precision'])}, "
            f"F1 {_share(events['f1'])}, {events['false_alarms_per_day']:.1f} false alarms per 24 h"
        )
    return lines


def _overall(metrics: dict[str, Any]) -> str:
    shown = (("macro_f1", "macro-F1"), ("accuracy", "accuracy"), ("balanced_accuracy", "balanced"), ("auroc", "AUROC"))
    intervals = metrics.get("ci95") or {}
    known = [f"{text} {_share(metrics[key], intervals.get(key))}" for key, text in shown if key in metrics]
    figures = ", ".join(known) or "macro-F1 n/a"
    if score := metrics.get("score"):
        figures = f"F1 of {', '.join(score['labels'])} {_share(score['f1'])}; {figures}"
    return figures + "; in brackets 95 % intervals over patients" if metrics.get("ci95") else figures


def spread_table(metrics: dict[str, Any]) -> Table:
    """Mean and spread over folds and seeds of F1 per class, or of AUROC per kind of anomaly."""
    table = Table(title=f"{'AUROC' if 'auprc' in metrics else 'F1'} per class, mean and sd over folds and seeds")
    for name in ("class", "mean", "sd"):
        table.add_column(name, justify="left" if name == "class" else "right")
    for name, row in metrics["spread"].items():
        table.add_row(name, _share(row["mean"]), _share(row["sd"]))
    return table

"""Figures and summaries as tables in a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from biosig.records.summary import Summary

__all__ = ["class_table", "percent", "print_figures", "print_summary", "spread_table"]


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


def percent(value: float | None) -> str:
    """``99.85 %`` of a share, ``n/a`` where it is undefined."""
    return "n/a" if value is None else f"{100 * value:.2f} %"


def _share(value: float | None, interval: list[float] | None = None) -> str:
    if value is None:
        return "n/a"
    return f"{value:.3f}" + (f" ({interval[0]:.2f}-{interval[1]:.2f})" if interval else "")


def class_table(metrics: dict[str, Any], title: str | None = None) -> Table:
    """Sensitivity, positive predictivity and F1 per class, with their intervals."""
    table = Table(title=title or metrics.get("protocol", {}).get("what"), caption=_overall(metrics))
    for name in ("class", "sensitivity", "+P", "F1", "beats" if "S" in metrics["classes"] else "windows"):
        table.add_column(name, justify="left" if name == "class" else "right")
    for name, row in metrics["classes"].items():
        interval = row.get("ci95", {})
        figures = [_share(row.get(key), interval.get(key)) for key in ("sensitivity", "ppv", "f1")]
        table.add_row(name, *figures, str(row["support"]))
    return table


def print_figures(console: Console, metrics: dict[str, Any], title: str | None = None) -> None:
    """The table per class, then how much of it one patient decides."""
    console.print(class_table(metrics, title=title))
    for name, rest in metrics.get("without_top_patient", {}).items():
        mean = metrics["patient_mean"][name]
        if rest["subject"] is not None and mean["n"] > 1:
            console.print(
                f"{name}: F1 {_share(mean['f1'])} as mean over {mean['n']} patients, {_share(rest['f1'])} without "
                f"{rest['subject']}, who holds {100 * rest['share']:.0f} % of them"
            )


def _overall(metrics: dict[str, Any]) -> str:
    figures = f"macro-F1 {_share(metrics.get('macro_f1'), metrics.get('ci95', {}).get('macro_f1'))}"
    return figures + "; in brackets 95 % intervals over patients" if metrics.get("ci95") else figures


def spread_table(metrics: dict[str, Any]) -> Table:
    """Mean and spread of F1 over folds and seeds."""
    table = Table(title="F1 per class, mean and sd over folds and seeds")
    for name in ("class", "mean", "sd"):
        table.add_column(name, justify="left" if name == "class" else "right")
    for name, row in metrics["spread"].items():
        table.add_row(name, _share(row["mean"]), _share(row["sd"]))
    return table

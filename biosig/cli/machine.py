"""Commands about this machine and its data: bench, data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from biosig.cli.terminal import say, screen

__all__ = ["app"]

app = typer.Typer()
bench_app = typer.Typer(help="How fast this machine is.", no_args_is_help=True)
data_app = typer.Typer(help="Public databases.", no_args_is_help=True)
app.add_typer(bench_app, name="bench")
app.add_typer(data_app, name="data")


@bench_app.command("monitor")
def bench_monitor(
    bundles: Annotated[
        list[str] | None, typer.Option("--bundle", help="Bundle to score with, may be given again; default untrained.")
    ] = None,
    patients: Annotated[list[int] | None, typer.Option("--patients", min=1, help="Default 10, 100 and 1000.")] = None,
    seconds: Annotated[int, typer.Option("--seconds", min=1, help="Seconds of signal per measurement.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure how many patients of one 360 Hz lead one core can watch."""
    from biosig.bundle import load
    from biosig.monitoring import bench

    loaded = [load(folder) for folder in bundles] if bundles else None
    rows = bench.bench_monitor(patients or (10, 100, 1000), bundles=loaded, seconds=seconds, say=say)
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    from rich.table import Table

    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(f"{value:.4g}" for value in row.values()))
    screen().print(table)


@bench_app.command("signal")
def bench_signal(
    channels: Annotated[int, typer.Option("--channels", min=2, help="Channels of noise at 256 Hz.")] = 64,
    minutes: Annotated[int, typer.Option("--minutes", min=1, help="Minutes of it.")] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure the causal chain (band-pass, notch, resample, reference) beside MNE's default filters, in CPU seconds."""
    from biosig.signal import bench

    figures = bench.bench_signal(channels=channels, minutes=minutes)
    if as_json:
        typer.echo(json.dumps(figures, indent=1))
        return
    console = screen()
    for name, value in figures.items():
        console.print(f"{name:24} {value:.4g}")


@data_app.command("get")
def data_get(
    name: Annotated[str, typer.Argument(help="Name of a public database, such as mitdb.")],
    folder: Annotated[Path, typer.Argument(help="Where to put it.")],
) -> None:
    """Fetch a public database and verify it."""
    from biosig.datasets.fetch import fetch

    fetch(name, folder, say=say)

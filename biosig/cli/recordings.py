"""Commands about recordings: inspect, beats, bxb, cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from biosig.cli.terminal import DeviceOption, say, screen

__all__ = ["app"]

app = typer.Typer()


@app.command()
def inspect(
    record: Annotated[Path, typer.Argument(help="A recording, such as mitdb/100.")],
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw the first seconds into this PNG or PDF.")] = None,
    start: Annotated[float, typer.Option("--start", help="First second of the plot.")] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a recording: header, gaps, quality, beats."""
    from biosig import console_tables
    from biosig.records.reading import read
    from biosig.records.summary import summarise

    recording = read(record)
    summary = summarise(recording)
    if as_json:
        typer.echo(json.dumps(summary.to_dict(), indent=1))
    else:
        console_tables.print_summary(screen(), summary)
    if plot is not None:
        recording.plot(start).savefig(plot)
        say(f"plot written to {plot}")


@app.command()
def beats(
    record: Annotated[Path, typer.Argument(help="A recording, such as mitdb/100.")],
    lead: Annotated[str | None, typer.Option("--lead", help="Lead to detect on; default the first.")] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for the annotation file.")] = Path(),
) -> None:
    """Detect R peaks and write them as WFDB annotations."""
    from biosig import runs

    path, n_beats, rate = runs.write_beats(record, lead=lead, out=out)
    typer.echo(f"{n_beats} beats, median heart rate {rate:.0f}/min, written to {path}")


@app.command()
def bxb(
    reference: Annotated[Path, typer.Argument(help="Reference annotations, such as mitdb/100.atr.")],
    test: Annotated[Path, typer.Argument(help="Annotations to score, such as 100.qrs.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
    start: Annotated[float, typer.Option("--start", help="Seconds left out at the beginning (EC57: 300).")] = 300.0,
) -> None:
    """Compare two annotation files as ANSI/AAMI EC57 does."""
    from biosig import runs
    from biosig.console_tables import percent

    comparison = runs.compare_files(reference, test, start_s=start)
    table = comparison.table()
    from rich.table import Table

    shown = Table(title=f"{reference} (rows) against {test} (columns)")
    shown.add_column("")
    for column in table.columns:
        shown.add_column(str(column), justify="right")
    for label, row in table.iterrows():
        shown.add_row(str(label), *(str(value) for value in row))
    console = screen()
    console.print(shown)
    for name, tally in (("QRS", comparison.qrs), ("VEB", comparison.veb), ("SVEB", comparison.sveb)):
        line = f"{name:5} Se {percent(tally.sensitivity)}  +P {percent(tally.positive_predictivity)}"
        if tally.true_negatives is not None:
            line += f"  false-positive rate {percent(tally.false_positive_rate)}"
        console.print(line)
    if json_file is not None:
        json_file.write_text(json.dumps(comparison.to_dict(), indent=1), encoding="utf-8")


@app.command()
def cluster(
    bundle: Annotated[Path, typer.Argument(help="Folder or shipped name of a bundle that cuts at beats.")],
    record: Annotated[Path, typer.Argument(help="A recording, such as mitdb/208.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for picture, tables and annotations.")] = Path("templates"),
    name: Annotated[
        list[str] | None, typer.Option("--name", metavar="NUMBER=SYMBOL", help="Call template 2 ventricular: 2=V.")
    ] = None,
    distance: Annotated[float, typer.Option("--distance", help="Smaller makes more templates.")] = 0.3,
    lead: Annotated[list[str] | None, typer.Option("--lead", help="V5=MLII takes V5 for the bundle's MLII.")] = None,
    device: DeviceOption = "auto",
) -> None:
    """Group a recording's beats into morphology templates, as a Holter system shows them."""
    from biosig import runs
    from biosig.console_tables import templates_table
    from biosig.runs.watching import lead_map

    names = runs.template_names(name or ())
    found = runs.cluster(
        bundle, record, names=names, distance=distance, lead_map=lead_map(lead or ()), out=out, device=device
    )
    screen().print(templates_table(found.templates))
    say(f"written to {out}: templates.png, templates.csv, beats.csv and the annotation file {found.annotation_file}")

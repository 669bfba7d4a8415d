"""The command line: parse, one library call, print."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["app", "main"]

app = typer.Typer(
    name="biosig",
    help="ECG and EEG from file to score. For research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich alone would take two thirds of the time of --help
)
data_app = typer.Typer(help="Public databases.", no_args_is_help=True)
app.add_typer(data_app, name="data")
bench_app = typer.Typer(help="How fast this machine is.", no_args_is_help=True)
app.add_typer(bench_app, name="bench")

DataOption = Annotated[
    Path | None, typer.Option("--data", help="Folder of the database; else BIOSIG_DATA, else the shipped sample.")
]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
FromOption = Annotated[
    Path | None, typer.Option("--from", metavar="BUNDLE", help="Start from this bundle's trunk, with a fresh head.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set any key of the recipe, as in train.lr=3e-4.")
]


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


def _say(line: str) -> None:
    """One line for people, on standard error, so that standard output stays what was asked for."""
    typer.echo(line, err=True)


def _how_compared(detected: dict[str, Any]) -> str:
    return ", EC57, from 5:00 on" if "ec57" in detected else ""


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="Name of a shipped recipe (see: biosig list) or a .toml file.")],
    data: DataOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the bundle; default runs/RECIPE.")] = None,
    device: DeviceOption = "auto",
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of weights, order and augmentation.")] = None,
    false_alarms: Annotated[
        float | None,
        typer.Option("--false-alarms-per-hour", min=0.0, help="Budget that an anomaly threshold keeps to."),
    ] = None,
    start_from: FromOption = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was interrupted.")] = False,
    settings: SetOption = None,
) -> None:
    """Train a model and write its bundle."""
    from biosig import console_tables, runs

    try:
        trained = runs.train(
            recipe, data=data, out=out, device=device, seed=seed, start_from=start_from,
            false_alarms_per_hour=false_alarms, resume=resume, settings=settings or (), say=_say,
        )  # fmt: skip
    except KeyboardInterrupt:
        _say("interrupted; the same command with --resume goes on from the last complete epoch")
        raise typer.Exit(130) from None
    if trained.manifest["metrics"]:
        _console().print(console_tables.figure_table(trained.manifest["metrics"]))
    _say(f"bundle written to {trained.folder}")


@app.command()
def evaluate(
    bundle: Annotated[str, typer.Argument(help="Folder of a bundle, or the name of a shipped one.")],
    data: DataOption = None,
    split: Annotated[str, typer.Option("--split", help="test, validation or train.")] = "test",
    out: Annotated[Path | None, typer.Option("--out", help="Folder of metrics.json and report.html.")] = None,
    device: DeviceOption = "auto",
) -> None:
    """Score a bundle on a database and report figures."""
    from biosig import console_tables, runs

    home = Path(bundle) if Path(bundle).is_dir() else Path("runs") / bundle
    folder = out or home / "evaluation"
    metrics = runs.evaluate(bundle, data=data, part=split, out=folder, device=device, say=_say)
    console = _console()
    console_tables.print_figures(console, metrics)
    if "without_shared_subjects" in metrics:
        rest = metrics["without_shared_subjects"]
        title = f"Without {', '.join(rest['left_out'])}: another recording of the same person was trained on"
        console.print(console_tables.figure_table(rest, title=title))
    if "detected" in metrics:
        console_tables.print_figures(
            console, metrics["detected"], title=f"End to end: detected beats{_how_compared(metrics['detected'])}"
        )
    if "detected" in metrics.get("without_shared_subjects", {}):
        rest = metrics["without_shared_subjects"]
        console.print(
            console_tables.figure_table(rest["detected"], title=f"End to end without {', '.join(rest['left_out'])}")
        )
    _say(f"report written to {folder / 'report.html'}")


@app.command("cross-validate")
def cross_validate(
    recipe: Annotated[str, typer.Argument(help="Name of a shipped recipe or a .toml file.")],
    data: DataOption = None,
    folds: Annotated[int, typer.Option("--folds", min=2, help="Parts the training subjects are divided into.")] = 5,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Repetitions with other seeds.")] = 1,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of metrics.json.")] = None,
    device: DeviceOption = "auto",
    start_from: FromOption = None,
    settings: SetOption = None,
) -> None:
    """Cross-validate a recipe, folds by training subject."""
    from biosig import console_tables, runs

    folder = out or Path("runs") / f"{Path(recipe).stem}-cross-validation"
    metrics = runs.cross_validate(
        recipe, data=data, folds=folds, seeds=seeds, out=folder, device=device, start_from=start_from,
        settings=settings or (), say=_say,
    )  # fmt: skip
    console = _console()
    console.print(console_tables.spread_table(metrics))
    console_tables.print_figures(console, metrics, title="All folds together")
    if "detected" in metrics:
        console_tables.print_figures(
            console, metrics["detected"], title=f"All folds together, end to end{_how_compared(metrics['detected'])}"
        )
    _say(f"figures written to {folder / 'metrics.json'}")


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
    console = _console()
    console.print(shown)
    for name, tally in (("QRS", comparison.qrs), ("VEB", comparison.veb), ("SVEB", comparison.sveb)):
        line = f"{name:5} Se {percent(tally.sensitivity)}  +P {percent(tally.positive_predictivity)}"
        if tally.true_negatives is not None:
            line += f"  false-positive rate {percent(tally.false_positive_rate)}"
        console.print(line)
    if json_file is not None:
        json_file.write_text(json.dumps(comparison.to_dict(), indent=1), encoding="utf-8")


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
        console_tables.print_summary(_console(), summary)
    if plot is not None:
        recording.plot(start).savefig(plot)
        _say(f"plot written to {plot}")


@app.command()
def monitor(
    sources: Annotated[
        list[str],
        typer.Argument(help="Records, folders of records, - (standard input), lsl:NAME.", metavar="SOURCE..."),
    ],
    bundle: Annotated[
        list[str] | None,
        typer.Option("--bundle", help="Folder or shipped name, may be given again; default: shipped ones that fit."),
    ] = None,
    speed: Annotated[str, typer.Option("--speed", help="Replay files at this many times real time, or max.")] = "1",
    out: Annotated[Path, typer.Option("--out", help="Folder of the event store and the results.")] = Path("monitor"),
    store: Annotated[str | None, typer.Option("--store", help="SQLAlchemy URL of another event store.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every event as one JSON line.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the last run in --out stopped.")] = False,
    lead: Annotated[list[str] | None, typer.Option("--lead", help="V5=MLII takes V5 for the bundle's MLII.")] = None,
    rules: Annotated[
        Path | None, typer.Option("--rules", help="TOML file of alarm rules; biosig rules prints the shipped ones.")
    ] = None,
    channels: Annotated[str, typer.Option("--channels", help="Of raw frames on standard input: MLII,V5.")] = "",
    fs: Annotated[float | None, typer.Option("--fs", help="Rate of raw frames in Hz; none = JSON lines.")] = None,
    unit: Annotated[str, typer.Option("--unit", help="Unit of raw frames.")] = "mV",
    on_resume: Annotated[
        str | None, typer.Option("--on-resume", help="Standard input of a resumed run: replay or continue.")
    ] = None,
    web: Annotated[bool, typer.Option("--web", help="Serve a page to watch and acknowledge alarms on.")] = False,
    host: Annotated[
        str, typer.Option("--host", help="Of the page; another one opens it to the network.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Of the page; 0 = any that is free.")] = 8765,
    device: DeviceOption = "cpu",
) -> None:
    """Watch recordings and live signals: beats, scores and alarms, stored so that a killed run can go on."""
    from biosig.monitoring import terminal
    from biosig.runs import serving, watching

    options = watching.source_options(speed=speed, channels=channels, fs=fs, unit=unit, on_resume=on_resume)
    with ExitStack() as stack:
        stop = stack.enter_context(watching.stop_on_signals())
        board, orders = stack.enter_context(serving.served(host, port, say=_say)) if web else (None, None)
        listeners = stack.enter_context(terminal.shown(_console(), _say, as_json=as_json))
        watched = watching.monitor(
            sources, bundle or (), out=out, store=store, options=options, lead_map=watching.lead_map(lead or ()),
            rules=rules, resume=resume, device=device, listeners=[*listeners, *([board] if board else [])],
            say=_say, stop=stop, orders=orders,
        )  # fmt: skip
    if not as_json:
        _console().print(terminal.alarm_summary(watched.alarms))
    marks = [path for path in watched.files if path.suffix in (".bsm", ".edf")]
    others = ", ".join(path.name for path in watched.files if path not in marks)
    _say(f"written to {out}: {len(marks)} annotation files (.bsm WFDB, .edf EDF+), {others}")
    if not watched.ended:
        _say("stopped; the same command with --resume goes on from here")
        raise typer.Exit(130)


@app.command("evaluate-alarms")
def evaluate_alarms(
    records: Annotated[list[str], typer.Argument(help="Annotated records, folders of records.", metavar="RECORD...")],
    store: Annotated[
        str | None, typer.Option("--store", help="What biosig monitor wrote: folder, file or URL; default monitor.")
    ] = None,
    bundle: Annotated[
        list[str] | None, typer.Option("--bundle", help="Monitor now, in memory; may be given again.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
    lead: Annotated[list[str] | None, typer.Option("--lead", help="V5=MLII takes V5 for the bundle's MLII.")] = None,
    device: DeviceOption = "cpu",
) -> None:
    """Score the alarms of monitored records against their annotations."""
    from biosig import runs
    from biosig.monitoring import terminal
    from biosig.runs.watching import lead_map

    place = "monitor" if store is None and not bundle else store
    figures = runs.evaluate_alarms(
        records, store=place, bundles=bundle or (), lead_map=lead_map(lead or ()), device=device, say=_say
    )
    _console().print(*terminal.alarm_figures(figures))
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=1), encoding="utf-8")


@app.command()
def rules() -> None:
    """Print the shipped alarm rules as TOML, to begin a file of your own from."""
    from biosig.monitoring.rules import rules_to_toml, shipped_rules

    typer.echo(rules_to_toml(shipped_rules()))


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
    _console().print(templates_table(found.templates))
    _say(f"written to {out}: templates.png, templates.csv, beats.csv and the annotation file {found.annotation_file}")


@app.command("list")
def list_all() -> None:
    """Show the shipped recipes and bundles, and what a recipe may name."""
    from rich.table import Table

    from biosig import runs

    console = _console()
    for title, rows in (("Recipes", runs.recipes()), ("Bundles, trained and ready", runs.bundles())):
        table = Table(title=title)
        table.add_column("name")
        table.add_column("what it does")
        for name, summary in rows.items():
            table.add_row(name, summary)
        if rows:
            console.print(table)
    for kind, names in runs.parts().items():
        console.print(f"{kind}: {', '.join(names)}")


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
    rows = bench.bench_monitor(patients or (10, 100, 1000), bundles=loaded, seconds=seconds)
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    from rich.table import Table

    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(f"{value:.4g}" for value in row.values()))
    _console().print(table)


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
    console = _console()
    for name, value in figures.items():
        console.print(f"{name:24} {value:.4g}")


@data_app.command("get")
def data_get(
    name: Annotated[str, typer.Argument(help="Name of a public database, such as mitdb.")],
    folder: Annotated[Path, typer.Argument(help="Where to put it.")],
) -> None:
    """Fetch a public database and verify it."""
    from biosig.datasets.fetch import fetch

    fetch(name, folder, say=_say)


def _one_line(error: Exception) -> str:
    """What a user can mend, in one line: a file's trouble names the file first."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def main() -> NoReturn:
    """Entry point: what a user can mend is said in one line, exit code 2; Ctrl-C is 130."""
    from biosig.errors import BiosigError

    try:
        app(prog_name="biosig")
    except (BiosigError, ValueError, OSError) as error:
        _say(f"biosig: {_one_line(error)}")
        sys.exit(2)
    sys.exit(0)

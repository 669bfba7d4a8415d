"""Commands that watch: monitor, evaluate-alarms, rules."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from biosig.cli.terminal import DeviceOption, say, screen

__all__ = ["app"]

app = typer.Typer()


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
        board, orders = stack.enter_context(serving.served(host, port, say=say)) if web else (None, None)
        listeners = stack.enter_context(terminal.shown(screen(), say, as_json=as_json))
        watched = watching.monitor(
            sources, bundle or (), out=out, store=store, options=options, lead_map=watching.lead_map(lead or ()),
            rules=rules, resume=resume, device=device, listeners=[*listeners, *([board] if board else [])],
            say=say, stop=stop, orders=orders,
        )  # fmt: skip
    if not as_json:
        screen().print(terminal.alarm_summary(watched.alarms))
    marks = [path for path in watched.files if path.suffix in (".bsm", ".edf")]
    others = ", ".join(path.name for path in watched.files if path not in marks)
    say(f"written to {out}: {len(marks)} annotation files (.bsm WFDB, .edf EDF+), {others}")
    if not watched.ended:
        say("stopped; the same command with --resume goes on from here")
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
        records, store=place, bundles=bundle or (), lead_map=lead_map(lead or ()), device=device, say=say
    )
    screen().print(*terminal.alarm_figures(figures))
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=1), encoding="utf-8")


@app.command()
def rules() -> None:
    """Print the shipped alarm rules as TOML, to begin a file of your own from."""
    from biosig.monitoring.rules import rules_to_toml, shipped_rules

    typer.echo(rules_to_toml(shipped_rules()))

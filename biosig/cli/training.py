"""Commands about recipes and bundles: train, evaluate, cross-validate, list."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from biosig.cli.terminal import DataOption, DeviceOption, FromOption, SetOption, say, screen

__all__ = ["app"]

app = typer.Typer()


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
        typer.Option(
            "--false-alarms-per-hour", min=0.0, help="Budget that an anomaly threshold keeps to, mean over patients."
        ),
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
            false_alarms_per_hour=false_alarms, resume=resume, settings=settings or (), say=say,
        )  # fmt: skip
    except KeyboardInterrupt:
        say("interrupted; the same command with --resume goes on from the last complete epoch")
        raise typer.Exit(130) from None
    if trained.manifest["metrics"]:
        screen().print(console_tables.figure_table(trained.manifest["metrics"]))


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
    metrics = runs.evaluate(bundle, data=data, part=split, out=folder, device=device, say=say)
    console = screen()
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
    say(f"report written to {folder / 'report.html'}")


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
        settings=settings or (), say=say,
    )  # fmt: skip
    console = screen()
    console.print(console_tables.spread_table(metrics))
    console_tables.print_figures(console, metrics, title="All folds together")
    if "detected" in metrics:
        console_tables.print_figures(
            console, metrics["detected"], title=f"All folds together, end to end{_how_compared(metrics['detected'])}"
        )
    say(f"figures written to {folder / 'metrics.json'}")


@app.command("list")
def list_all() -> None:
    """Show the shipped recipes and bundles, and what a recipe may name."""
    from rich.table import Table

    from biosig import runs

    console = screen()
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

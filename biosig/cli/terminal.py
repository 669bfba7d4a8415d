"""What every command shares: where it writes, and the options that several of them take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["DataOption", "DeviceOption", "FromOption", "SetOption", "say", "screen"]

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


def screen() -> Console:
    """Where tables and figures go."""
    from rich.console import Console

    return Console(highlight=False)


def say(line: str) -> None:
    """One line for people, on standard error, so that standard output stays what was asked for."""
    typer.echo(line, err=True)

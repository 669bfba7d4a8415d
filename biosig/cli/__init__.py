"""The command line: parse, one library call, print."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from biosig.cli import machine, monitoring, recordings, training
from biosig.cli.terminal import say

__all__ = ["app", "main"]

app = typer.Typer(
    name="biosig",
    help="ECG and EEG from file to score. For research use only.",
    epilog="With --debug, anywhere, an error shows its whole traceback instead of one line.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich alone would take two thirds of the time of --help
)
for commands in (training, recordings, monitoring, machine):
    app.add_typer(commands.app)


def _one_line(error: Exception) -> str:
    """What a user can mend, in one line: a file's trouble names the file first."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def main() -> NoReturn:
    """Entry point: what a user can mend is said in one line, exit code 2 (with ``--debug`` raised); Ctrl-C is 130."""
    from biosig.errors import BiosigError

    words = sys.argv[1:]
    try:
        app([word for word in words if word != "--debug"], prog_name="biosig")
    except (BiosigError, ValueError, OSError) as error:
        if "--debug" in words:
            raise
        say(f"biosig: {_one_line(error)}")
        sys.exit(2)
    sys.exit(0)

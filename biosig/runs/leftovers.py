"""What earlier runs left in the folder of a bundle: a finished bundle, checkpoints, and what was said of a bundle since
replaced."""

from __future__ import annotations

import shutil
from pathlib import Path

from biosig.bundle import Bundle, load
from biosig.errors import BundleError
from biosig.recipe import Recipe
from biosig.runs.preparing import Say

__all__ = ["can_resume", "clear_checkpoints", "clear_reports", "clear_run", "finished"]

_REPORTS = ("metrics.json", "report.html")


def can_resume(folder: Path) -> bool:
    """Whether a training was interrupted there."""
    return any(folder.glob("checkpoint-*.pt"))


def clear_run(folder: Path) -> None:
    """Remove what a training needs only while it goes on, and its curves, which another's would be mixed with."""
    clear_checkpoints(folder)
    shutil.rmtree(folder / "tensorboard", ignore_errors=True)


def clear_checkpoints(folder: Path) -> None:
    """Remove what an interrupted training would go on from."""
    for checkpoint in folder.glob("checkpoint-*.pt"):
        checkpoint.unlink()


def clear_reports(folder: Path, say: Say) -> None:
    """Remove evaluations of the bundle that was there before: a report must not lie beside a bundle it does not know.

    Only files that ``biosig evaluate`` writes, where it writes them by default or beside the bundle.
    """
    for place in (folder / "evaluation", folder):
        old = [place / name for name in _REPORTS if (place / name).is_file()]
        for file in old:
            file.unlink()
        if old:
            say(f"removed {' and '.join(map(str, old))}: of the bundle that was there before")


def finished(folder: Path, recipe: Recipe, say: Say) -> Bundle | None:
    """The bundle of a training that is finished already, and ``say`` so; None where there is none.

    ``BundleError`` where the bundle there is of other settings.
    """
    if not (folder / "manifest.json").is_file():
        return None
    bundle = load(folder)
    if bundle.recipe != recipe:
        raise BundleError(
            f"{folder}: cannot resume: the bundle there is finished and of other settings; leave --resume away to "
            "train anew, or choose another --out"
        )
    say(f"{folder}: training is finished, nothing to resume; leave --resume away to train anew")
    return bundle

"""Watchers of a training: a progress bar for people, TensorBoard where it is installed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from torch import Tensor

from biosig.training.loop import Watcher

__all__ = ["Bar", "Several", "TensorBoard", "tensorboard_is_installed"]


class Bar:
    """A bar with loss, validation score and time left, in a terminal or a notebook."""

    def __init__(self, title: str, console: Console | None = None) -> None:
        self._title = title
        self._console = console
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def begin(self, epochs: int, done: int) -> None:
        """Show the bar, ``done`` epochs already filled in."""
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._task = self._progress.add_task(self._title, total=epochs, completed=done, figures="")
        self._progress.start()

    def batch(self, epoch: int, share: float, loss: Tensor) -> None:
        """Move the bar."""
        if self._progress is not None:
            self._progress.update(self._task, completed=round(epoch + share, 2))

    def epoch(self, row: dict[str, float]) -> None:
        """Write the epoch's figures behind the bar."""
        if self._progress is not None:
            figures = f"loss {row['loss']:.3f}"
            if "macro_f1" in row:
                figures += f"  validation macro-F1 {row['macro_f1']:.3f}"
            self._progress.update(self._task, completed=row["epoch"], figures=figures)

    def end(self) -> None:
        """Leave the bar as it is."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def tensorboard_is_installed() -> bool:
    """Whether ``pip install tensorboard`` was done."""
    return find_spec("tensorboard") is not None


class TensorBoard:
    """Every epoch's figures as scalars in ``folder``."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder))

    def begin(self, epochs: int, done: int) -> None: ...

    def batch(self, epoch: int, share: float, loss: Tensor) -> None: ...

    def epoch(self, row: dict[str, float]) -> None:
        """One point per figure."""
        for name, value in row.items():
            if name != "epoch":
                self._writer.add_scalar(name, value, int(row["epoch"]))

    def end(self) -> None:
        """Write out what is left."""
        self._writer.close()


class Several:
    """Several watchers as one."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self._watchers = watchers

    def begin(self, epochs: int, done: int) -> None:
        """Tell all of them."""
        for watcher in self._watchers:
            watcher.begin(epochs, done)

    def batch(self, epoch: int, share: float, loss: Tensor) -> None:
        """Tell all of them."""
        for watcher in self._watchers:
            watcher.batch(epoch, share, loss)

    def epoch(self, row: dict[str, float]) -> None:
        """Tell all of them."""
        for watcher in self._watchers:
            watcher.epoch(row)

    def end(self) -> None:
        """Tell all of them."""
        for watcher in self._watchers:
            watcher.end()

"""What stands around the traces of a page: its title and scale, the seconds, and what the marks mean."""

from __future__ import annotations

from matplotlib.axes import Axes

from biosig.records.paper import CLASS_COLOURS, CLASS_NAMES, INK, QUIET_INK
from biosig.records.recording import Annotations
from biosig.records.symbols import aami_class

__all__ = ["clock", "write_legend", "write_title"]


def clock(second: int) -> str:
    """Seconds from the start as people write them: ``7 s``, ``1:07``, ``1:00:07``."""
    minutes, rest = divmod(second, 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def write_title(axes: Axes, name: str, scale: str, width: float, top: float) -> None:
    """The recording's name and the scale of its page, ``width`` mm wide, above ``top`` mm."""
    axes.text(3.5, top + 3, name, fontsize=11, weight="bold", va="baseline", color=INK)
    axes.text(width - 2, top + 3, scale, fontsize=8, ha="right", va="baseline", color=QUIET_INK)


def write_legend(
    axes: Axes, own: Annotations, marks: Annotations | None, span: tuple[float, float], width: float
) -> None:
    """The classes of the beats marked within ``span`` (seconds), and what a frame means."""
    seen = {
        aami_class(label)
        for some in (own, marks or Annotations())
        for label, onset in zip(some.label, some.onset_s, strict=True)
        if span[0] <= onset < span[1]
    }
    x = 3.5
    for name, meaning in CLASS_NAMES.items():
        if name in seen and name != "N":
            axes.text(x, 2.2, f"{name}  {meaning}", fontsize=7, color=CLASS_COLOURS[name], va="baseline")
            x += 8 + 1.45 * len(meaning)
    if marks is not None and len(own):
        axes.text(width - 2, 2.2, "framed: differs from the reference", fontsize=7, ha="right", color=QUIET_INK)

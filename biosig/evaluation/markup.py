"""Pieces of HTML: numbers, tables, lists and pictures, each a string that needs nothing from outside."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO, StringIO
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from biosig.evaluation.figures import CHART_INK

__all__ = ["Cell", "chart", "definitions", "interval", "number", "picture", "section", "spoken", "table"]

UNDEFINED = "–"


def number(value: float | None, *, digits: int = 3) -> str:
    """A figure with a fixed number of digits; a dash where it is undefined."""
    return UNDEFINED if value is None else f"{value:.{digits}f}"


def interval(bounds: Sequence[float] | None, *, digits: int = 2) -> str:
    """``0.93 to 0.97``; nothing where there is no interval."""
    return f"{bounds[0]:.{digits}f} to {bounds[1]:.{digits}f}" if bounds else ""


def spoken(value: Any) -> str:
    """Plain text of a free value: lists and mappings on one line, None as a dash."""
    if value is None:
        return UNDEFINED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{_heading(str(key), one)[0]} {_heading(str(key), one)[1]}" for key, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(spoken(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _heading(key: str, value: Any) -> tuple[str, str]:
    """``decision_delay_s: 0.6`` becomes ``decision delay`` and ``0.6 s``."""
    for ending, unit in (("_s", "s"), ("_ms", "ms"), ("_hz", "Hz"), ("_mv", "mV")):
        if key.endswith(ending) and isinstance(value, int | float) and not isinstance(value, bool):
            return key.removesuffix(ending).replace("_", " "), f"{spoken(value)} {unit}"
    return key.replace("_", " "), spoken(value)


def definitions(values: Mapping[str, Any]) -> str:
    """A list of names and what they stand for."""
    rows = (_heading(key, value) for key, value in values.items())
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in rows) + "</dl>"


def section(anchor: str, heading: str, *parts: str) -> str:
    """A section of the page under its heading; nothing where all ``parts`` are empty."""
    body = "".join(parts)
    if not body:
        return ""
    return f'<section aria-labelledby="{anchor}"><h2 id="{anchor}">{escape(heading)}</h2>{body}</section>\n'


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Parameters
    ----------
    text : what it says.
    below : smaller text under it.
    shade : 0 to 1, how strongly it is tinted.
    tone : ``accent`` or ``warm``, the tint.
    value : what it is sorted by; None sorts last.
    group : whether a group of columns begins with it.
    """

    text: str
    below: str = ""
    shade: float = 0.0
    tone: str = "accent"
    value: float | str | None = None
    group: bool = False

    def html(self, tag: str = "td", attributes: str = "") -> str:
        """The cell as HTML."""
        style = f' style="background:rgba(var(--{self.tone}),{self.shade:.2f})"' if self.shade >= 0.005 else ""
        value = "" if self.value is None else f' data-value="{escape(str(self.value))}"'
        kind = ' class="group"' if self.group else ""
        below = f"<small>{escape(self.below)}</small>" if self.below else ""
        return f"<{tag}{attributes}{kind}{style}{value}>{escape(self.text)}{below}</{tag}>"


def table(
    caption: str,
    columns: Sequence[str],
    rows: Sequence[tuple[Cell, Sequence[Cell]]],
    *,
    groups: Sequence[tuple[str, int]] = (),
    kind: str = "",
) -> str:
    """A table with one named row per entry of ``rows``.

    Parameters
    ----------
    caption : what the table shows.
    columns : headings, the first one over the row names.
    rows : name and cells of each row, one cell less than columns.
    groups : headings that span several columns, with how many; they stand above the headings.
    kind : class names for the style sheet: ``matrix``, ``sortable``, ``long``.
    """
    above = "".join(
        f'<th scope="colgroup" class="group" colspan="{span}">{escape(name)}</th>'
        if name
        else f'<td colspan="{span}"></td>'
        for name, span in groups
    )
    begins = [sum(span for _, span in groups[:place]) for place in range(1, len(groups))]
    sortable = "sortable" in kind.split()
    heads = []
    for place, column in enumerate(columns):
        text = f'<button type="button">{escape(column)}</button>' if sortable and column else escape(column)
        style = "first" if not place else "group" if place in begins else ""
        heads.append(f'<th scope="col"{f" class={style!r}" if style else ""}>{text}</th>')
    body = "".join(
        "<tr>" + name.html("th", ' scope="row"') + "".join(cell.html() for cell in cells) + "</tr>\n"
        for name, cells in rows
    )
    top = f"<tr>{above}</tr>" if above else ""
    return (
        f'<div class="scroll"><table class="{kind}"><caption><span>{escape(caption)}</span></caption>'
        f"<thead>{top}<tr>{''.join(heads)}</tr></thead><tbody>\n{body}</tbody></table></div>\n"
    )


def chart(figure: Figure, *, caption: str, alt: str) -> str:
    """A chart as SVG inside the page; its ink follows the page, so that it can be read on a dark ground too."""
    buffer = StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": alt}):
        figure.savefig(
            buffer, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    drawing = buffer.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r"<metadata>.*?</metadata>", "", drawing, flags=re.DOTALL)
    drawing = re.sub(r'<(g|text) id="[^"]*"', r"<\1", drawing)
    drawing = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", drawing, count=1)
    drawing = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", drawing, count=1)
    drawing = drawing.replace(CHART_INK, "currentColor")
    drawing = drawing.replace("<svg", f'<svg role="img" aria-label="{escape(alt)}"', 1)
    return f"<figure>{drawing}<figcaption>{escape(caption)}</figcaption></figure>\n"


def picture(image: Figure | bytes, *, caption: str, alt: str) -> str:
    """A picture as PNG inside the page.

    Raises
    ------
    ValueError : bytes that are no PNG.
    """
    if isinstance(image, Figure):
        buffer = BytesIO()
        image.savefig(buffer, format="png", dpi=110)
        image = buffer.getvalue()
    if not image.startswith(b"\x89PNG\r\n\x1a\n"):
        raise ValueError(f"a picture must be a matplotlib figure or the bytes of a PNG file, got {image[:8]!r}")
    width, height = (int.from_bytes(image[start : start + 4]) for start in (16, 20))
    return (
        f'<figure><img src="data:image/png;base64,{b64encode(image).decode()}" width="{width}" height="{height}" '
        f'loading="lazy" alt="{escape(alt)}"><figcaption>{escape(caption)}</figcaption></figure>\n'
    )

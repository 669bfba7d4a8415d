"""Cutters by the name a recipe gives them."""

from __future__ import annotations

from biosig.windows.beats import Beats
from biosig.windows.picture import Picture
from biosig.windows.slide import Slide
from biosig.windows.stream import Cutter

__all__ = ["CUTTERS"]

CUTTERS: dict[str, type[Cutter]] = {"beats": Beats, "picture": Picture, "slide": Slide}

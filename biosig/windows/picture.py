"""Pictures as windows: each is one square of pixels, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from biosig.records.recording import Layout
from biosig.signal.stream import ChainStream
from biosig.windows.stream import Cutter

__all__ = ["Picture"]


@dataclass(frozen=True)
class Picture(Cutter):
    """Pictures of ``side`` by ``side`` pixels, levels 0 to 255.

    Parameters
    ----------
    side : pixels.
    fit : what is done to a picture that is not square: its middle is kept (``crop``), black is added (``pad``), or it
        is stretched (``stretch``).
    """

    side: int
    fit: Literal["crop", "pad", "stretch"] = "crop"

    def __post_init__(self) -> None:
        if not 8 <= self.side <= 4096:
            raise ValueError(f"side must lie in 8 to 4096 pixels, got {self.side}")

    def open(self, raw: Layout, chain: ChainStream, beats_s: NDArray[np.float64] | None) -> NoReturn:
        """``ValueError``: pictures come out of files, not out of a signal."""
        raise ValueError(f"windows.cut='picture' looks at pictures, not at signals ({', '.join(raw.channels)})")

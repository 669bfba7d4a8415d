"""What an anomaly detector gets most wrong, drawn as ECG with the error over it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from biosig.bundle import Bundle
from biosig.datasets.corpus import Corpus
from biosig.evaluation.report import Picture
from biosig.windows.index import Windows

__all__ = ["odd_and_usual"]


def odd_and_usual(bundle: Bundle, corpus: Corpus, windows: Windows, score: NDArray[np.float64]) -> list[Picture]:
    return []

"""What an anomaly detector gets most wrong, drawn with the error of each sample."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from biosig.bundle import Bundle
from biosig.datasets.corpus import Corpus
from biosig.evaluation.anomaly_figures import draw_error
from biosig.evaluation.report import Picture
from biosig.windows.index import Windows
from biosig.windows.stream import WindowStream

__all__ = ["ODD_AND_USUAL", "odd_and_usual"]

ODD_AND_USUAL = (
    "Normal windows that look odd, anomalies that do not",
    "First the normal windows that score highest, then the anomalies that score lowest. The window is shaded; each of "
    "its samples is the stronger coloured the worse it was built again, and that error is drawn below, in units of the "
    "training windows' amplitude. The score also hangs on rhythm and on the patient's own level, which do not show.",
)
"""Heading of the gallery and what it shows."""

_OF_A_RECORDING = 2


def odd_and_usual(
    bundle: Bundle, corpus: Corpus, windows: Windows, score: NDArray[np.float64], *, n: int = 24
) -> list[Picture]:
    """Pictures of the normal windows that score highest, then of the anomalies that score lowest, half of ``n`` each.

    At most two of each are of one recording.
    """
    labels, normal = bundle.recipe.data.labels, bundle.recipe.data.normal
    usual = np.isin(windows.label, [place for place, name in enumerate(labels) if name in normal])
    odd = (windows.label >= 0) & ~usual
    highest = _spread(np.flatnonzero(usual)[np.argsort(-score[usual], kind="stable")], windows, n // 2)
    lowest = _spread(np.flatnonzero(odd)[np.argsort(score[odd], kind="stable")], windows, n // 2)
    return [_picture(bundle, corpus, windows, number, float(score[number])) for number in (*highest, *lowest)]


def _spread(ranked: Iterable[int], windows: Windows, n: int) -> list[int]:
    """The first ``n`` of windows ranked, few of each recording."""
    chosen: list[int] = []
    taken: dict[int, int] = {}
    for number in ranked:
        recording = int(windows.recording[number])
        if len(chosen) < n and taken.get(recording, 0) < _OF_A_RECORDING:
            taken[recording] = taken.get(recording, 0) + 1
            chosen.append(int(number))
    return chosen


def _picture(bundle: Bundle, corpus: Corpus, windows: Windows, number: int, score: float) -> Picture:
    name = windows.names[int(windows.recording[number])]
    recording = corpus.read(name.removeprefix(f"{corpus.name}/"), bundle.recipe.data.channels)
    stream = WindowStream(bundle.recipe.chain, bundle.recipe.cutter, recording.layout)
    onset_s = float(windows.onset_s[number])
    error = _error(bundle, windows.gather(np.array([number])))
    minutes, seconds = divmod(round(onset_s, 1), 60)
    called = "an anomaly" if score >= (bundle.anomaly_threshold or 0.0) else "normal"
    caption = (
        f"{name} at {minutes:.0f}:{seconds:04.1f}: reference {bundle.recipe.data.labels[windows.label[number]]}, "
        f"score {score:.2f}, called {called}"
    )
    return Picture(draw_error(recording, onset_s - stream.before_s, stream.length_s, error), caption)


@torch.inference_mode()
def _error(bundle: Bundle, samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """What is wrong with each sample of a window (1, n_channels, length) built again: root mean square (length,)."""
    given = torch.from_numpy(samples)
    each = torch.stack([model.errors(given.to(next(model.parameters()).device)).cpu() for model in bundle.models])  # type: ignore[operator]
    return np.asarray(each.double().square().mean(dim=(0, 1, 2)).sqrt().numpy(), dtype=np.float64)

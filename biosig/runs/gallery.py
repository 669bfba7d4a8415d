"""The worst mistakes of a beat classifier, drawn as ECG."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from biosig.bundle import Bundle
from biosig.datasets.corpus import Corpus
from biosig.evaluation.figures import draw_beat_mistake
from biosig.evaluation.report import Picture
from biosig.records.recording import Annotations
from biosig.windows.index import Windows

__all__ = ["worst_mistakes"]


def worst_mistakes(
    bundle: Bundle, corpus: Corpus, windows: Windows, probabilities: NDArray[np.float64], *, n: int = 24
) -> list[Picture]:
    """Pictures of the mistakes the bundle was surest of, at most three a recording, worst first."""
    guess = bundle.decide(probabilities)
    sure = probabilities[np.arange(len(guess)), guess]
    wrong = np.flatnonzero((windows.label >= 0) & (guess != windows.label))
    taken: dict[int, int] = {}
    pictures = []
    for number in wrong[np.argsort(-sure[wrong], kind="stable")]:
        recording_number = int(windows.recording[number])
        if taken.get(recording_number, 0) == 3:
            continue
        taken[recording_number] = taken.get(recording_number, 0) + 1
        name = windows.names[recording_number]
        recording = corpus.read(name.removeprefix(f"{corpus.name}/"), bundle.recipe.data.channels)
        own = windows.recording == recording_number
        predictions = Annotations.at(windows.onset_s[own], [bundle.labels[label] for label in guess[own]])
        figure = draw_beat_mistake(recording, float(windows.onset_s[number]), predictions=predictions)
        minutes, seconds = divmod(round(float(windows.onset_s[number]), 1), 60)
        caption = (
            f"{name} at {minutes:.0f}:{seconds:04.1f}: reference {bundle.labels[windows.label[number]]}, "
            f"called {bundle.labels[guess[number]]} (probability {sure[number]:.2f})"
        )
        pictures.append(Picture(figure, caption))
        if len(pictures) == n:
            break
    return pictures

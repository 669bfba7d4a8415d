"""What a network says of a window, and what is made of it: a class, or how unlike the normal ones the window is.

One :class:`Answer` per objective of a recipe. Its *outputs* are float64 (n, width); those of several networks are
averaged. Its *decision* is float64 (width,), chosen on subjects who are not tested: together they give labels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from biosig.recipe import Recipe

__all__ = ["ANSWERS", "Anomaly", "Answer", "Classes", "answer_of"]


class Answer(Protocol):
    """How to read a kind of network.

    Parameters
    ----------
    labels : what a window may be called.
    width : columns of the outputs.
    """

    labels: tuple[str, ...]
    width: int

    def read(self, model: nn.Module, samples: Tensor, features: Tensor) -> Tensor:
        """What is remembered of each window: samples (n, n_channels, length), features (n, n_features) -> (n, m)."""

    def outputs(self, model: nn.Module, sequences: Tensor, count: Tensor) -> Tensor:
        """Outputs (n, width) about the last window of each sequence.

        Parameters
        ----------
        sequences : (n, context, m), what was read, in order of time, what there is first.
        count : int64 (n,), how many there are; what comes after them does not matter.
        """

    def number(self, outputs: NDArray[Any], decision: NDArray[np.float64]) -> NDArray[np.int64]:
        """Which of the labels each window gets (n,); ``decision`` (width,) or one per window (n, width)."""

    def probabilities(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Class probabilities float64 (n, n_classes); no column where there are none."""

    def anomaly(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """How unlike the normal ones each window is, float64 (n,); NaN where the bundle does not say."""


class Classes:
    """A classifier's answer: outputs are class probabilities, a decision is added to their logarithms."""

    def __init__(self, recipe: Recipe) -> None:
        self.labels = recipe.data.labels
        self.width = len(self.labels)

    def read(self, model: nn.Module, samples: Tensor, features: Tensor) -> Tensor:
        """The embedding of each window."""
        embedded: Tensor = model.embed(samples, features)  # type: ignore[operator]
        return embedded

    def outputs(self, model: nn.Module, sequences: Tensor, count: Tensor) -> Tensor:
        """Class probabilities. Sequences are started anew for every window: how long a recording runs is no matter."""
        row = torch.arange(len(sequences), device=sequences.device)
        logits: Tensor = model.decide(sequences)[row, count - 1]  # type: ignore[operator]
        return torch.softmax(logits.float(), dim=-1)

    def number(self, outputs: NDArray[Any], decision: NDArray[np.float64]) -> NDArray[np.int64]:
        """The class of the largest log probability plus ``decision``."""
        return np.asarray((np.log(np.maximum(outputs, 1e-12)) + decision).argmax(axis=1), dtype=np.int64)

    def probabilities(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The outputs themselves."""
        return outputs

    def anomaly(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """NaN: a classifier does not say."""
        return np.full(len(outputs), np.nan)


class Anomaly:
    """A reconstructing model's answer: one score, and the threshold from which on it is an anomaly."""

    def __init__(self, recipe: Recipe) -> None:
        self.labels: tuple[str, ...] = ("normal", "anomaly")
        self.width = 1

    def read(self, model: nn.Module, samples: Tensor, features: Tensor) -> Tensor:
        """What the model measures of each window."""
        measured: Tensor = model.measure(samples, features)  # type: ignore[operator]
        return measured

    def outputs(self, model: nn.Module, sequences: Tensor, count: Tensor) -> Tensor:
        """The model's score as the only column."""
        score: Tensor = model.judge(sequences, count)  # type: ignore[operator]
        return score[:, None]

    def number(self, outputs: NDArray[Any], decision: NDArray[np.float64]) -> NDArray[np.int64]:
        """1, an anomaly, from the threshold on."""
        return np.asarray((outputs >= decision)[:, 0], dtype=np.int64)

    def probabilities(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """None: (n, 0)."""
        return outputs[:, :0]

    def anomaly(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The score."""
        return outputs[:, 0]


ANSWERS: dict[str, Callable[[Recipe], Answer]] = {"classify": Classes, "reconstruct": Anomaly}


def answer_of(recipe: Recipe) -> Answer:
    """What networks of this recipe answer."""
    return ANSWERS[recipe.train.objective](recipe)

"""What a recipe's networks are trained and measured for: one :class:`Aim` per objective, everything else is shared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import nn

from biosig.bundle import Bundle
from biosig.datasets.corpus import Corpus
from biosig.evaluation.report import Picture
from biosig.recipe import Recipe, TrainPart
from biosig.runs.classifying import Classification
from biosig.runs.reconstructing import Reconstruction
from biosig.training.answers import Answer
from biosig.training.loop import TrainingData
from biosig.training.objectives import Objective
from biosig.training.predict import Networks
from biosig.windows.index import Windows

__all__ = ["AIMS", "Aim", "aim_of"]


class Aim(Protocol):
    """Everything in a run that depends on the objective.

    *Outputs* are what networks say of windows (n, answer.width), a *decision* (answer.width,) makes labels of them:
    :mod:`biosig.training.answers`.

    Parameters
    ----------
    answer : how outputs are read.
    short : keys of a report that also tell of a part of the subjects.
    """

    answer: Answer
    short: tuple[str, ...]

    def must_validate(self, settings: TrainPart) -> bool:
        """Whether something is chosen on subjects held out of training."""

    def data(self, windows: Windows, settings: TrainPart, virtual: Windows | None) -> TrainingData:
        """What of the training subjects' windows is learned from, and how much each window counts.

        ``ValueError`` where there is nothing to learn.
        """

    def begin(self, model: nn.Module, data: TrainingData) -> None:
        """Let a fresh network take the scale of what it will learn from."""

    def objective(self, settings: TrainPart) -> Objective:
        """What training minimises."""

    def finish(self, networks: Networks, windows: Windows) -> None:
        """Let a trained network take what it needs of the training subjects' windows to give answers."""

    def validate(self, networks: Networks, windows: Windows) -> dict[str, float]:
        """Figures on validation subjects after an epoch; ``score`` is what early stopping watches, more is better."""

    def calibrate(self, networks: Networks, held_out: Windows) -> str:
        """Make one network's outputs mean what they say on windows of other subjects; a line on what was done."""

    def decision(
        self, windows: Windows, settings: TrainPart, held_out: Windows | None, outputs: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        """The rule that goes with networks trained on ``windows``.

        ``held_out`` are windows of other subjects and ``outputs`` what networks say of them, where there are any.
        """

    def outlook(self, held_out: Windows, outputs: NDArray[np.float64], settings: TrainPart) -> dict[str, Any]:
        """What to expect, on further subjects, of the decision chosen on these: entries of ``metrics.json``."""

    def report(self, windows: Windows, outputs: NDArray[np.float64], decision: NDArray[np.float64]) -> dict[str, Any]:
        """All figures of the labelled windows, as in ``metrics.json``; ``decision`` is one or one per window."""

    def report_detected(
        self,
        corpus: Corpus,
        given: Windows,
        found: Windows,
        outputs: NDArray[np.float64],
        decision: NDArray[np.float64],
    ) -> dict[str, Any]:
        """End-to-end figures.

        ``given`` are the windows of whole recordings cut at annotated beats, ``found`` those cut at detected ones:
        ``outputs`` and ``decision`` are about the latter.
        """

    def spread(self, reports: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Mean and spread (``mean``, ``sd``, ``n``) over reports of the figures that matter, by name."""

    def headline(self, report: dict[str, Any]) -> str:
        """A report in some words."""

    def gallery(self, bundle: Bundle, corpus: Corpus, windows: Windows, outputs: NDArray[np.float64]) -> list[Picture]:
        """Pictures of what the networks get most wrong."""


AIMS: dict[str, Callable[[Recipe], Aim]] = {"classify": Classification, "reconstruct": Reconstruction}


def aim_of(recipe: Recipe) -> Aim:
    """What networks of this recipe are for."""
    return AIMS[recipe.train.objective](recipe)

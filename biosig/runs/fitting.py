"""One network from labelled windows, as a recipe says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from torch import nn

from biosig.models.contract import InputShape
from biosig.models.registry import build_model
from biosig.recipe import Recipe, TrainPart
from biosig.training.loop import History, TrainingData, Watcher, fit
from biosig.training.objectives import Classify, balance
from biosig.training.predict import predict
from biosig.windows.index import Windows

__all__ = ["Bench", "Fitted"]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained network, what it is fed, its history, and the decision rule that goes with it."""

    model: nn.Module
    shape: InputShape
    history: History
    decision: NDArray[np.float64]


@dataclass(frozen=True)
class Bench:
    """What stays the same over the fits of one run."""

    recipe: Recipe
    device: torch.device
    watcher: Watcher | None = None

    def fit(
        self,
        windows: Windows,
        settings: TrainPart,
        *,
        virtual: Windows | None = None,
        validation: Windows | None = None,
        checkpoint: Path | None = None,
    ) -> Fitted:
        """One network from fresh weights; with ``validation`` its best epoch is kept.

        ``virtual`` are windows rendered from the same training recordings; see :mod:`biosig.datasets.virtual`.
        """
        recipe = self.recipe
        labels = recipe.data.labels
        usable = self._usable(windows)
        missing = [name for number, name in enumerate(labels) if not (usable & (windows.label == number)).any()]
        if missing:
            raise ValueError(
                f"no training window is labelled {missing[0]!r}; found only "
                + ", ".join(name for name in labels if name not in missing)
            )
        each = self._balance(windows, settings)
        by_sampling = settings.balance == "sampling"
        data = TrainingData(
            windows=windows,
            context=recipe.windows.context,
            weight=usable.astype(np.float64) if by_sampling else each,
            sampling=each if by_sampling else None,
            virtual=virtual,
            virtual_weight=None if virtual is None else self._balance(virtual, settings),
            virtual_share=settings.virtual.share,
        )
        torch.manual_seed(settings.seed)
        shape = InputShape(windows.n_channels, windows.length, windows.features.shape[1], recipe.windows.context)
        model = build_model(recipe.model.name, recipe.model.options, shape, len(labels))
        model.fit_scale(torch.from_numpy(windows.features[usable]))  # type: ignore[operator]
        history = fit(
            model,
            data,
            Classify(settings),
            settings,
            device=self.device,
            validate=None if validation is None else partial(self._validate, validation),
            checkpoint=checkpoint,
            watcher=self.watcher,
        )
        share = np.bincount(windows.label[usable], minlength=len(labels)) / usable.sum()
        return Fitted(model, shape, history, _decision(share, settings))

    def _usable(self, windows: Windows) -> NDArray[np.bool_]:
        """Windows that have a label and enough real samples (n,)."""
        return (windows.label >= 0) & (windows.good >= self.recipe.windows.min_good)

    def _balance(self, windows: Windows, settings: TrainPart) -> NDArray[np.float64]:
        return balance(
            np.where(self._usable(windows), windows.label, -1),
            windows.subject,
            class_power=settings.class_power,
            subject_power=settings.subject_power,
        )

    def predict(self, model: nn.Module, windows: Windows) -> NDArray[np.float32]:
        """Class probabilities of every window (n, n_classes)."""
        return predict(model, windows, context=self.recipe.windows.context, device=self.device)

    def _validate(self, windows: Windows, model: nn.Module) -> dict[str, float]:
        probabilities = self.predict(model, windows)
        known = windows.label >= 0
        truth, guess = windows.label[known], probabilities[known].argmax(axis=1)
        score = float(f1_score(truth, guess, labels=np.unique(truth), average="macro", zero_division=0.0))
        return {"macro_f1": score, "score": score}


def _decision(share: NDArray[np.float64], settings: TrainPart) -> NDArray[np.float64]:
    """What to add to log probabilities so that they stand for the class shares to the power ``prior_power``.

    A network trained with class weights share ** -class_power answers for shares to the power 1 - class_power
    (Menon et al. 2021, arXiv:2007.07314, logit adjustment).
    """
    if settings.prior_power is None:
        return np.zeros(len(share))
    return (settings.prior_power - (1 - settings.class_power)) * np.log(share)

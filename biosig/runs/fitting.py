"""One network from windows, as a recipe says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from biosig.models.contract import InputShape, Staged
from biosig.models.registry import build_model
from biosig.recipe import Recipe, TrainPart
from biosig.runs.aims import Aim
from biosig.runs.preparing import Say, quiet
from biosig.runs.starting import Start
from biosig.training.loop import History, Watcher, fit
from biosig.training.predict import Networks
from biosig.windows.index import Windows

__all__ = ["Bench", "Fitted"]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained network, what it is fed, and its history."""

    model: nn.Module
    shape: InputShape
    history: History


@dataclass(frozen=True)
class Bench:
    """What stays the same over the fits of one run.

    Parameters
    ----------
    recipe : what is trained.
    aim : what for.
    device : where.
    watcher : who looks on.
    start : whose trunks the networks begin with; fresh weights where None.
    say : takes lines about what is going on.
    """

    recipe: Recipe
    aim: Aim
    device: torch.device
    watcher: Watcher | None = None
    start: Start | None = None
    say: Say = quiet

    def fit(
        self,
        windows: Windows,
        settings: TrainPart,
        *,
        virtual: Windows | None = None,
        validation: Windows | None = None,
        checkpoint: Path | None = None,
    ) -> Fitted:
        """One network, from fresh weights or a trunk; with ``validation`` its best epoch is kept.

        ``virtual`` are windows rendered from the same training recordings; see :mod:`biosig.datasets.virtual`.
        """
        recipe, aim = self.recipe, self.aim
        data = aim.data(windows, settings, virtual)
        torch.manual_seed(settings.seed)
        shape = InputShape(windows.n_channels, windows.length, windows.features.shape[1], recipe.windows.context)
        model = build_model(recipe.model.name, recipe.model.options, shape, len(recipe.data.labels))
        if self.start is None and isinstance(model, Staged):
            model.initialise(self.say)
        if self.start is not None:
            self.start.into(model, recipe, shape, settings.seed)
        aim.begin(model, data)  # the scale is that of the new windows, whatever the trunk was used to
        history = fit(
            model,
            data,
            aim.objective(settings),
            settings,
            device=self.device,
            validate=None if validation is None else partial(self._validate, validation),
            checkpoint=checkpoint,
            watcher=self.watcher,
        )
        aim.finish(self._networks(model), windows)
        return Fitted(model, shape, history)

    def calibrate(self, model: nn.Module, held_out: Windows) -> str:
        """Let the network's probabilities mean what they say on windows it was not trained on; says what was done."""
        return self.aim.calibrate(self._networks(model), held_out)

    def predict(self, model: nn.Module, windows: Windows) -> NDArray[np.float64]:
        """What the network says of every window (n, aim.answer.width)."""
        return self._networks(model).predict(windows)

    def _networks(self, model: nn.Module) -> Networks:
        return Networks([model], self.aim.answer, context=self.recipe.windows.context, device=self.device)

    def _validate(self, windows: Windows, model: nn.Module) -> dict[str, float]:
        return self.aim.validate(self._networks(model), windows)

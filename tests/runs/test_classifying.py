"""What a classifier takes from its training windows before it learns."""

from pathlib import Path

import numpy as np
import torch

from biosig.datasets.cinc2017 import Cinc2017
from biosig.models.contract import InputShape
from biosig.models.registry import build_model
from biosig.recipe import load_recipe
from biosig.runs.aims import aim_of
from biosig.runs.preparing import prepare


def test_the_scale_of_a_recordings_features_is_that_of_all_its_beats(rhythm_folder: Path) -> None:
    recipe, corpus = load_recipe("ecg-rhythm"), Cinc2017.open(rhythm_folder)
    windows = prepare(corpus, corpus.split("all").train, recipe)
    aim = aim_of(recipe)
    shape = InputShape(windows.n_channels, windows.length, windows.features.shape[1], recipe.windows.context)
    model = build_model(recipe.model.name, recipe.model.options, shape, 4)
    aim.begin(model, aim.data(windows, recipe.train, None))
    expected = windows.features.mean(axis=0)
    np.testing.assert_allclose(model.features.mean.numpy(), expected, rtol=1e-4, atol=1e-5)
    scaled = (torch.from_numpy(windows.features) - model.features.mean) / model.features.sd
    assert (scaled.abs() < 5).float().mean() > 0.98

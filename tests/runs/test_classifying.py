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
from biosig.windows.portrait import PORTRAIT_FEATURES
from biosig.windows.rhythm import FEATURES


def test_the_scale_of_a_recordings_features_is_that_of_all_its_beats(rhythm_folder: Path) -> None:
    recipe, corpus = load_recipe("ecg-rhythm"), Cinc2017.open(rhythm_folder)
    windows = prepare(corpus, corpus.split("all").train, recipe)
    aim = aim_of(recipe)
    shape = InputShape(windows.n_channels, windows.length, windows.features.shape[1], recipe.windows.context)
    model = build_model(recipe.model.name, recipe.model.options, shape, 4)
    aim.begin(model, aim.data(windows, recipe.train, None))
    beats, portrait = np.split(windows.features, [len(FEATURES)], axis=1)
    np.testing.assert_allclose(model.features.mean.numpy(), beats.mean(axis=0), rtol=1e-4, atol=1e-5)
    scaled = (torch.from_numpy(beats) - model.features.mean) / model.features.sd
    assert (scaled.abs() < 5).float().mean() > 0.98
    ends = np.stack([np.nanmin(portrait, axis=0), np.nanmax(portrait, axis=0)], axis=1)
    np.testing.assert_allclose(model.portrait.edges[:, [0, -1]].numpy(), ends, rtol=1e-5)
    assert portrait.shape[1] == len(PORTRAIT_FEATURES) == recipe.model.options["portrait"]

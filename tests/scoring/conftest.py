"""Bundles for the scorer: the shipped recipe and one of sliding windows, with drawn weights that tell windows apart."""

import numpy as np
import pytest
import torch

import biosig
from biosig.bundle import Bundle
from biosig.datasets.mitbih import SAMPLE
from biosig.models.contract import InputShape
from biosig.models.registry import build_model
from biosig.recipe import ModelPart, WindowsPart, load_recipe
from biosig.windows.stream import cut_recording

RECIPE = load_recipe("ecg")
SLIDING = WindowsPart(cut="slide", context=3, options={"length_s": 2.0, "stride_s": 0.75})


def drawn(name: str, windows_part: WindowsPart, members: int) -> Bundle:
    """A bundle of networks as they are before training, scaled to real windows, their last layer louder."""
    plain = ModelPart(name="recurrent", options={})
    recipe = RECIPE.model_copy(update={"name": name, "windows": windows_part, "model": plain})
    recording = biosig.read(SAMPLE / "119").crop(0, 40).pick(recipe.data.channels)
    windows = cut_recording(recording, recipe.chain, recipe.cutter)
    shape = InputShape(windows.n_channels, windows.length, windows.features.shape[1], recipe.windows.context)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        models = [build_model(recipe.model.name, recipe.model.options, shape, 4).eval() for _ in range(members)]
    for model in models:
        if windows.features.shape[1]:
            model.fit_scale(torch.from_numpy(windows.features))
        model.head.weight.data *= 5.0
    return Bundle(recipe, models, shape, np.array([0.0, 0.5, 0.0, -0.5]))


@pytest.fixture(scope="session")
def beat_bundle():
    return drawn("ecg", RECIPE.windows.model_copy(update={"context": 6}), members=2)


@pytest.fixture(scope="session")
def brief_bundle():
    """The same windows as ``beat_bundle``, another network."""
    return drawn("brief", RECIPE.windows.model_copy(update={"context": 2}), members=1)


@pytest.fixture(scope="session")
def slide_bundle():
    return drawn("slide", SLIDING, members=1)

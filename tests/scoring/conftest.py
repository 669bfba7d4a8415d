"""Bundles for the scorer: the shipped recipe and one of sliding windows, with drawn weights that tell windows apart."""

import numpy as np
import pytest
import torch

import biosig
from biosig.bundle import Bundle
from biosig.datasets.mitbih import SAMPLE
from biosig.models.contract import InputShape
from biosig.models.registry import build_model
from biosig.recipe import ModelPart, TrainPart, WindowsPart, load_recipe
from biosig.training.answers import answer_of
from biosig.training.predict import Networks
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


def unlike(name: str, windows_part: WindowsPart, **options) -> Bundle:
    """A bundle that tells anomalies, of drawn networks that take 40 s of ECG for the standard."""
    data = RECIPE.data.model_copy(update={"normal": ("N",)})
    train = TrainPart(objective="reconstruct")
    small = ModelPart(name="conv-autoencoder", options={"widths": [4, 8], "latent": 4} | options)
    recipe = RECIPE.model_copy(
        update={"name": name, "data": data, "windows": windows_part, "model": small, "train": train}
    )
    recording = biosig.read(SAMPLE / "119").crop(0, 40).pick(recipe.data.channels)
    windows = cut_recording(recording, recipe.chain, recipe.cutter)
    shape = InputShape(windows.n_channels, windows.length, windows.features.shape[1], recipe.windows.context)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        models = [build_model(recipe.model.name, recipe.model.options, shape, 4).eval() for _ in range(2)]
    every = np.arange(len(windows))
    for model in models:
        model.fit_scale(torch.from_numpy(windows.gather(every)))
        networks = Networks([model], answer_of(recipe), context=shape.context, device=torch.device("cpu"))
        ((sequences, count),) = networks.sequences(windows, every)
        model.fit_normal(sequences[:, :, 0], count)
    return Bundle(recipe, models, shape, np.array([0.3]))


@pytest.fixture(scope="session")
def odd_beat_bundle():
    return unlike("odd-beats", RECIPE.windows.model_copy(update={"context": 8}))


@pytest.fixture(scope="session")
def odd_slide_bundle():
    return unlike("odd-windows", SLIDING, scale="window")


@pytest.fixture(scope="session")
def slide_bundle():
    return drawn("slide", SLIDING, members=1)

"""What tests share: the folder of real recordings, where there is one, a bundle, and how Hypothesis runs."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# No test depends on time passing: a slow machine must not fail an example.
settings.register_profile("biosig", deadline=None)
settings.load_profile("biosig")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of database folders named by BIOSIG_DATA; the test is skipped where there is none."""
    folder = os.environ.get("BIOSIG_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs BIOSIG_DATA, a folder of database folders")
    return Path(folder)


@pytest.fixture(scope="session")
def bundle():
    """The shipped recipe with drawn weights, the last layer loud enough to tell beats apart.

    Its labels are chance, its beats and their times are not.
    """
    import numpy as np
    import torch

    import biosig
    from biosig.bundle import Bundle
    from biosig.datasets.mitbih import SAMPLE
    from biosig.models.contract import InputShape
    from biosig.models.registry import build_model
    from biosig.recipe import load_recipe
    from biosig.windows.stream import cut_recording

    recipe = load_recipe("ecg", ["windows.context=4", "train.burn_in=0"])
    recording = biosig.read(SAMPLE / "119").crop(0, 40).pick(recipe.data.channels)
    windows = cut_recording(recording, recipe.chain, recipe.cutter)
    shape = InputShape(windows.n_channels, windows.length, windows.features.shape[1], recipe.windows.context)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build_model(recipe.model.name, recipe.model.options, shape, 4).eval()
    model.fit_scale(torch.from_numpy(windows.features))
    model.head.weight.data *= 5.0
    return Bundle(recipe, [model], shape, np.array([0.0, 0.5, 0.0, -0.5]))

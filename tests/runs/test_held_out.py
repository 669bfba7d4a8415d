"""Databases without a published test set are scored on who was held out of training."""

import numpy as np
import torch

from biosig.bundle import Bundle
from biosig.datasets.eegmat import SAMPLE
from biosig.models.contract import InputShape
from biosig.models.registry import build_model
from biosig.recipe import load_recipe
from biosig.runs.evaluating import evaluate


def test_without_a_test_set_the_held_out_people_are_scored_window_by_window_and_once_each() -> None:
    recipe = load_recipe("eeg", ["windows.context=1"])
    n_features = 19 * 22 + 4 * 19 * 18 // 2
    shape = InputShape(n_channels=19, length=500, n_features=n_features, context=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build_model(recipe.model.name, recipe.model.options, shape, 2).eval()
    held_out = ["eegmat/Subject10_1", "eegmat/Subject10_2"]
    manifest = {"provenance": {"validated_on": held_out, "subjects": ["eegmat-00"]}}
    said: list[str] = []
    metrics = evaluate(
        Bundle(recipe, [model], shape, np.zeros(2), manifest), data=SAMPLE, device="cpu", say=said.append
    )
    assert said[0] == "no test records were published: scoring those that were held out of training"
    assert metrics["protocol"]["records"] == "Subject10_1, Subject10_2"
    assert sum(map(sum, metrics["confusion"]["matrix"])) == 30
    assert metrics["recording"]["n"] == 2
    assert set(metrics["recording"]["subjects"]) == {"eegmat-10"}

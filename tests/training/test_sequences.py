"""Sequences: which windows go together, and that each is what an answer looks back on."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from biosig.errors import RecipeError
from biosig.models.contract import InputShape
from biosig.models.registry import build_model
from biosig.recipe import TrainPart, load_recipe
from biosig.training.loop import TrainingData, fit
from biosig.training.objectives import Classify
from biosig.training.sequences import batches_of_like_length, own_sequences
from biosig.windows.index import Windows

CPU = torch.device("cpu")


def recording(name: str, n: int, seed: int) -> Windows:
    """``n`` windows of 4 samples and 3 features; only the last has a label, the sign of the features' mean."""
    generator = np.random.default_rng(seed)
    features = (generator.normal(size=(n, 3)) + (1.0 if seed % 2 else -1.0)).astype(np.float32)
    label = np.full(n, -1, dtype=np.int64)
    label[-1] = seed % 2
    return Windows(
        signals=(generator.normal(size=(1, 4 * n)).astype(np.float32),),
        names=(name,),
        subjects=(name,),
        recording=np.zeros(n, dtype=np.int64),
        start=np.arange(n) * 4,
        length=4,
        onset_s=np.arange(n, dtype=float),
        ready_s=np.arange(n) + 1.0,
        good=np.ones(n, dtype=np.float32),
        features=features,
        label=label,
    )


WINDOWS = Windows.join([recording(f"r{n}", n, seed) for seed, n in enumerate((3, 7, 1, 12, 5, 9))])
ENDS = WINDOWS.label >= 0


def test_a_recording_is_one_sequence_at_its_own_length():
    rows, counts = own_sequences(WINDOWS, ENDS, 12)
    assert [row[: place.argmax() + 1].tolist() for row, place in zip(rows, counts, strict=True)] == [
        list(range(3)),
        list(range(3, 10)),
        [10],
        list(range(11, 23)),
        list(range(23, 28)),
        list(range(28, 37)),
    ]
    assert counts.sum() == len(WINDOWS.names)


@pytest.mark.parametrize("k", [1, 4, 20])
def test_a_sequence_is_what_an_answer_looks_back_on(k: int):
    wanted = np.random.default_rng(0).random(len(WINDOWS)) < 0.5
    rows, counts = own_sequences(WINDOWS, wanted, k)
    expected, there = WINDOWS.contexts(k, np.arange(len(WINDOWS)))
    np.testing.assert_array_equal(rows, expected[wanted])
    np.testing.assert_array_equal(counts.argmax(axis=1) + 1, there[wanted])


def test_batches_hold_every_sequence_once_and_are_no_wider_than_their_longest():
    sequences = own_sequences(WINDOWS, np.ones(len(WINDOWS), dtype=bool), 12)
    generator = np.random.default_rng(0)
    batches = batches_of_like_length(sequences, generator.permutation(len(WINDOWS)), 2, generator)
    assert sorted(np.concatenate([rows[counts] for rows, counts in batches]).tolist()) == list(range(len(WINDOWS)))
    assert all(counts[:, -1].any() for _, counts in batches)
    widths = [rows.shape[1] for rows, _ in batches]
    assert widths != sorted(widths)


def test_recordings_are_learnt_from_the_label_at_their_end():
    settings = TrainPart(epochs=20, batch_size=2, lr=1e-2, sequences="own")
    options = {"hidden": 0, "stem": [], "feature_hidden": 8, "context_hidden": 8, "answer_from": "mean"}
    torch.manual_seed(0)
    model = build_model("recurrent", options, InputShape(1, 4, 3, context=12), 2)
    history = fit(model, TrainingData(WINDOWS, 12, ENDS.astype(float)), Classify(settings), settings, device=CPU)
    assert history[-1]["loss"] < 0.1 < history[0]["loss"]
    same = replace(WINDOWS, label=np.where(ENDS, WINDOWS.label, 1))
    torch.manual_seed(0)
    again = build_model("recurrent", options, InputShape(1, 4, 3, context=12), 2)
    assert fit(again, TrainingData(same, 12, ENDS.astype(float)), Classify(settings), settings, device=CPU)[-1][
        "loss"
    ] == pytest.approx(history[-1]["loss"])


def test_own_sequences_take_no_burn_in():
    with pytest.raises(RecipeError, match=r"train\.sequences 'own' takes neither burn_in"):
        load_recipe("ecg", ["train.sequences=own"])

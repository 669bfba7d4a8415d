"""Answers about windows do not depend on how they come: one by one or many, alone or beside other patients."""

import numpy as np
import pytest
import torch

from biosig.models.contract import InputShape
from biosig.models.registry import build_model, ensemble_of
from biosig.recipe import TrainPart, load_recipe
from biosig.training.answers import answer_of
from biosig.training.lookback import BATCH, WHOLE, by_batches
from biosig.training.predict import Networks
from biosig.windows.index import Windows

CONTEXT = 6
ECG = load_recipe("ecg")
KINDS = {
    "recurrent": {"stem": [8], "hidden": 8, "context_hidden": 16, "feature_hidden": 16},
    "conv-autoencoder": {"widths": [4], "latent": 4},
}


def networks(kind):
    torch.manual_seed(0)
    objective = "reconstruct" if kind == "conv-autoencoder" else "classify"
    recipe = ECG.model_copy(update={"train": TrainPart(objective=objective)})
    shape = InputShape(n_channels=1, length=24, n_features=3, context=CONTEXT)
    models = [build_model(kind, KINDS[kind], shape, 4).eval() for _ in range(2)]
    return Networks(models, answer_of(recipe), context=CONTEXT, device=torch.device("cpu"))


def recording(number: int, n: int) -> Windows:
    generator = np.random.default_rng(number)
    return Windows(
        signals=(generator.normal(size=(1, n * 24)).astype(np.float32),),
        names=(f"{number}",),
        subjects=(f"{number}",),
        recording=np.zeros(n, dtype=np.int64),
        start=np.arange(n) * 24,
        length=24,
        onset_s=np.arange(n, dtype=float),
        ready_s=np.arange(n) + 1.0,
        good=np.ones(n, dtype=np.float32),
        features=generator.normal(size=(n, 3)).astype(np.float32),
        label=np.zeros(n, dtype=np.int64),
    )


RECORDINGS = [recording(number, n) for number, n in enumerate((40, 3, 25, 40, 1))]
INDEX = Windows.join(RECORDINGS)


def pieces(found, patients, bounds):
    """Outputs of each patient whose windows come between bounds, all patients of ``patients`` together."""
    memories = {number: found.begin() for number in patients}
    outputs = {number: [] for number in patients}
    for start, stop in bounds:
        there = {n: np.arange(start, min(stop, len(RECORDINGS[n]))) for n in patients if start < len(RECORDINGS[n])}
        counts = [len(rows) for rows in there.values()]
        samples = np.concatenate([RECORDINGS[n].gather(rows) for n, rows in there.items()])
        features = np.concatenate([RECORDINGS[n].features[rows] for n, rows in there.items()])
        told = found.follow([memories[n] for n in there], counts, torch.from_numpy(samples), torch.from_numpy(features))
        for n, part in zip(there, np.split(told, np.cumsum(counts)[:-1]), strict=True):
            outputs[n].append(part)
    return {number: np.concatenate(parts) for number, parts in outputs.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_the_same_to_the_bit_alone_and_in_company_one_by_one_and_at_once(kind):
    found = networks(kind)
    at_once = pieces(found, range(5), [(0, 40)])
    one_by_one = pieces(found, range(5), [(i, i + 1) for i in range(40)])
    uneven = pieces(found, range(5), [(0, 1), (1, 18), (18, 19), (19, 40)])
    for number in range(5):
        alone = pieces(found, [number], [(i, i + 1) for i in range(40) if i < len(RECORDINGS[number])])[number]
        for outputs in (at_once, one_by_one, uneven):
            np.testing.assert_array_equal(outputs[number], alone)


@pytest.mark.parametrize("kind", KINDS)
def test_an_index_is_answered_as_its_recordings_are_live(kind):
    found = networks(kind)
    live = pieces(found, range(5), [(0, 7), (7, 40)])
    np.testing.assert_allclose(found.predict(INDEX), np.concatenate([live[n] for n in range(5)]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_memory_taken_up_again_goes_on_to_the_bit(kind):
    found, windows = networks(kind), RECORDINGS[0]
    samples, features = torch.from_numpy(windows.gather(np.arange(40))), torch.from_numpy(windows.features)
    memory, other = found.begin(), found.begin()
    found.follow([memory], [17], samples[:17], features[:17])
    other.load_state_dict(memory.state_dict())
    rest = [found.follow([one], [23], samples[17:], features[17:]) for one in (memory, other)]
    np.testing.assert_array_equal(*rest)


def test_an_index_in_pieces_and_groups_is_answered_as_in_one(monkeypatch):
    expected = networks("recurrent").predict(INDEX)
    monkeypatch.setattr("biosig.training.lookback.ABREAST", 2 * CONTEXT)
    monkeypatch.setattr("biosig.training.lookback.PIECE", 10)
    np.testing.assert_allclose(networks("recurrent").predict(INDEX), expected, rtol=0, atol=1e-6)


@torch.inference_mode()
@pytest.mark.parametrize("n", range(1, BATCH + 2, 15))
def test_a_row_has_the_same_bits_in_a_batch_of_any_size_at_any_place(n):
    torch.manual_seed(0)
    shape = InputShape(n_channels=1, length=8, n_features=5, context=64)
    options = {"stem": [], "hidden": 0, "feature_hidden": 32, "context_hidden": 32}
    ensemble = ensemble_of([build_model("recurrent", options, shape, 4) for _ in range(5)], 64)
    for work, width in ((ensemble.enter, 32), (ensemble.logits, 64)):
        row, rows = torch.randn(1, 5, width), torch.randn(n, 5, width)
        alone = by_batches(work, row)
        for place in range(0, n, max(1, WHOLE // 3)):
            rows[place] = row
            torch.testing.assert_close(by_batches(work, rows)[place], alone[0], rtol=0, atol=0)

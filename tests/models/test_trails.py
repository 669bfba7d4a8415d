"""Networks followed window by window say what torch's own recurrent layers say of every sequence started anew."""

import itertools

import pytest
import torch
from torch import nn

from biosig.models.contract import InputShape
from biosig.models.registry import build_model, ensemble_of

N_WINDOWS = 30
CELLS = ["gru", "lstm"]
ANSWERS = ["window", "mean", "mean-max"]


def networks(context, n=3, **options):
    """Recurrent networks of features only, their weights louder than drawn ones: gates open and shut."""
    torch.manual_seed(0)
    shape = InputShape(n_channels=1, length=8, n_features=5, context=context)
    small = {"stem": [], "hidden": 0, "feature_hidden": 12, "context_hidden": 20}
    models = [build_model("recurrent", small | options, shape, 4).eval() for _ in range(n)]
    for weight in itertools.chain(*(model.parameters() for model in models)):
        weight.data *= 3.0
    return models


def vectors(n=N_WINDOWS, seed=1):
    """What three networks made of windows (n, 3, 12)."""
    return torch.randn(n, 3, 12, generator=torch.Generator().manual_seed(seed))


def started_anew(models, context, embedded):
    """Every network's class probabilities (n, n_networks, 4) of each window: its module is given the last windows."""
    found = []
    for end in range(1, len(embedded) + 1):
        last = embedded[max(0, end - context) : end]
        found.append([torch.softmax(model.decide(last[None, :, i])[0, -1], -1) for i, model in enumerate(models)])
    return torch.stack([torch.stack(row) for row in found])


def followed(ensemble, trails, embedded):
    entered = ensemble.enter(embedded)
    return torch.softmax(ensemble.logits(ensemble.advance([(trails, [1] * len(embedded))], embedded, entered)), -1)


@torch.inference_mode()
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("answer_from", ANSWERS)
@pytest.mark.parametrize("context", [1, 7, 64])
@pytest.mark.parametrize("layers", [1, 2])
def test_each_window_is_told_as_by_the_modules_themselves(cell, answer_from, context, layers):
    models = networks(context, cell=cell, answer_from=answer_from, context_layers=layers)
    ensemble = ensemble_of(models, context)
    found = followed(ensemble, ensemble.begin(1), vectors())
    torch.testing.assert_close(found, started_anew(models, context, vectors()), rtol=0, atol=2e-6)


@torch.inference_mode()
@pytest.mark.parametrize("answer_from", ANSWERS)
def test_what_goes_past_the_recurrence_is_told_too(answer_from):
    models = networks(7, answer_from=answer_from, portrait=2)
    ensemble = ensemble_of(models, 7)
    embedded = torch.randn(N_WINDOWS, 3, 24, generator=torch.Generator().manual_seed(1))
    found = followed(ensemble, ensemble.begin(1), embedded)
    torch.testing.assert_close(found, started_anew(models, 7, embedded), rtol=0, atol=2e-6)


@torch.inference_mode()
@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_a_trail_is_where_the_recurrent_layer_is(kind):
    models = networks(9, cell=kind.__name__.lower())
    ensemble = ensemble_of(models, 9)
    trails = ensemble.begin(1)
    followed(ensemble, trails, vectors(20))
    for i, model in enumerate(models):
        states, _ = model.outer(vectors(20)[None, 11:, i])
        torch.testing.assert_close(trails.states[0][i, 0, 11 % 9], states[0, -1], rtol=0, atol=2e-6)


@torch.inference_mode()
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("answer_from", ANSWERS)
def test_patients_side_by_side_are_told_as_each_alone(cell, answer_from):
    ensemble = ensemble_of(networks(7, cell=cell, answer_from=answer_from), 7)
    patients = [vectors(n, seed=n) for n in (20, 20, 11, 1)]
    steps = [[own[step] for own in patients if len(own) > step] for step in range(20)]
    together = torch.stack([vector for step in steps for vector in step])
    sizes = [len(step) for step in steps]
    trails = ensemble.begin(4)
    given = ensemble.advance([(trails, sizes)], together, ensemble.enter(together))
    rows = torch.split(torch.softmax(ensemble.logits(given), -1), sizes)
    for number, own in enumerate(patients):
        found = torch.stack([row[number] for row in rows[: len(own)]])
        torch.testing.assert_close(found, followed(ensemble, ensemble.begin(1), own), rtol=0, atol=2e-6)


@torch.inference_mode()
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("answer_from", ANSWERS)
@pytest.mark.parametrize("cut", [3, 7, 20])
def test_trails_taken_up_again_go_on_to_the_bit(cell, answer_from, cut):
    ensemble = ensemble_of(networks(7, cell=cell, answer_from=answer_from), 7)
    given, entered = vectors(), ensemble.enter(vectors())
    whole = ensemble.advance([(ensemble.begin(1), [1] * N_WINDOWS)], given, entered)
    before, after = ensemble.begin(1), ensemble.begin(1)
    ensemble.advance([(before, [1] * cut)], given[:cut], entered[:cut])
    after.load_state_dict(before.state_dict())
    ensemble.advance([(before, [1])], given[:1], entered[:1])
    rest = ensemble.advance([(after, [1] * (N_WINDOWS - cut))], given[cut:], entered[cut:])
    torch.testing.assert_close(rest, whole[cut:], rtol=0, atol=0)


@torch.inference_mode()
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("answer_from", ANSWERS)
@pytest.mark.parametrize("layers", [1, 2])
def test_many_windows_at_once_are_told_as_one_by_one_to_the_bit(cell, answer_from, layers):
    models = networks(64, cell=cell, answer_from=answer_from, context_layers=layers)
    ensemble, given = ensemble_of(models, 64), vectors(300)
    entered = ensemble.enter(given)
    together, alone = ensemble.begin(1), ensemble.begin(1)
    at_once = [
        ensemble.advance([(together, [1] * (stop - start))], given[start:stop], entered[start:stop])
        for start, stop in itertools.pairwise((0, 70, 240, 300))
    ]
    steps = [ensemble.advance([(alone, [1])], given[i : i + 1], entered[i : i + 1]) for i in range(300)]
    torch.testing.assert_close(torch.cat(at_once), torch.cat(steps), rtol=0, atol=0)
    for one, other in zip(together.states, alone.states, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_networks_of_another_kind_are_not_followed():
    shape = InputShape(n_channels=1, length=64, n_features=5, context=6)
    assert ensemble_of([build_model("conv-autoencoder", {}, shape, 2)], 6) is None

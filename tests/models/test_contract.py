"""Every model of the registry keeps the contract; a new line in MODELS is tested for free."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from biosig.models.contract import HEAD, InputShape, Staged
from biosig.models.registry import MODELS, build_model, check_options

SHAPE = InputShape(n_channels=2, length=64, n_features=5, context=6)
OPTIONS = {
    "recurrent": [
        {},
        {"cell": "lstm", "stem": [], "pool": "last", "bidirectional": False, "use_features": False},
        {"cell": "gru", "pool": "last", "layers": 2, "context_layers": 2},
        {"hidden": 0, "stem": [8, 8, 16]},
        {"spatial": 3, "channel_dropout": 0.3, "bidirectional": False},
        {"hidden": 0, "stem": []},
        {"hidden": 0, "stem": [], "answer_from": "mean"},
        {"cell": "lstm", "hidden": 0, "stem": [], "answer_from": "mean-max"},
        {"hidden": 0, "stem": [], "answer_from": "mean", "portrait": 2},
    ],
    "transfer": [],  # looks at pictures: see test_transfer.py
    "picture-autoencoder": [],  # see test_picture_autoencoder.py
    "conv-autoencoder": [
        {},
        {"widths": [4], "kernel": 3, "latent": 2, "use_features": False, "segments": 5},
        {"scale": "window", "widths": [4, 8], "noise": 0.1},
    ],
}
CASES = [(name, options) for name in MODELS for options in OPTIONS[name]]
CLASSIFIERS = [(name, options) for name, options in CASES if hasattr(MODELS[name], "decide")]
AUTOENCODERS = [(name, options) for name, options in CASES if hasattr(MODELS[name], "judge")]


def inputs(n: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 6, 2, 64, generator=generator), torch.randn(n, 6, 5, generator=generator)


def built(name, options, seed=0):
    torch.manual_seed(seed)
    return build_model(name, options, SHAPE, 4).eval()


def test_every_model_classifies_or_reconstructs():
    assert len(CLASSIFIERS) + len(AUTOENCODERS) == len(CASES)


@pytest.mark.parametrize(("name", "options"), CLASSIFIERS)
def test_logits_come_out_for_every_window(name, options):
    assert built(name, options)(*inputs()).shape == (3, 6, 4)


def loss_of(model, samples, features):
    """Something that everything the model gives takes part in."""
    loss = model(samples, features).square().sum()
    if hasattr(model, "judge"):
        loss = loss + model.errors(samples.flatten(0, 1)).square().sum()
    return loss


@pytest.mark.parametrize(("name", "options"), CASES)
def test_gradients_reach_every_parameter(name, options):
    model = built(name, options).train()
    loss_of(model, *inputs()).backward()
    without = [key for key, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    # An attention's bias moves all scores alike, so softmax takes it out.
    assert [key for key in without if key != "samples.attention.bias"] == []


@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_batch_of_one_equals_a_batch_of_many(name, options):
    model, (samples, features) = built(name, options), inputs()
    together = model(samples, features)
    for row in range(3):
        torch.testing.assert_close(model(samples[row : row + 1], features[row : row + 1])[0], together[row])


@pytest.mark.parametrize(("name", "options"), CLASSIFIERS)
def test_later_windows_do_not_change_earlier_logits(name, options):
    model, (samples, features) = built(name, options), inputs()
    expected = model(samples, features)[:, :4]
    samples[:, 4:], features[:, 4:] = 9.0, -9.0
    torch.testing.assert_close(model(samples, features)[:, :4], expected)


@pytest.mark.parametrize(("name", "options"), CLASSIFIERS)
def test_embedding_then_deciding_is_the_whole_model(name, options):
    model, (samples, features) = built(name, options), inputs()
    embedded = model.embed(samples.flatten(0, 1), features.flatten(0, 1)).unflatten(0, (3, 6))
    torch.testing.assert_close(model.decide(embedded), model(samples, features))


@pytest.mark.parametrize(("name", "options"), CASES)
def test_weights_survive_a_file(name, options, tmp_path):
    model = built(name, options)
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    other = built(name, options, seed=1)
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    torch.testing.assert_close(other(*inputs()), model(*inputs()), rtol=0, atol=0)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_the_seed_decides_the_weights(name, options):
    first, again, other = built(name, options), built(name, options), built(name, options, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize(("name", "options"), CASES)
def test_an_embedding_is_one_vector_per_window_whoever_else_is_in_the_batch(name, options):
    model, (samples, features) = built(name, options), inputs()
    together = model.embed(samples.flatten(0, 1), features.flatten(0, 1))
    assert together.shape[0] == 18
    assert together.ndim == 2
    torch.testing.assert_close(model.embed(samples[1, 2:3], features[1, 2:3])[0], together[8])


@pytest.mark.parametrize(("name", "options"), CLASSIFIERS)
def test_eight_sequences_can_be_learnt_by_heart(name, options):
    samples, features = inputs(8)
    label = torch.from_numpy(np.random.default_rng(0).integers(4, size=(8, 6)))
    model = built(name, options | {"dropout": 0.0}).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(samples, features).flatten(0, 1), label.flatten())
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.2


STAGED = [(name, options) for name, options in CASES if issubclass(MODELS[name], Staged)]


@pytest.mark.parametrize(("name", "options"), STAGED)
def test_the_stages_hold_every_weight_once_and_end_with_the_head(name, options):
    model = built(name, options)
    held = [weight for group in model.parameter_groups() for weight in group.weights]
    assert len(held) == len({id(weight) for weight in held})
    assert {id(weight) for weight in held} == {id(weight) for weight in model.parameters()}
    assert list(model.stages())[-1] == HEAD


@pytest.mark.parametrize(("name", "options"), STAGED)
def test_each_stage_learns_slower_than_the_one_behind_it(name, options):
    scales = [group.scale for group in built(name, options).parameter_groups(decay=0.5)]
    assert scales[::-1] == [0.5**number for number in range(len(scales))]


@pytest.mark.parametrize(("name", "options"), STAGED)
def test_a_new_head_changes_the_outputs_and_nothing_before_it(name, options):
    model, (samples, features) = built(name, options), inputs()
    embedded = model.embed(samples.flatten(0, 1), features.flatten(0, 1))
    model.reset_head(7)
    assert model(samples, features).shape == (3, 6, 7)
    torch.testing.assert_close(model.embed(samples.flatten(0, 1), features.flatten(0, 1)), embedded, rtol=0, atol=0)


@pytest.mark.parametrize(("name", "options"), STAGED)
def test_a_frozen_stage_learns_nothing_not_even_batch_statistics(name, options):
    model = built(name, options)
    model.freeze(model.trunk)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.train()
    model(*inputs()).square().sum().backward()
    torch.optim.SGD(model.parameters(), lr=1.0).step()
    changed = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert changed == {"head.weight", "head.bias"}
    model.freeze("")
    assert all(weight.requires_grad for weight in model.parameters())
    assert all(module.training for module in model.modules())


def test_what_cannot_be_frozen_is_said_with_the_stages():
    with pytest.raises(ValueError, match="cannot freeze up to stage 'inne'; did you mean 'inner'"):
        built("recurrent", {}).freeze("inne")
    with pytest.raises(ValueError, match="cannot freeze up to stage 'head'"):
        built("recurrent", {}).freeze("head")


@pytest.mark.parametrize(("name", "options"), AUTOENCODERS)
@pytest.mark.parametrize("shape", [(1, 1, 33), (2, 162, 0), (19, 500, 0), (3, 784, 2)])
def test_samples_come_out_in_the_shape_they_came_in(name, options, shape):
    n_channels, length, n_features = shape
    model = build_model(name, options, InputShape(n_channels, length, n_features, context=1), 4).eval()
    samples, features = torch.randn(2, 3, n_channels, length), torch.randn(2, 3, n_features)
    assert model(samples, features).shape == samples.shape
    assert model.errors(samples.flatten(0, 1)).shape == (6, n_channels, length)
    assert model.embed(samples.flatten(0, 1), features.flatten(0, 1)).shape == (6, model.options.latent)


def remembered(model, n=40, context=6, seed=1):
    """Sequences of what a model measures of drawn windows."""
    generator = torch.Generator().manual_seed(seed)
    samples, features = torch.randn(n, 2, 64, generator=generator), torch.randn(n, 5, generator=generator)
    with torch.inference_mode():
        measured = model.measure(samples, features)
    rows = torch.arange(context)[None, :] + torch.arange(n - context)[:, None]
    return measured[rows], torch.full((n - context,), context)


@pytest.mark.parametrize(("name", "options"), AUTOENCODERS)
def test_windows_like_the_training_windows_score_lower_than_others(name, options):
    model = built(name, options)
    sequences, count = remembered(model)
    model.fit_normal(sequences, count)
    usual = model.judge(sequences, count)
    assert usual.shape == (34,)
    odd = sequences.clone()
    odd[:, -1] += 4.0 * sequences.flatten(0, 1).std(dim=0)
    assert (model.judge(odd, count) > usual).float().mean() > 0.9


@pytest.mark.parametrize(("name", "options"), AUTOENCODERS)
def test_what_comes_after_the_count_does_not_matter(name, options):
    model = built(name, options)
    sequences, count = remembered(model)
    model.fit_normal(sequences, count)
    few = torch.full_like(count, 3)
    expected = model.judge(sequences, few)
    sequences[:, 3:] = 99.0
    torch.testing.assert_close(model.judge(sequences, few), expected)


@pytest.mark.parametrize(("name", "options"), AUTOENCODERS)
def test_eight_windows_can_be_built_again(name, options):
    samples = inputs(2)[0].flatten(0, 1)[:8]
    model = built(name, options | {"latent": 8, "noise": 0.0}).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(300):
        optimizer.zero_grad()
        loss = model.errors(samples).square().mean()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.35  # white noise, pressed into 8 numbers


def test_an_autoencoder_takes_its_scale_from_the_training_windows():
    model = built("conv-autoencoder", {})
    samples = torch.stack([torch.full((2, 64), 2.0), torch.full((2, 64), -2.0)])
    model.fit_scale(samples)
    assert model.amplitude.tolist() == [2.0, 2.0]


def test_the_errors_of_a_window_scaled_by_itself_do_not_depend_on_its_unit():
    model = built("conv-autoencoder", {"scale": "window", "use_features": False})
    samples = inputs()[0].flatten(0, 1)
    torch.testing.assert_close(model.errors(1000.0 * samples), model.errors(samples))


def test_features_are_scaled_by_the_training_windows():
    model = built("recurrent", {})
    model.fit_scale(torch.tensor([[1.0] * 5, [3.0] * 5]))
    assert model.features.mean.tolist() == [2.0] * 5


def test_an_unknown_option_says_what_was_meant():
    with pytest.raises(ValueError, match="unknown key 'hiden'; did you mean 'hidden'"):
        check_options("recurrent", {"hiden": 3})
    with pytest.raises(ValueError, match="unknown model 'recurent'; did you mean 'recurrent'"):
        check_options("recurent", {})


def test_a_model_that_could_see_nothing_is_refused():
    shape = InputShape(n_channels=2, length=64, n_features=0, context=6)
    with pytest.raises(ValueError, match="nothing of a window enters"):
        build_model("recurrent", {"hidden": 0, "stem": []}, shape, 4)


@pytest.mark.parametrize(("name", "options"), AUTOENCODERS)
def test_a_score_is_the_same_to_the_bit_wherever_its_sequence_stands_among_others(name, options):
    model = built(name, options)
    measured = model.measure(torch.randn(64, 2, 64, generator=torch.Generator().manual_seed(0)), torch.zeros(64, 5))
    sequences = measured[torch.from_numpy(np.random.default_rng(0).integers(64, size=(40, 128)))]
    count = torch.arange(89, 129)
    together = model.judge(sequences, count)
    for first in (1, 2, 3, 5):
        some = slice(first, first + 16)
        torch.testing.assert_close(model.judge(sequences[some], count[some]), together[some], rtol=0, atol=0)

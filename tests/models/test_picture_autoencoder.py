"""The autoencoder of pictures: shapes, what it learns, and that the unusual stands out."""

import pytest
import torch

from biosig.models.contract import InputShape
from biosig.models.registry import build_model, check_options

SIDE = 15
NOTHING = torch.zeros(1, 0)


def built(channels=1, **options):
    torch.manual_seed(0)
    shape = InputShape(channels, SIDE**2, 0, 1)
    return build_model("picture-autoencoder", {"widths": [8, 8], "latent": 6, "segments": 3} | options, shape, 2).eval()


def bumps(n, channels=1, seed=0):
    """Pictures of one bright bump at a drawn place: levels (n, channels, pixels)."""
    generator = torch.Generator().manual_seed(seed)
    place = 4 + 6 * torch.rand(n, 2, 1, generator=generator)
    axis = torch.arange(SIDE)
    shape = torch.exp(-((axis - place) ** 2) / 8)
    image = 40 + 180 * shape[:, 0, :, None] * shape[:, 1, None, :]
    return image.reshape(n, 1, -1).expand(-1, channels, -1)


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_come_back_as_pictures(channels):
    model, samples = built(channels), bumps(5, channels)
    model.fit_scale(samples)
    assert model(samples[:, None], torch.zeros(5, 1, 0)).shape == (5, 1, channels, SIDE**2)
    wrong = model.errors(samples)
    assert wrong.shape == samples.shape
    torch.testing.assert_close(
        model(samples[:, None], torch.zeros(5, 1, 0))[:, 0],
        samples + wrong * model.amplitude,
        atol=1e-2,
        rtol=1e-4,
    )
    assert model.embed(samples, NOTHING).shape == (5, 6)
    assert model.measure(samples, NOTHING).shape == (5, 6 + 9 * channels)


def test_a_batch_of_one_equals_a_batch_of_many():
    model, samples = built(), bumps(3)
    model.fit_scale(samples)
    together = model.measure(samples, NOTHING)
    for row in range(3):
        torch.testing.assert_close(model.measure(samples[row : row + 1], NOTHING)[0], together[row])


def test_it_learns_to_build_pictures_again_and_others_stand_out():
    model, samples = built(noise=0.05), bumps(200)
    model.fit_scale(samples)
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    losses = []
    for _ in range(150):
        loss = model.errors(samples).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
    model.eval()
    ones = torch.ones(200, dtype=torch.int64)
    with torch.no_grad():
        model.fit_normal(model.measure(samples, NOTHING)[:, None], ones)
        usual = model.judge(model.measure(bumps(50, seed=1), NOTHING)[:, None], ones[:50])
        odd = model.judge(model.measure(bumps(50, seed=2).flip(-1).roll(60, -1), NOTHING)[:, None], ones[:50])
    assert usual.quantile(0.9) < odd.median()


def test_terms_are_independent_and_of_unit_spread_over_normal_pictures():
    generator = torch.Generator().manual_seed(0)
    mixed = torch.eye(15) + 0.1 * torch.randn(15, 15, generator=generator)
    model, terms = built(), torch.randn(4000, 15, generator=generator) @ mixed * torch.logspace(-1, 2, 15) + 3
    model.fit_normal(terms[:, None], torch.ones(4000, dtype=torch.int64))
    white = (terms - model.usual) @ model.whitening
    torch.testing.assert_close(torch.cov(white.T), torch.eye(15), atol=0.15, rtol=0)


def test_wrong_options_and_shapes_are_refused():
    for options, said in (
        ({"latent": 0}, "latent must be 1 or more"),
        ({"widths": []}, "widths must be one or more"),
        ({"kernel": 2}, "kernel must be odd"),
        ({"noise": -1.0}, "noise must be 0 or more"),
    ):
        with pytest.raises(ValueError, match=said):
            check_options("picture-autoencoder", options)
    with pytest.raises(ValueError, match=r"pictures are square and have windows\.context=1, got 10 pixels"):
        build_model("picture-autoencoder", {}, InputShape(1, 10, 0, 1), 2)

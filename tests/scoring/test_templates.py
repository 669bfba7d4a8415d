"""Beats that look alike share a template."""

import numpy as np
import pytest

from biosig.scoring.templates import group_beats

TIME = np.linspace(-0.2, 0.35, 60, dtype=np.float32)


def shapes(counts: dict[float, int], noise: float = 0.02) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Beats of several widths: latent vectors, waves, and which width each is of."""
    generator = np.random.default_rng(0)
    kind = np.repeat(np.arange(len(counts)), list(counts.values()))
    generator.shuffle(kind)
    widths = np.array(list(counts))[kind]
    waves = np.exp(-0.5 * (TIME[None] / widths[:, None]) ** 2) + noise * generator.standard_normal((len(kind), 60))
    latent = waves @ generator.standard_normal((60, 8))
    return latent.astype(np.float32), waves.astype(np.float32), kind


def test_each_shape_becomes_a_template_and_the_largest_is_the_first():
    latent, waves, kind = shapes({0.02: 60, 0.06: 300, 0.15: 20})
    template = group_beats(latent, waves)
    order = np.array([1, 0, 2])
    np.testing.assert_array_equal(template, order[kind])


def test_a_wider_distance_makes_fewer_templates():
    latent, waves, _ = shapes({0.02: 100, 0.05: 100, 0.15: 100})
    found = [group_beats(latent, waves, distance=distance).max() + 1 for distance in (0.1, 0.6, 2.0)]
    assert found == sorted(found, reverse=True)
    assert found[-1] == 1


def test_the_same_beats_in_the_same_order_give_the_same_templates():
    latent, waves, _ = shapes({0.02: 150, 0.08: 150}, noise=0.1)
    np.testing.assert_array_equal(group_beats(latent, waves), group_beats(latent, waves))


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_few_beats_are_grouped_too(n):
    latent, waves, _ = shapes({0.03: 7})
    template = group_beats(latent[:n], waves[:n])
    assert template.shape == (n,)
    assert set(template) == set(range(template.max() + 1 if n else 0))


def test_beats_that_are_all_the_same_are_one_template():
    assert set(group_beats(np.ones((50, 4), np.float32), np.ones((50, 60), np.float32))) == {0}


def test_wrong_shapes_and_distances_are_refused():
    latent, waves, _ = shapes({0.03: 7})
    with pytest.raises(ValueError, match="one wave for each of 7"):
        group_beats(latent, waves[:5])
    with pytest.raises(ValueError, match="distance must be"):
        group_beats(latent, waves, distance=0.0)

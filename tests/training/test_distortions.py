"""What augmentation does to pictures, and what it leaves alone."""

import numpy as np
import pytest
import torch

from biosig.training import distortions
from biosig.training.augment import AUGMENTATIONS, varied
from biosig.windows.index import Windows

SIDE = 24
ALL = ("place", "flip", "contrast", "brightness", "gamma", "blur")


def pictures(n=4, channels=1):
    generator = torch.Generator().manual_seed(0)
    return 40 + 170 * torch.rand(n, 1, channels, SIDE * SIDE, generator=generator)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_stay_and_seeds_repeat(name, channels):
    samples = pictures(channels=channels)
    torch.manual_seed(1)
    first = AUGMENTATIONS[name](samples, 0.3)
    torch.manual_seed(1)
    assert first.shape == samples.shape
    assert torch.equal(AUGMENTATIONS[name](samples, 0.3), first)
    assert torch.isfinite(first).all()
    assert not torch.equal(first, samples)


@pytest.mark.parametrize("name", ALL)
def test_no_amount_changes_nothing(name):
    samples = pictures()
    torch.testing.assert_close(AUGMENTATIONS[name](samples, 0.0), samples, atol=2e-3, rtol=0)


@pytest.mark.parametrize("name", ALL)
def test_every_picture_is_drawn_by_itself(name):
    same = pictures(1).expand(12, -1, -1, -1).contiguous()
    torch.manual_seed(0)
    changed = getattr(distortions, name)(same, 0.5)
    assert len({tuple(one.flatten().tolist()) for one in changed}) > 1


def test_a_picture_is_never_moved_further_than_said():
    dot = torch.zeros(64, 1, 1, SIDE * SIDE)
    dot.view(64, SIDE, SIDE)[:, SIDE // 2 - 1 : SIDE // 2 + 1, SIDE // 2 - 1 : SIDE // 2 + 1] = 255
    torch.manual_seed(0)
    moved = distortions.place(dot, 0.2).view(64, SIDE, SIDE)
    rows = torch.arange(SIDE) + 0.5 - SIDE / 2
    off = (moved.sum(2) * rows).sum(1) / moved.sum((1, 2))
    # a quarter of 0.2 of the side, divided by the size at most exp(0.2 + 0.05)
    assert off.abs().max() <= 0.25 * 0.2 * SIDE * np.exp(0.25) * 1.1
    assert off.abs().max() > 0.02 * SIDE


def test_all_or_none_are_mirrored():
    samples = pictures()
    mirrored = samples.view(4, 1, 1, SIDE, SIDE).flip(-1).reshape(samples.shape)
    assert torch.equal(distortions.flip(samples, 1.0), mirrored)


def test_contrast_keeps_the_mean_and_blur_smooths():
    samples = pictures()
    torch.testing.assert_close(distortions.contrast(samples, 0.5).mean(-1), samples.mean(-1))
    torch.manual_seed(3)
    spread = distortions.blur(pictures(32), 0.1).std(-1).flatten()
    assert (spread <= pictures(32).std(-1).flatten() + 0.1).all()
    assert spread.min() < 0.5 * spread.max()


def test_signals_are_no_pictures():
    with pytest.raises(ValueError, match="17 samples make no square: this augmentation is not for signals"):
        distortions.place(torch.zeros(1, 1, 1, 17), 0.1)


def test_varied_windows_are_the_same_ones_seen_differently():
    generator = np.random.default_rng(0)
    windows = Windows(
        signals=tuple(generator.integers(0, 256, (1, n * 16), dtype=np.uint8) for n in (3, 2)),
        names=("a", "b"),
        subjects=("a", "b"),
        recording=np.array([0, 0, 0, 1, 1]),
        start=np.array([0, 16, 32, 0, 16]),
        length=16,
        onset_s=np.zeros(5),
        ready_s=np.zeros(5),
        good=np.ones(5, dtype=np.float32),
        features=np.zeros((5, 0), dtype=np.float32),
        label=np.arange(5),
    )
    rows = np.arange(5)
    np.testing.assert_array_equal(varied(windows, {}, seed=0).gather(rows), windows.gather(rows))
    changed = varied(windows, {"noise": 5.0}, seed=0)
    assert not np.array_equal(changed.gather(rows), windows.gather(rows))
    np.testing.assert_allclose(changed.gather(rows), windows.gather(rows), atol=30)
    np.testing.assert_array_equal(varied(windows, {"noise": 5.0}, seed=0).gather(rows), changed.gather(rows))
    assert changed.label.tolist() == [0, 1, 2, 3, 4]

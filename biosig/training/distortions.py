"""Variation for pictures that travel as windows, on the device they are on: levels (n, k, n_channels, side * side).

Every amount is a largest one: what is drawn lies evenly between its opposites, for each picture by itself.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["blur", "brightness", "contrast", "flip", "gamma", "place"]

LEVELS = 255.0
_REACH = 3
"""Sides of a blur's kernel, in its standard deviations."""


def _drawn(samples: Tensor, amount: float) -> Tensor:
    """One number per picture from -amount to amount, (n, k, 1, 1)."""
    return amount * (2 * torch.rand(*samples.shape[:2], 1, 1, device=samples.device) - 1)


def _pictures(samples: Tensor) -> Tensor:
    """As (n * k, n_channels, side, side)."""
    side = math.isqrt(samples.shape[-1])
    if side * side != samples.shape[-1]:
        raise ValueError(f"pictures are square; {samples.shape[-1]} samples make no square: this augmentation is not "
                         "for signals")  # fmt: skip
    return samples.flatten(0, 1).reshape(-1, samples.shape[2], side, side)


def place(samples: Tensor, amount: float) -> Tensor:
    """Turned by up to ``amount`` rad, sized by up to exp(amount), stretched by half and moved by a quarter as much."""
    images = _pictures(samples)
    turn, size, stretch, right, down = (_drawn(samples, amount * part).flatten() for part in (1, 1, 0.5, 0.5, 0.5))
    wide, high = torch.exp(-size - stretch / 2), torch.exp(-size + stretch / 2)
    sine, cosine = torch.sin(turn), torch.cos(turn)
    rows = [torch.stack([wide * cosine, -wide * sine, right], 1), torch.stack([high * sine, high * cosine, down], 1)]
    grid = functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    moved = functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return moved.reshape(samples.shape)


def flip(samples: Tensor, amount: float) -> Tensor:
    """Mirrored left to right with probability ``amount``."""
    mirrored = _pictures(samples).flip(-1).reshape(samples.shape)
    return torch.where(torch.rand(*samples.shape[:2], 1, 1, device=samples.device) < amount, mirrored, samples)


def contrast(samples: Tensor, amount: float) -> Tensor:
    """Distance from the picture's mean multiplied by up to exp(amount)."""
    mean = samples.mean(dim=(2, 3), keepdim=True)
    return (samples - mean) * torch.exp(_drawn(samples, amount)) + mean


def brightness(samples: Tensor, amount: float) -> Tensor:
    """Up to ``amount`` of the whole range added."""
    return samples + LEVELS * _drawn(samples, amount)


def gamma(samples: Tensor, amount: float) -> Tensor:
    """Levels, as shares of the whole range, to the power of up to exp(amount)."""
    share = samples.clamp(0, LEVELS) / LEVELS
    return LEVELS * share.clamp(min=1e-6) ** torch.exp(_drawn(samples, amount))


def blur(samples: Tensor, amount: float) -> Tensor:
    """Blurred by a Gaussian whose standard deviation is up to ``amount`` of the side; half of the pictures are not."""
    images = _pictures(samples)
    n, n_channels, side = images.shape[:3]
    width = (_drawn(samples, amount * side).flatten().clamp(min=0.0) + 1e-3)[:, None]
    reach = max(1, math.ceil(_REACH * amount * side / 2))
    offset = torch.arange(-reach, reach + 1, device=samples.device)
    kernel = torch.softmax(-((offset / width) ** 2) / 2, dim=1).repeat_interleave(n_channels, 0)
    flat = images.reshape(1, n * n_channels, side, side)
    for axis, pad in ((2, (0, 0, reach, reach)), (3, (reach, reach, 0, 0))):
        shape = [n * n_channels, 1, 1, 1]
        shape[axis] = len(offset)
        padded = functional.pad(flat, pad, mode="replicate")
        flat = functional.conv2d(padded, kernel.reshape(shape), groups=n * n_channels)
    return flat.reshape(samples.shape)

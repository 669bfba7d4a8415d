"""Variation added to the samples of training batches on the device, drawn from torch's seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from biosig.options import lookup
from biosig.training import distortions
from biosig.training.resident import Batch

__all__ = ["AUGMENTATIONS", "augment", "check_augmentations"]


def _amplitude(samples: Tensor, amount: float) -> Tensor:
    """Each sequence scaled by one factor, log-normal with sd ``amount``."""
    factor = torch.exp(amount * torch.randn(len(samples), 1, 1, 1, device=samples.device))
    return samples * factor


def _noise(samples: Tensor, amount: float) -> Tensor:
    """White noise, its sd drawn per sequence from 0 to ``amount`` (in the samples' unit)."""
    level = amount * torch.rand(len(samples), 1, 1, 1, device=samples.device)
    return samples + level * torch.randn_like(samples)


AUGMENTATIONS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "amplitude": _amplitude,
    "noise": _noise,
    "place": distortions.place,
    "flip": distortions.flip,
    "contrast": distortions.contrast,
    "brightness": distortions.brightness,
    "gamma": distortions.gamma,
    "blur": distortions.blur,
}


def check_augmentations(amounts: Mapping[str, float]) -> None:
    """``ValueError`` for an unknown name or a negative amount."""
    for name, amount in amounts.items():
        lookup(AUGMENTATIONS, name, "augmentation")
        if amount < 0:
            raise ValueError(f"augmentation {name!r} must be 0 or more, got {amount}")


def augment(batch: Batch, amounts: Mapping[str, float]) -> Batch:
    """The batch with every named variation applied, in the order of the recipe."""
    samples = batch.samples
    for name, amount in amounts.items():
        samples = AUGMENTATIONS[name](samples, amount)
    return replace(batch, samples=samples)

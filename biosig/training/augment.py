"""Variation added to training batches on the device, drawn from torch's seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from biosig.options import lookup
from biosig.training.resident import Batch

__all__ = ["AUGMENTATIONS", "augment", "check_augmentations"]


def _amplitude(samples: Tensor, features: Tensor, amount: float) -> tuple[Tensor, Tensor]:
    """Each sequence scaled by one factor, log-normal with sd ``amount``."""
    factor = torch.exp(amount * torch.randn(len(samples), 1, 1, 1, device=samples.device))
    return samples * factor, features


def _noise(samples: Tensor, features: Tensor, amount: float) -> tuple[Tensor, Tensor]:
    """White noise, its sd drawn per sequence from 0 to ``amount`` (in the samples' unit)."""
    level = amount * torch.rand(len(samples), 1, 1, 1, device=samples.device)
    return samples + level * torch.randn_like(samples), features


def _feature_noise(samples: Tensor, features: Tensor, amount: float) -> tuple[Tensor, Tensor]:
    """Normal noise of sd ``amount`` on every feature (in the feature's unit)."""
    return samples, features + amount * torch.randn_like(features)


def _feature_drop(samples: Tensor, features: Tensor, amount: float) -> tuple[Tensor, Tensor]:
    """Each feature of a sequence set to 0 with probability ``amount``."""
    keep = torch.rand(len(features), 1, features.shape[-1], device=features.device) >= amount
    return samples, features * keep


AUGMENTATIONS: dict[str, Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor]]] = {
    "amplitude": _amplitude,
    "noise": _noise,
    "feature_noise": _feature_noise,
    "feature_drop": _feature_drop,
}


def check_augmentations(amounts: Mapping[str, float]) -> None:
    """``ValueError`` for an unknown name or a negative amount."""
    for name, amount in amounts.items():
        lookup(AUGMENTATIONS, name, "augmentation")
        if amount < 0:
            raise ValueError(f"augmentation {name!r} must be 0 or more, got {amount}")


def augment(batch: Batch, amounts: Mapping[str, float]) -> Batch:
    """The batch with every named variation applied, in the order of the recipe."""
    samples, features = batch.samples, batch.features
    for name, amount in amounts.items():
        samples, features = AUGMENTATIONS[name](samples, features, amount)
    return replace(batch, samples=samples, features=features)

"""Variation added to the samples of training batches on the device, drawn from torch's seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from biosig.options import lookup
from biosig.training import distortions
from biosig.training.resident import Batch
from biosig.windows.index import Windows

__all__ = ["AUGMENTATIONS", "augment", "check_augmentations", "varied"]


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


def varied(windows: Windows, amounts: Mapping[str, float], *, seed: int) -> Windows:
    """The windows, each by itself, as training might see them; windows no longer overlap."""
    samples = torch.from_numpy(windows.gather(np.arange(len(windows))))
    none = torch.zeros(len(samples), 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        batch = augment(Batch(samples[:, None], none[..., None], none.long(), none), amounts)
    changed = batch.samples[:, 0].numpy()
    owned = [changed[windows.recording == number] for number in range(len(windows.names))]
    return replace(
        windows,
        signals=tuple(own.swapaxes(0, 1).reshape(windows.n_channels, -1) for own in owned),
        start=np.concatenate([np.arange(len(own)) * windows.length for own in owned]),
    )

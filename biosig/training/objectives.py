"""What training minimises."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from biosig.recipe import TrainPart
from biosig.training.resident import Batch

__all__ = ["Classify", "Objective", "Reconstruct", "balance"]


class Objective(Protocol):
    """A loss over a batch; one object per training."""

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The scalar to minimise for this batch."""
        ...


def balance(
    label: NDArray[np.int64], subject: NDArray[np.str_], *, class_power: float, subject_power: float
) -> NDArray[np.float64]:
    """How much each window counts, float64 (n,), mean 1 over labelled windows, 0 for unlabelled ones.

    Within a class, a subject's windows weigh (the subject's windows of that class) ** -subject_power, so that one
    patient with most beats of a rare class does not define it; a class's total weighs
    (windows of the class) ** (1 - class_power). With both powers 0 every window counts the same.
    """
    weight = np.zeros(len(label))
    for number in np.unique(label[label >= 0]):
        of_class = np.flatnonzero(label == number)
        _, who, held = np.unique(subject[of_class], return_inverse=True, return_counts=True)
        share = held[who].astype(np.float64) ** -subject_power
        weight[of_class] = share / share.sum() * len(of_class) ** (1 - class_power)
    return np.asarray(weight / max(weight.sum() / max((label >= 0).sum(), 1), 1e-12))


class Classify:
    """Cross-entropy or focal loss over the windows that count.

    Focal loss: Lin et al. 2017, doi:10.1109/ICCV.2017.324.
    """

    def __init__(self, settings: TrainPart) -> None:
        self._gamma = settings.focal_gamma if settings.loss == "focal" else 0.0
        self._smoothing = settings.label_smoothing

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Weighted mean loss of the windows that count."""
        logits = model(batch.samples, batch.features).float().flatten(0, 1)
        weight = batch.weight.flatten()
        label = batch.label.flatten().clamp(min=0)
        each = functional.cross_entropy(logits, label, reduction="none", label_smoothing=self._smoothing)
        if self._gamma:
            sure = torch.softmax(logits, dim=-1).gather(1, label[:, None]).squeeze(1)
            each = each * (1 - sure) ** self._gamma
        return (each * weight).sum() / weight.sum().clamp(min=1e-6)


class Reconstruct:
    """Mean square of what is wrong with windows built again, over the windows that count.

    Errors are in units of the training windows' amplitude; see :mod:`biosig.models.autoencoder`.
    """

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Weighted mean loss of the windows that count."""
        each, weight = self.each(model, batch.samples.flatten(0, 1)), batch.weight.flatten()
        return (each * weight).sum() / weight.sum().clamp(min=1e-6)

    def each(self, model: nn.Module, samples: Tensor) -> Tensor:
        """The loss of every window (n,): samples (n, n_channels, length)."""
        wrong: Tensor = model.errors(samples)  # type: ignore[operator]
        return wrong.float().square().mean(dim=(1, 2))

"""What one bundle says about windows of many patients, and what it remembers of each of them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from biosig.recipe import Recipe
from biosig.training.answers import answer_of
from biosig.training.device import choose_device
from biosig.training.predict import Networks

__all__ = ["Judge", "Trained", "Verdicts"]

BATCH = 256
"""Windows a network is given at a time: larger batches leave a core's cache and gain nothing."""
WHOLE = 16
"""Fewer windows, or a remainder, are filled up to a multiple of this. A single row takes another way through the
matrix product than a row of many, and adds up in another order; filled up, a window's score is the same to the bit
whoever else is in its batch."""

Patient = TypeVar("Patient", bound=Hashable)


class Trained(Protocol):
    """What a scorer needs of a bundle."""

    @property
    def recipe(self) -> Recipe: ...
    @property
    def models(self) -> Sequence[nn.Module]: ...
    @property
    def decision(self) -> NDArray[np.float64]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """About n windows.

    Parameters
    ----------
    probs : float64 (n, n_classes); no column where the bundle does not classify.
    label : n names of the bundle's labels; where a window is not usable ``""``, or what the recipe calls it then.
    anomaly : n numbers, NaN where the bundle does not say.
    usable : n, whether the usable share of the window suffices.
    """

    probs: NDArray[np.float64]
    label: list[str]
    anomaly: list[float]
    usable: list[bool]


class Judge(Generic[Patient]):
    """The networks of a bundle, and what they remember of every patient's last windows.

    Parameters
    ----------
    bundle : whose networks.
    device : ``auto``, ``cpu`` or ``cuda``.
    """

    def __init__(self, bundle: Trained, device: str) -> None:
        self.name = bundle.recipe.name
        self._min_good = bundle.recipe.windows.min_good
        self._decision = bundle.decision
        self._answer = answer_of(bundle.recipe)
        self._labels = (*self._answer.labels, bundle.recipe.windows.unusable)
        context = bundle.recipe.windows.context
        self._networks = Networks(bundle.models, self._answer, context=context, device=choose_device(device))
        self.memory: dict[Patient, NDArray[np.float32]] = {}

    def forget(self, patient: Patient) -> None:
        """Remember nothing of a patient: the next window is the first."""
        self.memory[patient] = np.zeros((0, 0, 0), dtype=np.float32)

    def judge(
        self,
        counts: Mapping[Patient, int],
        samples: NDArray[np.float32],
        features: NDArray[np.float32],
        good: NDArray[np.float32],
    ) -> Verdicts:
        """What to say about new windows.

        Parameters
        ----------
        counts : new windows per patient; their windows stand one patient after another in what follows.
        samples, features, good : (n, n_channels, length), (n, n_features), (n,).
        """
        outputs = self._outputs(counts, samples, features)
        usable = good >= self._min_good
        number = np.where(usable, self._answer.number(outputs, self._decision), len(self._labels) - 1)
        label = [self._labels[at] for at in number.tolist()]
        anomaly = self._answer.anomaly(outputs).tolist()
        return Verdicts(self._answer.probabilities(outputs), label, anomaly, usable.tolist())

    def _outputs(
        self, counts: Mapping[Patient, int], samples: NDArray[np.float32], features: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Outputs (n, answer.width); remembers what was read."""
        networks = self._networks
        batches = zip(_batches(samples), _batches(features), strict=True)
        new = np.concatenate(
            [
                networks.read(part.to(networks.device), known.to(networks.device)).cpu().numpy()
                for part, known in batches
            ]
        )[: len(samples)]
        context = networks.context
        known: list[NDArray[np.float32]] = []
        last = np.empty(len(new), dtype=np.int64)
        count = np.empty(len(new), dtype=np.int64)
        first = n_known = 0
        for patient, n in counts.items():
            memory = self.memory[patient]
            rows = slice(first, first + n)
            own = np.concatenate([memory, new[rows]]) if memory.size else new[rows]
            self.memory[patient] = own[max(0, len(own) - context + 1) :].copy()
            last[rows] = n_known + np.arange(len(own) - n, len(own))
            count[rows] = np.minimum(np.arange(len(own) - n, len(own)) + 1, context)
            known.append(own)
            first, n_known = first + n, n_known + len(own)
        pool = torch.from_numpy(np.concatenate(known)).to(networks.device)
        place = np.minimum((last - count + 1)[:, None] + np.arange(context), last[:, None])
        batches = zip(_batches(place), _batches(count), strict=True)
        outputs = [networks.outputs(pool[rows], there.to(networks.device)) for rows, there in batches]
        return np.concatenate(outputs)[: len(place)]


def _batches(array: NDArray[Any]) -> tuple[torch.Tensor, ...]:
    """Rows of an array some at a time, the last of them filled up with the first row."""
    filled = np.concatenate([array, np.repeat(array[:1], -len(array) % WHOLE, axis=0)])
    return torch.split(torch.from_numpy(filled), BATCH)

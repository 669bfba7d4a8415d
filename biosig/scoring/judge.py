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
from biosig.signal.stream import State
from biosig.training.answers import answer_of
from biosig.training.device import choose_device
from biosig.training.lookback import Memory
from biosig.training.predict import Networks

__all__ = ["Judge", "Trained", "Verdicts"]

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
        self._memory: dict[Patient, Memory] = {}

    def forget(self, patient: Patient) -> None:
        """Remember nothing of a patient: the next window is the first."""
        self._memory[patient] = self._networks.begin()

    def discharge(self, patient: Patient) -> None:
        """A patient is not coming back."""
        del self._memory[patient]

    def state_dict(self, patient: Patient) -> State:
        """What is remembered of a patient, as arrays."""
        return self._memory[patient].state_dict()

    def load_state_dict(self, patient: Patient, state: Mapping[str, NDArray[Any]]) -> None:
        """Remember what was remembered when the ``state_dict()`` of the same bundle was taken."""
        self._memory[patient].load_state_dict(state)

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
        memories, n_new = [self._memory[patient] for patient in counts], list(counts.values())
        outputs = self._networks.follow(memories, n_new, torch.from_numpy(samples), torch.from_numpy(features))
        usable = good >= self._min_good
        number = np.where(usable, self._answer.number(outputs, self._decision), len(self._labels) - 1)
        label = [self._labels[at] for at in number.tolist()]
        anomaly = self._answer.anomaly(outputs).tolist()
        return Verdicts(self._answer.probabilities(outputs), label, anomaly, usable.tolist())

"""What every model in biosig is built from and promises.

A model class has a frozen dataclass ``Options`` (its part of a recipe) and is built as
``Model(shape, n_classes, options)``. ``embed`` makes one vector per window. What else there is depends on what the
model learns (``train.objective`` of the recipe):

classify
    ``decide`` turns the vectors of the last ``context`` windows into logits, ``forward`` is both.
reconstruct
    ``embed`` gives the latent vector, ``forward`` the samples built again from it (the same shape), ``measure`` what
    is to be remembered of a window, and ``judge`` turns that of the last ``context`` windows into a score.

What was made of the last windows of each patient is remembered, so a window is looked at once, live as well as offline;
:mod:`biosig.training.lookback` says how. Recurrent networks of one recipe answer together: :mod:`biosig.models.trails`.

:class:`Staged` is what transfer needs of a network, of one that looks at images as well as of one that
looks at signals: a head that can be replaced, stages that can be frozen, and a learning rate per stage.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from torch import nn

from biosig.options import did_you_mean

__all__ = ["HEAD", "InputShape", "ParameterGroup", "Staged"]

HEAD = "head"
"""Name of every network's last stage: the layer whose outputs are the task's."""


@dataclass(frozen=True)
class InputShape:
    """The shape of what a model is fed.

    Parameters
    ----------
    n_channels, length : rows and samples of a window.
    n_features : numbers known about a window beside its samples.
    context : consecutive windows that a decision may look back on, the window itself included.
    """

    n_channels: int
    length: int
    n_features: int
    context: int


@dataclass(frozen=True)
class ParameterGroup:
    """Weights that share a learning rate.

    Parameters
    ----------
    stage : the stage they belong to.
    scale : factor of the learning rate, 1 for the head.
    weights : the trainable tensors.
    """

    stage: str
    scale: float
    weights: tuple[nn.Parameter, ...]


class Staged(nn.Module, ABC):
    """A network as stages from its input to its head.

    The class that inherits says in ``stages`` what they are; everything else follows from that.
    """

    head: nn.Linear
    extras: tuple[str, ...] = ()
    """Stages beside the trunk, modules and options of that name: a network whose trunk is taken over may be without."""
    frozen = ""
    """Stages up to this one are not trained; ``""`` where all are."""
    reads_samples: bool = True
    """Whether the samples of a window enter, or its features alone."""

    @abstractmethod
    def stages(self) -> Mapping[str, Sequence[nn.Module]]:
        """The modules of each stage by name, in order from the input to ``head``; together all weights, each once."""

    @property
    def trunk(self) -> str:
        """The last stage before the head; ``""`` for a network that is nothing but a head."""
        names = ["", *self.stages()]
        return names[-2]

    def reset_head(self, n_outputs: int) -> None:
        """Replace the head by a fresh one, drawn from torch's current seed, with ``n_outputs`` outputs."""
        if n_outputs < 1:
            raise ValueError(f"a head needs 1 output or more, got {n_outputs}")
        weight = self.head.weight
        self.head = nn.Linear(self.head.in_features, n_outputs, device=weight.device, dtype=weight.dtype)

    def initialise(self, say: Callable[[str], None]) -> None:
        """Take up the weights that training starts from; the drawn ones stay unless a class knows better ones."""

    def freeze(self, upto: str) -> None:
        """Train no stage up to ``upto``, every stage after it; ``""`` trains all.

        A frozen stage also keeps its batch statistics and drops nothing, whatever ``train()`` says.
        ``ValueError`` listing the stages where ``upto`` is none of them; the head cannot be frozen.
        """
        stages = self.stages()
        known = [name for name in stages if name != HEAD]
        if upto and upto not in known:
            raise ValueError(f"cannot freeze up to stage {upto!r}{did_you_mean(upto, known)}")
        self.frozen = upto
        held = set(self._frozen_names())
        for name, modules in stages.items():
            for module in modules:
                module.requires_grad_(name not in held)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """As in torch, but frozen stages stay in evaluation mode."""
        super().train(mode)
        if self.frozen:
            stages = self.stages()
            for name in self._frozen_names():
                for module in stages[name]:
                    module.eval()
        return self

    def parameter_groups(self, decay: float = 1.0) -> list[ParameterGroup]:
        """The weights by stage, input first; each stage learns at ``decay`` times the rate of the next one.

        Layer-wise rates: Howard & Ruder 2018, doi:10.18653/v1/P18-1031 (discriminative fine-tuning).
        """
        if not 0 < decay <= 1:
            raise ValueError(f"decay must lie in (0, 1], got {decay}")
        stages = self.stages()
        return [
            ParameterGroup(
                stage=name,
                scale=decay ** (len(stages) - 1 - number),
                weights=tuple(weight for module in modules for weight in module.parameters()),
            )
            for number, (name, modules) in enumerate(stages.items())
        ]

    def _frozen_names(self) -> Iterator[str]:
        if not self.frozen:
            return
        for name in self.stages():
            yield name
            if name == self.frozen:
                return

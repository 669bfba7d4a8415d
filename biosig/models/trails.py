"""Recurrent networks of one recipe followed window by window, all of them in one go.

An answer rests on a sequence of the last ``context`` windows that is started anew for every window. So as many
sequences are under way as an answer looks back on windows, one begun with each of the last ones; these are a patient's
*trails*. A new window takes every trail a step further, which is one matrix product, and ends the oldest: each window
enters each network once, and nothing is gone through again. Hundreds of windows of one patient, as a file brings them,
are gone through together, from age to age of the trails.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["AnswerFrom", "RecurrentEnsemble", "RecurrentParts", "Trails"]

AnswerFrom = Literal["window", "mean", "mean-max"]

_LANES = 32
"""Numbers that a processor's widest loops take at a time. Those left over go another way, with other last bits."""
_SWEPT = 8
"""Times the context that as many windows are gone through at once: what they need stays in a core's cache."""


class RecurrentParts(Protocol):
    """What is followed of a network.

    Parameters
    ----------
    outer : the recurrent layer over windows, where there is one.
    head : the layer behind it.
    answer_from : what the head is given; see :class:`biosig.models.recurrent.RecurrentOptions`.
    beside : width of the end of a window's vector that the head is given as it is, past the recurrent layer.
    """

    outer: nn.LSTM | nn.GRU | None
    head: nn.Linear
    answer_from: AnswerFrom
    beside: int


@dataclass(eq=False)
class Trails:
    """The sequences under way of patients side by side.

    Parameters
    ----------
    seen : windows there have been of each of them.
    states : float32 (n_networks, n_patients, context, width) each, where every sequence is. The one begun with window
        ``i`` stands at ``i % context``.
    """

    seen: int
    states: tuple[Tensor, ...]

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Everything needed to go on later, as arrays."""
        arrays = {f"{place}": state.numpy(force=True).copy() for place, state in enumerate(self.states)}
        return {"seen": np.array(self.seen)} | arrays

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a ``state_dict()`` of the same networks."""
        self.seen = int(state["seen"])
        for place, own in enumerate(self.states):
            own.copy_(torch.from_numpy(state[f"{place}"]))


class RecurrentEnsemble:
    """Networks of one shape, their weights side by side; as they are when this is made.

    Parameters
    ----------
    networks : all of one recipe.
    context : windows that an answer looks back on, the window itself included.
    """

    def __init__(self, networks: Sequence[RecurrentParts], context: int) -> None:
        self.context = context
        self._n_networks = len(networks)
        self._answer_from, self._beside = networks[0].answer_from, networks[0].beside
        outer = [network.outer for network in networks if network.outer is not None]
        self._layers = [_Layer(outer, number) for number in range(outer[0].num_layers)] if outer else []
        heads = [network.head for network in networks]
        self._head = _transposed([head.weight for head in heads])
        self._bias = torch.stack([head.bias.detach() for head in heads])[:, None]
        self.n_classes = self._head.shape[2]
        known = (self._head.shape[1] - self._beside) // (2 if self._answer_from == "mean-max" else 1)
        summed_up: dict[AnswerFrom, list[int]] = {"window": [], "mean": [known], "mean-max": [known, known]}
        self._widths = [width for layer in self._layers for width in layer.widths] + summed_up[self._answer_from]

    def begin(self, n: int) -> Trails:
        """Of ``n`` patients of whom nothing was seen."""
        shapes = [(self._n_networks, n, self.context, width) for width in self._widths]
        nothing = [torch.from_numpy(np.zeros(shape, dtype=np.float32)) for shape in shapes]
        return Trails(0, tuple(state.to(self._head.device) for state in nothing))

    def enter(self, vectors: Tensor) -> Tensor:
        """What windows bring along, the same for every trail: (n, n_networks, width) -> (n, n_networks, ...)."""
        own, _ = self._parted(vectors)
        return self._layers[0].enter(own.transpose(0, 1)).transpose(0, 1) if self._layers else own

    def advance(self, parts: Iterable[tuple[Trails, Sequence[int]]], vectors: Tensor, entered: Tensor) -> Tensor:
        """What the heads are given of windows (n, n_networks, width of a head).

        Parameters
        ----------
        parts : trails of patients side by side, to be taken further; and how many windows there are of each step in
            time, the first patient's first: patients who have no window left come last.
        vectors, entered : of the windows, one part after another and each in the order of time: (n, n_networks,
            width), and what ``enter`` says of them.
        """
        vectors, beside = (part.transpose(0, 1) for part in self._parted(vectors))
        own, brought = vectors[:, :, None], entered.transpose(0, 1)[:, :, None]
        told, first = [], 0
        for trails, sizes in parts:
            left = list(sizes)
            while left:
                n = self._at_once(trails, left)
                new = slice(first, first + (n or left[0]))
                told.append((self._sweep if n else self._step)(trails, own[:, new], brought[:, new]))
                del left[: n or 1]
                first = new.stop
        given = torch.cat(told, dim=1)
        if self._answer_from == "window" and self._layers:
            given = torch.cat([vectors, given], dim=2)
        return torch.cat([given, beside], dim=2).transpose(0, 1)

    def _parted(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """What is followed of windows' vectors (..., width), and what goes past it."""
        followed = vectors.shape[-1] - self._beside
        return vectors[..., :followed], vectors[..., followed:]

    def logits(self, given: Tensor) -> Tensor:
        """What the heads make of it: (n, n_networks, width of a head) -> (n, n_networks, n_classes)."""
        return torch.baddbmm(self._bias, given.transpose(0, 1), self._head).transpose(0, 1)

    def _at_once(self, trails: Trails, sizes: Sequence[int]) -> int:
        """How many of a patient's next windows are gone through by ages; 0 = one step is taken."""
        alone = trails.states and trails.states[0].shape[1] == 1
        fit = trails.seen >= self.context and self.context % _LANES == 0
        return min(len(sizes) // self.context, _SWEPT) * self.context if alone and fit else 0

    def _step(self, trails: Trails, vectors: Tensor, brought: Tensor) -> Tensor:
        """One window more of the first n patients: (n_networks, n, 1, ...) -> what is told of it (n_networks, n, ...).

        That is the oldest trail's hidden state, or where an answer rests on all windows, what they come to.
        """
        begun = trails.seen % self.context
        trails.seen += 1
        under_way = min(trails.seen, self.context)
        oldest = trails.seen % under_way
        states = [state[:, : vectors.shape[1], :under_way] for state in trails.states]
        for state in states:
            state.select(2, begun).zero_()
        own = self._move(self._layers, states, vectors, brought, slice(begun, begun + 1))
        if self._answer_from == "window":
            return own.select(2, oldest).clone()
        return self._summed_up([state.select(2, oldest) for state in states], under_way)

    def _sweep(self, trails: Trails, vectors: Tensor, brought: Tensor) -> Tensor:
        """Many windows more of one patient, (n_networks, n, 1, ...): what :meth:`_step` says of each, to the bit.

        A trail of some age at a window is where the one a window younger was at the window before. So it is gone from
        age to age, each for all windows: as many steps as the context is long, however many windows there are. Products
        keep the shape that they have in a step, so many windows stand side by side as if they were networks.
        """
        n_networks, n = vectors.shape[:2]
        groups = n // self.context
        layers = [layer.repeated(groups) for layer in self._layers]
        vectors, brought = (
            part.reshape(n_networks * groups, 1, self.context, part.shape[-1]) for part in (vectors, brought)
        )
        earlier = [state.clone() for state in trails.states]
        states = [brought.new_zeros((*brought.shape[:3], state.shape[-1])) for state in trails.states]
        for age in range(self.context):
            if age:
                begun = (trails.seen - age) % self.context
                for place, (state, old) in enumerate(zip(states, earlier, strict=True)):
                    flat = state.view(n_networks, n, -1)
                    states[place] = torch.cat([old[:, :, begun], flat[:, :-1]], dim=1).view_as(state)
            own = self._move(layers, states, vectors, brought, slice(0, 0 if age else None))
            for state, kept in zip(states, trails.states, strict=True):
                kept[:, 0, (trails.seen - 1 - age) % self.context] = state.view(n_networks, n, -1)[:, -1]
        trails.seen += n
        told = own if self._answer_from == "window" else self._summed_up(states, self.context)
        return told.reshape(n_networks, n, -1)

    def _move(
        self, layers: Sequence[_Layer], states: Sequence[Tensor], vectors: Tensor, brought: Tensor, begun: slice
    ) -> Tensor:
        """Take trails, the ``begun`` ones of them with their first window, a window further; the top hidden state."""
        own, left = vectors, list(states)
        for number, layer in enumerate(layers):
            if number:
                brought = layer.enter(own.flatten(1, 2)).view(*own.shape[:3], -1)
            own = layer.step(brought, left[: len(layer.widths)])
            del left[: len(layer.widths)]
        if self._answer_from == "window":
            return own
        known = torch.cat([vectors.expand(-1, -1, own.shape[2], -1), own], dim=3) if layers else vectors
        left[0].add_(known)
        if self._answer_from == "mean-max":
            left[1].copy_(torch.maximum(left[1], known))
            left[1][:, :, begun] = known.expand_as(left[1])[:, :, begun]
        return own

    def _summed_up(self, states: Sequence[Tensor], count: int) -> Tensor:
        """What ``count`` windows come to, of the states of trails that end."""
        if self._answer_from == "mean":
            return states[-1] / count
        return torch.cat([states[-2] / count, states[-1]], dim=-1)


class _Layer:
    """A recurrent layer of every network.

    The hyperbolic tangent is taken as ``2 sigmoid(2 x) - 1``: a fifth of the time on a CPU. The inner 2 is part of the
    weights.

    Parameters
    ----------
    layers : of the networks.
    number : which of their stacked layers.
    """

    def __init__(self, layers: Sequence[nn.LSTM | nn.GRU], number: int) -> None:
        hidden = self._hidden = layers[0].hidden_size
        self._is_gru = isinstance(layers[0], nn.GRU)
        self.widths = [hidden] if self._is_gru else [hidden, hidden]
        self._in, self._on, self._bias_in, self._bias_on = (
            _transposed([self._doubled(getattr(layer, f"{name}_l{number}")) for layer in layers])
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )

    def _doubled(self, weight: Tensor) -> Tensor:
        """Weights (rows, ...) of one network, twice as large where a hyperbolic tangent follows."""
        factor = torch.ones(len(weight), device=weight.device)
        factor[2 * self._hidden : 3 * self._hidden] = 2
        return weight.reshape(len(weight), -1) * factor[:, None]

    def repeated(self, n: int) -> _Layer:
        """A layer of ``n`` times as many networks: each of them so often, one after another."""
        layer = copy(self)
        layer._in, layer._on, layer._bias_in, layer._bias_on = (
            weights.repeat_interleave(n, dim=0) for weights in (self._in, self._on, self._bias_in, self._bias_on)
        )
        return layer

    def enter(self, vectors: Tensor) -> Tensor:
        """The product with the input's weights: (n_networks, n, width) -> (n_networks, n, rows)."""
        return torch.baddbmm(self._bias_in, vectors, self._in)

    def step(self, brought: Tensor, states: Sequence[Tensor]) -> Tensor:
        """The hidden state a step further.

        Parameters
        ----------
        brought : (n_networks, n, context or 1, rows), what the input brings.
        states : (n_networks, n, context, hidden) each, taken further; the hidden one comes first.
        """
        hidden, width = states[0], self._hidden
        gates = torch.baddbmm(self._bias_on, hidden.flatten(1, 2), self._on).view(*hidden.shape[:3], -1)
        if not self._is_gru:
            return self._lstm_step(gates.add_(brought).sigmoid_(), *states)
        shares = gates[..., : 2 * width].add_(brought[..., : 2 * width]).sigmoid_()
        new = torch.addcmul(brought[..., 2 * width :], shares[..., :width], gates[..., 2 * width :])
        return torch.lerp(new.sigmoid_().mul_(2).sub_(1), hidden, shares[..., width:], out=hidden)

    def _lstm_step(self, shares: Tensor, hidden: Tensor, cell: Tensor) -> Tensor:
        let_in, keep, new, let_out = torch.split(shares, self._hidden, dim=-1)
        cell.mul_(keep).addcmul_(let_in, new.mul_(2).sub_(1))
        return torch.mul(let_out, (2 * cell).sigmoid_().mul_(2).sub_(1), out=hidden)


def _transposed(weights: Sequence[Tensor]) -> Tensor:
    """Weights (rows, width) of each network as (n_networks, width, rows)."""
    return torch.stack([weight.detach() for weight in weights]).transpose(1, 2).contiguous()

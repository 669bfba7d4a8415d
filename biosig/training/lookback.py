"""How networks answer about windows in the order of time, and what is remembered of a patient for it.

Two ways, by what the networks are: recurrent ones are followed window by window (:class:`ByTrails`), every other one is
given the last windows again (:class:`ByWindows`). Each of them answers live, about a few new windows of many patients,
and about a whole index.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from biosig.models.registry import ensemble_of
from biosig.models.trails import RecurrentEnsemble, Trails
from biosig.training.answers import Answer
from biosig.windows.index import Windows

__all__ = ["Lookback", "Memory", "by_batches", "look_back"]

BATCH = 256
"""Windows a network is given at a time: larger batches leave a core's cache and gain nothing."""
WHOLE = 8
"""Fewer windows, or a remainder, are filled up to a multiple of this. A single row takes another way through the
matrix product than a row of many, and adds up in another order; filled up, a window's score is the same to the bit
whoever else is in its batch."""
STEPS = 2**17
"""Windows looked back on in one pass over an index, 2,048 sequences of 64: what fits in memory."""
ABREAST = 2**14
"""Sequences under way at a time over an index, 64 of each of 256 recordings: more gain nothing."""
PIECE = 2**14
"""Windows of them whose vectors are laid out at a time."""


class Memory(Protocol):
    """What is remembered of a patient."""

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Everything needed to go on later, as arrays."""

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a ``state_dict()`` of the same networks."""


M = TypeVar("M", bound=Memory)


class Lookback(ABC, Generic[M]):
    """Answers about windows that were read: outputs float64 (n, answer.width), the mean of the networks'."""

    @abstractmethod
    def begin(self) -> M:
        """The memory of a patient of whom nothing was seen."""

    @abstractmethod
    def follow(self, memories: Sequence[M], counts: Sequence[int], read: Tensor) -> NDArray[np.float64]:
        """Outputs about new windows; the patients' memories take them in.

        A patient's outputs are the same to the bit whoever else there is, and however many windows come at a time.

        Parameters
        ----------
        memories : of some patients.
        counts : new windows of each of them, one or more.
        read : (n, n_networks, m), what was read of them, one patient after another.
        """

    @abstractmethod
    def whole(self, windows: Windows, read: Tensor) -> NDArray[np.float64]:
        """Outputs about every window of an index, of which ``read`` (n, n_networks, m) was read."""


def look_back(models: Sequence[nn.Module], answer: Answer, context: int) -> Lookback[Any]:
    """How these networks of one recipe answer."""
    ensemble = ensemble_of(models, context)
    return ByWindows(models, answer, context) if ensemble is None else ByTrails(ensemble)


def by_batches(work: Callable[..., Tensor], *rows: Tensor) -> Tensor:
    """What ``work`` says of rows (n, ...), some of them at a time; the last of them are filled up with the first."""
    n = len(rows[0])
    filled = (torch.cat([array, array[:1].expand(-n % WHOLE, *array.shape[1:])]) for array in rows)
    parts = zip(*(torch.split(array, BATCH) for array in filled), strict=True)
    return torch.cat([work(*part) for part in parts])[:n]


class ByTrails(Lookback[Trails]):
    """Recurrent classifiers, followed window by window."""

    def __init__(self, ensemble: RecurrentEnsemble) -> None:
        self._ensemble = ensemble

    def begin(self) -> Trails:
        """A patient's trails."""
        return self._ensemble.begin(1)

    @torch.inference_mode()
    def follow(self, memories: Sequence[Trails], counts: Sequence[int], read: Tensor) -> NDArray[np.float64]:
        """One patient after another: a patient's trails fill a matrix product, and no one else is in it."""
        entered = by_batches(self._ensemble.enter, read)
        parts = [(trails, [1] * n) for trails, n in zip(memories, counts, strict=True)]
        return _mean(by_batches(self._shares, self._ensemble.advance(parts, read, entered)))

    @torch.inference_mode()
    def whole(self, windows: Windows, read: Tensor) -> NDArray[np.float64]:
        """Recordings of like length side by side."""
        outputs = np.zeros((len(windows), self._ensemble.n_classes))
        for firsts, lengths in self._abreast(windows):
            trails = self._ensemble.begin(len(firsts))
            some = max(1, PIECE // len(firsts))
            for start in range(0, lengths[0], some):
                steps = [firsts[lengths > step] + step for step in range(start, min(start + some, lengths[0]))]
                rows = np.concatenate(steps)
                own = read[torch.from_numpy(rows).to(read.device)]
                part = (trails, [len(step) for step in steps])
                outputs[rows] = _mean(self._shares(self._ensemble.advance([part], own, self._ensemble.enter(own))))
        return outputs

    def _abreast(self, windows: Windows) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """First windows and numbers of windows of recordings, longest first, as many as are followed together."""
        _, first, length = np.unique(windows.recording, return_index=True, return_counts=True)
        order = np.argsort(-length, kind="stable")
        most = max(1, ABREAST // self._ensemble.context)
        for start in range(0, len(order), most):
            chosen = order[start : start + most]
            yield first[chosen], length[chosen]

    def _shares(self, given: Tensor) -> Tensor:
        return torch.softmax(self._ensemble.logits(given).float(), dim=-1)


@dataclass(eq=False)
class LastWindows:
    """What was read of a patient's last windows, float32 (up to context - 1, n_networks, m), in the order of time."""

    read: NDArray[np.float32]

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Everything needed to go on later, as arrays."""
        return {"read": self.read.copy()}

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a ``state_dict()`` of the same networks."""
        self.read = np.array(state["read"], dtype=np.float32)


class ByWindows(Lookback[LastWindows]):
    """Networks that are given the last windows at every answer.

    Parameters
    ----------
    models : see :mod:`biosig.models.contract`.
    answer : how they are read.
    context : windows that an answer looks back on, the window itself included.
    """

    def __init__(self, models: Sequence[nn.Module], answer: Answer, context: int) -> None:
        self._models, self._answer, self._context = models, answer, context

    def begin(self) -> LastWindows:
        """No window yet."""
        return LastWindows(np.zeros((0, 0, 0), dtype=np.float32))

    @torch.inference_mode()
    def follow(self, memories: Sequence[LastWindows], counts: Sequence[int], read: Tensor) -> NDArray[np.float64]:
        """Windows of all patients together."""
        context, fresh = self._context, np.split(read.numpy(force=True), np.cumsum(counts)[:-1])
        last: list[NDArray[np.float32]] = []
        for memory, new in zip(memories, fresh, strict=True):
            own = np.concatenate([memory.read.reshape(-1, *new.shape[1:]), new])
            last += [own[max(0, end - context) : end] for end in range(len(own) - len(new) + 1, len(own) + 1)]
            memory.read = own[max(0, len(own) - context + 1) :]

        def answered(rows: Tensor) -> Tensor:
            sequences = np.zeros((len(rows), context, *read.shape[1:]), dtype=np.float32)
            chosen = [last[row] for row in rows.tolist()]
            for sequence, windows in zip(sequences, chosen, strict=True):
                sequence[: len(windows)] = windows
            count = torch.tensor([len(windows) for windows in chosen])
            return self._outputs(torch.from_numpy(sequences).to(read.device), count.to(read.device))

        return _mean(by_batches(answered, torch.arange(len(read))))

    @torch.inference_mode()
    def whole(self, windows: Windows, read: Tensor) -> NDArray[np.float64]:
        """Windows that look back equally far together: short recordings cost what their length costs."""
        n = len(windows)
        first = np.searchsorted(windows.recording, windows.recording)
        order = np.argsort(np.minimum(np.arange(n) - first, self._context), kind="stable")
        outputs = np.zeros((n, self._answer.width))
        for part in np.array_split(order, math.ceil(n * self._context / STEPS)):
            rows, count = windows.contexts(self._context, part)
            sequences = read[torch.from_numpy(rows[:, : count.max()]).to(read.device)]
            outputs[part] = _mean(self._outputs(sequences, torch.from_numpy(count).to(read.device)))
        return outputs

    def _outputs(self, sequences: Tensor, count: Tensor) -> Tensor:
        """Each network's outputs (n, n_networks, width) about the last window of every sequence.

        Parameters
        ----------
        sequences : (n, context, n_networks, m), what was read in order of time, what there is first.
        count : int64 (n,), how many there are; what comes after them does not matter.
        """
        pairs = enumerate(self._models)
        return torch.stack([self._answer.outputs(model, sequences[:, :, i], count) for i, model in pairs], dim=1)


def _mean(each: Tensor) -> NDArray[np.float64]:
    """The networks' mean: (n, n_networks, width) -> float64 (n, width)."""
    return np.asarray(each.double().mean(dim=1).cpu().numpy(), dtype=np.float64)

"""Causal steps: the design of a filter, and the state of one patient running through it.

A :class:`Step` is frozen and comparable, so it stands in a recipe. ``step.open(layout)``
gives a :class:`Stream`. Filtering a whole file is a stream fed one chunk; there is no
second implementation, so live and offline cannot differ.

The contract of every stream, tested over the registry ``STEPS``:

* **Chunk invariance**: the concatenated output is the same, bit for bit, however the
  input was cut, empty and one-sample chunks included.
* **Causality**: output never depends on input that was not pushed yet.
* **Declared delay**: what happens at input time t shows at output time t + ``delay_s``.
* **State**: ``state_dict()`` of arrays, loaded into a fresh stream, goes on bit for bit.

* **Company**: streams whose state runs per channel may run side by side as one wide stream
  (:func:`process_together`), and each gives the same bits as alone.

A stream never writes into the arrays of a chunk it was given, and may hand them on.
"""

from __future__ import annotations

import copy
import itertools
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from biosig.records.recording import Layout

__all__ = [
    "Chain",
    "ChainStream",
    "Chunk",
    "Stateless",
    "Step",
    "Stream",
    "joined",
    "part_of",
    "process_together",
    "restore",
]

State = dict[str, NDArray[Any]]

BLOCK_VALUES = 2**15
"""Samples of all channels together that a chain takes at a time: 256 kB of float64, which stays in a core's cache."""

MIN_BLOCK_TIMES = 512
"""Shortest block of a chain, in samples per channel, however many channels there are."""


@dataclass(frozen=True, eq=False)
class Chunk:
    """A stretch of consecutive samples on its way through a chain.

    Parameters
    ----------
    data : float64 (n_channels, n_times) in the layout's units; NaN = not recorded.
    good : bool (n_channels, n_times), false where a sample is held, saturated, flat or missing.
    """

    data: NDArray[np.float64]
    good: NDArray[np.bool_]

    @classmethod
    def of(cls, samples: NDArray[Any]) -> Chunk:
        """A chunk from raw samples (n_channels, n_times): good where they are finite."""
        data = np.array(samples, dtype=np.float64, ndmin=2)
        return cls(data=data, good=np.isfinite(data))

    @classmethod
    def join(cls, chunks: Sequence[Chunk]) -> Chunk:
        """Consecutive chunks as one."""
        return cls(
            data=np.concatenate([chunk.data for chunk in chunks], axis=1),
            good=np.concatenate([chunk.good for chunk in chunks], axis=1),
        )

    @property
    def n_times(self) -> int:
        """Samples per channel."""
        return int(self.data.shape[1])


class Stream(ABC):
    """The state of one patient in one step. ``layout`` is what comes out.

    Parameters
    ----------
    per_channel : attributes that hold the state of each channel, and the axis that the channels are; None = channels
        are not independent of each other, and such streams do not run side by side.
    in_common : further attributes of the state: streams run side by side where they are equal.
    """

    layout: Layout
    delay_s: float = 0.0
    per_channel: ClassVar[Mapping[str, int] | None] = None
    in_common: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def process(self, chunk: Chunk) -> Chunk:
        """Push samples in, get every sample out that is now known."""

    @classmethod
    def process_in_series(cls, streams: Sequence[Self], chunk: Chunk) -> Chunk:
        """What the last stream gives when each is fed what the one before it gives, with the same bits."""
        for stream in streams:
            chunk = stream.process(chunk)
        return chunk

    def inputs_for(self, n_outputs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Samples that have come when so many are known, counted from the first: as many, unless the rate changes."""
        return n_outputs

    @abstractmethod
    def state_dict(self) -> State:
        """Everything needed to go on later, as arrays (copies)."""

    @abstractmethod
    def load_state_dict(self, state: State) -> None:
        """Go on from a ``state_dict()`` of a stream of the same step and layout."""

    @abstractmethod
    def reset(self) -> None:
        """Forget everything: the next sample is the first."""


class Stateless(Stream):
    """A stream that remembers nothing: each output sample depends on its own input sample only."""

    def state_dict(self) -> State:
        return {}

    def load_state_dict(self, state: State) -> None:
        if state:
            raise ValueError(f"{type(self).__name__} keeps no state, got {', '.join(sorted(state))}")

    def reset(self) -> None:
        pass


def joined(parts: Mapping[str, State]) -> State:
    """States of several parts as one, each under its name; :func:`part_of` takes them out again."""
    return {f"{name}.{key}": value for name, state in parts.items() for key, value in state.items()}


def part_of(state: Mapping[str, NDArray[Any]], name: str) -> State:
    """The state of the part of that name."""
    prefix = f"{name}."
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def restore(state: State, key: str, like: NDArray[Any], *, free_axis: int | None = None) -> NDArray[Any]:
    """A copy of ``state[key]`` with the dtype of ``like``; ``ValueError`` unless it has the shape of ``like``.

    The length of ``free_axis`` may differ (a buffer that grows and shrinks).
    """
    if key not in state:
        raise ValueError(
            f"state has no {key!r}, has {', '.join(sorted(state)) or 'nothing'}; save it with state_dict()"
        )
    value = np.array(state[key], dtype=like.dtype)
    expected, found = list(like.shape), list(value.shape)
    if free_axis is not None and len(expected) == len(found):
        expected[free_axis] = found[free_axis]
    if expected != found:
        raise ValueError(f"state {key!r} must have shape {like.shape} for this step and layout, got {value.shape}")
    return value


class Step(ABC):
    """The design of a step; subclasses are frozen dataclasses of plain numbers, strings and tuples."""

    @abstractmethod
    def open(self, layout: Layout) -> Stream:
        """A fresh stream for one patient; ``ValueError`` where the step does not fit the layout."""


@dataclass(frozen=True)
class Chain(Step):
    """Steps one after another."""

    steps: tuple[Step, ...]

    def open(self, layout: Layout) -> ChainStream:
        return ChainStream(self.steps, layout)


class ChainStream(Stream):
    """Streams fed one from the other; delays add up."""

    def __init__(self, steps: Sequence[Step], layout: Layout) -> None:
        self.streams: list[Stream] = []
        self._n_channels = layout.n_channels
        for step in steps:
            self.streams.append(step.open(layout))
            layout = self.streams[-1].layout
        self.layout = layout
        self.delay_s = sum(stream.delay_s for stream in self.streams)

    def process(self, chunk: Chunk) -> Chunk:
        """What the last step knows now; long chunks go through in blocks, which changes no bit of it."""
        if len(chunk.data) != self._n_channels:
            raise ValueError(f"chain was opened for {self._n_channels} channels, got a chunk of {len(chunk.data)}")
        block = max(MIN_BLOCK_TIMES, BLOCK_VALUES // max(1, len(chunk.data)))
        if chunk.n_times <= block:
            return _through(self.streams, chunk)
        cuts = range(0, chunk.n_times, block)
        return Chunk.join(
            [_through(self.streams, Chunk(chunk.data[:, i : i + block], chunk.good[:, i : i + block])) for i in cuts]
        )

    def inputs_for(self, n_outputs: NDArray[np.int64]) -> NDArray[np.int64]:
        for stream in reversed(self.streams):
            n_outputs = stream.inputs_for(n_outputs)
        return n_outputs

    @property
    def company(self) -> Hashable | None:
        """Chains of one design and rate run side by side where this is equal; None = this one runs alone."""
        if any(stream.per_channel is None for stream in self.streams):
            return None
        return tuple(getattr(stream, name) for stream in self.streams for name in stream.in_common)

    def state_dict(self) -> State:
        return joined({f"{i}": stream.state_dict() for i, stream in enumerate(self.streams)})

    def load_state_dict(self, state: State) -> None:
        for i, stream in enumerate(self.streams):
            stream.load_state_dict(part_of(state, f"{i}"))

    def reset(self) -> None:
        for stream in self.streams:
            stream.reset()


def _through(streams: Sequence[Stream], chunk: Chunk) -> Chunk:
    """A chunk through streams one after another; neighbours of one kind may do it in one go."""
    for _, neighbours in itertools.groupby(streams, type):
        series = list(neighbours)
        chunk = series[0].process_in_series(series, chunk)
    return chunk


def process_together(chains: Sequence[ChainStream], chunks: Sequence[Chunk]) -> list[Chunk]:
    """What each chain's ``process`` gives for its chunk, in order, with the same bits, for less than one call each.

    Parameters
    ----------
    chains : of one design and sampling rate, each another patient's.
    chunks : one for each; those of equal shape are worth the company.
    """
    alike: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place, (chain, chunk) in enumerate(zip(chains, chunks, strict=True)):
        company = chain.company
        alike[place if company is None else (company, chunk.data.shape)].append(place)
    out: dict[int, Chunk] = {}
    for places in alike.values():
        most = max(1, BLOCK_VALUES // max(1, chunks[places[0]].data.size))
        for first in range(0, len(places), most):
            some = places[first : first + most]
            if len(some) == 1:
                out[some[0]] = chains[some[0]].process(chunks[some[0]])
            else:
                joint = _side_by_side([chains[place] for place in some], [chunks[place] for place in some])
                out.update(zip(some, joint, strict=True))
    return [out[place] for place in range(len(chains))]


def _side_by_side(chains: Sequence[ChainStream], chunks: Sequence[Chunk]) -> list[Chunk]:
    """Chains in company as one wide chain: their channels one below another."""
    n = len(chains)
    wide = Chunk(
        data=np.concatenate([chunk.data for chunk in chunks]), good=np.concatenate([chunk.good for chunk in chunks])
    )
    together = list(zip(*(chain.streams for chain in chains), strict=True))
    joint = [_joined(streams) for streams in together]
    wide = _through(joint, wide)
    for streams, one in zip(together, joint, strict=True):
        for name, axis in (one.per_channel or {}).items():
            for stream, part in zip(streams, _shares(getattr(one, name), n, axis), strict=True):
                setattr(stream, name, part)
        for name in one.in_common:
            for stream in streams:
                setattr(stream, name, getattr(one, name))
    return [Chunk(*pair) for pair in zip(_shares(wide.data, n, 0), _shares(wide.good, n, 0), strict=True)]


def _shares(whole: NDArray[Any], n: int, axis: int) -> list[NDArray[Any]]:
    """Copies of ``n`` equal parts; a view would keep the arrays of all patients alive."""
    shape = whole.shape
    parts = whole.reshape(*shape[:axis], n, shape[axis] // n, *shape[axis + 1 :])
    return [part.copy() for part in np.moveaxis(parts, axis, 0)]


def _joined(streams: Sequence[Stream]) -> Stream:
    """One stream with the channels of all, one below another."""
    joint = copy.copy(streams[0])
    for name, axis in (joint.per_channel or {}).items():
        setattr(joint, name, np.concatenate([getattr(stream, name) for stream in streams], axis=axis))
    return joint

"""Which channels, and what is measured against what: picking, lead arithmetic, re-referencing.

Sums run over channels in a fixed order, one row at a time. A matrix product would be shorter,
but BLAS and numpy's reductions choose their order of summation by the array's shape, and the
output would then depend, in its last bits, on how the input was cut.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from biosig.records.channel_names import OTHER_NAME
from biosig.records.montages import DOUBLE_BANANA
from biosig.records.recording import Layout
from biosig.signal.stream import Chunk, Stateless, Step

__all__ = ["DOUBLE_BANANA", "LIMB_LEADS", "Bipolar", "Derive", "Pick", "Reference"]

LIMB_LEADS: dict[str, tuple[tuple[str, float], ...]] = {
    "III": (("II", 1.0), ("I", -1.0)),
    "aVR": (("I", -0.5), ("II", -0.5)),
    "aVL": (("I", 1.0), ("II", -0.5)),
    "aVF": (("II", 1.0), ("I", -0.5)),
}
"""Limb leads from I and II: Einthoven's law and Goldberger's augmented leads (Kligfield et al. 2007,
doi:10.1161/CIRCULATIONAHA.106.180200)."""


@dataclass(frozen=True)
class Pick(Step):
    """These channels, in this order."""

    channels: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_names("channels", self.channels)

    def open(self, layout: Layout) -> PickStream:
        return PickStream(layout, self)


class PickStream(Stateless):
    """Rows chosen by name."""

    def __init__(self, layout: Layout, step: Pick) -> None:
        self.layout = layout.pick(step.channels)
        self._rows = [layout.index(channel) for channel in step.channels]
        self._all = self._rows == list(range(layout.n_channels))

    def process(self, chunk: Chunk) -> Chunk:
        if self._all:
            return chunk
        return Chunk(data=chunk.data[self._rows], good=chunk.good[self._rows])


@dataclass(frozen=True)
class Derive(Step):
    """One more channel: a weighted sum of others, good where all of them are.

    ``Derive("III", (("II", 1.0), ("I", -1.0)))`` is ``Derive.limb("III")``.

    Parameters
    ----------
    name : the new channel, appended after those there are.
    terms : pairs of channel and weight; all channels have one unit, which the new one takes.
    """

    name: str
    terms: tuple[tuple[str, float], ...]

    def __post_init__(self) -> None:
        _check_names("terms", [channel for channel, _ in self.terms])
        for channel, weight in self.terms:
            if not math.isfinite(weight):
                raise ValueError(f"weight of {channel!r} must be a finite number, got {weight:g}")

    @classmethod
    def limb(cls, name: str) -> Derive:
        """A limb lead (III, aVR, aVL, aVF) from leads I and II."""
        if name not in LIMB_LEADS:
            raise ValueError(f"limb leads from I and II are {', '.join(LIMB_LEADS)}, got {name!r}")
        return cls(name, LIMB_LEADS[name])

    def open(self, layout: Layout) -> DeriveStream:
        return DeriveStream(layout, self)


class DeriveStream(Stateless):
    """Rows and weights of the terms."""

    def __init__(self, layout: Layout, step: Derive) -> None:
        if step.name in layout.channels:
            raise ValueError(f"channel {step.name!r} is already there: {', '.join(layout.channels)}")
        unit = layout.pick([channel for channel, _ in step.terms]).unit
        self.layout = replace(layout, channels=(*layout.channels, step.name), units=(*layout.units, unit))
        self._terms = [(layout.index(channel), weight) for channel, weight in step.terms]

    def process(self, chunk: Chunk) -> Chunk:
        data = np.empty((self.layout.n_channels, chunk.n_times))
        data[:-1], data[-1] = chunk.data, 0.0
        for row, weight in self._terms:
            data[-1] += weight * chunk.data[row]
        whole = chunk.good[[row for row, _ in self._terms]].all(axis=0, keepdims=True)
        return Chunk(data=data, good=np.concatenate([chunk.good, whole]))


@dataclass(frozen=True)
class Reference(Step):
    """Every channel against the mean of ``to``, or, without names, against the mean of all channels.

    The average over all leaves out channels that are bad at that instant (and is bad where
    none is left); a mean of named electrodes is bad where one of them is. Put it after the
    high-pass: a channel's offset must not jump into all others when that channel goes bad.

    Parameters
    ----------
    to : reference electrodes, such as ``("A1", "A2")`` for linked ears; empty = average reference.
    """

    to: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.to:
            _check_names("to", self.to)

    def open(self, layout: Layout) -> ReferenceStream:
        return ReferenceStream(layout, self)


class ReferenceStream(Stateless):
    """Rows of the reference."""

    def __init__(self, layout: Layout, step: Reference) -> None:
        if len(set(layout.units)) != 1:
            raise ValueError(f"Reference needs channels of one unit, has {', '.join(sorted(set(layout.units)))}")
        self.layout = layout
        self._named = [layout.index(channel) for channel in step.to]

    def process(self, chunk: Chunk) -> Chunk:
        if self._named:
            reference = _sum_rows(chunk.data, self._named) / len(self._named)
            whole = chunk.good[self._named].all(axis=0)
            return Chunk(data=chunk.data - reference, good=chunk.good & whole)
        n_channels = self.layout.n_channels
        if chunk.good.all():
            return Chunk(data=chunk.data - _sum_rows(chunk.data, range(n_channels)) / n_channels, good=chunk.good)
        n_good = chunk.good.sum(axis=0)
        total = _sum_rows(np.where(chunk.good, chunk.data, 0.0), range(n_channels))
        return Chunk(data=chunk.data - total / np.maximum(n_good, 1), good=chunk.good)


@dataclass(frozen=True)
class Bipolar(Step):
    """Differences of pairs of electrodes, named ``Fp1-F7``, good where both are.

    Parameters
    ----------
    pairs : first minus second. The default is the longitudinal "double banana" of the 10-20
        system; T3, T4, T5 and T6 serve where T7, T8, P7 and P8 are asked for, and the other way round.
    """

    pairs: tuple[tuple[str, str], ...] = DOUBLE_BANANA

    def __post_init__(self) -> None:
        _check_names("pairs", [f"{first}-{second}" for first, second in self.pairs])

    def open(self, layout: Layout) -> BipolarStream:
        return BipolarStream(layout, self)


class BipolarStream(Stateless):
    """Rows of first and second electrodes."""

    def __init__(self, layout: Layout, step: Bipolar) -> None:
        self._first = [_site(layout, first) for first, _ in step.pairs]
        self._second = [_site(layout, second) for _, second in step.pairs]
        for (first, second), a, b in zip(step.pairs, self._first, self._second, strict=True):
            if layout.units[a] != layout.units[b]:
                raise ValueError(f"{first}-{second} needs one unit, has {layout.units[a]} and {layout.units[b]}")
        self.layout = replace(
            layout,
            channels=tuple(f"{first}-{second}" for first, second in step.pairs),
            units=tuple(layout.units[row] for row in self._first),
        )

    def process(self, chunk: Chunk) -> Chunk:
        return Chunk(
            data=chunk.data[self._first] - chunk.data[self._second],
            good=chunk.good[self._first] & chunk.good[self._second],
        )


def _sum_rows(data: NDArray[np.float64], rows: Sequence[int]) -> NDArray[np.float64]:
    """Sum over these rows in this order, float64 (n_times,)."""
    total = np.zeros(data.shape[1])
    for row in rows:
        total += data[row]
    return total


def _site(layout: Layout, electrode: str) -> int:
    """Row of an electrode under its 10-10 or its 10-20 name."""
    other = OTHER_NAME.get(electrode, electrode)
    return layout.index(other if electrode not in layout.channels and other in layout.channels else electrode)


def _check_names(what: str, names: Sequence[str]) -> None:
    if not names:
        raise ValueError(f"{what} must name at least one channel, got none")
    if len(set(names)) != len(names):
        raise ValueError(f"{what} must name each channel once, got {', '.join(names)}")

"""Channels that are differences of stored ones, computed when they are read: a bipolar montage of any recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from biosig.errors import RecordError
from biosig.records.channel_names import OTHER_NAME, plain_name
from biosig.records.recording import Recording, Samples

__all__ = ["Differences", "as_pairs"]


@dataclass(frozen=True, eq=False)
class Differences:
    """Rows of other samples, each alone or minus another, float32 (n_channels, n_times).

    Parameters
    ----------
    stored : the samples they are made of.
    first, second : row numbers; -1 as second = nothing is taken off.
    """

    stored: Samples
    first: tuple[int, ...]
    second: tuple[int, ...]

    @property
    def n_times(self) -> int:
        """Samples per channel."""
        return self.stored.n_times

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Samples ``start`` to ``stop``; NaN where either side was not recorded."""
        rows = self.stored.read(start, stop)
        out = rows[list(self.first)]
        taken = [row for row, second in enumerate(self.second) if second >= 0]
        out[taken] -= rows[[self.second[row] for row in taken]]
        return out

    def pick(self, rows: Sequence[int]) -> Differences:
        """The same samples, only these rows, in this order."""
        return replace(
            self, first=tuple(self.first[row] for row in rows), second=tuple(self.second[row] for row in rows)
        )


def as_pairs(recording: Recording, pairs: Sequence[str], *, reference: str = "") -> Recording:
    """The recording in bipolar derivations such as ``Fp1-F7``: stored ones as they are, others made of electrodes.

    Parameters
    ----------
    pairs : names of the derivations.
    reference : what the electrodes are called against where that is part of their names (``Fp1-CS2``: ``CS2``).

    Raises
    ------
    RecordError : neither the derivation nor both its electrodes are there, or they are in different units or stored at
        a lower rate than the recording's.
    """
    layout = recording.layout
    place = {name: row for row, name in reversed(list(enumerate(layout.channels)))}
    if reference:
        place |= {plain_name(name.removesuffix(f"-{reference}")): row for name, row in list(place.items())}
    first, second = [], []
    for pair in pairs:
        rows = [place.get(name, place.get(OTHER_NAME.get(name, ""), -1)) for name in pair.split("-")]
        if pair in place:
            rows = [place[pair], -1]
        elif len(rows) != 2 or -1 in rows:
            raise RecordError(
                f"{recording.name}: neither {pair!r} nor both its electrodes found, has {', '.join(layout.channels)}"
            )
        units = {layout.units[row] for row in rows if row >= 0}
        if len(units) > 1:
            raise RecordError(
                f"{recording.name}: {pair} needs one unit, has {' and '.join(sorted(units, reverse=True))}"
            )
        slow = [row for row in rows if row >= 0 and recording.channel_fs and recording.channel_fs[row] < layout.fs]
        if slow:
            name = layout.channels[slow[0]]
            raise RecordError(f"{recording.name}: {pair} needs samples at {layout.fs:g} Hz, {name} has fewer")
        first.append(rows[0])
        second.append(rows[1])
    used = sorted({*first, *second} - {-1})
    at = {row: number for number, row in enumerate(used)} | {-1: -1}
    samples = Differences(
        recording.samples.pick(used), tuple(at[row] for row in first), tuple(at[row] for row in second)
    )
    return replace(
        recording,
        layout=replace(layout, channels=tuple(pairs), units=tuple(layout.units[row] for row in first)),
        samples=samples,
        channel_fs=(),
        rails=(),
    )

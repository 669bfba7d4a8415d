"""How the signal itself is, second by second: what tells asystole from a lead that fell off.

Scores come with beats, and no beats bring no scores. So one :class:`SignalState` per second of signal is
told whatever happens, for the alarms that speak when nothing else does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.errors import SourceError
from biosig.monitoring.events import SignalState
from biosig.records.recording import Layout
from biosig.signal.quality import Quality
from biosig.signal.stream import Chunk, State, joined, part_of

__all__ = ["SignalWatch"]


_ROUNDING = 1e-6
"""Samples by which a product of floats may miss a whole number of them."""
_LEAST_STEP = 2.0**-18
"""Share of a converter's range that its smallest step is larger than, up to 17 bits: how near a rail is at it."""


class SignalWatch:
    """One patient's signal states, the same however the samples were cut into chunks.

    Parameters
    ----------
    layout : of the raw samples.
    channels : the ones watched, by name in ``layout``; default all. Shares are over all their samples.
    every_s : seconds of signal per state.
    quality : what is flat and what is saturated.
    rails : lowest and highest value that the converter of each of ``layout``'s channels can give; a sample there is
        saturated, too. Empty = not known.

    Notes
    -----
    A sample is ``missing`` where it is NaN, ``flat`` where :class:`~biosig.signal.quality.Quality` finds it at the
    end of a still stretch, ``saturated`` at or beyond the limit or at a rail, and ``good`` where it is none of these.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        channels: Sequence[str] | None = None,
        every_s: float = 1.0,
        quality: Quality | None = None,
        rails: Sequence[tuple[float, float]] = (),
    ) -> None:
        chosen = layout.channels if channels is None else tuple(channels)
        self._rows = np.array([layout.index(channel) for channel in chosen])
        self._n_channels = layout.n_channels
        self._fs = layout.fs
        self._every_s = every_s
        if round(every_s * layout.fs) < 1:
            raise ValueError(f"a state must tell of at least one sample: every_s >= {1 / layout.fs:g}, got {every_s}")
        design = quality or Quality()
        self._limit = design.limit
        known = np.array([rails[row] for row in self._rows] if rails else [], dtype=np.float64).reshape(-1, 2)
        self._rails = [] if not np.isfinite(known).any() else [known[:, :1], known[:, 1:]]
        self._slack = np.nan_to_num(_LEAST_STEP * (known[:, 1:] - known[:, :1]), posinf=0.0)
        self._stillness = design.open(layout.pick(chosen))
        self.reset()

    def reset(self, at_s: float = 0.0) -> None:
        """Forget everything: the next sample is the first, at ``at_s``."""
        self._stillness.reset()
        self._origin_s = at_s
        self._seen = 0
        self._told = 0
        self._counts = [0, 0, 0, 0]

    @property
    def seen(self) -> int:
        """Samples that have come since the last reset."""
        return self._seen

    def complete(self, seen: int) -> int:
        """States told by the time that so many samples have come since the last reset."""
        return int((seen + _ROUNDING) / (self._every_s * self._fs))

    def push(self, samples: NDArray[Any]) -> list[SignalState]:
        """Samples (n_channels, n), NaN = not recorded, in; every state that is now complete out."""
        if samples.ndim != 2 or len(samples) != self._n_channels:
            raise SourceError(f"expected chunks of ({self._n_channels}, n) samples, got shape {samples.shape}")
        chunk = Chunk.of(samples.take(self._rows, axis=0))
        good = self._stillness.process(chunk).good
        if self._rails:
            good = good & ~self._saturated(chunk.data)
        states, begun = [], 0
        while (edge := self._edge(self._told + 1)) <= self._seen + chunk.n_times:
            place = edge - self._seen
            self._count(chunk.data[:, begun:place], chunk.good[:, begun:place], good[:, begun:place])
            states.append(self._state(edge - self._edge(self._told)))
            self._told += 1
            begun = place
        self._count(chunk.data[:, begun:], chunk.good[:, begun:], good[:, begun:])
        self._seen += chunk.n_times
        return states

    def _count(self, data: NDArray[np.float64], there: NDArray[np.bool_], good: NDArray[np.bool_]) -> None:
        """Add a stretch within one state to its counts."""
        n_good = int(np.count_nonzero(good))
        self._counts[0] += n_good
        if n_good == good.size:
            return
        saturated = there & self._saturated(data)
        for kind, marked in enumerate((there & ~good & ~saturated, saturated, ~there), start=1):
            self._counts[kind] += int(np.count_nonzero(marked))

    def _saturated(self, data: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Samples beyond the limit or at a rail; NaN is not."""
        found = np.abs(data) >= self._limit
        for rail in self._rails:
            found |= np.abs(data - rail) <= self._slack
        return found

    def _edge(self, number: int) -> int:
        """Samples seen when this many states are complete."""
        return math.ceil(number * self._every_s * self._fs - _ROUNDING)

    def _state(self, n_times: int) -> SignalState:
        """The state that is complete with ``n_times`` samples; its counts begin anew."""
        good, flat, saturated, missing = (count / (n_times * len(self._rows)) for count in self._counts)
        self._counts = [0, 0, 0, 0]
        time_s = self._origin_s + (self._told + 1) * self._every_s
        return SignalState(time_s=time_s, good=good, flat=flat, saturated=saturated, missing=missing)

    def state_dict(self) -> State:
        """Everything needed to go on later, as arrays."""
        own = {"places": np.array([self._seen, self._told], dtype=np.int64), "counts": np.array(self._counts)}
        own["origin_s"] = np.array(self._origin_s)
        return own | joined({"stillness": self._stillness.state_dict()})

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a ``state_dict()`` of a watch of the same layout and design."""
        self._seen, self._told = (int(value) for value in state["places"])
        self._counts = [int(count) for count in state["counts"]]
        self._origin_s = float(state["origin_s"])
        self._stillness.load_state_dict(part_of(state, "stillness"))

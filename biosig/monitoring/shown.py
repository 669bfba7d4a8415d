"""What a patient's signal shows by itself, scores apart: how good it is, and how much like flutter.

Long stretches are looked at in one go, and what is found is told by the tick in which it was known.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.monitoring.events import FibrillationScore, SignalState
from biosig.monitoring.watch import SignalWatch
from biosig.records.recording import Layout
from biosig.signal.fibrillation import Fibrillation
from biosig.signal.stream import Chunk, State, joined, part_of

__all__ = ["Looks", "Shown"]


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What became known in one tick."""

    states: list[SignalState]
    flutter: list[FibrillationScore] = field(default_factory=list)


class Looks:
    """One patient's signal.

    Parameters
    ----------
    layout : of the raw samples.
    channels : whose signal state is told, by name.
    rails : lowest and highest value that each channel's converter can give; empty = not known.
    lead : the channel that fibrillation is looked for on; None = it is not.
    """

    def __init__(
        self, layout: Layout, *, channels: Sequence[str], rails: Sequence[tuple[float, float]], lead: str | None
    ) -> None:
        self._watch = SignalWatch(layout, channels=channels, rails=rails)
        self._flutter = None if lead is None else Fibrillation().open(layout.pick([lead]))
        self._row = 0 if lead is None else layout.index(lead)
        self._origin_s = 0.0

    def reset(self, at_s: float) -> None:
        """Forget everything: the next sample is the first, at ``at_s``."""
        self._origin_s = at_s
        self._watch.reset(at_s)
        if self._flutter is not None:
            self._flutter.reset()

    def push(self, ticks: Sequence[NDArray[np.float32]]) -> list[Shown]:
        """Consecutive samples, (n_channels, n) each, in; what became known in each of them out."""
        ends = list(accumulate((samples.shape[1] for samples in ticks), initial=self._watch.seen))
        whole = np.concatenate(ticks, axis=1)
        states, complete = self._watch.push(whole), [self._watch.complete(end) for end in ends]
        shown = [Shown(states[a - complete[0] : b - complete[0]]) for a, b in pairwise(complete)]
        if self._flutter is not None:
            found = self._flutter.process(Chunk.of(whole[[self._row]]))
            columns = (found.known, self._origin_s + found.time_s, found.value, found.usable)
            for known, time_s, value, usable in zip(*(column.tolist() for column in columns), strict=True):
                score = FibrillationScore(time_s, time_s, value, usable)
                shown[bisect_left(ends, known, lo=1) - 1].flutter.append(score)
        return shown

    def state_dict(self) -> State:
        """Everything needed to go on later, as arrays."""
        flutter = {} if self._flutter is None else self._flutter.state_dict()
        return {"origin_s": np.array(self._origin_s)} | joined({"watch": self._watch.state_dict(), "flutter": flutter})

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a ``state_dict()`` of looks at the same layout for the same."""
        self._origin_s = float(state["origin_s"])
        self._watch.load_state_dict(part_of(state, "watch"))
        if self._flutter is not None:
            self._flutter.load_state_dict(part_of(state, "flutter"))

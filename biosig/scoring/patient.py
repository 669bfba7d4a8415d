"""One patient on the way to a bundle's windows, and the samples of those windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.errors import BundleError
from biosig.recipe import Recipe
from biosig.records.recording import Layout
from biosig.scoring.leads import check_fits, map_leads
from biosig.signal.stream import State, joined, part_of
from biosig.windows.stream import Cutting, WindowStream

__all__ = ["PatientWindows", "Ready"]


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """Windows now complete.

    Parameters
    ----------
    cutting : the windows.
    samples : of them, float32 (n, n_channels, length).
    origin_s : time of the first sample of the signal that ``cutting`` counts from.
    """

    cutting: Cutting
    samples: NDArray[np.float32]
    origin_s: float


class PatientWindows:
    """One patient: the way to windows, and the samples that windows still to come may need.

    Parameters
    ----------
    recipe : of the bundle, or of one of several whose windows are the same.
    layout : of the raw samples.
    lead_map : source channel -> channel of the bundle that it stands in for.
    """

    def __init__(self, recipe: Recipe, layout: Layout, lead_map: Mapping[str, str] | None) -> None:
        known = map_leads(layout, lead_map, bundle=recipe.name)
        check_fits(recipe, known)
        channels = recipe.data.channels
        self._rows: NDArray[np.int64] = np.array([known.find(channel) for channel in channels])
        self._lacks = bool((self._rows < 0).any())
        whole = Layout(channels, known.fs, (recipe.data.unit,) * len(channels))
        try:
            self.stream = WindowStream(recipe.chain, recipe.cutter, whole)
        except ValueError as error:
            raise BundleError(f"bundle {recipe.name!r} does not fit the source: {error}") from None
        self.reset()

    def reset(self, at_s: float = 0.0) -> None:
        """Forget everything: the next sample is the first, at ``at_s``."""
        self.stream.reset()
        self.origin_s = at_s
        self._signal = np.zeros((self.stream.n_channels, 0), dtype=np.float32)
        self._signal_start = 0

    def push(self, chunk: NDArray[Any]) -> Ready:
        """Take samples (n_channels, n) in; what they complete."""
        return self.push_together([self], [chunk])[0]

    @staticmethod
    def push_together(patients: Sequence[PatientWindows], chunks: Sequence[NDArray[Any]]) -> list[Ready]:
        """What each patient's ``push`` gives, in order; patients of one recipe and sampling rate."""
        chosen = [patient._choose(chunk) for patient, chunk in zip(patients, chunks, strict=True)]
        cuttings = WindowStream.push_together([patient.stream for patient in patients], chosen)
        return [patient._gather(cutting) for patient, cutting in zip(patients, cuttings, strict=True)]

    def _choose(self, chunk: NDArray[Any]) -> NDArray[Any]:
        """The recipe's channels (n_channels, n) of a source's samples; NaN, not recorded, where it lacks one."""
        chosen = chunk.take(self._rows, axis=0, mode="clip")
        if self._lacks:
            chosen = chosen.astype(np.float64)
            chosen[self._rows < 0] = np.nan
        return chosen

    def flush(self) -> Ready:
        """What the end of the recording completes."""
        return self._gather(self.stream.flush())

    def _gather(self, cutting: Cutting) -> Ready:
        signal = np.concatenate([self._signal, cutting.signal], axis=1) if self._signal.size else cutting.signal
        samples = np.empty((len(cutting.start), len(signal), self.stream.length), dtype=np.float32)
        for window, start in zip(samples, cutting.start.tolist(), strict=True):
            first = start - self._signal_start
            window[:] = signal[:, first : first + self.stream.length]
        spare = min(max(0, self.stream.needed_from - self._signal_start), signal.shape[1])
        self._signal = signal[:, spare:].copy()
        self._signal_start += spare
        return Ready(cutting, samples, self.origin_s)

    def state_dict(self) -> State:
        """Everything needed to go on later, as arrays."""
        own = {"signal": self._signal.copy(), "start": np.array(self._signal_start)}
        own["origin_s"] = np.array(self.origin_s)
        return own | joined({"stream": self.stream.state_dict()})

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a ``state_dict()`` of the same bundle and layout."""
        self.stream.load_state_dict(part_of(state, "stream"))
        self._signal = np.array(state["signal"], dtype=np.float32)
        self._signal_start = int(state["start"])
        self.origin_s = float(state["origin_s"])

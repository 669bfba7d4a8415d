"""The one scorer: raw samples in, scores out, for a file fed once and for a ward of live patients.

What is kept of a patient is the way from samples to windows and the embeddings of the last
windows. Nothing learns while scoring, and no score depends on who else is in the batch (within 1e-5)
or on how the samples were cut into chunks (windows: to the bit; scores: within 1e-5).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from biosig.errors import BundleError, SourceError
from biosig.recipe import Recipe
from biosig.records.recording import Layout
from biosig.scoring.leads import check_fits, map_leads
from biosig.signal.stream import State
from biosig.training.device import choose_device
from biosig.training.predict import Networks, decide
from biosig.windows.stream import Cutting, WindowStream

__all__ = ["Score", "Scorer", "Trained", "Ward"]

BATCH = 256
"""Windows a network is given at a time: larger batches leave a core's cache and gain nothing."""

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
class Score:
    """What the bundle says about one window.

    Parameters
    ----------
    time_s : what the window is about (R peak; its first sample), seconds from the patient's first sample.
    start_s, end_s : the window's first sample and the end of its last.
    ready_s : when the score was due: it comes with the first chunk that reaches this time, never later (and for
        windows of fixed length at most one filtered sample earlier).
    label : the class decided on; ``""`` where the window is not usable: silence never looks like health.
    probs : float64 (n_classes,), class probabilities in the order of the bundle's labels.
    anomaly : how unlike the normal ones the window is; NaN where the bundle does not say.
    good : usable share of the window's samples, 0 to 1.
    usable : whether that share suffices (``min_good`` of the recipe).
    """

    time_s: float
    start_s: float
    end_s: float
    ready_s: float
    label: str
    probs: NDArray[np.float64]
    anomaly: float
    good: float
    usable: bool


class _Bed:
    """One patient: the way to windows, samples that windows still to come may need, the last embeddings.

    ``memory`` is float32 (n, n_networks, width), the last n < context embeddings.
    """

    def __init__(self, recipe: Recipe, layout: Layout, lead_map: Mapping[str, str] | None) -> None:
        known = map_leads(layout, lead_map, bundle=recipe.name)
        check_fits(recipe, known)
        self.n_channels = layout.n_channels
        self._rows = [known.index(channel) for channel in recipe.data.channels]
        try:
            self.stream = WindowStream(recipe.chain, recipe.cutter, known.pick(recipe.data.channels))
        except ValueError as error:
            raise BundleError(f"bundle {recipe.name!r} does not fit the source: {error}") from None
        self.reset()

    def reset(self, at_s: float = 0.0) -> None:
        self.stream.reset()
        self.origin_s = at_s
        self.memory = np.zeros((0, 0, 0), dtype=np.float32)
        self._signal = np.zeros((self.stream.n_channels, 0), dtype=np.float32)
        self._signal_start = 0

    def push(self, chunk: NDArray[Any]) -> tuple[Cutting, NDArray[np.float32]]:
        """Windows now complete, and their samples (n, n_channels, length)."""
        if chunk.ndim != 2 or len(chunk) != self.n_channels:
            raise SourceError(f"expected chunks of ({self.n_channels}, n) samples, got shape {chunk.shape}")
        return self._gather(self.stream.push(chunk[self._rows]))

    def flush(self) -> tuple[Cutting, NDArray[np.float32]]:
        return self._gather(self.stream.flush())

    def _gather(self, cutting: Cutting) -> tuple[Cutting, NDArray[np.float32]]:
        signal = np.concatenate([self._signal, cutting.signal], axis=1) if self._signal.size else cutting.signal
        place = (cutting.start - self._signal_start)[:, None] + np.arange(self.stream.length)
        samples = signal[:, place].swapaxes(0, 1)
        spare = min(max(0, self.stream.needed_from - self._signal_start), signal.shape[1])
        self._signal = signal[:, spare:].copy()
        self._signal_start += spare
        return cutting, samples

    def state_dict(self) -> State:
        own = {"memory": self.memory.copy(), "signal": self._signal.copy(), "start": np.array(self._signal_start)}
        own["origin_s"] = np.array(self.origin_s)
        return own | {f"stream.{key}": value for key, value in self.stream.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        prefix = "stream."
        self.stream.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
        self.memory = np.array(state["memory"], dtype=np.float32)
        self._signal = np.array(state["signal"], dtype=np.float32)
        self._signal_start = int(state["start"])
        self.origin_s = float(state["origin_s"])


class Ward(Generic[Patient]):
    """Many patients and one bundle: a state for each, and one call of the networks for all windows that are ready.

    Parameters
    ----------
    bundle : what scores them.
    layouts : of the raw samples, per patient; channels beyond the bundle's are left out.
    lead_map : source channel -> channel of the bundle that it stands in for; warns with ``LeadMapWarning``.
    device : ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    BundleError : a layout lacks what the bundle needs.
    """

    def __init__(
        self,
        bundle: Trained,
        layouts: Mapping[Patient, Layout],
        *,
        lead_map: Mapping[str, str] | None = None,
        device: str = "cpu",
    ) -> None:
        self._recipe = bundle.recipe
        self._decision = bundle.decision
        self._names = (*bundle.recipe.data.labels, "")
        context = bundle.recipe.windows.context
        self._networks = Networks(bundle.models, context=context, device=choose_device(device))
        self._lead_map = lead_map
        self._beds: dict[Patient, _Bed] = {}
        for patient, layout in layouts.items():
            self.admit(patient, layout)

    @property
    def patients(self) -> tuple[Patient, ...]:
        """Who is in the ward."""
        return tuple(self._beds)

    def admit(self, patient: Patient, layout: Layout) -> None:
        """A new patient, with nothing known of them; ``BundleError`` where the layout does not fit the bundle."""
        if patient in self._beds:
            raise ValueError(f"patient {patient!r} is in the ward already; discharge them first")
        self._beds[patient] = _Bed(self._recipe, layout, self._lead_map)

    def discharge(self, patient: Patient) -> None:
        """Forget a patient."""
        del self._beds[patient]

    def latency_s(self, patient: Patient) -> float:
        """No score comes later than this after its ``time_s``, in seconds of signal."""
        return self._beds[patient].stream.latency_s

    def push(self, chunks: Mapping[Patient, NDArray[Any]]) -> dict[Patient, list[Score]]:
        """Every score that is now due, per patient who sent samples (n_channels, n), n free; NaN = not recorded."""
        return self._score({patient: self._beds[patient].push(chunk) for patient, chunk in chunks.items()})

    def flush(self, patients: Sequence[Patient] | None = None) -> dict[Patient, list[Score]]:
        """The scores that the end of these patients' recordings (default: all) completes."""
        chosen = self.patients if patients is None else patients
        return self._score({patient: self._beds[patient].flush() for patient in chosen})

    def reset(self, patient: Patient, at_s: float = 0.0) -> None:
        """Forget what was seen of a patient: the next sample is the first, at ``at_s``."""
        self._beds[patient].reset(at_s)

    def state_dict(self, patient: Patient) -> State:
        """Everything needed to go on with a patient later, as arrays."""
        return self._beds[patient].state_dict()

    def load_state_dict(self, patient: Patient, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a ``state_dict()`` of the same bundle and layout."""
        self._beds[patient].load_state_dict(state)

    def _score(self, ready: Mapping[Patient, tuple[Cutting, NDArray[np.float32]]]) -> dict[Patient, list[Score]]:
        scores: dict[Patient, list[Score]] = {patient: [] for patient in ready}
        waiting = {patient: pair for patient, pair in ready.items() if len(pair[0].start)}
        if not waiting:
            return scores
        samples = np.concatenate([samples for _, samples in waiting.values()])
        features = np.concatenate([cutting.features for cutting, _ in waiting.values()])
        probs = self._judge(list(waiting), [len(cutting.start) for cutting, _ in waiting.values()], samples, features)
        good = np.concatenate([cutting.good for cutting, _ in waiting.values()])
        usable = good >= self._recipe.windows.min_good
        number = np.where(usable, decide(probs, self._decision), len(self._names) - 1)
        first = 0
        for patient, (cutting, _) in waiting.items():
            rows = slice(first, first + len(cutting.start))
            scores[patient] = self._tell(patient, cutting, probs[rows], number[rows], usable[rows])
            first = rows.stop
        return scores

    def _judge(
        self,
        patients: Sequence[Patient],
        counts: Sequence[int],
        samples: NDArray[np.float32],
        features: NDArray[np.float32],
    ) -> NDArray[np.float64]:
        """Probabilities (n, n_classes) of new windows, ``counts`` of them per patient; remembers their embeddings."""
        networks = self._networks
        batches = zip(_batches(samples), _batches(features), strict=True)
        new = np.concatenate(
            [
                networks.embed(part.to(networks.device), known.to(networks.device)).cpu().numpy()
                for part, known in batches
            ]
        )
        context = networks.context
        known: list[NDArray[np.float32]] = []
        last = np.empty(len(new), dtype=np.int64)
        count = np.empty(len(new), dtype=np.int64)
        first = n_known = 0
        for patient, n in zip(patients, counts, strict=True):
            bed = self._beds[patient]
            rows = slice(first, first + n)
            own = np.concatenate([bed.memory, new[rows]]) if bed.memory.size else new[rows]
            bed.memory = own[max(0, len(own) - context + 1) :].copy()
            last[rows] = n_known + np.arange(len(own) - n, len(own))
            count[rows] = np.minimum(np.arange(len(own) - n, len(own)) + 1, context)
            known.append(own)
            first, n_known = first + n, n_known + len(own)
        pool = torch.from_numpy(np.concatenate(known)).to(networks.device)
        place = np.minimum((last - count + 1)[:, None] + np.arange(context), last[:, None])
        batches = zip(_batches(place), _batches(count), strict=True)
        return np.concatenate([networks.decide(pool[rows], there.to(networks.device)) for rows, there in batches])

    def _tell(
        self,
        patient: Patient,
        cutting: Cutting,
        probs: NDArray[np.float64],
        number: NDArray[np.int64],
        usable: NDArray[np.bool_],
    ) -> list[Score]:
        bed = self._beds[patient]
        time_s = bed.origin_s + cutting.onset_s
        start_s = time_s - bed.stream.before_s
        rows = zip(
            time_s.tolist(),
            start_s.tolist(),
            (start_s + bed.stream.length_s).tolist(),
            (bed.origin_s + cutting.ready_s).tolist(),
            number.tolist(),
            probs,
            cutting.good.tolist(),
            usable.tolist(),
            strict=True,
        )
        return [
            Score(time, start, end, ready, self._names[at], row.copy(), float("nan"), share, sufficient)
            for time, start, end, ready, at, row, share, sufficient in rows
        ]


class Scorer:
    """One patient and one bundle; scoring a recording is the same object fed piece by piece.

    Parameters
    ----------
    bundle : what scores.
    layout : of the raw samples; channels beyond the bundle's are left out.
    lead_map : source channel -> channel of the bundle that it stands in for; warns with ``LeadMapWarning``.
    device : ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    BundleError : the layout lacks what the bundle needs.
    """

    def __init__(
        self, bundle: Trained, layout: Layout, *, lead_map: Mapping[str, str] | None = None, device: str = "cpu"
    ) -> None:
        self._ward = Ward(bundle, {0: layout}, lead_map=lead_map, device=device)
        self.latency_s = self._ward.latency_s(0)
        """No score comes later than this after its ``time_s``, in seconds of signal."""

    def push(self, chunk: NDArray[Any]) -> list[Score]:
        """Samples (n_channels, n), NaN = not recorded, in; every score that is now due out."""
        return self._ward.push({0: chunk})[0]

    def flush(self) -> list[Score]:
        """The scores that the end of the recording completes; ``reset`` before going on."""
        return self._ward.flush()[0]

    def reset(self, at_s: float = 0.0) -> None:
        """Forget everything: the next sample is the first, at ``at_s``."""
        self._ward.reset(0, at_s)

    def state_dict(self) -> State:
        """Everything needed to go on later, as arrays."""
        return self._ward.state_dict(0)

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a ``state_dict()`` of the same bundle and layout."""
        self._ward.load_state_dict(0, state)


def _batches(array: NDArray[Any]) -> tuple[torch.Tensor, ...]:
    return torch.split(torch.from_numpy(array), BATCH)

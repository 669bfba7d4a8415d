"""The one scorer: raw samples in, scores out, for a file fed once and for a ward of live patients.

What is kept of a patient is the way from samples to windows and what the networks made of the last
windows. Nothing learns while scoring, and no score depends on who else is in the batch (within 1e-5)
or on how the samples were cut into chunks (windows: to the bit; scores: within 1e-5).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from biosig.errors import SourceError
from biosig.recipe import Recipe
from biosig.records.recording import Layout
from biosig.scoring.judge import Judge, Trained, Verdicts
from biosig.scoring.patient import PatientWindows, Ready
from biosig.signal.stream import State, joined, part_of
from biosig.windows.stream import WindowStream

__all__ = ["Cut", "Score", "Scorer", "Trained", "Ward"]

Patient = TypeVar("Patient", bound=Hashable)


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """What the bundle says about one window.

    Parameters
    ----------
    time_s : what the window is about (R peak; its first sample), seconds from the patient's first sample.
    start_s, end_s : the window's first sample and the end of its last.
    ready_s : when the score was due: it comes with the first chunk that reaches this time, never later (and for
        windows of fixed length at most one filtered sample earlier).
    known : raw samples that had come, counted from the patient's first, when the score came; more than there are where
        only the end of the recording completed it.
    label : the class decided on; where the window is not usable ``""`` (silence never looks like health), or what
        the bundle's recipe calls it then.
    probs : float64 (n_classes,), class probabilities in the order of the bundle's labels.
    anomaly : how unlike the normal ones the window is; NaN where the bundle does not say.
    good : usable share of the window's samples, 0 to 1.
    usable : whether that share suffices (``min_good`` of the recipe).
    bundle : name of the bundle that says so.
    """

    time_s: float
    start_s: float
    end_s: float
    ready_s: float
    known: int
    label: str
    probs: NDArray[np.float64]
    anomaly: float
    good: float
    usable: bool
    bundle: str


@dataclass(eq=False)
class _Group(Generic[Patient]):
    """Bundles whose windows are the same, so that they are cut once for all."""

    recipe: Recipe
    judges: list[Judge[Patient]]
    patients: dict[Patient, PatientWindows] = field(default_factory=dict)

    def push(self, chunks: Mapping[Patient, NDArray[Any]]) -> dict[Patient, Ready]:
        """What each patient's samples complete; those of one sampling rate are taken together."""
        by_rate: defaultdict[float, list[Patient]] = defaultdict(list)
        for patient in chunks:
            by_rate[self.patients[patient].stream.layout.fs].append(patient)
        ready: dict[Patient, Ready] = {}
        for some in by_rate.values():
            windows = [self.patients[patient] for patient in some]
            pushed = PatientWindows.push_together(windows, [chunks[patient] for patient in some])
            ready.update(zip(some, pushed, strict=True))
        return ready


@dataclass(frozen=True, slots=True, eq=False)
class Cut(Generic[Patient]):
    """Windows of a ward that are complete and wait to be judged.

    Parameters
    ----------
    patients : whom samples came of.
    ready : of each group of the ward's bundles, by patient.
    """

    patients: tuple[Patient, ...]
    ready: tuple[dict[Patient, Ready], ...]


class Ward(Generic[Patient]):
    """Many patients: a state for each, and one call of a bundle's networks for all windows that are ready.

    Bundles with the same channels, steps and cutter share their windows: they are cut once. However many samples are
    pushed at a time, the scores are the same; ``Score.known`` says with which sample each was due.

    Parameters
    ----------
    bundles : what scores them, one or several.
    layouts : of the raw samples, per patient; channels beyond the bundles' are left out.
    lead_map : source channel -> channel of the bundles that it stands in for; warns with ``LeadMapWarning``.
    device : ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    BundleError : a layout lacks what a bundle needs.
    """

    def __init__(
        self,
        bundles: Trained | Sequence[Trained],
        layouts: Mapping[Patient, Layout],
        *,
        lead_map: Mapping[str, str] | None = None,
        device: str = "cpu",
    ) -> None:
        self._lead_map = lead_map
        self._groups: list[_Group[Patient]] = []
        for bundle in bundles if isinstance(bundles, Sequence) else [bundles]:
            judge: Judge[Patient] = Judge(bundle, device)
            group = next((group for group in self._groups if _same_windows(group.recipe, bundle.recipe)), None)
            if group is None:
                self._groups.append(_Group(bundle.recipe, [judge]))
            else:
                group.judges.append(judge)
        self._layouts: dict[Patient, Layout] = {}
        for patient, layout in layouts.items():
            self.admit(patient, layout)

    @property
    def patients(self) -> tuple[Patient, ...]:
        """Who is in the ward."""
        return tuple(self._layouts)

    def admit(self, patient: Patient, layout: Layout) -> None:
        """A new patient, with nothing known of them; ``BundleError`` where the layout does not fit a bundle."""
        if patient in self._layouts:
            raise ValueError(f"patient {patient!r} is in the ward already; discharge them first")
        opened = [PatientWindows(group.recipe, layout, self._lead_map) for group in self._groups]
        self._layouts[patient] = layout
        for group, windows in zip(self._groups, opened, strict=True):
            group.patients[patient] = windows
            for judge in group.judges:
                judge.forget(patient)

    def discharge(self, patient: Patient) -> None:
        """Forget a patient."""
        del self._layouts[patient]
        for group in self._groups:
            del group.patients[patient]
            for judge in group.judges:
                judge.discharge(patient)

    def latency_s(self, patient: Patient, bundle: str | None = None) -> float:
        """No score (of a bundle; default: of any) comes later than this after its ``time_s``, in seconds of signal."""
        asked = [group for group in self._groups if bundle in (None, *(judge.name for judge in group.judges))]
        return max(group.patients[patient].stream.latency_s for group in asked)

    def seen(self, patient: Patient) -> int:
        """Samples that have come of a patient, since the last reset."""
        return self._groups[0].patients[patient].stream.seen

    def push(self, chunks: Mapping[Patient, NDArray[Any]]) -> dict[Patient, list[Score]]:
        """Every score that is now due, per patient who sent samples (n_channels, n), n free; NaN = not recorded.

        ``SourceError`` where a chunk has not the channels of its patient's layout; nobody's is taken in then.
        """
        return self.judge(self.cut(chunks))

    def cut(self, chunks: Mapping[Patient, NDArray[Any]]) -> Cut[Patient]:
        """The first half of ``push``: from samples to windows, for :meth:`judge`.

        The two halves share no state, so one thread can cut while another judges what was cut before. What else there
        is to be called waits until everything that was cut is judged.
        """
        for patient, chunk in chunks.items():
            n_channels = self._layouts[patient].n_channels
            if chunk.ndim != 2 or len(chunk) != n_channels:
                raise SourceError(f"expected chunks of ({n_channels}, n) samples, got shape {chunk.shape}")
        return Cut(tuple(chunks), tuple(group.push(chunks) for group in self._groups))

    def judge(self, cut: Cut[Patient]) -> dict[Patient, list[Score]]:
        """The second half of ``push``: the scores of windows, in the order in which they were cut."""
        scores: dict[Patient, list[Score]] = {patient: [] for patient in cut.patients}
        for group, ready in zip(self._groups, cut.ready, strict=True):
            _score(group, ready, scores)
        if len(self._groups) > 1:
            for found in scores.values():
                found.sort(key=lambda score: score.ready_s)
        return scores

    def flush(self, patients: Sequence[Patient] | None = None) -> dict[Patient, list[Score]]:
        """The scores that the end of these patients' recordings (default: all) completes."""
        chosen = self.patients if patients is None else tuple(patients)
        ends = ({patient: group.patients[patient].flush() for patient in chosen} for group in self._groups)
        return self.judge(Cut(chosen, tuple(ends)))

    def reset(self, patient: Patient, at_s: float = 0.0) -> None:
        """Forget what was seen of a patient: the next sample is the first, at ``at_s``."""
        for group in self._groups:
            group.patients[patient].reset(at_s)
            for judge in group.judges:
                judge.forget(patient)

    def state_dict(self, patient: Patient) -> State:
        """Everything needed to go on with a patient later, as arrays."""
        state: State = {}
        for number, group in enumerate(self._groups):
            memories = {f"{number}.memory.{i}": judge.state_dict(patient) for i, judge in enumerate(group.judges)}
            state |= joined({f"{number}": group.patients[patient].state_dict()} | memories)
        return state

    def load_state_dict(self, patient: Patient, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a ``state_dict()`` of the same bundles and layout."""
        for number, group in enumerate(self._groups):
            group.patients[patient].load_state_dict(part_of(state, f"{number}"))
            for i, judge in enumerate(group.judges):
                judge.load_state_dict(patient, part_of(state, f"{number}.memory.{i}"))


def _same_windows(one: Recipe, other: Recipe) -> bool:
    """Whether two recipes cut the same windows out of a source."""
    leads = (one.data.channels, one.data.unit) == (other.data.channels, other.data.unit)
    return leads and (one.chain, one.cutter) == (other.chain, other.cutter)


def _score(group: _Group[Patient], ready: Mapping[Patient, Ready], scores: dict[Patient, list[Score]]) -> None:
    """Append the scores of all windows that are ready."""
    waiting = {patient: windows for patient, windows in ready.items() if len(windows.samples)}
    if not waiting:
        return
    samples = np.concatenate([windows.samples for windows in waiting.values()])
    features = np.concatenate([windows.cutting.features for windows in waiting.values()])
    good = np.concatenate([windows.cutting.good for windows in waiting.values()])
    counts = {patient: len(windows.samples) for patient, windows in waiting.items()}
    verdicts = [(judge.name, judge.judge(counts, samples, features, good)) for judge in group.judges]
    first = 0
    for patient, windows in waiting.items():
        rows = range(first, first + counts[patient])
        scores[patient] += _tell(group.patients[patient].stream, windows, rows, verdicts)
        first = rows.stop


def _tell(stream: WindowStream, ready: Ready, rows: range, verdicts: Sequence[tuple[str, Verdicts]]) -> list[Score]:
    """The scores of one patient's windows, which are ``rows`` of the verdicts; window by window."""
    cutting, origin_s, before_s, length_s = ready.cutting, ready.origin_s, stream.before_s, stream.length_s
    columns = (cutting.onset_s, cutting.ready_s, cutting.known, cutting.good)
    return [
        Score(
            time_s=origin_s + onset_s,
            start_s=origin_s + onset_s - before_s,
            end_s=origin_s + onset_s - before_s + length_s,
            ready_s=origin_s + ready_s,
            known=known,
            label=verdict.label[row],
            probs=verdict.probs[row].copy(),
            anomaly=verdict.anomaly[row],
            good=share,
            usable=verdict.usable[row],
            bundle=name,
        )
        for row, onset_s, ready_s, known, share in zip(rows, *(column.tolist() for column in columns), strict=True)
        for name, verdict in verdicts
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

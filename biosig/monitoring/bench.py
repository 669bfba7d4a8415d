"""How many patients one machine can watch: real ECG, the real path, one core."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from biosig.datasets.mitbih import SAMPLE
from biosig.models.contract import InputShape
from biosig.models.registry import build_model
from biosig.monitoring.pauses import without_long_pauses
from biosig.monitoring.watch import SignalWatch
from biosig.recipe import Recipe, load_recipe
from biosig.records.reading import read
from biosig.records.recording import Layout
from biosig.scoring.scorer import Trained, Ward
from biosig.training.device import on_one_thread
from biosig.windows.stream import WindowStream

__all__ = ["Untrained", "bench_monitor"]

Samples = NDArray[np.float32]

RECIPES = ("ecg", "ecg-anomaly")
"""Classifier and anomaly detector of the beats of one lead."""
WARM_UP_S = 75
"""Seconds of signal pushed before anything is measured: by then every buffer is as long as it gets, and the networks
look back on 64 beats, as many as they ever do."""
ROUND_S = 0.1
"""Seconds between the beginnings of two rounds, at least: what comes in between is scored together."""
COUNTED = 4
"""Patients whose memory is counted."""


class Untrained:
    """What a recipe's bundle costs, before it is trained: its networks with drawn weights."""

    def __init__(self, recipe: Recipe, layout: Layout) -> None:
        stream = WindowStream(recipe.chain, recipe.cutter, layout.pick(recipe.data.channels))
        shape = InputShape(stream.n_channels, stream.length, len(stream.features), recipe.windows.context)
        n_classes = len(recipe.data.labels)
        self.recipe = recipe
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.models = [
                build_model(recipe.model.name, recipe.model.options, shape, n_classes)
                for _ in range(recipe.train.members)
            ]
        self.decision = np.zeros(n_classes)


def bench_monitor(
    patients: Sequence[int] = (10, 100, 1000),
    *,
    bundles: Sequence[Trained] | None = None,
    seconds: int = 20,
    device: str = "cpu",
    say: Callable[[str], None] = lambda _line: None,
) -> list[dict[str, float]]:
    """How fast patients of one 360 Hz lead are scored, per number of patients.

    Every patient sends a second of the shipped sample's ECG once per second, at an instant of their own. A round
    takes all that has arrived by then, at most ten times a second. The clock is the sum of the rounds' durations,
    and jumps to the next arrival where nothing waits: what a real-time run would measure, without waiting for it.
    Torch computes on one thread.

    Parameters
    ----------
    patients : how many there are, one measurement each.
    bundles : what scores them; by default the shipped recipes ``ecg`` and ``ecg-anomaly`` with drawn weights, which
        cost as much.
    seconds : of signal per measurement.
    say : takes lines for people.

    Returns
    -------
    One dict per measurement: ``patients``; ``cores`` (CPU seconds per second of signal); ``real_time_factor`` (seconds
    of signal per second of work); ``p50_ms`` and ``p99_ms`` (from the arrival of the samples that complete a window to
    its score); ``memory_per_patient_mb``.
    """
    signals, layout = _sample()
    scoring = bundles or [Untrained(load_recipe(name), layout) for name in RECIPES]
    memory_mb = _memory_mb(scoring, signals, layout, device)
    rows = []
    with on_one_thread():
        for n in patients:
            say(f"{n} patients: {WARM_UP_S} s of signal to begin with, then {seconds} s that count")
            figures = _measure(_Beds(scoring, n, signals, layout, device), seconds)
            rows.append(figures | {"memory_per_patient_mb": memory_mb})
    return rows


def _sample() -> tuple[list[Samples], Layout]:
    """The first lead of every record of the shipped sample, (1, n_times) each."""
    recordings = [read(path.with_suffix("")).pick(["MLII"]) for path in sorted(SAMPLE.glob("*.hea"))]
    return [recording.data for recording in recordings], recordings[0].layout


class _Beds:
    """Patients who send the sample's records, each from another place on."""

    def __init__(
        self, bundles: Sequence[Trained], n: int, signals: Sequence[Samples], layout: Layout, device: str
    ) -> None:
        self.n = n
        self._size = round(layout.fs)
        self._signals = signals
        self._ward = Ward(bundles, dict.fromkeys(range(n), layout), device=device)
        self._watches = [SignalWatch(layout) for _ in range(n)]

    def chunk(self, patient: int, second: int) -> Samples:
        """A second of a patient's signal (1, fs)."""
        signal = self._signals[patient % len(self._signals)]
        n_chunks = signal.shape[1] // self._size
        start = (patient * 7 + second) % n_chunks * self._size
        return signal[:, start : start + self._size]

    def push(self, chunks: Mapping[int, Samples]) -> list[int]:
        """Score what has arrived; who got a score, once per score."""
        for patient, chunk in chunks.items():
            self._watches[patient].push(chunk)
        return [patient for patient, found in self._ward.push(chunks).items() for _ in found]


def _measure(beds: _Beds, seconds: int) -> dict[str, float]:
    for second in range(WARM_UP_S):
        beds.push({patient: beds.chunk(patient, second) for patient in range(beds.n)})
    with without_long_pauses():
        return _rounds(beds, seconds)


def _rounds(beds: _Beds, seconds: int) -> dict[str, float]:
    """The figures of so many seconds of signal, scored round by round."""
    arrivals = [
        (second + patient / beds.n, patient, WARM_UP_S + second)
        for second in range(seconds)
        for patient in range(beds.n)
    ]
    now = work = cpu = 0.0
    begun = -ROUND_S
    done = 0
    delays: list[float] = []
    while done < len(arrivals):
        now = max(now, np.ceil(arrivals[done][0] / ROUND_S) * ROUND_S, begun + ROUND_S)
        begun = now
        due: dict[int, float] = {}
        chunks = {}
        while done < len(arrivals) and arrivals[done][0] <= now and arrivals[done][1] not in chunks:
            arrived, patient, second = arrivals[done]
            chunks[patient], due[patient] = beds.chunk(patient, second), arrived
            done += 1
        began, busy = time.perf_counter(), time.process_time()
        scored = beds.push(chunks)
        took = time.perf_counter() - began
        cpu += time.process_time() - busy
        work += took
        now += took
        delays += [now - due[patient] for patient in scored]
    p50, p99 = np.percentile(delays, [50, 99]) * 1e3
    return {
        "patients": beds.n,
        "cores": cpu / seconds,
        "real_time_factor": seconds / work,
        "p50_ms": float(p50),
        "p99_ms": float(p99),
    }


def _memory_mb(bundles: Sequence[Trained], signals: Sequence[Samples], layout: Layout, device: str) -> float:
    """What one more patient keeps, in MB of Python and numpy memory."""
    one = _Beds(bundles, 1, signals, layout, device)
    for second in range(WARM_UP_S):  # loops are compiled at their first use: nobody's memory
        one.push({0: one.chunk(0, second)})
    tracemalloc.start()
    try:
        beds: Any = _Beds(bundles, COUNTED, signals, layout, device)
        for second in range(WARM_UP_S):
            beds.push({patient: beds.chunk(patient, second) for patient in range(COUNTED)})
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return kept / COUNTED / 1e6

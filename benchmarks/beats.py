"""How good and how fast the R-peak detector is on MIT-BIH records, as ANSI/AAMI EC57 counts.

    python -m benchmarks.beats --data DIR [--perturb]

``DIR`` holds ``mitdb`` and, for ``--perturb``, ``nstdb``. First lead of each record, match window 150 ms,
from 5:00, ventricular flutter left out. The network was fitted on these very records (see ``fit_beats.py``, whose
``--folds`` gives figures for records unseen in fitting).
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, resample_poly, sosfilt

import biosig
from biosig.evaluation.ec57 import compare_beats
from biosig.records.recording import Annotations, Layout, Recording
from biosig.signal.beat_scores import BeatNetwork
from biosig.signal.beats import Beats, BeatStream, RPeaks
from biosig.signal.stream import Chunk
from biosig.windows.labels import is_beat, vf_spans

DS1 = (
    *("101", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122"),
    *("124", "201", "203", "205", "207", "208", "209", "215", "220", "223", "230"),
)
PACED = ("102", "104", "107", "217")

Lead = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Marks:
    """Reference beats of a record: ``beats`` int64 (n,), and the spans ``left_out`` float64 (m, 2), in samples."""

    beats: NDArray[np.int64]
    left_out: NDArray[np.float64]


@dataclass(frozen=True)
class Errors:
    """Counts of one record, and the distances of the matched peaks in ms."""

    matched: int
    missed: int
    extra: int
    offset_ms: tuple[float, ...] = ()


def reference_marks(path: Path) -> tuple[Recording, Marks]:
    """A record and its reference beats."""
    recording = biosig.read(path)
    marks = recording.annotations
    beats = marks.samples(recording.fs)[[is_beat(label) for label in marks.label]]
    return recording, Marks(beats=beats, left_out=vf_spans(marks) * recording.fs)


def detect(lead: Lead, fs: float, network: BeatNetwork | None = None, design: RPeaks | None = None) -> Beats:
    """Beats of a lead in mV, with a network of one's own."""
    stream = BeatStream(design or RPeaks(), Layout(("ecg",), fs, ("mV",)), network)
    return Beats.join([stream.process(Chunk.of(lead)), stream.flush()])


def errors_of(
    path: Path,
    *,
    network: BeatNetwork | None = None,
    design: RPeaks | None = None,
    change: Callable[[Recording], tuple[Lead, float]] | None = None,
) -> Errors:
    """EC57 counts of the first lead of a record, as recorded or after ``change`` (lead in mV, new fs)."""
    recording = biosig.read(path)
    lead, fs = change(recording) if change else (recording.data[0].astype(np.float64), recording.fs)
    found = detect(lead, fs, network, design).sample / fs
    found = np.rint(found * recording.fs) / recording.fs
    result = compare_beats(recording.annotations, Annotations.at(found, ["N"] * len(found)), fs=recording.fs)
    pairs = result.pairs[(result.pairs >= 0).all(axis=1)]
    offset = found[pairs[:, 1]] - recording.annotations.onset_s[pairs[:, 0]]
    return Errors(
        matched=result.qrs.true_positives,
        missed=result.qrs.false_negatives,
        extra=result.qrs.false_positives,
        offset_ms=tuple(1000.0 * offset),
    )


def in_total(parts: list[Errors]) -> str:
    """Gross figures of these records."""
    matched, missed, extra = (sum(getattr(part, key) for part in parts) for key in ("matched", "missed", "extra"))
    offset = np.abs(np.concatenate([part.offset_ms for part in parts]))
    median, most = np.percentile(offset, (50, 95))
    return (
        f"Se {100 * matched / (matched + missed):.3f}  +P {100 * matched / (matched + extra):.3f}  "
        f"missed {missed}  extra {extra}  |offset| median {median:.1f} ms, 95th {most:.1f}"
    )


def noisy(data: Path, kind: str, snr_db: float) -> Callable[[Recording], tuple[Lead, float]]:
    """Recorded noise mixed in at an SNR (power of a sine with the median QRS height over noise power) all along."""

    def change(recording: Recording) -> tuple[Lead, float]:
        lead = recording.data[0].astype(np.float64)
        _, marks = reference_marks(Path(str(recording.path)))
        around = marks.beats[(marks.beats > 30) & (marks.beats < len(lead) - 30)][::10]
        height = float(np.median([np.ptp(lead[beat - 18 : beat + 18]) for beat in around]))
        noise = np.resize(biosig.read(data / "nstdb" / kind).data[0].astype(np.float64), len(lead))
        noise -= noise.mean()
        power = np.median([np.var(noise[i : i + 360]) for i in range(0, len(noise) - 360, 360)])
        return lead + noise * height / np.sqrt(8.0 * power) * 10.0 ** (-snr_db / 20.0), recording.fs

    return change


def changes(data: Path) -> dict[str, Callable[[Recording], tuple[Lead, float]]]:
    """Ways to hand over the same heart beats."""

    def first(recording: Recording) -> Lead:
        lead: Lead = recording.data[0].astype(np.float64)
        return lead

    table: dict[str, Callable[[Recording], tuple[Lead, float]]] = {
        "gain x0.3": lambda r: (0.3 * first(r), r.fs),
        "gain x3": lambda r: (3.0 * first(r), r.fs),
        "upside down": lambda r: (-first(r), r.fs),
        "125 Hz": lambda r: (resample_poly(first(r), 25, 72), 125.0),
        "250 Hz": lambda r: (resample_poly(first(r), 25, 36), 250.0),
        "500 Hz": lambda r: (resample_poly(first(r), 25, 18), 500.0),
        "second lead": lambda r: (r.data[1].astype(np.float64), r.fs),
    }
    for kind in ("bw", "em", "ma"):
        for snr_db in (18.0, 12.0, 6.0):
            table[f"{kind} {snr_db:g} dB"] = noisy(data, kind, snr_db)
    return table


def speed(path: Path) -> str:
    """Seconds for the whole lead, against a band-pass of order 4 with ``sosfilt``; and per chunk of 1 s."""
    recording = biosig.read(path)
    lead = recording.data[0].astype(np.float64)
    sos = butter(2, (5.0, 15.0), "bandpass", fs=recording.fs, output="sos")

    def best(run: Callable[[], object]) -> float:
        times = []
        for _ in range(7):
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
        return min(times)

    stream = RPeaks().open(Layout(("ecg",), recording.fs, ("mV",)))
    size = round(recording.fs)
    chunks = [Chunk.of(lead[i : i + size]) for i in range(0, 120 * size, size)]

    def live() -> None:
        for chunk in chunks:
            stream.process(chunk)

    whole, reference = best(lambda: detect(lead, recording.fs)), best(lambda: sosfilt(sos, lead))
    return f"whole lead {whole:.3f} s = {whole / reference:.1f} x sosfilt; 1 s chunk {1000 * best(live) / 120:.2f} ms"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--perturb", action="store_true")
    parser.add_argument("--threshold", type=float, default=RPeaks().threshold)
    options = parser.parse_args()
    mitdb, design = options.data / "mitdb", RPeaks(threshold=options.threshold)
    found = {name: errors_of(mitdb / name, design=design) for name in DS1 + PACED}
    print(" ".join(f"{name}:{one.missed}/{one.extra}" for name, one in found.items()))
    print("DS1  ", in_total([found[name] for name in DS1]))
    print("paced", in_total([found[name] for name in PACED]))
    print(speed(mitdb / "101"))
    for title, change in changes(options.data).items() if options.perturb else ():
        print(
            f"{title:12}", in_total([errors_of(mitdb / name, design=design, change=change) for name in DS1]), flush=True
        )


if __name__ == "__main__":
    main()

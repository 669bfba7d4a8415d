"""Fit the network that tells heart beats from other bumps, and write ``biosig/signal/beat_weights.safetensors``.

    python -m benchmarks.fit_beats --data DIR              fit on every record, write the weights
    python -m benchmarks.fit_beats --data DIR --folds 6    only cross-validate, no subject on both sides

``DIR`` holds ``mitdb`` (the DS1 records and the paced ones), ``ludb`` and ``nstdb``. Every lead is used as it is
and in augmented versions: a share of the other lead, pauses, spectral tilt, noise that comes and goes, gain that
drifts, either polarity, heart rates 0.8 to 1.25 times as fast, bursts, steps, drop-outs, gaps, mains hum. Labels are
the reference beats; candidates inside ventricular flutter do not count. Networks with different seeds are fitted
and their mean, one network as wide as all of them, is written.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from scipy.ndimage import uniform_filter1d
from scipy.signal import resample_poly
from torch import nn

import biosig
from benchmarks.beats import DS1, PACED, Errors, Lead, Marks, errors_of, in_total, reference_marks
from biosig.records.recording import Layout
from biosig.signal.beat_candidates import PAST, Past, find_candidates
from biosig.signal.beat_grid import GRID_HZ, LeadGrid
from biosig.signal.beat_scores import BeatNetwork

VERSIONS = ((0.5, False), (0.5, False), (0.5, False), (0.3, True))
"""Augmented versions of a lead: weight of the candidates, and whether the noise is harsh."""
AS_RECORDED = 2.0
SECOND_LEAD = 0.35
SCALE = 2.0**10
FOLDS = (
    ("101", "112", "203", "220"),
    ("106", "114", "205", "230"),
    ("108", "115", "207", "104"),
    ("109", "116", "208", "119", "102"),
    ("118", "122", "201", "217"),
    ("124", "209", "215", "223", "107"),
)


@dataclass(frozen=True)
class Examples:
    """Candidates: ``features`` uint8 (n, 168), ``label`` (n,) 0 or 1, ``weight`` (n,)."""

    features: NDArray[np.uint8]
    label: NDArray[np.float32]
    weight: NDArray[np.float32]


def noise_like(noises: list[NDArray[np.float64]], n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A random mixture of stretches of recorded noise, (n,), with a typical second of power 1."""
    mixture = np.zeros(n)
    for noise in noises:
        start = rng.integers(len(noise))
        stretch = np.take(noise, np.arange(start, start + n), mode="wrap")
        mixture += rng.uniform(0.2, 1.0) * stretch / stretch.std()
    power = np.median([np.var(mixture[i : i + 360]) for i in range(0, n - 360, 3600)])
    scaled: NDArray[np.float64] = mixture / np.sqrt(power)
    return scaled


def pause(
    lead: Lead, marks: Marks, noises: list[Lead], height_mv: float, stretch: tuple[int, int], rng: np.random.Generator
) -> tuple[Lead, Marks]:
    """The heart stands still from ``stretch[0]`` to ``stretch[1]``: faint noise, P waves perhaps, and no beats."""
    first, last = stretch
    n = last - first
    calm = np.linspace(lead[first], lead[last], n)
    calm += noise_like(noises, 4000, rng)[:n] * height_mv * rng.uniform(0.0, 0.06)
    if rng.random() < 0.5:
        width = rng.integers(25, 45)
        bump = np.hanning(width) * height_mv * rng.uniform(-0.1, 0.2)
        for start in range(rng.integers(1, 200), n - width, rng.integers(150, 400)):
            calm[start : start + width] += bump
    lead = lead.copy()
    lead[first:last] = calm
    beats = marks.beats[(marks.beats < first - 10) | (marks.beats >= last + 10)]
    torn = np.array([[edge - 60, edge + 60] for edge in stretch], dtype=np.float64)
    return lead, Marks(beats=beats, left_out=np.concatenate((marks.left_out, torn)))


def disturb(
    lead: Lead, height_mv: float, noises: list[Lead], rng: np.random.Generator
) -> tuple[Lead, NDArray[np.bool_]]:
    """The lead with bursts, steps, drop-outs and gaps about every 100 s, and where it is real."""
    n = len(lead)
    lead, good = lead.copy(), np.ones(n, dtype=np.bool_)
    for start in rng.integers(0, n - 3000, rng.poisson(n / 36_000)):
        stretch = slice(start, start + rng.integers(40, 1800))
        kind = rng.integers(5)
        if kind == 0:
            lead[stretch] *= rng.uniform(3.0, 20.0)
        elif kind == 1:
            lead[start:] += rng.normal(0.0, 2.0)
        elif kind == 2:
            length = len(lead[stretch])
            lead[stretch] += noise_like(noises[1:], 4000, rng)[:length] * height_mv * rng.uniform(0.5, 5.0)
        else:
            lead[stretch] = lead[start]
            good[stretch] = kind == 3
    return lead, good


def augment(
    lead: Lead, marks: Marks, noises: list[Lead], harsh: bool, rng: np.random.Generator
) -> tuple[Lead, NDArray[np.bool_], Marks]:
    """The lead as a worse amplifier on a livelier patient would have recorded it, where it is real, its beats."""
    n = len(lead)
    height_mv = qrs_height(lead, marks.beats)
    lead = lead + rng.uniform(-0.6, 1.2) * rng.integers(2) * uniform_filter1d(lead - lead.mean(), 45)
    for start in rng.integers(0, n - 3000, rng.poisson(n / 54_000)):
        lead, marks = pause(lead, marks, noises, height_mv, (start, start + rng.integers(360, 2200)), rng)
    snr_db = rng.choice([0, 6, 12, 18, 24] if harsh else [12, 18, 24, 30])
    presence = np.repeat(rng.random(n // 7200 + 1) < 0.6, 7200)[:n].astype(float)
    presence = np.convolve(presence, np.full(360, 1 / 360), "same")
    lead = lead + presence * noise_like(noises, n, rng) * height_mv / np.sqrt(8) * 10 ** (-snr_db / 20)
    lead = lead * rng.choice([-1.0, 1.0])
    knots = rng.normal(0.0, 0.25, n // 7200 + 2)
    lead = lead * np.exp(np.interp(np.arange(n), np.arange(len(knots)) * 7200, knots))
    lead, good = disturb(lead, height_mv, noises, rng)
    if rng.random() < 0.5:
        hum = np.sin(2 * np.pi * rng.choice([50, 60]) / 360.0 * np.arange(n) + rng.uniform(0.0, 6.3))
        lead = lead + hum * lead.std() * rng.uniform(0.0, 0.3)
    return lead, good, marks


def examples_of(lead: NDArray[np.float64], good: NDArray[np.bool_], fs: float, marks: Marks, weight: float) -> Examples:
    """Candidates of one lead with their labels."""
    grid = LeadGrid(Layout(("ecg",), fs, ("mV",)), PAST)
    grid.take(lead, good)
    found = find_candidates(grid.grid, grid.gap, Past(), PAST)
    at = found.at - PAST
    label = np.zeros(len(at), dtype=np.float32)
    weights = np.full(len(at), weight, dtype=np.float32)
    for beat in marks.beats * (GRID_HZ / fs):
        first, last = np.searchsorted(at, (beat - 18, beat + 18))
        if first == last:
            continue
        distance = np.abs(at[first:last] + 0.5 - beat)
        near = np.flatnonzero(distance <= 12)
        best = near[np.argmax(found.loudness[first:last][near])] if len(near) else np.argmin(distance)
        label[first + best] = 1.0
    for begin, end in marks.left_out * (GRID_HZ / fs):
        weights[(at > begin - 20) & (at < end + 20)] = 0.0
    kept = weights > 0
    return Examples(found.features[kept], label[kept], weights[kept])


def qrs_height(lead: Lead, beats: NDArray[np.int64]) -> float:
    """Median height of the QRS complexes, 50 ms either side of the peak."""
    inside = beats[(beats > 18) & (beats < len(lead) - 18)][:: max(1, len(beats) // 200)]
    return float(np.median([np.ptp(lead[beat - 18 : beat + 18]) for beat in inside]))


@dataclass(frozen=True)
class Wear:
    """Worse versions of a lead: noise sources, both leads of ``bw``, ``em`` and ``ma`` at 360 Hz."""

    noises: list[Lead]

    def versions(
        self, lead: Lead, marks: Marks, seed: tuple[int, int], importance: float, other: Lead | None = None
    ) -> list[Examples]:
        """Candidates of a lead at 360 Hz as recorded and in worse versions, some with a share of the ``other`` lead."""
        parts = [examples_of(lead, np.ones(len(lead), dtype=np.bool_), 360.0, marks, AS_RECORDED * importance)]
        for version, (weight, harsh) in enumerate(VERSIONS if other is not None else VERSIONS[2:], start=1):
            rng = np.random.default_rng([*seed, version])
            mixed = lead
            if other is not None:
                mixed = lead + rng.uniform(-1.0, 1.0) * rng.integers(2) * other
            chosen = [self.noises[2 * kind + rng.integers(2)] for kind in range(3)]
            worn, good, beats = augment(mixed, marks, chosen, harsh, rng)
            parts.append(examples_of(worn, good, 360.0 / rng.uniform(0.8, 1.25), beats, weight * importance))
        return parts


def examples_of_mitdb(data: Path, name: str, wear: Wear) -> Examples:
    """Candidates of both leads of an MIT-BIH record in all versions."""
    recording, marks = reference_marks(data / "mitdb" / name)
    leads = recording.data.astype(np.float64)
    height = [qrs_height(lead, marks.beats) for lead in leads]
    first = wear.versions(leads[0], marks, (int(name), 0), 1.0, leads[1] * height[0] / height[1])
    return join(first + wear.versions(leads[1], marks, (int(name), 1), SECOND_LEAD, leads[0] * height[1] / height[0]))


def examples_of_ludb(data: Path, wear: Wear) -> Examples:
    """Candidates of the twelve leads of every LUDB record, its 10 s three times over, each lead with its own marks.

    What lies before the first and after the last marked beat does not count, so neither do the seams.
    """
    parts = []
    for header in sorted((data / "ludb" / "data").glob("*.hea")):
        for row, channel in enumerate(biosig.read(header).layout.channels):
            recording = biosig.read(header, channels=[channel], annotator=channel)
            lead = recording.data[0].astype(np.float64)
            marks = recording.annotations
            beats = marks.onset_s[[label == "N" for label in marks.label]] * 360.0
            if len(beats) < 3:
                continue
            lead = resample_poly(lead - lead[0], 18, 25, padtype="line")
            n = len(lead)
            seams = [[(turn - 1) * n + beats[-1] + 60, turn * n + beats[0] - 60] for turn in range(4)]
            repeated = np.concatenate([lead + turn * (lead[-1] - lead[0]) for turn in range(3)])
            three = Marks(
                beats=np.concatenate([beats + turn * n for turn in range(3)]).astype(np.int64),
                left_out=np.array(seams),
            )
            parts += wear.versions(repeated, three, (int(header.stem), row), 0.5)
    return join(parts)


def join(parts: list[Examples]) -> Examples:
    """All of these examples."""
    return Examples(
        *(np.concatenate([getattr(part, key) for part in parts]) for key in ("features", "label", "weight"))
    )


def fit(
    examples: Examples, *, hidden: tuple[int, int], epochs: int, seed: int
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Weights (inputs, outputs) and biases of the three layers, for features divided by 128, minus 1."""
    torch.manual_seed(seed)
    features, label, weight = (torch.from_numpy(x) for x in (examples.features, examples.label, examples.weight))
    sizes = (features.shape[1], *hidden, 1)
    layers = [nn.Linear(sizes[i], sizes[i + 1]) for i in range(3)]
    network = nn.Sequential(nn.Dropout(0.05), layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2)
    batch = 2048
    steps = len(label) // batch
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=epochs * steps, pct_start=0.1)
    for _ in range(epochs):
        order = torch.randperm(len(label))
        for step in range(steps):
            chosen = order[step * batch : (step + 1) * batch]
            logit = network(features[chosen].float() / 128.0 - 1.0)[:, 0]
            loss = nn.functional.binary_cross_entropy_with_logits(logit, label[chosen], reduction="none")
            loss = (loss * weight[chosen]).sum() / weight[chosen].sum()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            rate.step()
    return [(layer.weight.detach().T.double(), layer.bias.detach().double()) for layer in layers]


def whole_numbers(networks: list[list[tuple[torch.Tensor, torch.Tensor]]]) -> dict[str, NDArray[np.signedinteger]]:
    """The mean of these networks as one, in whole numbers: what :class:`BeatNetwork` reads.

    ``ValueError`` where a partial sum could pass 2**53 and lose a bit.
    """
    (w0, b0), (w1, b1), (w2, b2) = (
        ([network[i][0] for network in networks], [network[i][1] for network in networks]) for i in range(3)
    )
    block_diagonal = torch.block_diag(*w1)  # type: ignore[no-untyped-call]
    bias = torch.cat(b0) - torch.cat(w0, 1).sum(0)
    layers = (
        (torch.cat(w0, 1), bias, 128.0 * SCALE),
        (block_diagonal, torch.cat(b1), 128.0 * SCALE**2),
        (torch.cat(w2) / len(networks), torch.stack(b2).mean(0), 128.0 * SCALE**3),
    )
    tensors = {"unit": np.array([128.0 * SCALE**3 / 1024.0]).astype(np.int64)}
    largest: NDArray[np.float64] = np.full(layers[0][0].shape[0], 255.0)
    for i, (weight, offset, scale) in enumerate(layers):
        tensors[f"weight{i}"] = np.rint(weight.numpy() * SCALE).astype(np.int32)
        tensors[f"bias{i}"] = np.rint(offset.numpy() * scale).astype(np.int64)
        largest = largest @ np.abs(tensors[f"weight{i}"]) + np.abs(tensors[f"bias{i}"])
        if largest.max() >= 2.0**53:
            raise ValueError(f"layer {i} must stay below 2**53 to be exact, could reach {largest.max():.3g}")
    return tensors


def main() -> None:
    """Cross-validate, or fit and write the weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folds", action="store_true", help="only cross-validate")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--hidden", type=int, nargs=2, default=(48, 16))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("biosig/signal/beat_weights.safetensors"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    wear = Wear([lead for kind in ("bw", "em", "ma") for lead in biosig.read(options.data / "nstdb" / kind).data])
    examples = {name: examples_of_mitdb(options.data, name, wear) for name in DS1 + PACED}
    examples["ludb"] = examples_of_ludb(options.data, wear)

    def network_without(left_out: tuple[str, ...]) -> dict[str, NDArray[np.signedinteger]]:
        chosen = join([part for name, part in examples.items() if name not in left_out])
        fitted = [
            fit(chosen, hidden=tuple(options.hidden), epochs=options.epochs, seed=seed) for seed in range(options.seeds)
        ]
        return whole_numbers(fitted)

    if options.folds:
        found: dict[str, Errors] = {}
        for fold in FOLDS:
            network = BeatNetwork(network_without(fold))
            found |= {name: errors_of(options.data / "mitdb" / name, network=network) for name in fold}
            print({name: (found[name].missed, found[name].extra) for name in fold}, flush=True)
        print("DS1  ", in_total([found[name] for name in DS1]))
        print("paced", in_total([found[name] for name in PACED]))
    else:
        save_file(
            network_without(()),
            options.out,
            metadata={"fitted_on": " ".join(("mitdb", *DS1, *PACED, "ludb")), "by": "benchmarks/fit_beats.py"},
        )


if __name__ == "__main__":
    main()

"""The one training loop: every model of biosig is trained here.

A run is a pure function of its windows, recipe and seed. Each epoch draws its order, its
augmentation and its dropout from (seed, epoch), so a run that was killed goes on from the
last complete epoch and ends with the weights an unbroken run would have (on the CPU, bit for bit).
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import pickle
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from biosig.errors import BundleError
from biosig.models.contract import Staged
from biosig.recipe import TrainPart
from biosig.training.augment import augment
from biosig.training.device import autocast
from biosig.training.objectives import Objective
from biosig.training.resident import ResidentWindows
from biosig.training.sequences import Sequences, batches_of_like_length, cut_sequences, own_sequences
from biosig.windows.index import Windows

__all__ = [
    "History",
    "Silent",
    "TrainingData",
    "Validate",
    "Watcher",
    "best_epoch",
    "fit",
    "learning_rate",
    "parameter_groups",
    "warm_cosine",
]

History = list[dict[str, float]]


class Watcher(Protocol):
    """Someone who looks on: a progress bar, a log."""

    def begin(self, epochs: int, done: int) -> None:
        """Training starts; ``done`` epochs were already there."""

    def batch(self, epoch: int, share: float, loss: Tensor) -> None:
        """A step was made; ``share`` of the epoch is behind us; ``loss`` is still on the device."""

    def epoch(self, row: dict[str, float]) -> None:
        """An epoch ended with these figures."""

    def end(self) -> None:
        """Training is over."""


class Silent:
    """Looks on and says nothing."""

    def begin(self, epochs: int, done: int) -> None: ...

    def batch(self, epoch: int, share: float, loss: Tensor) -> None: ...

    def epoch(self, row: dict[str, float]) -> None: ...

    def end(self) -> None: ...


class Validate(Protocol):
    """Figures on validation subjects after an epoch; ``score`` is what early stopping watches, more is better."""

    def __call__(self, model: nn.Module) -> dict[str, float]: ...


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Labelled windows and how they are put together.

    Parameters
    ----------
    windows : the training subjects' windows.
    context : consecutive windows per sequence, as the recipe says.
    weight : float64 (n_windows,), how much each window counts in the loss; 0 = context only.
    sampling : float64 (n_windows,), draws sequences in proportion to their windows' mean;
        ``None`` takes every sequence once per epoch.
    virtual, virtual_weight : windows rendered from the training recordings, and how much each counts.
    virtual_share : share of every batch that is drawn from them, 0 to 1.
    """

    windows: Windows
    context: int
    weight: NDArray[np.float64]
    sampling: NDArray[np.float64] | None = None
    virtual: Windows | None = None
    virtual_weight: NDArray[np.float64] | None = None
    virtual_share: float = 0.0


@dataclass
class _Progress:
    """What a checkpoint holds beside weights and optimizer."""

    epoch: int = 0
    history: History = field(default_factory=list)
    best_score: float = -math.inf
    best_epoch: int = 0
    best_state: dict[str, Any] = field(default_factory=dict)


def fit(
    model: nn.Module,
    data: TrainingData,
    objective: Objective,
    settings: TrainPart,
    *,
    device: torch.device,
    validate: Validate | None = None,
    checkpoint: Path | None = None,
    watcher: Watcher | None = None,
) -> History:
    """Train ``model`` in place and return one row of figures per epoch.

    With ``validate`` and ``settings.patience`` the weights of the best epoch are kept, and training stops after
    that many epochs without a better one. Patience 0 chooses nothing: all epochs are run and the last one stays.
    ``checkpoint`` is a file that holds the state after each epoch; where it exists,
    training goes on from it. ``BundleError`` where it belongs to another training.
    """
    if (settings.head_epochs or settings.freeze) and not isinstance(model, Staged):
        raise ValueError(
            f"train.head_epochs and train.freeze need a network of stages, {type(model).__name__} has none"
        )
    training = _Training(model, data, objective, settings, device)
    done = training.load(checkpoint) if checkpoint and checkpoint.exists() else _Progress()
    watcher = watcher or Silent()
    watcher.begin(settings.epochs, done.epoch)
    try:
        while done.epoch < settings.epochs and not (validate is not None and _out_of_patience(done, settings)):
            row = training.run_epoch(done.epoch, watcher)
            if validate is not None:
                row |= validate(training.network)
            done.epoch += 1
            done.history.append(row)
            if settings.patience and row.get("score", -math.inf) > done.best_score:
                done.best_score, done.best_epoch = row["score"], done.epoch
                done.best_state = {key: value.detach().clone() for key, value in training.network.state_dict().items()}
            if checkpoint:
                training.save(checkpoint, done)
            watcher.epoch(row)
    finally:
        watcher.end()
    model.load_state_dict(done.best_state or training.network.state_dict())
    if isinstance(model, Staged):
        model.freeze("")
    model.eval()
    return done.history


def best_epoch(history: History) -> int:
    """Number of the epoch (from 1) with the best validation score, the earliest of equals."""
    return int(max(history, key=lambda row: (row["score"], -row["epoch"]))["epoch"])


def _out_of_patience(done: _Progress, settings: TrainPart) -> bool:
    return 0 < settings.patience <= done.epoch - done.best_epoch


class _Training:
    """Model, data on the device, optimizer and schedule of one run."""

    def __init__(
        self, model: nn.Module, data: TrainingData, objective: Objective, settings: TrainPart, device: torch.device
    ) -> None:
        self._born = _digest(model)
        self.model = model.to(device)
        self.average: AveragedModel | None = None
        if settings.ema:
            averaging = get_ema_multi_avg_fn(settings.ema)  # type: ignore[no-untyped-call]
            self.average = AveragedModel(model, multi_avg_fn=averaging, use_buffers=True)
        if settings.compile:
            self.model.compile()
        self.data = data
        self.objective = objective
        self.settings = settings
        self.device = device
        if data.virtual is None or data.virtual_weight is None:
            windows, weight = data.windows, data.weight
        else:
            weight = np.concatenate([data.weight, data.virtual_weight])
            windows = Windows.join([data.windows, data.virtual])
        with_samples = not isinstance(model, Staged) or model.reads_samples
        self.resident = ResidentWindows(windows, device, weight, with_samples=with_samples)
        self.optimizer = torch.optim.AdamW(parameter_groups(model, settings), lr=settings.lr)

    def run_epoch(self, epoch: int, watcher: Watcher) -> dict[str, float]:
        """One pass over the training windows; returns its figures."""
        began = time.perf_counter()
        generator = np.random.default_rng([self.settings.seed, epoch])
        torch.manual_seed(int(generator.integers(2**62)))
        batches = self._draw_batches(generator)
        self._freeze(epoch)
        self.model.train()
        total = torch.zeros((), device=self.device)
        for number, (rows, counts) in enumerate(batches):
            rate = learning_rate(epoch + number / len(batches), self.settings)
            for group in self.optimizer.param_groups:
                group["lr"] = rate * group["scale"]
            loss = self._step(rows, counts)
            total += loss
            watcher.batch(epoch, (number + 1) / len(batches), loss)
        seconds = time.perf_counter() - began
        mean = float(total) / max(len(batches), 1)
        if not math.isfinite(mean):
            raise ValueError(f"loss became {mean} in epoch {epoch + 1}; lower train.lr (now {self.settings.lr:g})")
        return {
            "epoch": epoch + 1.0,
            "loss": mean,
            "seconds": seconds,
            "windows_per_s": sum(int(counts.sum()) for _, counts in batches) / seconds,
        }

    def _freeze(self, epoch: int) -> None:
        """Train in this epoch what the recipe says: the head alone at first, then all that it does not freeze."""
        if isinstance(self.model, Staged):
            self.model.freeze(self.model.trunk if epoch < self.settings.head_epochs else self.settings.freeze)

    def _draw_batches(self, generator: np.random.Generator) -> list[Sequences]:
        data, settings = self.data, self.settings
        own = settings.sequences == "own"
        if own:
            rows, counts = own_sequences(data.windows, data.weight > 0, data.context)
        else:
            rows, counts = cut_sequences(data.windows, data.context, settings.burn_in, generator)
        if data.sampling is None:
            order = generator.permutation(len(rows))
        else:
            weight = (data.sampling[rows] * counts).sum(axis=1) / counts.sum(axis=1)
            order = generator.choice(len(rows), size=len(rows), p=weight / weight.sum())
        if own:
            return batches_of_like_length((rows, counts), order, settings.batch_size, generator)
        wanted = 0 if data.virtual is None else round(settings.batch_size * data.virtual_share)
        n_drawn = min(wanted, settings.batch_size - 1)
        parts = np.array_split(order, max(1, math.ceil(len(order) / (settings.batch_size - n_drawn))))
        batches = [(rows[part], counts[part]) for part in parts]
        if data.virtual is None or not n_drawn:
            return batches
        more_rows, more_counts = cut_sequences(data.virtual, data.context, settings.burn_in, generator)
        more_rows += len(data.windows)
        drawn = [generator.integers(len(more_rows), size=n_drawn) for _ in batches]
        return [
            (np.concatenate([first, more_rows[more]]), np.concatenate([counted, more_counts[more]]))
            for (first, counted), more in zip(batches, drawn, strict=True)
        ]

    def _step(self, rows: NDArray[np.int64], counts: NDArray[np.bool_]) -> Tensor:
        """One optimizer step; returns the loss without waiting for the device."""
        batch = augment(self.resident.batch(rows, counts), self.settings.augment)
        with autocast(self.device, self.settings.precision):
            loss = self.objective.loss(self.model, batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        return loss.detach()

    @property
    def network(self) -> nn.Module:
        """The network to validate and keep: the running average of the weights where the recipe wants one."""
        return self.model if self.average is None else self.average.module

    def save(self, path: Path, done: _Progress) -> None:
        """Write the state beside ``path`` and rename it there, so that a kill leaves the old or the new one."""
        state = {
            "fingerprint": self._fingerprint,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": {} if self.average is None else self.average.state_dict(),
            "progress": vars(done),
        }
        beside = path.with_suffix(".partial")
        torch.save(state, beside)
        os.replace(beside, path)

    def load(self, path: Path) -> _Progress:
        """Take up the state in ``path``; ``BundleError`` where it is damaged or of another training."""
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError, ValueError) as error:
            raise BundleError(f"{path}: cannot be resumed ({error}); delete it to start again") from None
        if state["fingerprint"] != self._fingerprint:
            raise BundleError(f"{path}: belongs to a training with other settings or data; delete it to start again")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        return _Progress(**state["progress"])

    @cached_property
    def _fingerprint(self) -> str:
        """What makes this training this one: settings, network as it began, and every sample it learns from."""
        data = self.data
        parts = [self.settings.model_dump(), repr(self.model), self._born, data.context, data.windows.names]
        digest = hashlib.sha256(json.dumps([*parts, data.virtual_share]).encode())
        for windows in (data.windows, data.virtual):
            if windows is not None:
                for values in (*windows.signals, windows.start, windows.label, windows.features):
                    digest.update(values.tobytes())
        for drawn in (data.weight, data.sampling, data.virtual_weight):
            digest.update(b"none" if drawn is None else drawn.tobytes())
        return digest.hexdigest()


def _digest(model: nn.Module) -> str:
    """SHA-256 of names, shapes and values of a network's weights."""
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(f"{name} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def parameter_groups(model: nn.Module, settings: TrainPart) -> list[dict[str, Any]]:
    """Groups for the optimizer: matrices decay, the rest does not; ``scale`` is the stage's factor of the rate."""
    if isinstance(model, Staged):
        parts = [(group.scale, group.weights) for group in model.parameter_groups(settings.layer_decay)]
    else:
        parts = [(1.0, tuple(model.parameters()))]
    groups = []
    for scale, weights in parts:
        decayed = [weight for weight in weights if weight.ndim > 1]
        plain = [weight for weight in weights if weight.ndim <= 1]
        groups.append({"params": decayed, "scale": scale, "weight_decay": settings.weight_decay})
        groups.append({"params": plain, "scale": scale, "weight_decay": 0.0})
    return [group for group in groups if group["params"]]


def learning_rate(epoch: float, settings: TrainPart) -> float:
    """The head's learning rate after ``epoch`` epochs: one rise and fall while it learns alone, another afterwards."""
    if epoch < settings.head_epochs:
        return (settings.head_lr or settings.lr) * warm_cosine(epoch / settings.head_epochs, settings.warmup)
    share = (epoch - settings.head_epochs) / (settings.epochs - settings.head_epochs)
    return settings.lr * warm_cosine(share, settings.warmup)


def warm_cosine(share: float, warmup: float) -> float:
    """Learning-rate factor after ``share`` of the run: linear rise over ``warmup``, then a half cosine to 0."""
    if share < warmup:
        return (share + 1e-3) / (warmup + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * (share - warmup) / (1 - warmup)))

"""Anomaly detectors: trained on normal windows alone, measured by how far anomalies stand out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from biosig.bundle import Bundle
from biosig.datasets.corpus import Corpus
from biosig.datasets.pictures import Pictures
from biosig.evaluation.anomaly import anomaly_report
from biosig.evaluation.budget import expected_rates, minutes_of_patients, rate_figures, threshold_within
from biosig.evaluation.counts import mean_and_sd
from biosig.evaluation.false_alarms import persistence
from biosig.evaluation.report import Picture
from biosig.recipe import Recipe, TrainPart
from biosig.runs.anomaly_gallery import odd_and_usual
from biosig.runs.rebuilding import rebuilt
from biosig.training.answers import Anomaly, Answer
from biosig.training.loop import TrainingData
from biosig.training.objectives import Objective, Reconstruct, balance
from biosig.training.predict import Networks
from biosig.training.resident import ResidentWindows
from biosig.windows.index import Windows

__all__ = ["Reconstruction"]

STANDARD_FROM = 8192
"""Windows that amplitude and standards are taken from, at most; they are spread evenly over the normal ones."""


class Reconstruction:
    """See :class:`biosig.runs.aims.Aim`."""

    short: tuple[str, ...] = ("classes", "auroc", "auprc", "ci95")

    def __init__(self, recipe: Recipe) -> None:
        self.answer: Answer = Anomaly(recipe)
        self._recipe = recipe
        self._labels = recipe.data.labels
        self._normal = [place for place, name in enumerate(self._labels) if name in recipe.data.normal]

    def must_validate(self, settings: TrainPart) -> bool:
        """Always: the threshold is chosen on normal windows of other subjects."""
        return True

    def data(self, windows: Windows, settings: TrainPart, virtual: Windows | None) -> TrainingData:
        """Normal windows and no others, one by one; ``ValueError`` where there is none."""
        own = windows.where(self._learned(windows))
        if not len(own):
            raise ValueError(f"no training window is labelled {' or '.join(self._recipe.data.normal)}")
        even = np.zeros(len(own), dtype=np.int64)
        weight = balance(even, own.subject, class_power=0.0, subject_power=settings.subject_power)
        return TrainingData(windows=own, context=1, weight=weight)

    def begin(self, model: nn.Module, data: TrainingData) -> None:
        """The amplitude of the samples."""
        chosen = np.unique(np.linspace(0, len(data.windows) - 1, STANDARD_FROM).astype(np.int64))
        model.fit_scale(torch.from_numpy(data.windows.gather(chosen)))  # type: ignore[operator]

    def objective(self, settings: TrainPart) -> Objective:
        """The error of windows built again."""
        return Reconstruct()

    def finish(self, networks: Networks, windows: Windows) -> None:
        """Let every network take what it says of the normal windows as its standard.

        All windows of the training subjects are read, for a patient's level stands on the last ones of any kind.
        """
        chosen = np.flatnonzero(self._learned(windows))
        chosen = chosen[np.unique(np.linspace(0, len(chosen) - 1, STANDARD_FROM).astype(np.int64))]
        sequences, counts = (torch.cat(parts) for parts in zip(*networks.sequences(windows, chosen), strict=True))
        for place, model in enumerate(networks.models):
            model.fit_normal(sequences[:, :, place], counts)  # type: ignore[operator]

    @torch.inference_mode()
    def validate(self, networks: Networks, windows: Windows) -> dict[str, float]:
        """The mean error of normal windows."""
        own = windows.where(self._learned(windows))
        resident = ResidentWindows(own, networks.device)
        objective, total = Reconstruct(), 0.0
        for rows in torch.split(torch.arange(len(own), device=networks.device), 2048):
            each = [objective.each(model, resident.samples(rows)) for model in networks.models]
            total += float(torch.stack(each).mean(dim=0).sum())
        error = total / max(len(own), 1)
        return {"validation_loss": error, "score": -error}

    def calibrate(self, networks: Networks, held_out: Windows) -> str:
        """``ValueError``: a score is no probability."""
        raise ValueError("train.calibrate is for classifiers: what reconstructing models give are no probabilities")

    def decision(
        self, windows: Windows, settings: TrainPart, held_out: Windows | None, outputs: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        """The threshold that keeps to ``false_alarms_per_hour`` on normal windows of subjects training has not seen."""
        if held_out is None or outputs is None:
            raise ValueError("an anomaly threshold needs subjects held out of training: set train.folds to 2 or more")
        minutes, confidence = self._minutes(held_out, outputs), settings.false_alarms_confidence
        return np.array([threshold_within(settings.false_alarms_per_hour, minutes, confidence=confidence)])

    def outlook(self, held_out: Windows, outputs: NDArray[np.float64], settings: TrainPart) -> dict[str, Any]:
        """``budget``: the false alarms an hour to expect of further patients, each one's at the others' threshold."""
        per_hour, confidence = settings.false_alarms_per_hour, settings.false_alarms_confidence
        each = expected_rates(per_hour, self._minutes(held_out, outputs), confidence=confidence)
        expected = rate_figures(each, per_hour) if each else None
        return {"budget": {"per_hour": per_hour, "confidence": confidence, "expected": expected}}

    def _minutes(self, windows: Windows, outputs: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        own = self._learned(windows)
        return minutes_of_patients(
            outputs[own, 0],
            windows.onset_s[own],
            windows.recording[own],
            windows.subject[own],
            persistence(self._recipe.cutter),
        )

    def report(self, windows: Windows, outputs: NDArray[np.float64], decision: NDArray[np.float64]) -> dict[str, Any]:
        """Areas under the curves, and what the threshold gives."""
        known = windows.label >= 0
        return self._report(windows.where(known), outputs[known, 0], np.broadcast_to(decision, outputs.shape)[known, 0])

    def report_detected(
        self,
        corpus: Corpus,
        given: Windows,
        found: Windows,
        outputs: NDArray[np.float64],
        decision: NDArray[np.float64],
    ) -> dict[str, Any]:
        """The same where beats were found: one that was missed ranks below all others, and is no alarm.

        ``missed`` counts these by label; ``extra`` are windows where no beat is, which the areas leave out.
        """
        known = found.label >= 0
        limit = np.broadcast_to(decision, outputs.shape)[:, 0]
        missed = _unfound(given, found)
        both = Windows.join([found.where(known), given.where(missed)]) if missed.any() else found.where(known)
        score = np.concatenate([outputs[known, 0], np.full(int(missed.sum()), -np.inf)])
        limits = np.concatenate([limit[known], np.full(int(missed.sum()), limit.mean())])
        counted = np.bincount(given.label[missed], minlength=len(self._labels)).tolist()
        return self._report(both, score, limits) | {
            "missed": dict(zip(self._labels, counted, strict=True)),
            "extra": int((~known).sum()),
        }

    def _report(self, windows: Windows, score: NDArray[np.float64], threshold: NDArray[np.float64]) -> dict[str, Any]:
        return anomaly_report(
            windows.label,
            score,
            windows.subject,
            windows.onset_s,
            windows.recording,
            classes=self._labels,
            normal=self._recipe.data.normal,
            threshold=threshold,
            persistent=persistence(self._recipe.cutter),
            per_hour=self._recipe.train.false_alarms_per_hour,
        )

    def spread(self, reports: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Of the areas under the ROC curve, all anomalies and each kind."""
        kinds = reports[0]["classes"]
        by_class = {name: mean_and_sd([report["classes"][name]["auroc"] for report in reports]) for name in kinds}
        return {"auroc": mean_and_sd([report["auroc"] for report in reports])} | by_class

    def headline(self, report: dict[str, Any]) -> str:
        """The area under the ROC curve."""
        return "no anomalies" if report["auroc"] is None else f"AUROC {report['auroc']:.3f}"

    def gallery(self, bundle: Bundle, corpus: Corpus, windows: Windows, outputs: NDArray[np.float64]) -> list[Picture]:
        """The normal windows that look most anomalous, and the anomalies that look least so, with the error drawn."""
        if isinstance(corpus, Pictures):
            return rebuilt(bundle, windows, outputs[:, 0])
        return odd_and_usual(bundle, corpus, windows, outputs[:, 0])

    def _learned(self, windows: Windows) -> NDArray[np.bool_]:
        """Normal windows with enough real samples (n,)."""
        return np.isin(windows.label, self._normal) & (windows.good >= self._recipe.windows.min_good)


def _unfound(given: Windows, found: Windows) -> NDArray[np.bool_]:
    """As many of the labelled windows at annotated beats, bool (n,), as have no counterpart among those found.

    Which ones of a recording and label they are does not matter: only label and subject are told of them.
    """
    missed = np.zeros(len(given), dtype=bool)
    for number, name in enumerate(given.names):
        same = found.recording == found.names.index(name)
        for label in np.unique(given.label[given.label >= 0]):
            own = np.flatnonzero((given.recording == number) & (given.label == label))
            missed[own[: len(own) - int((found.label[same] == label).sum())]] = True
    return missed

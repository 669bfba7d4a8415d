"""Classifiers: trained on every labelled window, measured by the class that each window is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from torch import nn

from biosig.bundle import Bundle
from biosig.datasets.corpus import Corpus
from biosig.datasets.pictures import Pictures
from biosig.evaluation.counts import mean_and_sd
from biosig.evaluation.metrics import spread
from biosig.evaluation.report import Picture
from biosig.recipe import Recipe, TrainPart
from biosig.runs.end_to_end import report_detected, report_labelled
from biosig.runs.gallery import worst_mistakes
from biosig.runs.saliency import looked_at
from biosig.training.answers import Answer, Classes
from biosig.training.augment import varied
from biosig.training.calibration import fit_calibration
from biosig.training.loop import TrainingData
from biosig.training.objectives import Classify, Objective, balance
from biosig.training.predict import Networks
from biosig.windows.index import Windows

__all__ = ["Classification"]

_OVERALL = ("balanced_accuracy", "auroc")


class Classification:
    """See :class:`biosig.runs.aims.Aim`."""

    short: tuple[str, ...] = ("classes", "macro_f1", "accuracy", "ci95")

    def __init__(self, recipe: Recipe) -> None:
        self.answer: Answer = Classes(recipe)
        self._recipe = recipe

    def must_validate(self, settings: TrainPart) -> bool:
        """Only where training stops early, or probabilities are calibrated."""
        return bool(settings.patience) or settings.calibrate

    def data(self, windows: Windows, settings: TrainPart, virtual: Windows | None) -> TrainingData:
        """All windows, those without a label as context; ``ValueError`` where no window has one of the labels."""
        usable = self._usable(windows)
        labels = self._recipe.data.labels
        missing = [name for number, name in enumerate(labels) if not (usable & (windows.label == number)).any()]
        if missing:
            raise ValueError(
                f"no training window is labelled {missing[0]!r}; found only "
                + ", ".join(name for name in labels if name not in missing)
            )
        each = self._balance(windows, settings)
        by_sampling = settings.balance == "sampling"
        return TrainingData(
            windows=windows,
            context=self._recipe.windows.context,
            weight=usable.astype(np.float64) if by_sampling else each,
            sampling=each if by_sampling else None,
            virtual=virtual,
            virtual_weight=None if virtual is None else self._balance(virtual, settings),
            virtual_share=settings.virtual.share,
        )

    def begin(self, model: nn.Module, data: TrainingData) -> None:
        """The features' scale, of the windows that count.

        Where the last window of a recording answers for all, every window before it is read as well: the last ones
        alone, which no beat follows, would give a scale on which all the others lie beyond the limits.
        """
        windows = data.windows
        read = self._usable(windows)
        if self._recipe.data.answer == "last":
            read = windows.good >= self._recipe.windows.min_good
        model.fit_scale(torch.from_numpy(windows.features[read]))  # type: ignore[operator]

    def objective(self, settings: TrainPart) -> Objective:
        """Cross-entropy or focal loss."""
        return Classify(settings)

    def finish(self, networks: Networks, windows: Windows) -> None:
        """Nothing is left to do."""

    def validate(self, networks: Networks, windows: Windows) -> dict[str, float]:
        """Macro-F1."""
        probabilities = networks.predict(windows)
        known = windows.label >= 0
        truth, guess = windows.label[known], probabilities[known].argmax(axis=1)
        score = float(f1_score(truth, guess, labels=np.unique(truth), average="macro", zero_division=0.0))
        return {"macro_f1": score, "score": score}

    def calibrate(self, networks: Networks, held_out: Windows) -> str:
        """Temperature and class offsets, taken into the network's last layer.

        Windows that stand for themselves (context 1) are also taken as augmentation varies them: what was not quite
        like the training pictures was called ill too often, and not the other way round.
        """
        (model,) = networks.models
        seen, settings = [held_out], self._recipe.train
        if settings.augment and self._recipe.windows.context == 1:
            seen.append(varied(held_out, settings.augment, seed=settings.seed))
        usable = self._usable(held_out)
        told = np.concatenate([networks.predict(windows)[usable] for windows in seen])
        found = fit_calibration(told, np.tile(held_out.label[usable], len(seen)))
        found.apply(model.head)  # type: ignore[arg-type]
        offsets = ", ".join(
            f"{name} {value:+.2f}" for name, value in zip(self.answer.labels, found.offset, strict=True)
        )
        how = ", as they are and as varied in training" if len(seen) > 1 else ""
        return f"temperature {found.temperature:.2f}, offsets {offsets}{how}"

    def decision(
        self, windows: Windows, settings: TrainPart, held_out: Windows | None, outputs: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        """What to add to log probabilities so that they stand for the class shares to the power ``prior_power``.

        A network trained with class weights share ** -class_power answers for shares to the power 1 - class_power
        (Menon et al. 2021, arXiv:2007.07314, logit adjustment); a calibrated one for the shares of ``held_out``.
        """
        if settings.prior_power is None:
            return np.zeros(self.answer.width)
        power = 1 - settings.class_power
        if settings.calibrate and held_out is not None:
            windows, power = held_out, 1.0
        counts = np.bincount(windows.label[self._usable(windows)], minlength=self.answer.width)
        if not counts.all():
            raise ValueError(f"no window to decide by is labelled {self.answer.labels[int(counts.argmin())]!r}")
        shift: NDArray[np.float64] = (settings.prior_power - power) * np.log(counts / counts.sum())
        return shift

    def outlook(self, held_out: Windows, outputs: NDArray[np.float64], settings: TrainPart) -> dict[str, Any]:
        """Nothing: a classifier promises no rate."""
        return {}

    def report(self, windows: Windows, outputs: NDArray[np.float64], decision: NDArray[np.float64]) -> dict[str, Any]:
        """Figures per class; windows that are not usable are called what the recipe calls them, where it does."""
        name = self._recipe.windows.unusable
        if name:
            usable = windows.good >= self._recipe.windows.min_good
            surely = np.eye(self.answer.width)[self.answer.labels.index(name)]
            outputs = np.where(usable[:, None], outputs, surely)
        guess = self.answer.number(outputs, decision)
        report = report_labelled(windows, outputs, guess, self.answer.labels, decision=decision)
        scored = self._recipe.data.scored
        if scored:
            each = [report["classes"][label]["f1"] for label in scored]
            report["score"] = {"labels": list(scored), "f1": None if None in each else float(np.mean(each))}
        return report

    def report_detected(
        self,
        corpus: Corpus,
        given: Windows,
        found: Windows,
        outputs: NDArray[np.float64],
        decision: NDArray[np.float64],
    ) -> dict[str, Any]:
        """Figures per class as EC57 compares beats."""
        guess = self.answer.number(outputs, decision)
        return report_detected(corpus, self._recipe.data.channels, found, guess, self.answer.labels)

    def spread(self, reports: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Of F1 per class, macro-F1, score, balanced accuracy and AUROC, the last two of recordings, too."""
        figures = spread(reports)
        told = {name: row["f1"] for name, row in figures["classes"].items()}
        told |= {name: figures[name] for name in ("macro_f1", *_OVERALL)}
        if self._recipe.data.scored:
            told["score"] = mean_and_sd([report["score"]["f1"] for report in reports])
        if all("recording" in report for report in reports):
            of_recordings = [report["recording"] for report in reports]
            told |= {f"recording.{name}": mean_and_sd([one[name] for one in of_recordings]) for name in _OVERALL}
        return told

    def headline(self, report: dict[str, Any]) -> str:
        """Score, macro-F1, and balanced accuracy of the recordings where each is of one class."""
        found = report.get("score", {}).get("f1")
        text = "" if found is None else f"F1 of {', '.join(report['score']['labels'])} {found:.3f}, "
        text += f"macro-F1 {report['macro_f1']:.3f}, balanced accuracy {report['balanced_accuracy']:.3f}"
        if "recording" not in report:
            return text
        return f"{text}, of {report['recording']['n']} recordings {report['recording']['balanced_accuracy']:.3f}"

    def gallery(self, bundle: Bundle, corpus: Corpus, windows: Windows, outputs: NDArray[np.float64]) -> list[Picture]:
        """The mistakes the bundle was surest of, of pictures also what it was right about; else none but of beats."""
        if isinstance(corpus, Pictures):
            return looked_at(bundle, windows, outputs)
        return worst_mistakes(bundle, corpus, windows, outputs) if corpus.labels_beats else []

    def _usable(self, windows: Windows) -> NDArray[np.bool_]:
        """Windows that have a label and enough real samples (n,)."""
        return (windows.label >= 0) & (windows.good >= self._recipe.windows.min_good)

    def _balance(self, windows: Windows, settings: TrainPart) -> NDArray[np.float64]:
        return balance(
            np.where(self._usable(windows), windows.label, -1),
            windows.subject,
            class_power=settings.class_power,
            subject_power=settings.subject_power,
        )

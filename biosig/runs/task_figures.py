"""What an evaluation says about some tasks beside the figures per class: a recipe names it under ``figures``.

To add one: write a function from :class:`Scored` to :class:`TaskFigures`, add its line to ``TASK_FIGURES``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.datasets.corpus import Corpus
from biosig.errors import RecipeError
from biosig.evaluation.metrics import classification_report
from biosig.evaluation.report import Picture
from biosig.evaluation.szcore import Detected, szcore_report
from biosig.evaluation.timelines import plot_events, plot_hypnogram
from biosig.monitoring.events import ClassScore
from biosig.monitoring.panel import event_level
from biosig.options import did_you_mean
from biosig.recipe import EventsPart, Recipe
from biosig.records.recording import Recording
from biosig.windows.index import Windows

__all__ = ["TASK_FIGURES", "Scored", "TaskFigures", "check_figures", "find_events", "task_figures"]

MOST_PICTURES = 24


@dataclass(frozen=True, eq=False)
class Scored:
    """Windows of whole recordings and what a bundle made of them.

    Parameters
    ----------
    recipe, corpus : what was trained, and where the recordings are from.
    windows : labelled, all of each recording.
    probabilities : float64 (n_windows, n_classes).
    guess : int64 (n_windows,), the class decided on.
    """

    recipe: Recipe
    corpus: Corpus
    windows: Windows
    probabilities: NDArray[np.float64]
    guess: NDArray[np.int64]

    def of(self, number: int) -> slice:
        """The windows of one recording."""
        return slice(*np.searchsorted(self.windows.recording, [number, number + 1]).tolist())

    def recording(self, number: int) -> Recording:
        """One recording, read again for its marks and its length."""
        name = self.windows.names[number].removeprefix(f"{self.corpus.name}/")
        return self.corpus.read(name, self.recipe.data.channels)


@dataclass(frozen=True, eq=False)
class TaskFigures:
    """Entries of ``metrics.json`` and charts of whole recordings for the report."""

    metrics: dict[str, Any] = field(default_factory=dict)
    timelines: Sequence[Picture] = ()


def task_figures(scored: Scored) -> TaskFigures:
    """All that the recipe asks for."""
    parts = [TASK_FIGURES[name](scored) for name in scored.recipe.figures]
    metrics: dict[str, Any] = {}
    for part in parts:
        metrics |= part.metrics
    return TaskFigures(metrics, [picture for part in parts for picture in part.timelines])


def check_figures(recipe: Recipe) -> None:
    """``RecipeError`` for figures that there are not, or that the recipe has not the windows or rules for."""
    for name in recipe.figures:
        if name not in TASK_FIGURES:
            raise RecipeError(f"recipe {recipe.name!r}: unknown figures {name!r}{did_you_mean(name, TASK_FIGURES)}")
        if recipe.train.objective != "classify":
            raise RecipeError(f"recipe {recipe.name!r}: figures {name!r} are about classes, not reconstruction")
        if recipe.cutter.positions is not None:
            raise RecipeError(f"recipe {recipe.name!r}: figures {name!r} are about windows of fixed length, not beats")
    if "szcore" in recipe.figures and recipe.events is None:
        raise RecipeError(
            f"recipe {recipe.name!r}: figures 'szcore' need [events], the rule that makes them of windows"
        )


def find_events(
    onset_s: NDArray[np.float64],
    probability: NDArray[np.float64],
    usable: NDArray[np.bool_],
    *,
    length_s: float,
    rule: EventsPart,
) -> NDArray[np.float64]:
    """Onset and end in seconds of the events in one recording (n, 2), found by a monitor's own condition.

    Parameters
    ----------
    onset_s : float64 (m,), start of each window, in order.
    probability : float64 (m,), of the rule's label.
    usable : bool (m,), windows that were not too bad to be judged.
    length_s : of a window.
    rule : which windows make an event.
    """
    watcher = event_level(rule).open(0.0, 0.0)
    limit = rule.threshold if rule.release is None else rule.release
    spans: list[list[float]] = []
    for at, value, good in zip(onset_s.tolist(), probability.tolist(), usable.tolist(), strict=True):
        for finding in watcher.see_score(ClassScore(at, at, value, good, rule.label)):
            if finding.met:
                spans.append([finding.since_s, at + length_s])
        if watcher.met and good and value >= limit:
            spans[-1][1] = at + length_s
    return np.array(spans, dtype=np.float64).reshape(-1, 2)


def _szcore(scored: Scored) -> TaskFigures:
    """Events by the recipe's rule against the annotated ones, as SzCORE counts; recordings with events as charts."""
    recipe, windows = scored.recipe, scored.windows
    rule = recipe.events
    if rule is None:
        raise RecipeError(
            f"recipe {recipe.name!r}: figures 'szcore' need [events], the rule that makes them of windows"
        )
    column = recipe.data.labels.index(rule.label)
    recordings: dict[str, Detected] = {}
    pictures: list[Picture] = []
    for number, name in enumerate(windows.names):
        own = scored.of(number)
        recording = scored.recording(number)
        marks = recording.annotations.where(np.array([label == rule.label for label in recording.annotations.label]))
        reference = np.stack([marks.onset_s, marks.onset_s + marks.duration_s], axis=1)
        usable = windows.good[own] >= recipe.windows.min_good
        onset_s, probability = windows.onset_s[own], scored.probabilities[own, column]
        found = find_events(onset_s, probability, usable, length_s=windows.length_s, rule=rule)
        recordings[name] = Detected(windows.subjects[number], reference, found, recording.duration_s)
        if (len(reference) or len(found)) and len(pictures) < MOST_PICTURES:
            sheet = plot_events(
                onset_s + windows.length_s / 2,
                np.where(usable, probability, np.nan),
                reference,
                found,
                duration_s=recording.duration_s,
                threshold=rule.threshold,
                label=rule.label,
            )
            pictures.append(Picture(sheet, f"{name}: {len(reference)} {rule.label}, {len(found)} detected"))
    figures = szcore_report(recordings)
    figures["rule"] = rule.model_dump(exclude_none=True)
    return TaskFigures({"szcore": figures}, pictures)


def _hypnogram(scored: Scored) -> TaskFigures:
    """Agreement of each night (accuracy, Cohen's kappa, minutes per stage) and its hypnogram beside the model's."""
    windows, labels = scored.windows, scored.recipe.data.labels
    nights: dict[str, Any] = {}
    pictures: list[Picture] = []
    for number, name in enumerate(windows.names):
        own = scored.of(number)
        truth, guess = windows.label[own], scored.guess[own]
        known = truth >= 0
        if not known.any():
            continue
        one = _classified(
            truth[known], scored.probabilities[own][known], windows.subject[own][known], labels, guess[known]
        )
        minutes = np.bincount(truth[known], minlength=len(labels)) * windows.length_s / 60
        told = np.bincount(guess[known], minlength=len(labels)) * windows.length_s / 60
        nights[name] = {key: one[key] for key in ("n", "accuracy", "kappa", "macro_f1")} | {
            "minutes": dict(zip(labels, minutes.tolist(), strict=True)),
            "minutes_by_model": dict(zip(labels, told.tolist(), strict=True)),
        }
        if len(pictures) < MOST_PICTURES:
            sheet = plot_hypnogram(windows.onset_s[own], truth, guess, labels, epoch_s=windows.length_s)
            kappa = "undefined" if one["kappa"] is None else f"{one['kappa']:.2f}"
            pictures.append(Picture(sheet, f"{name}: accuracy {one['accuracy']:.2f}, Cohen's kappa {kappa}"))
    return TaskFigures({"nights": nights}, pictures)


def _trials(scored: Scored) -> TaskFigures:
    """One answer per annotated trial from all windows that lie in it, by mean log probability."""
    windows, labels = scored.windows, scored.recipe.data.labels
    truth: list[int] = []
    subjects: list[str] = []
    sums: list[NDArray[np.float64]] = []
    logs = np.log(np.maximum(scored.probabilities, 1e-12))
    for number in range(len(windows.names)):
        own = scored.of(number)
        middle_s, label = windows.onset_s[own] + windows.length_s / 2, windows.label[own]
        marks = scored.recording(number).annotations
        for onset_s, duration_s, name in zip(marks.onset_s, marks.duration_s, marks.label, strict=True):
            inside = (middle_s >= onset_s) & (middle_s < onset_s + duration_s) & (label >= 0)
            if name in labels and inside.any():
                truth.append(labels.index(name))
                subjects.append(windows.subjects[number])
                sums.append(logs[own][inside].mean(axis=0))
    if not truth:
        return TaskFigures({"trials": None})
    weight = np.exp(np.array(sums) - np.max(sums, axis=1, keepdims=True))
    probabilities = weight / weight.sum(axis=1, keepdims=True)
    report = _classified(np.array(truth), probabilities, np.array(subjects), labels, None)
    each = {who: {"n": one["n"], "accuracy": one["accuracy"]} for who, one in report.pop("subjects").items()}
    accuracies = np.array([one["accuracy"] for one in each.values()])
    spread = {
        "mean": float(accuracies.mean()),
        "sd": float(accuracies.std(ddof=1)) if len(accuracies) > 1 else None,
        "n": len(accuracies),
    }
    return TaskFigures({"trials": report | {"subjects": each, "subject_mean": spread}})


def _classified(
    truth: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    subject: NDArray[np.str_],
    labels: Sequence[str],
    guess: NDArray[np.int64] | None,
) -> dict[str, Any]:
    """The overall figures of some items, how many they are, and each subject's."""
    report = classification_report(truth, probabilities, subject, labels, predicted=guess)
    kept = ("accuracy", "balanced_accuracy", "kappa", "macro_f1", "ci95", "confusion", "subjects")
    return {"n": len(truth), **{key: report[key] for key in kept}}


TASK_FIGURES: dict[str, Callable[[Scored], TaskFigures]] = {
    "hypnogram": _hypnogram,
    "szcore": _szcore,
    "trials": _trials,
}

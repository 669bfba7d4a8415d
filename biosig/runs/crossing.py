"""``biosig cross-validate``: what a recipe gives on people it was not trained on, inside the training subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from biosig.bundle import Bundle
from biosig.datasets.corpus import Corpus
from biosig.datasets.registry import open_corpus
from biosig.datasets.splits import check_disjoint, grouped_folds, hold_out
from biosig.recipe import Recipe, TrainPart
from biosig.runs.aims import Aim, aim_of
from biosig.runs.fitting import Bench, Fitted
from biosig.runs.folding import out_of_fold
from biosig.runs.preparing import Positions, Say, count_labels, prepare, prepare_virtual, quiet
from biosig.runs.starting import open_start
from biosig.runs.task_figures import Scored, task_figures
from biosig.runs.training import open_recipe, write_json
from biosig.training.device import choose_device
from biosig.training.loop import best_epoch
from biosig.training.progress import Bar
from biosig.windows.index import Windows

__all__ = ["cross_validate"]


def cross_validate(
    recipe: str | Path | Recipe,
    *,
    data: str | Path | None = None,
    folds: int = 5,
    seeds: int = 1,
    out: str | Path | None = None,
    device: str = "auto",
    start_from: str | Path | Bundle | None = None,
    settings: Sequence[str] = (),
    say: Say = quiet,
    progress: bool = True,
) -> dict[str, Any]:
    """Train on all folds but one and score that one, for every fold and seed; subjects never cross folds.

    Returns ``metrics.json``: the figures of all folds together (outputs averaged over seeds, each fold decided by its
    own training subjects' rule), ``spread`` (mean and sd over every fold and seed), and ``folds`` (who was in which).
    Windows are cut at annotated beats where there are any, so that figures compare with the literature. With
    ``start_from`` every network begins with that bundle's trunk.
    """
    opened = open_recipe(recipe, settings, None)
    where = choose_device(device)
    start = None if start_from is None else open_start(start_from, opened, say)
    corpus = open_corpus(opened.data.dataset, None if data is None else Path(data))
    split = corpus.split(opened.data.split)
    records = (*split.train, *(split.validation if corpus.is_sample else ()))
    corpus.require(records, f"cross-validate {opened.name}")
    cuts = _cut(corpus, records, opened, say)
    windows = cuts[(opened.cutter.positions or "reference") if corpus.labels_beats else "reference"]
    virtual = prepare_virtual(corpus, records, opened, say=say)
    aim = aim_of(opened)
    fold_of = grouped_folds(windows.subjects, count_labels(windows, len(opened.data.labels)), folds)
    total = {at: np.zeros((len(cut), aim.answer.width)) for at, cut in cuts.items()}
    rule = {at: np.zeros((len(cut), aim.answer.width)) for at, cut in cuts.items()}
    reports = []
    for fold, seed in product(range(folds), range(seeds)):
        title = f"fold {fold + 1} of {folds}, seed {seed + 1} of {seeds}"
        bench = Bench(opened, aim, where, Bar(title) if progress else None, start)
        outside = np.flatnonzero(fold_of == fold)
        training = windows.of_recordings(np.flatnonzero(fold_of != fold).tolist())
        check_disjoint({"train": training.subjects, "test": [windows.subjects[i] for i in outside]})
        seeded = opened.train.model_copy(update={"seed": opened.train.seed + seed})
        model, decision = _fit(bench, training, virtual, seeded)
        for at, cut in cuts.items():
            testing = cut.of_recordings(outside.tolist())
            outputs = bench.predict(model, testing)
            own = np.isin(cut.recording, outside)
            total[at][own] += outputs / seeds
            rule[at][own] += decision / seeds
            if at == "reference":
                reports.append(aim.report(testing, outputs, decision))
        say(f"{title}: {aim.headline(reports[-1])}")
    metrics = _together(opened, corpus, aim, cuts, total, rule)
    metrics["spread"] = aim.spread(reports)
    names = np.array(windows.subjects)
    metrics["folds"] = [sorted(set(names[fold_of == fold].tolist())) for fold in range(folds)]
    metrics["protocol"] = {
        "what": f"{folds} folds by subject, {seeds} seed(s), {corpus.title}{' sample' if corpus.is_sample else ''}",
        "positions": "annotated beats; end to end at detected ones" if "detected" in cuts else "all windows",
    } | ({} if start is None else start.caution(windows.subjects))
    if out is not None:
        Path(out).mkdir(parents=True, exist_ok=True)
        write_json(Path(out) / "metrics.json", metrics)
    return metrics


def _together(
    recipe: Recipe,
    corpus: Corpus,
    aim: Aim,
    cuts: Mapping[Positions, Windows],
    outputs: Mapping[Positions, NDArray[np.float64]],
    rule: Mapping[Positions, NDArray[np.float64]],
) -> dict[str, Any]:
    """The figures of all folds together, from the outputs (n, width) of every window and the rule it is decided by."""
    given = cuts["reference"]
    metrics = aim.report(given, outputs["reference"], rule["reference"])
    guess = aim.answer.number(outputs["reference"], rule["reference"])
    metrics |= task_figures(Scored(recipe, corpus, given, outputs["reference"], guess)).metrics
    if "detected" in cuts:
        metrics["detected"] = aim.report_detected(
            corpus, given, cuts["detected"], outputs["detected"], rule["detected"]
        )
    return metrics


def _cut(corpus: Corpus, records: Sequence[str], recipe: Recipe, say: Say) -> dict[Positions, Windows]:
    """The records' windows: at annotated and at detected beats, or, without beats, once (as ``reference``)."""
    if not corpus.labels_beats:
        return {"reference": prepare(corpus, records, recipe, say=say)}
    both: tuple[Positions, ...] = ("reference", "detected")
    return {at: prepare(corpus, records, recipe, positions=at, say=say) for at in both}


def _fit(
    bench: Bench, windows: Windows, virtual: Windows | None, settings: TrainPart
) -> tuple[nn.Module, NDArray[np.float64]]:
    """One network and its decision; what the recipe chooses, it chooses on subjects held out of these windows.

    As in training, ``folds`` and ``refit`` then train on all of them with nothing left to choose.
    """
    aim = bench.aim

    def fit(data: Windows, each: TrainPart, validation: Windows | None) -> Fitted:
        rendered = None if virtual is None else virtual.of_subjects(data.subjects)
        return bench.fit(data, each, virtual=rendered, validation=validation)

    if not aim.must_validate(settings):
        return fit(windows, settings, None).model, aim.decision(windows, settings, None, None)
    if settings.folds:
        outputs = out_of_fold(bench, windows, lambda data, _title: [fit(data, settings, None).model])
        return fit(windows, settings, None).model, aim.decision(windows, settings, windows, outputs)
    counts = count_labels(windows, len(bench.recipe.data.labels))
    held = hold_out(windows.subjects, counts, settings.validation, seed=settings.seed)
    validation = windows.of_recordings(np.flatnonzero(held).tolist())
    training = windows.of_recordings(np.flatnonzero(~held).tolist())
    fitted = fit(training, settings, validation)
    outputs = bench.predict(fitted.model, validation)
    if not settings.refit:
        return fitted.model, aim.decision(training, settings, validation, outputs)
    epochs = best_epoch(fitted.history) if settings.patience else settings.epochs
    fitted = fit(windows, settings.model_copy(update={"epochs": epochs, "patience": 0}), None)
    return fitted.model, aim.decision(windows, settings, validation, outputs)

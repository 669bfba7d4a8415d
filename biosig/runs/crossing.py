"""``biosig cross-validate``: what a recipe gives on people it was not trained on, inside the training subjects."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from biosig.datasets.corpus import Corpus
from biosig.datasets.registry import open_corpus
from biosig.datasets.splits import check_disjoint, grouped_folds, hold_out
from biosig.evaluation.metrics import spread
from biosig.recipe import Recipe, TrainPart
from biosig.runs.end_to_end import report_detected, report_labelled
from biosig.runs.fitting import Bench, Fitted
from biosig.runs.preparing import Positions, Say, count_labels, prepare, prepare_virtual, quiet
from biosig.runs.training import open_recipe, write_json
from biosig.training.device import choose_device
from biosig.training.predict import decide
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
    settings: Sequence[str] = (),
    say: Say = quiet,
    progress: bool = True,
) -> dict[str, Any]:
    """Train on all folds but one and score that one, for every fold and seed; subjects never cross folds.

    Returns ``metrics.json``: the figures of all folds together (probabilities averaged over seeds, each fold decided
    by its own training subjects' rule), ``spread`` (mean and sd over every fold and seed), and ``folds`` (who was in
    which). Windows are cut at annotated beats where there are any, so that figures compare with the literature.
    """
    opened = open_recipe(recipe, settings, None)
    where = choose_device(device)
    corpus = open_corpus(opened.data.dataset, None if data is None else Path(data))
    split = corpus.split(opened.data.split)
    records = (*split.train, *(split.validation if corpus.is_sample else ()))
    corpus.require(records, f"cross-validate {opened.name}")
    cuts = _cut(corpus, records, opened, say)
    windows = cuts[opened.cutter.positions or "reference"]
    virtual = prepare_virtual(corpus, records, opened, say=say)
    n_classes = len(opened.data.labels)
    fold_of = grouped_folds(windows.subjects, count_labels(windows, n_classes), folds)
    total = {at: np.zeros((len(cut), n_classes)) for at, cut in cuts.items()}
    rule = {at: np.zeros((len(cut), n_classes)) for at, cut in cuts.items()}
    reports = []
    for fold, seed in product(range(folds), range(seeds)):
        title = f"fold {fold + 1} of {folds}, seed {seed + 1} of {seeds}"
        bench = Bench(opened, where, Bar(title) if progress else None)
        outside = np.flatnonzero(fold_of == fold)
        training = windows.of_recordings(np.flatnonzero(fold_of != fold).tolist())
        check_disjoint({"train": training.subjects, "test": [windows.subjects[i] for i in outside]})
        fitted = _fit(bench, training, virtual, opened.train.model_copy(update={"seed": opened.train.seed + seed}))
        for at, cut in cuts.items():
            testing = cut.of_recordings(outside.tolist())
            probabilities = bench.predict(fitted.model, testing)
            own = np.isin(cut.recording, outside)
            total[at][own] += probabilities / seeds
            rule[at][own] += fitted.decision / seeds
            if at == "reference":
                reports.append(report_labelled(testing, probabilities, fitted.decision, opened.data.labels))
        say(f"{title}: macro-F1 {reports[-1]['macro_f1']:.3f}")
    metrics = report_labelled(cuts["reference"], total["reference"], rule["reference"], opened.data.labels)
    if "detected" in cuts:
        guess = decide(total["detected"], rule["detected"])
        metrics["detected"] = report_detected(corpus, opened.data.channels, cuts["detected"], guess, opened.data.labels)
    by_class = spread(reports)
    metrics["spread"] = {name: row["f1"] for name, row in by_class["classes"].items()}
    metrics["spread"]["macro_f1"] = by_class["macro_f1"]
    names = np.array(windows.subjects)
    metrics["folds"] = [sorted(set(names[fold_of == fold].tolist())) for fold in range(folds)]
    metrics["protocol"] = {
        "what": f"{folds} folds by subject, {seeds} seed(s), {corpus.title}{' sample' if corpus.is_sample else ''}",
        "positions": "annotated beats; end to end at detected ones" if "detected" in cuts else "all windows",
    }
    if out is not None:
        Path(out).mkdir(parents=True, exist_ok=True)
        write_json(Path(out) / "metrics.json", metrics)
    return metrics


def _cut(corpus: Corpus, records: Sequence[str], recipe: Recipe, say: Say) -> dict[Positions, Windows]:
    """The records' windows: at annotated and at detected beats, or, without beats, once (as ``reference``)."""
    if recipe.cutter.positions is None:
        return {"reference": prepare(corpus, records, recipe, say=say)}
    both: tuple[Positions, ...] = ("reference", "detected")
    return {at: prepare(corpus, records, recipe, positions=at, say=say) for at in both}


def _fit(bench: Bench, windows: Windows, virtual: Windows | None, settings: TrainPart) -> Fitted:
    """One network; where the recipe stops early, it does so on subjects held out of these windows."""
    validation = None
    if settings.patience:
        counts = count_labels(windows, len(bench.recipe.data.labels))
        held = hold_out(windows.subjects, counts, settings.validation, seed=settings.seed)
        validation = windows.of_recordings(np.flatnonzero(held).tolist())
        windows = windows.of_recordings(np.flatnonzero(~held).tolist())
    rendered = None if virtual is None else virtual.of_subjects(windows.subjects)
    return bench.fit(windows, settings, virtual=rendered, validation=validation)

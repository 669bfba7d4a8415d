"""``biosig cross-validate``: what a recipe gives on people it was not trained on, inside the training subjects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from biosig.datasets.registry import open_corpus
from biosig.datasets.splits import check_disjoint, grouped_folds, hold_out
from biosig.evaluation.metrics import spread
from biosig.recipe import Recipe, TrainPart
from biosig.runs.fitting import Bench, Fitted
from biosig.runs.preparing import Say, count_labels, prepare, quiet
from biosig.runs.training import open_recipe, write_json
from biosig.training.device import choose_device
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

    Returns ``metrics.json``: the figures of all folds together (probabilities averaged over seeds), ``spread``
    (mean and sd over every fold and seed), and ``folds`` (who was in which). Windows are cut
    at annotated beats where there are any, so that figures compare with the literature.
    """
    opened = open_recipe(recipe, settings, None)
    corpus = open_corpus(opened.data.dataset, None if data is None else Path(data))
    split = corpus.split(opened.data.split)
    records = (*split.train, *(split.validation if corpus.is_sample else ()))
    corpus.require(records, f"cross-validate {opened.name}")
    trained_on = prepare(corpus, records, opened, say=say)
    scored_on = trained_on
    if opened.cutter.positions == "detected":
        scored_on = prepare(corpus, records, opened, positions="reference", say=say)
    fold_of = grouped_folds(trained_on.subjects, count_labels(trained_on, len(opened.data.labels)), folds)
    where = choose_device(device)
    total = np.zeros((len(scored_on), len(opened.data.labels)))
    reports, decision = [], np.zeros(len(opened.data.labels))
    for fold in range(folds):
        inside, outside = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        training, testing = trained_on.of_recordings(inside.tolist()), scored_on.of_recordings(outside.tolist())
        check_disjoint({"train": training.subjects, "test": testing.subjects})
        rows = np.isin(scored_on.recording, outside)
        for seed in range(seeds):
            title = f"fold {fold + 1} of {folds}, seed {seed + 1} of {seeds}"
            bench = Bench(opened, where, Bar(title) if progress else None)
            fitted = _fit(bench, training, opened.train.model_copy(update={"seed": opened.train.seed + seed}))
            probabilities = bench.predict(fitted.model, testing)
            total[rows] += probabilities / seeds
            decision = fitted.decision
            reports.append(bench.report(testing, probabilities, decision))
            say(f"{title}: macro-F1 {reports[-1]['macro_f1']:.3f}")
    metrics = Bench(opened, where).report(scored_on, total, decision)
    metrics["spread"] = {name: row["f1"] for name, row in spread(reports)["classes"].items()}
    metrics["spread"]["macro_f1"] = spread(reports)["macro_f1"]
    metrics["folds"] = [
        sorted({scored_on.subjects[i] for i in np.flatnonzero(fold_of == fold)}) for fold in range(folds)
    ]
    metrics["protocol"] = {
        "what": f"{folds} folds by subject, {seeds} seed(s), {corpus.title}{' sample' if corpus.is_sample else ''}",
        "positions": "reference" if opened.cutter.positions else "all windows",
    }
    if out is not None:
        Path(out).mkdir(parents=True, exist_ok=True)
        write_json(Path(out) / "metrics.json", metrics)
    return metrics


def _fit(bench: Bench, windows: Windows, settings: TrainPart) -> Fitted:
    """One network; where the recipe stops early, it does so on subjects held out of these windows."""
    if not settings.patience:
        return bench.fit(windows, settings)
    counts = count_labels(windows, len(bench.recipe.data.labels))
    held = hold_out(windows.subjects, counts, settings.validation, seed=settings.seed)
    inner = windows.of_recordings(np.flatnonzero(~held).tolist())
    return bench.fit(inner, settings, validation=windows.of_recordings(np.flatnonzero(held).tolist()))

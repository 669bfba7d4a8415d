"""``biosig train``: a recipe and a database become a bundle."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from biosig.bundle import Bundle
from biosig.datasets.corpus import Corpus
from biosig.datasets.registry import open_corpus
from biosig.datasets.splits import Split, check_disjoint, hold_out
from biosig.datasets.virtual import check_rhythms
from biosig.errors import RecipeError
from biosig.models.registry import check_options
from biosig.monitoring.rules import rule_from_dict
from biosig.recipe import Recipe, TrainPart, load_recipe
from biosig.records.whole import written_whole
from biosig.runs.aims import aim_of
from biosig.runs.fitting import Bench, Fitted
from biosig.runs.folding import out_of_fold
from biosig.runs.leftovers import can_resume, clear_checkpoints, clear_reports, clear_run, finished
from biosig.runs.preparing import Say, count_labels, prepare, prepare_virtual, quiet
from biosig.runs.starting import open_start
from biosig.runs.task_figures import check_figures
from biosig.training.augment import check_augmentations
from biosig.training.device import choose_device, describe_device
from biosig.training.loop import History, Watcher, best_epoch
from biosig.training.progress import Bar, Several, TensorBoard, tensorboard_is_installed
from biosig.windows.index import Windows

__all__ = ["named", "open_recipe", "package_version", "train", "write_json"]

MOST_NAMED = 60
"""More subjects or records than these are counted, not listed, where people read."""


def open_recipe(recipe: str | Path | Recipe, settings: Sequence[str], seed: int | None) -> Recipe:
    """A checked recipe: shipped name, TOML file or object, with settings and seed applied.

    ``RecipeError`` where a part does not fit.
    """
    changes = [*settings, *([] if seed is None else [f"train.seed={seed}"])]
    opened = recipe.with_settings(changes) if isinstance(recipe, Recipe) else load_recipe(recipe, changes)
    try:
        check_options(opened.model.name, opened.model.options)
        check_augmentations(opened.train.augment)
        check_rhythms(opened.train.virtual.rhythms)
        for entry in opened.alarm:
            rule_from_dict(entry)
    except ValueError as error:
        raise RecipeError(f"recipe {opened.name!r}: {error}") from None
    check_figures(opened)
    return opened


def train(
    recipe: str | Path | Recipe,
    *,
    data: str | Path | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    seed: int | None = None,
    start_from: str | Path | Bundle | None = None,
    false_alarms_per_hour: float | None = None,
    resume: bool = False,
    settings: Sequence[str] = (),
    say: Say = quiet,
    progress: bool = True,
) -> Bundle:
    """Train as a recipe says and write the bundle.

    Parameters
    ----------
    recipe : a shipped recipe's name, a TOML file, or a :class:`~biosig.recipe.Recipe`.
    data : folder of the database; else ``BIOSIG_DATA``, else the shipped sample.
    out : folder of the bundle, ``runs/NAME`` where None.
    device : ``auto``, ``cpu`` or ``cuda``.
    seed : instead of the recipe's.
    start_from : a bundle, or its folder, whose trunk the networks begin with (everything before the head); what then
        learns, and how fast, the recipe says in ``train.head_epochs``, ``train.freeze`` and ``train.layer_decay``.
    false_alarms_per_hour : instead of the recipe's; the budget of an anomaly threshold.
    resume : go on with a run in ``out`` that was interrupted; one that is finished is left as it is.
    settings : ``key=value`` changes to the recipe, as in ``train.lr=3e-4``.
    say : takes lines about what is going on.
    progress : show a bar.
    """
    budget = [] if false_alarms_per_hour is None else [f"train.false_alarms_per_hour={false_alarms_per_hour}"]
    opened = open_recipe(recipe, [*settings, *budget], seed)
    where = choose_device(device)
    start = None if start_from is None else open_start(start_from, opened, say)
    corpus = open_corpus(opened.data.dataset, None if data is None else Path(data))
    folder = Path(out) if out is not None else Path("runs") / opened.name
    split = corpus.split(opened.data.split)
    if split.validation:
        # A split that names its validation subjects keeps them out for good: they are what evaluate reports on.
        opened = opened.with_settings(["train.refit=false"])
    records = (*split.train, *split.validation)
    corpus.require(records, f"train {opened.name}")
    say(_what_data(corpus, opened))
    folder.mkdir(parents=True, exist_ok=True)
    if not resume:
        clear_run(folder)
    elif not can_resume(folder):
        if (there := finished(folder, opened, say)) is not None:
            return there
        say(f"nothing to resume in {folder}: starting with the first epoch")
    windows = prepare(corpus, records, opened, say=say)
    held_out = _choose_validation(windows, split, opened)
    say(f"{len(windows)} windows of {len(set(windows.subjects))} subjects; training on {describe_device(where)}")
    virtual = prepare_virtual(corpus, records, opened, say=say)

    def watch(title: str) -> Watcher | None:
        watchers: list[Watcher] = [Bar(title)] if progress else []
        if tensorboard_is_installed():
            watchers.append(TensorBoard(folder / "tensorboard" / title))
        return Several(watchers) if watchers else None

    bench = Bench(opened, aim_of(opened), where, start=start, say=say)
    fits, decision, metrics, history = _fit_members(bench, windows, virtual, held_out, watch, folder)
    provenance = _provenance(opened, corpus, split, windows, held_out, describe_device(where))
    if start is not None:
        provenance = start.provenance(provenance)
    manifest = {
        "metrics": metrics,
        "provenance": provenance,
        "latency_s": float((windows.ready_s - windows.onset_s).max()),
        "history": history,
    }
    bundle = Bundle(opened, [fitted.model for fitted in fits], fits[0].shape, decision, manifest)
    bundle.save(folder)
    write_json(folder / "history.json", manifest["history"])
    clear_checkpoints(folder)
    clear_reports(folder, say)
    say(f"bundle written to {folder}")
    return bundle


def _fit_members(
    bench: Bench,
    windows: Windows,
    virtual: Windows | None,
    held_out: NDArray[np.bool_],
    watch: Callable[[str], Watcher | None],
    folder: Path,
) -> tuple[list[Fitted], NDArray[np.float64], dict[str, Any], History]:
    """The networks of the bundle, their decision, the figures on the validation subjects, the first one's history.

    With ``refit`` the figures come from networks that have not seen those subjects; the bundle's networks are
    then trained on all of them for as many epochs, with nothing left to choose. With ``folds`` they come from all
    training subjects, each scored by networks that have not seen them. Without either there are no figures.
    """
    settings, aim = bench.recipe.train, bench.aim
    members = [settings.model_copy(update={"seed": settings.seed + number}) for number in range(settings.members)]

    def fit_all(data: Windows, stage: str, validation: Windows | None, each: Sequence[TrainPart]) -> list[Fitted]:
        rendered = None if virtual is None else virtual.of_subjects(data.subjects)
        fits = []
        for number, one in enumerate(each):
            titled = replace(bench, watcher=watch(f"{stage}, network {number + 1} of {len(each)}"))
            checkpoint = folder / f"checkpoint-{stage.replace(' ', '-')}-{number}.pt"
            fits.append(titled.fit(data, one, virtual=rendered, validation=validation, checkpoint=checkpoint))
        return fits

    if settings.folds:
        training = windows.of_recordings(np.flatnonzero(~held_out).tolist())
        outputs = out_of_fold(
            bench, training, lambda data, title: [one.model for one in fit_all(data, title, None, members)]
        )
        fits = fit_all(training, "all subjects", None, members)
        what = f"{len(set(training.subjects))} training subjects, out of fold: {settings.folds} folds by subject, each "
        what += "scored by networks of the others; the bundle's networks were then trained on all"
        decision, metrics = _decided(bench, training, training, outputs, what)
        return fits, decision, metrics, fits[0].history
    if not held_out.any():
        fits = fit_all(windows, "all subjects", None, members)
        return fits, aim.decision(windows, settings, None, None), {}, fits[0].history
    validation = windows.of_recordings(np.flatnonzero(held_out).tolist())
    training = windows.of_recordings(np.flatnonzero(~held_out).tolist())
    fits = fit_all(training, "training subjects", validation, members)
    calibrations = [bench.calibrate(fitted.model, validation) for fitted in fits] if settings.calibrate else []
    outputs = np.mean([bench.predict(fitted.model, validation) for fitted in fits], axis=0)
    what = f"validation subjects, held out of training: {named(sorted(set(validation.subjects)))}"
    if settings.refit:
        what += "; the bundle's networks were then trained on all subjects, these included"
    decision, metrics = _decided(bench, training, validation, outputs, what)
    if calibrations:
        metrics["protocol"]["calibration"] = (
            f"on {len(validation)} validation windows, network by network: {'; '.join(calibrations)}"
        )
    history = fits[0].history
    if settings.refit:
        epochs = best_epoch(history) if settings.patience else settings.epochs
        again = [one.model_copy(update={"epochs": epochs, "patience": 0}) for one in members]
        fits = fit_all(windows, "all subjects", None, again)
        decision = aim.decision(windows, settings, validation, outputs)
    return fits, decision, metrics, history


def _decided(
    bench: Bench, training: Windows, held_out: Windows, outputs: NDArray[np.float64], what: str
) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """The decision chosen on ``held_out``, of which networks said ``outputs``, and the figures there."""
    aim, settings = bench.aim, bench.recipe.train
    decision = aim.decision(training, settings, held_out, outputs)
    metrics = aim.report(held_out, outputs, decision) | aim.outlook(held_out, outputs, settings)
    metrics["protocol"] = {"what": what} | ({} if bench.start is None else bench.start.caution(held_out.subjects))
    return decision, metrics


def _provenance(
    recipe: Recipe, corpus: Corpus, split: Split, windows: Windows, held_out: NDArray[np.bool_], device: str
) -> dict[str, Any]:
    """Where the bundle comes from, for manifest and model card."""
    names = np.array(windows.names)
    return {
        "dataset": f"{corpus.title}{' (sample shipped with biosig)' if corpus.is_sample else ''}",
        "citation": corpus.citation,
        "split": "sample" if corpus.is_sample else recipe.data.split,
        "note": split.note,
        "trained_on": names[~held_out].tolist() if not recipe.train.refit else names.tolist(),
        "validated_on": names[held_out].tolist(),
        "subjects": sorted(
            {who for who, held in zip(windows.subjects, held_out, strict=True) if recipe.train.refit or not held}
        ),
        "seeds": list(range(recipe.train.seed, recipe.train.seed + recipe.train.members)),
        "windows": len(windows),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "biosig": package_version("biosig-ml"),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "device": device,
    }


def named(names: Sequence[str]) -> str:
    """The names on a line; how many there are, where they are too many to be read."""
    return ", ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} from {names[0]} to {names[-1]}"


def package_version(name: str) -> str:
    """The installed version of a distribution, ``unknown`` for a bare source tree."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def write_json(path: Path, value: Any) -> None:
    """Write JSON that is never there half."""
    with written_whole(path) as beside:
        beside.write_text(json.dumps(value, indent=1), encoding="utf-8")


def _what_data(corpus: Corpus, recipe: Recipe) -> str:
    if corpus.is_sample:
        return (
            f"no --data given: using the sample of {corpus.title} that ships with biosig; "
            f"for the whole database: {corpus.obtained}, then biosig train {recipe.name} --data DIR"
        )
    return f"{corpus.title} in {corpus.folder}"


def _choose_validation(windows: Windows, split: Split, recipe: Recipe) -> NDArray[np.bool_]:
    """Which recordings are held out of training (n_recordings,); subjects never stand on both sides."""
    if split.validation:
        number = np.arange(len(windows.names))
        held = number >= len(split.train)
    elif recipe.train.validation and not recipe.train.folds:
        counts = count_labels(windows, len(recipe.data.labels))
        held = hold_out(windows.subjects, counts, recipe.train.validation, seed=recipe.train.seed)
    else:
        held = np.zeros(len(windows.names), dtype=bool)
    subjects = np.array(windows.subjects)
    check_disjoint({"train": subjects[~held].tolist(), "validation": subjects[held].tolist()})
    return held

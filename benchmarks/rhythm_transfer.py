"""Does a trunk trained on MIT-BIH beats help to learn rhythms from few recordings? Measures it.

    biosig train ecg --data MITDB --out runs/ecg
    python -m benchmarks.rhythm_transfer --data CINC2017 --from runs/ecg [--sizes 50 200 1000] [--seeds 3]

A third of the recordings, drawn once and the same for everything, is only tested on. Of the others each seed draws
an order in which every beginning holds the classes in their shares; the first 50, 200, 1,000 are trained on, by
``configs/ecg-rhythm.toml`` at the size of ``configs/ecg.toml`` with as many optimizer steps for every size and way:

    scratch     drawn weights
    fine-tuned  the trunk, a new head first alone for a fifth of the epochs, then everything
    frozen      the trunk as it is, only the new head learns

Nothing is chosen on the test recordings: how to fine-tune was chosen on others that were not trained on. F1 is the mean
over N, A and O. Printed as JSON, one line per training first.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import json
import math
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from biosig.bundle import load
from biosig.datasets.registry import open_corpus
from biosig.recipe import Recipe, load_recipe
from biosig.runs.aims import aim_of
from biosig.runs.fitting import Bench
from biosig.runs.preparing import count_labels, prepare
from biosig.runs.starting import Start
from biosig.training.device import choose_device
from biosig.windows.index import Windows

SCORED = [0, 1, 2]
STEPS = 280
WAYS = ("scratch", "fine-tuned", "frozen")
AS_THE_TRUNK = (
    "windows.options.portrait_beats=0",
    "model.options.portrait=0",
    "model.options.feature_hidden=32",
    "model.options.context_hidden=32",
    "model.options.dropout=0.3",
    "train.batch_size=64",
    "train.lr=4e-3",
)
"""The recipe with a trunk of the shapes of configs/ecg.toml, which draws no portrait."""


def in_shares(label: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.int64]:
    """An order of the recordings in which every beginning holds the classes about in their shares."""
    place = np.empty(len(label))
    for number in np.unique(label):
        own = np.flatnonzero(label == number)
        place[generator.permutation(own)] = (np.arange(len(own)) + 0.5) / len(own)
    return np.argsort(place, kind="stable")


def settings_of(recipe: Recipe, way: str, n: int, seed: int) -> Recipe:
    """The recipe for ``n`` recordings: batches of an eighth of them, as many steps whatever ``n``."""
    batch_size = min(max(n // 8, 16), recipe.train.batch_size)
    epochs = math.ceil(STEPS / math.ceil(n / batch_size))
    changes = [f"train.batch_size={batch_size}", f"train.epochs={epochs}", f"train.seed={seed}"]
    if way == "fine-tuned":
        changes += [f"train.head_epochs={epochs // 5}"]
    if way == "frozen":
        changes += ["train.freeze=outer"]
    return recipe.with_settings(changes)


def measure(recipe: Recipe, start: Start | None, training: Windows, testing: Windows) -> dict[str, float]:
    """F1 per class on the test recordings, and the score."""
    aim = aim_of(recipe)
    bench = Bench(recipe, aim, choose_device("auto"), start=start)
    fitted = bench.fit(training, recipe.train)
    outputs = bench.predict(fitted.model, testing)
    guess = aim.answer.number(outputs, aim.decision(training, recipe.train, None, None))
    known = testing.label >= 0
    each = f1_score(testing.label[known], guess[known], labels=[*SCORED, 3], average=None, zero_division=0.0)
    return dict(zip(recipe.data.labels, map(float, each), strict=True)) | {"score": float(each[SCORED].mean())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--from", dest="source", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 200, 1000])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--set", dest="settings", action="append", default=[])
    asked = parser.parse_args()
    recipe, start = load_recipe("ecg-rhythm", [*AS_THE_TRUNK, *asked.settings]), Start(load(asked.source))
    corpus = open_corpus("cinc2017", asked.data)
    windows = prepare(corpus, corpus.split("all").train, recipe)
    label = count_labels(windows, len(recipe.data.labels)).argmax(axis=1)
    drawn = in_shares(label, np.random.default_rng(0))
    tested, pool = drawn[::3], np.sort(np.delete(drawn, np.s_[::3]))
    testing = windows.of_recordings(np.sort(tested).tolist())
    rows = []
    for seed, n in product(range(asked.seeds), asked.sizes):
        chosen = pool[in_shares(label[pool], np.random.default_rng([1, seed]))[:n]]
        training = windows.of_recordings(np.sort(chosen).tolist())
        for way in asked.ways:
            own = settings_of(recipe, way, n, seed)
            mine = None if way == "scratch" else start
            rows.append({"n": len(chosen), "way": way, "seed": seed} | measure(own, mine, training, testing))
            print(json.dumps(rows[-1]), flush=True)
    for n, way in product(sorted({row["n"] for row in rows}), asked.ways):
        scores = [row["score"] for row in rows if (row["n"], row["way"]) == (n, way)]
        print(json.dumps({"n": n, "way": way, "mean": float(np.mean(scores)), "sd": float(np.std(scores, ddof=1))}))


if __name__ == "__main__":
    main()

"""The peers of ``configs/ecg-rhythm.toml``: gradient boosting on 80 RR and morphology features, and on our portrait.

    python -m benchmarks.rhythm_peer --data DIR [--seeds 3]

``DIR`` is the folder of CinC 2017. Beats, folds and score are those of ``biosig cross-validate ecg-rhythm``: the same
detector, the same five folds by recording, F1 as mean over N, A and O. The 80 features are those of a recording's
intervals and of its beats one by one; the portrait is what the recipe's network is given with the last beat
(:mod:`biosig.windows.portrait`). Printed as JSON, with the spread over folds and seeds.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score

from biosig.datasets.registry import open_corpus
from biosig.datasets.splits import grouped_folds
from biosig.recipe import load_recipe
from biosig.runs.preparing import count_labels, prepare
from biosig.windows.index import Windows
from biosig.windows.pace import PACE_FEATURES
from biosig.windows.portrait import PORTRAIT_FEATURES
from biosig.windows.rhythm import FEATURES

SCORED = [0, 1, 2]
"""N, A and O: the noisy class does not enter the challenge's score."""

WAVE_FEATURES = FEATURES[len(PACE_FEATURES) + 10 :]
BINS_S = np.arange(-0.6, 0.6001, 0.04)


def rr_features(peaks_s: NDArray[np.float64]) -> list[float]:
    """32 figures of a recording's intervals: level, spread, their changes, and how predictable they are."""
    rr = np.diff(peaks_s)
    change = np.diff(rr)
    ratio = rr[1:] / rr[:-1]
    size = np.abs(change)
    sd1, sd2 = change.std() / np.sqrt(2), np.sqrt(max(2 * rr.var() - change.var() / 2, 0.0))
    turns = (change[1:] * change[:-1] < 0).mean()
    drawn = np.histogram2d(change[:-1].clip(-0.59, 0.59), change[1:].clip(-0.59, 0.59), bins=(BINS_S, BINS_S))[0]
    share = drawn[drawn > 0] / drawn.sum()
    middle = len(BINS_S) // 2
    still = drawn[middle - 1 : middle + 1, middle - 1 : middle + 1].sum() / drawn.sum()
    centred = rr - rr.mean()
    lags = [float(centred[lag:] @ centred[:-lag]) / (float(centred @ centred) + 1e-9) for lag in (1, 2, 3)]
    median = float(np.median(rr))
    return [
        len(peaks_s),
        peaks_s[-1] - peaks_s[0],
        rr.mean(),
        rr.std(),
        rr.std() / rr.mean(),
        *np.percentile(rr, [0, 5, 25, 50, 75, 95, 100]),
        np.sqrt((change**2).mean()),
        np.sqrt((change**2).mean()) / rr.mean(),
        np.median(size),
        np.median(size) / median,
        (size > 0.05).mean(),
        (size > 0.1 * median).mean(),
        sd1,
        sd2,
        sd1 / (sd2 + 1e-6),
        turns,
        -float((share * np.log(share)).sum()),
        len(share) / len(rr),
        still,
        *lags,
        (ratio < 0.85).mean(),
        (ratio > 1.15).mean(),
        ((ratio[:-1] < 0.85) & (ratio[1:] > 1.15)).mean(),
        ratio.max(),
    ]


def recording_features(windows: Windows) -> NDArray[np.float64]:
    """RR features, then mean and spread over beats of every morphology feature: (n_recordings, 80)."""
    rows = []
    wave = [FEATURES.index(name) for name in WAVE_FEATURES]
    for number in range(len(windows.names)):
        own = windows.recording == number
        measured = windows.features[own][:, wave]
        rows.append([*rr_features(windows.onset_s[own]), *measured.mean(axis=0), *measured.std(axis=0)])
    return np.nan_to_num(np.array(rows))


def boosted(
    features: NDArray[np.floating],
    truth: NDArray[np.int64],
    fold: NDArray[np.int64],
    seeds: int,
    labels: tuple[str, ...],
) -> dict[str, object]:
    """Figures of gradient boosting on ``features`` (n_recordings, n_features), each fold by the other four."""
    scores, rounds = [], []
    for seed in range(seeds):
        guess = np.empty_like(truth)
        for number in range(5):
            outside = fold == number
            peer = HistGradientBoostingClassifier(
                max_iter=150, learning_rate=0.06, max_leaf_nodes=8, l2_regularization=1.0, max_features=0.3,
                random_state=seed,
            )  # fmt: skip
            guess[outside] = peer.fit(features[~outside], truth[~outside]).predict(features[outside])
            scores.append(f1_score(truth[outside], guess[outside], labels=SCORED, average="macro"))
        rounds.append(f1_score(truth, guess, labels=[*SCORED, 3], average=None).tolist())
    each = np.array(rounds)
    return {
        "features": features.shape[1],
        "f1_per_seed": [dict(zip(labels, row, strict=True)) for row in rounds],
        "score_per_seed": each[:, SCORED].mean(axis=1).tolist(),
        "score_over_folds_and_seeds": {"mean": float(np.mean(scores)), "sd": float(np.std(scores))},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    recipe = load_recipe("ecg-rhythm")
    corpus = open_corpus("cinc2017", asked.data)
    windows = prepare(corpus, corpus.split("all").train, recipe)
    counts = count_labels(windows, len(recipe.data.labels))
    fold, truth = grouped_folds(windows.subjects, counts, 5), counts.argmax(axis=1)
    last = np.searchsorted(windows.recording, np.arange(len(truth)), side="right") - 1
    peers = {
        "80 features": recording_features(windows),
        "portrait": windows.features[last, -len(PORTRAIT_FEATURES) :],
    }
    report = {name: boosted(features, truth, fold, asked.seeds, recipe.data.labels) for name, features in peers.items()}
    print(json.dumps({"recordings": len(truth)} | report, indent=1))


if __name__ == "__main__":
    main()

"""What networks say of subjects they have not seen, for all subjects at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import nn

from biosig.datasets.splits import check_disjoint, grouped_folds
from biosig.runs.fitting import Bench
from biosig.runs.preparing import count_labels
from biosig.windows.index import Windows

__all__ = ["out_of_fold"]


def out_of_fold(
    bench: Bench, windows: Windows, fit: Callable[[Windows, str], Sequence[nn.Module]]
) -> NDArray[np.float64]:
    """Outputs float64 (n, width) about every window, by networks trained without its subject.

    The subjects are put into ``train.folds`` folds; each fold is scored by networks trained on the others. As many are
    averaged as the bundle will have, for the outputs of several networks spread less than those of one.

    Parameters
    ----------
    bench : how networks are trained.
    windows : labelled, of all subjects.
    fit : trains on windows, under a title, as many networks as are averaged.
    """
    n_folds = bench.recipe.train.folds
    fold_of = grouped_folds(windows.subjects, count_labels(windows, len(bench.recipe.data.labels)), n_folds)
    outputs = np.zeros((len(windows), bench.aim.answer.width))
    for fold in range(n_folds):
        outside = np.flatnonzero(fold_of == fold).tolist()
        training = windows.of_recordings(np.flatnonzero(fold_of != fold).tolist())
        testing = windows.of_recordings(outside)
        check_disjoint({"train": training.subjects, "out of fold": testing.subjects})
        models = fit(training, f"fold {fold + 1} of {n_folds}")
        outputs[np.isin(windows.recording, outside)] = np.mean([bench.predict(one, testing) for one in models], axis=0)
    return outputs

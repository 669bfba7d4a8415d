"""Class probabilities of every window of an index, each window embedded once."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from biosig.training.resident import ResidentWindows
from biosig.windows.index import Windows

__all__ = ["decide", "predict"]


@torch.inference_mode()
def predict(
    model: nn.Module, windows: Windows, *, context: int, device: torch.device, batch_size: int = 2048
) -> NDArray[np.float32]:
    """Probabilities (n, n_classes) of every window, from it and the ``context - 1`` windows before it.

    Sequences are started anew for every window, as the scorer does live, so that what is
    computed does not depend on how long the recording has been running.
    """
    model.eval()
    resident = ResidentWindows(windows, device)
    n = len(windows)
    if n == 0:
        return np.zeros((0, model.head.out_features), dtype=np.float32)  # type: ignore[union-attr, arg-type]
    number = torch.arange(n, device=device)
    embedded = torch.cat(
        [
            model.embed(resident.samples(rows), resident.features(rows))  # type: ignore[operator]
            for rows in torch.split(number, batch_size)
        ]
    )
    rows, count = windows.contexts(context)
    where, last = torch.from_numpy(rows).to(device), torch.from_numpy(count - 1).to(device)
    decided = [
        model.decide(embedded[part])[torch.arange(len(part), device=device), at]  # type: ignore[operator]
        for part, at in zip(torch.split(where, batch_size), torch.split(last, batch_size), strict=True)
    ]
    return torch.softmax(torch.cat(decided).float(), dim=-1).cpu().numpy()


def decide(probabilities: NDArray[Any], decision: NDArray[np.float64]) -> NDArray[np.int64]:
    """Class number (n,) of the largest log probability plus ``decision`` (n_classes,)."""
    return np.asarray((np.log(np.maximum(probabilities, 1e-12)) + decision).argmax(axis=1), dtype=np.int64)

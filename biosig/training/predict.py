"""Class probabilities of windows: each is embedded once, each decision looks back on the last of them.

:class:`Networks` is what a whole index of windows (:func:`predict`) and a live scorer have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from biosig.training.resident import ResidentWindows
from biosig.windows.index import Windows

__all__ = ["Networks", "decide", "predict"]


class Networks:
    """Trained networks of one recipe; what they say is averaged.

    Parameters
    ----------
    models : with ``embed`` and ``decide``, see :mod:`biosig.models.contract`; moved to ``device``.
    context : windows that a decision looks back on, the window itself included.
    device : where the networks compute.
    """

    def __init__(self, models: Sequence[nn.Module], *, context: int, device: torch.device) -> None:
        self.models = [model.to(device).eval() for model in models]
        self.context = context
        self.device = device

    @property
    def n_classes(self) -> int:
        """Columns of the probabilities."""
        return int(self.models[0].head.out_features)  # type: ignore[union-attr, arg-type]

    @torch.inference_mode()
    def embed(self, samples: Tensor, features: Tensor) -> Tensor:
        """Samples (n, n_channels, length) and features (n, n_features) -> (n, n_networks, width)."""
        each = [model.embed(samples, features) for model in self.models]  # type: ignore[operator]
        return torch.stack(each, dim=1).float()

    @torch.inference_mode()
    def decide(self, sequences: Tensor, count: Tensor) -> NDArray[np.float64]:
        """Probabilities float64 (n, n_classes) of the last window of every sequence.

        Sequences are started anew for every window, so that what is computed does not depend
        on how long a recording has been running.

        Parameters
        ----------
        sequences : (n, context, n_networks, width), embeddings in order of time, those there are first.
        count : int64 (n,), how many there are; what comes after them does not matter.
        """
        row = torch.arange(len(sequences), device=self.device)
        each = [
            torch.softmax(model.decide(sequences[:, :, number])[row, count - 1].float(), dim=-1)  # type: ignore[operator]
            for number, model in enumerate(self.models)
        ]
        return np.asarray(torch.stack(each).double().mean(dim=0).cpu().numpy(), dtype=np.float64)

    def predict(self, windows: Windows, batch_size: int = 2048) -> NDArray[np.float64]:
        """Probabilities float64 (n, n_classes) of every window of an index."""
        n = len(windows)
        if n == 0:
            return np.zeros((0, self.n_classes))
        resident = ResidentWindows(windows, self.device)
        number = torch.arange(n, device=self.device)
        embedded = torch.cat(
            [self.embed(resident.samples(rows), resident.features(rows)) for rows in torch.split(number, batch_size)]
        )
        rows, count = (torch.from_numpy(array).to(self.device) for array in windows.contexts(self.context))
        parts = zip(torch.split(rows, batch_size), torch.split(count, batch_size), strict=True)
        return np.concatenate([self.decide(embedded[part], there) for part, there in parts])


def predict(
    model: nn.Module, windows: Windows, *, context: int, device: torch.device, batch_size: int = 2048
) -> NDArray[np.float32]:
    """Probabilities (n, n_classes) of every window by one network; see :class:`Networks`."""
    networks = Networks([model], context=context, device=device)
    return networks.predict(windows, batch_size).astype(np.float32)


def decide(probabilities: NDArray[Any], decision: NDArray[np.float64]) -> NDArray[np.int64]:
    """Class number (n,) of the largest log probability plus ``decision`` (n_classes,), or one per window."""
    return np.asarray((np.log(np.maximum(probabilities, 1e-12)) + decision).argmax(axis=1), dtype=np.int64)

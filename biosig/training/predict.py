"""What networks say of windows: each is read once, each answer looks back on the last of them.

:class:`Networks` is what a whole index of windows and a live scorer have in common.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from biosig.training.answers import Answer
from biosig.training.resident import ResidentWindows
from biosig.windows.index import Windows

__all__ = ["Networks"]

STEPS = 2**17
"""Windows looked back on in one pass through a network, 2,048 sequences of 64: what fits in memory."""


class Networks:
    """Trained networks of one recipe; what they say is averaged.

    Parameters
    ----------
    models : see :mod:`biosig.models.contract`; moved to ``device``.
    answer : how they are read.
    context : windows that an answer looks back on, the window itself included.
    device : where the networks compute.
    """

    def __init__(self, models: Sequence[nn.Module], answer: Answer, *, context: int, device: torch.device) -> None:
        self.models = [model.to(device).eval() for model in models]
        self.answer = answer
        self.context = context
        self.device = device

    @torch.inference_mode()
    def read(self, samples: Tensor, features: Tensor) -> Tensor:
        """Samples (n, n_channels, length) and features (n, n_features) -> (n, n_networks, m), to be remembered."""
        each = [self.answer.read(model, samples, features) for model in self.models]
        return torch.stack(each, dim=1).float()

    @torch.inference_mode()
    def outputs(self, sequences: Tensor, count: Tensor) -> NDArray[np.float64]:
        """Outputs float64 (n, answer.width) about the last window of every sequence.

        Parameters
        ----------
        sequences : (n, context, n_networks, m), what was read in order of time, what there is first.
        count : int64 (n,), how many there are; what comes after them does not matter.
        """
        each = [self.answer.outputs(model, sequences[:, :, place], count) for place, model in enumerate(self.models)]
        return np.asarray(torch.stack(each).double().mean(dim=0).cpu().numpy(), dtype=np.float64)

    def predict(self, windows: Windows, batch_size: int = 2048) -> NDArray[np.float64]:
        """Outputs float64 (n, answer.width) about every window of an index.

        Windows that look back equally far are answered together, so that short recordings cost what their length costs.
        """
        n = len(windows)
        if not n:
            return np.zeros((0, self.answer.width))
        known = self._of_each(windows, self.read, batch_size)
        first = np.searchsorted(windows.recording, windows.recording)
        order = np.argsort(np.minimum(np.arange(n) - first, self.context), kind="stable")
        outputs = []
        for part in np.array_split(order, math.ceil(n * self.context / STEPS)):
            rows, count = windows.contexts(self.context, part)
            sequences = known[torch.from_numpy(rows[:, : count.max()]).to(self.device)]
            outputs.append(self.outputs(sequences, torch.from_numpy(count).to(self.device)))
        return np.concatenate(outputs)[np.argsort(order, kind="stable")]

    @torch.inference_mode()
    def embed(self, windows: Windows, batch_size: int = 2048) -> NDArray[np.float32]:
        """The networks' vectors of every window of an index, side by side, float32 (n, sum of their widths)."""

        def embed(samples: Tensor, features: Tensor) -> Tensor:
            return torch.cat([model.embed(samples, features) for model in self.models], dim=1)  # type: ignore[operator]

        return np.asarray(self._of_each(windows, embed, batch_size).float().cpu().numpy())

    def sequences(
        self, windows: Windows, chosen: NDArray[np.int64], batch_size: int = 2048
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """What :meth:`outputs` takes, about the chosen windows of an index, some at a time; all windows are read."""
        known = self._of_each(windows, self.read, batch_size)
        rows, count = (torch.from_numpy(array).to(self.device) for array in windows.contexts(self.context, chosen))
        for part, there in zip(torch.split(rows, batch_size), torch.split(count, batch_size), strict=True):
            yield known[part], there

    def _of_each(self, windows: Windows, look: Callable[[Tensor, Tensor], Tensor], batch_size: int) -> Tensor:
        """What a look at its samples and features gives of every window of an index (n, ...), some at a time."""
        resident = ResidentWindows(windows, self.device)
        number = torch.arange(len(windows), device=self.device)
        return torch.cat(
            [look(resident.samples(rows), resident.features(rows)) for rows in torch.split(number, batch_size)]
        )

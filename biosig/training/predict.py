"""What networks say of windows: each is read once, each answer looks back on the last of them.

:class:`Networks` is what a whole index of windows and a live scorer have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from biosig.training.answers import Answer
from biosig.training.lookback import Lookback, Memory, by_batches, look_back
from biosig.training.resident import ResidentWindows
from biosig.windows.index import Windows

__all__ = ["Networks"]


class Networks:
    """Trained networks of one recipe; what they say is averaged.

    Parameters
    ----------
    models : see :mod:`biosig.models.contract`; moved to ``device``. Answers are given by their weights as they are now.
    answer : how they are read.
    context : windows that an answer looks back on, the window itself included.
    device : where the networks compute.
    """

    def __init__(self, models: Sequence[nn.Module], answer: Answer, *, context: int, device: torch.device) -> None:
        self.models = [model.to(device).eval() for model in models]
        self.answer = answer
        self.context = context
        self.device = device
        self._lookback: Lookback[Any] = look_back(self.models, answer, context)

    @torch.inference_mode()
    def read(self, samples: Tensor, features: Tensor) -> Tensor:
        """What the networks take of windows by themselves.

        Samples (n, n_channels, length) and features (n, n_features) -> (n, n_networks, m).
        """
        each = [self.answer.read(model, samples, features) for model in self.models]
        return torch.stack(each, dim=1).float()

    def begin(self) -> Memory:
        """The memory of a patient of whom nothing was seen."""
        memory: Memory = self._lookback.begin()
        return memory

    def follow(
        self, memories: Sequence[Memory], counts: Sequence[int], samples: Tensor, features: Tensor
    ) -> NDArray[np.float64]:
        """Outputs float64 (n, answer.width) about new windows; the patients' memories take them in.

        A patient's outputs are the same to the bit whoever else there is, and however many windows come at a time.

        Parameters
        ----------
        memories : of some patients.
        counts : new windows of each of them, one or more; they stand one patient after another in what follows.
        samples, features : (n, n_channels, length), (n, n_features).
        """
        read = by_batches(self.read, samples.to(self.device), features.to(self.device))
        return self._lookback.follow(memories, counts, read)

    def predict(self, windows: Windows, batch_size: int = 2048) -> NDArray[np.float64]:
        """Outputs float64 (n, answer.width) about every window of an index."""
        if not len(windows):
            return np.zeros((0, self.answer.width))
        return self._lookback.whole(windows, self._of_each(windows, self.read, batch_size))

    @torch.inference_mode()
    def embed(self, windows: Windows, batch_size: int = 2048) -> NDArray[np.float32]:
        """The networks' vectors of every window of an index, side by side, float32 (n, sum of their widths)."""

        def embed(samples: Tensor, features: Tensor) -> Tensor:
            return torch.cat([model.embed(samples, features) for model in self.models], dim=1)  # type: ignore[operator]

        return np.asarray(self._of_each(windows, embed, batch_size).float().cpu().numpy())

    def sequences(
        self, windows: Windows, chosen: NDArray[np.int64], batch_size: int = 2048
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """What the chosen windows of an index look back on, some at a time; all windows are read.

        Yields
        ------
        sequences : (n, context, n_networks, m), what was read in order of time, what there is first.
        count : int64 (n,), how many there are.
        """
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

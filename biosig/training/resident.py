"""Windows on the device: signals are moved there once, and batches are gathered there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from biosig.windows.index import Windows

__all__ = ["Batch", "ResidentWindows"]


@dataclass(frozen=True)
class Batch:
    """Sequences of consecutive windows.

    Parameters
    ----------
    samples : float32 (n, k, n_channels, length).
    features : float32 (n, k, n_features).
    label : int64 (n, k).
    weight : float32 (n, k), how much each window counts in the loss; 0 = context only.
    """

    samples: Tensor
    features: Tensor
    label: Tensor
    weight: Tensor


class ResidentWindows:
    """An index of windows whose signals lie, end to end, on one device.

    Parameters
    ----------
    weight : float64 (n_windows,), how much a window counts in the loss.
    with_samples : False for a network that looks at features alone: samples are then zeros that take no memory.
    """

    def __init__(
        self,
        windows: Windows,
        device: torch.device,
        weight: NDArray[np.float64] | None = None,
        *,
        with_samples: bool = True,
    ) -> None:
        lengths = [signal.shape[1] for signal in windows.signals]
        offset = np.concatenate([[0], np.cumsum(lengths)])[windows.recording]
        self.device = device
        self._with_samples = with_samples
        self.length = windows.length
        self._signal = torch.from_numpy(np.concatenate(windows.signals, axis=1)).to(device)
        self._start = torch.from_numpy(windows.start + offset).to(device)
        self._features = torch.from_numpy(windows.features).to(device)
        self._label = torch.from_numpy(windows.label).to(device)
        each = np.zeros(len(windows)) if weight is None else weight
        self._weight = torch.from_numpy(each.astype(np.float32)).to(device)
        self._span = torch.arange(windows.length, device=device)

    def __len__(self) -> int:
        return len(self._start)

    def samples(self, rows: Tensor) -> Tensor:
        """Samples of these windows: rows (...) -> float32 (..., n_channels, length)."""
        if not self._with_samples:
            return torch.zeros((), device=self.device).expand(*rows.shape, len(self._signal), self.length)
        gathered = self._signal[:, self._start[rows].unsqueeze(-1) + self._span]
        return gathered.movedim(0, -2).float()

    def features(self, rows: Tensor) -> Tensor:
        """Features of these windows: rows (...) -> float32 (..., n_features)."""
        return self._features[rows]

    def batch(self, rows: NDArray[np.int64], counts: NDArray[np.bool_]) -> Batch:
        """Gather sequences: rows and counts (n, k), both numpy."""
        where = torch.from_numpy(rows).to(self.device)
        return Batch(
            samples=self.samples(where),
            features=self.features(where),
            label=self._label[where],
            weight=torch.from_numpy(counts).to(self.device) * self._weight[where],
        )

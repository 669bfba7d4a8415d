"""A reader for figures of any scale and any distribution: each enters as where it lies among those of training."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["BinnedReader"]

BINS = 8
_NARROWEST = 1e-6


class BinnedReader(nn.Module):
    """One vector per window from figures that are binned by their quantiles over the training windows.

    A figure becomes one number per bin: 1 where it lies beyond the bin, -1 before it, and between them inside; all
    are 0 where it is not known. So a threshold costs a layer nothing, which is what boosted trees are better at
    (piecewise linear encoding: Gorishniy, Rubachev & Babenko 2022, arXiv:2203.05556).

    Parameters
    ----------
    n_figures : how many there are.
    width : of the vector.
    dropout : share of bins that a sequence goes without, and of the vector's units dropped, while training.
    """

    def __init__(self, n_figures: int, width: int, dropout: float) -> None:
        super().__init__()
        self.edges: Tensor
        self.register_buffer("edges", torch.linspace(-1.0, 1.0, BINS + 1).expand(n_figures, -1).clone())
        self.layer = nn.Linear(n_figures * BINS, width)
        self.drop = nn.Dropout(dropout)
        self.width = width
        self._dropout = dropout

    def fit_scale(self, figures: Tensor) -> None:
        """Take the quantiles of training windows' figures (n, n_figures), of each where it is known."""
        levels = torch.linspace(0.0, 1.0, BINS + 1)
        for number, column in enumerate(figures.unbind(dim=1)):
            known = column[column.isfinite()]
            if len(known):
                ordered = known.double().sort().values
                self.edges[number] = _quantiles(ordered, levels).to(self.edges)

    def encode(self, figures: Tensor) -> Tensor:
        """Figures (n, n_figures) -> (n, n_figures * BINS), -1 to 1."""
        low, high = self.edges[:, :-1], self.edges[:, 1:]
        beyond = (figures[..., None] - low) / (high - low).clamp(min=_NARROWEST)
        return (2.0 * beyond.clamp(0.0, 1.0) - 1.0).nan_to_num(nan=0.0).flatten(1)

    def forward(self, figures: Tensor) -> Tensor:
        """Figures (n, n_figures) -> (n, width)."""
        encoded = self.encode(figures)
        if self.training:
            encoded = encoded * (torch.rand_like(encoded) >= self._dropout)
        return cast(Tensor, self.drop(functional.gelu(self.layer(encoded))))


def _quantiles(ordered: Tensor, levels: Tensor) -> Tensor:
    """Quantiles of ordered values (n,), interpolated; torch's own takes no more than 16 million."""
    place = levels.double() * (len(ordered) - 1)
    below = place.floor().long()
    above = (below + 1).clamp(max=len(ordered) - 1)
    return torch.lerp(ordered[below], ordered[above], place - below)

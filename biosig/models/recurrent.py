"""Recurrent classifiers: a convolutional stem, an LSTM or GRU inside the window, another over windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn

from biosig.models.contract import InputShape

__all__ = ["Recurrent", "RecurrentOptions"]

Cell = Literal["lstm", "gru"]
FEATURE_LIMIT = 5.0
"""Standardised features are clipped to this many standard deviations of the training windows."""


@dataclass(frozen=True)
class RecurrentOptions:
    """What a recipe may say about :class:`Recurrent`.

    Parameters
    ----------
    cell : ``lstm`` or ``gru``, inside the window and over windows.
    stem : output channels of the convolutional blocks before the recurrent layer; empty = none.
        Each block halves the number of time steps.
    kernel : samples per convolution, odd.
    hidden, layers : of the recurrent layer inside the window; hidden 0 = none, the stem is pooled as it is.
    bidirectional : inside the window only; over windows time always runs forward.
    pool : ``attention``, or the ``last`` state of each direction.
    use_features : whether the window's features (RR intervals, ...) enter.
    feature_hidden : width of the layer that takes the features in.
    context_hidden, context_layers : of the recurrent layer over the last ``context`` windows.
    dropout : share of units dropped between layers while training.
    feature_noise : sd of what is added to every feature while training, in standard deviations of the feature.
    feature_dropout : share of features that a sequence goes without while training.
    """

    cell: Cell = "gru"
    stem: tuple[int, ...] = (32, 32)
    kernel: int = 7
    hidden: int = 32
    layers: int = 1
    bidirectional: bool = True
    pool: Literal["attention", "last"] = "attention"
    use_features: bool = True
    feature_hidden: int = 64
    context_hidden: int = 64
    context_layers: int = 1
    dropout: float = 0.2
    feature_noise: float = 0.0
    feature_dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.hidden == 0 and (self.pool == "last" or not self.stem):
            raise ValueError("without a recurrent layer in the window (hidden 0), there must be a stem and attention")
        if self.kernel % 2 == 0 or self.kernel < 1:
            raise ValueError(f"kernel must be odd and positive, got {self.kernel}")
        for name, share in (("dropout", self.dropout), ("feature_dropout", self.feature_dropout)):
            if not 0 <= share < 1:
                raise ValueError(f"{name} must lie in [0, 1), got {share}")
        if self.feature_noise < 0:
            raise ValueError(f"feature_noise must be 0 or more, got {self.feature_noise}")


class Recurrent(nn.Module):
    """Class logits for every window of a sequence.

    Parameters
    ----------
    shape : channels, samples, features and context of the windows.
    n_classes : width of the output.
    options : the recipe's choices.
    """

    Options = RecurrentOptions

    def __init__(self, shape: InputShape, n_classes: int, options: RecurrentOptions) -> None:
        super().__init__()
        self.shape = shape
        self.options = options
        self.stem = _stem(shape.n_channels, options)
        width = options.stem[-1] if options.stem else shape.n_channels
        self.inner = (
            _recurrent(options.cell, width, options.hidden, options.layers, options.bidirectional)
            if options.hidden
            else None
        )
        inner_width = options.hidden * (2 if options.bidirectional else 1) or width
        self.attention = nn.Linear(inner_width, 1) if options.pool == "attention" else None
        n_features = shape.n_features if options.use_features else 0
        self.feature_mean: Tensor
        self.feature_sd: Tensor
        self.register_buffer("feature_mean", torch.zeros(n_features))
        self.register_buffer("feature_sd", torch.ones(n_features))
        self.features = (
            nn.Sequential(nn.Linear(n_features, options.feature_hidden), nn.GELU(), nn.Dropout(options.dropout))
            if n_features
            else None
        )
        self.embedding_width = inner_width + (options.feature_hidden if n_features else 0)
        self.drop = nn.Dropout(options.dropout)
        self.outer = (
            _recurrent(options.cell, self.embedding_width, options.context_hidden, options.context_layers, False)
            if shape.context > 1
            else None
        )
        self.n_outputs_from = self.embedding_width + (options.context_hidden if self.outer is not None else 0)
        self.head = nn.Linear(self.n_outputs_from, n_classes)

    def fit_scale(self, features: Tensor) -> None:
        """Take the mean and spread of the training windows' features (n, n_features); training subjects only."""
        if self.features is not None:
            self.feature_mean.copy_(features.mean(dim=0))
            self.feature_sd.copy_(features.std(dim=0).clamp(min=1e-3))

    def embed(self, samples: Tensor, features: Tensor) -> Tensor:
        """One vector per window: samples (n, n_channels, length), features (n, n_features) -> (n, width)."""
        steps = self.stem(samples).transpose(1, 2)
        states = steps if self.inner is None else self.inner(steps)[0]
        if self.attention is not None:
            weight = torch.softmax(self.attention(states), dim=1)
            pooled = (weight * states).sum(dim=1)
        elif self.options.bidirectional:
            half = self.options.hidden
            pooled = torch.cat([states[:, -1, :half], states[:, 0, half:]], dim=1)
        else:
            pooled = states[:, -1]
        if self.features is None:
            return cast(Tensor, pooled)
        scaled = ((features - self.feature_mean) / self.feature_sd).clamp(-FEATURE_LIMIT, FEATURE_LIMIT)
        return torch.cat([pooled, self.features(scaled)], dim=1)

    def decide(self, embedded: Tensor) -> Tensor:
        """Logits for every window of a sequence: (n, k, width) -> (n, k, n_classes); only the past counts."""
        dropped = self.drop(embedded)
        if self.outer is None:
            return cast(Tensor, self.head(dropped))
        states, _ = self.outer(dropped)
        return cast(Tensor, self.head(torch.cat([dropped, self.drop(states)], dim=-1)))

    def forward(self, samples: Tensor, features: Tensor) -> Tensor:
        """Samples (n, k, n_channels, length), features (n, k, n_features) -> logits (n, k, n_classes)."""
        n, k = samples.shape[:2]
        if self.training and self.features is not None:
            features = self._disturb(features)
        embedded = self.embed(samples.flatten(0, 1), features.flatten(0, 1))
        return self.decide(embedded.reshape(n, k, -1))

    def _disturb(self, features: Tensor) -> Tensor:
        """Features (n, k, n_features) with noise, and some of them at their mean throughout a sequence."""
        noisy = features + self.options.feature_noise * self.feature_sd * torch.randn_like(features)
        kept = torch.rand(len(features), 1, features.shape[-1], device=features.device) >= self.options.feature_dropout
        return torch.where(kept, noisy, self.feature_mean)


def _recurrent(cell: Cell, width: int, hidden: int, layers: int, bidirectional: bool) -> nn.LSTM | nn.GRU:
    kind: type[nn.LSTM | nn.GRU] = nn.LSTM if cell == "lstm" else nn.GRU
    return kind(width, hidden, layers, batch_first=True, bidirectional=bidirectional)


def _stem(n_channels: int, options: RecurrentOptions) -> nn.Sequential:
    blocks: list[nn.Module] = []
    for width in options.stem:
        blocks += [
            nn.Conv1d(n_channels, width, options.kernel, stride=2, padding=options.kernel // 2),
            nn.BatchNorm1d(width),
            nn.GELU(),
        ]
        n_channels = width
    return nn.Sequential(*blocks)

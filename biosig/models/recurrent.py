"""Recurrent classifiers: a convolutional stem, an LSTM or GRU inside the window, another over windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from biosig.models.binned import BinnedReader
from biosig.models.contract import HEAD, InputShape, Staged
from biosig.models.trails import AnswerFrom

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
    spatial : learned sums over channels that the stem is given instead of the channels; 0 = none.
    stem : output channels of the convolutional blocks before the recurrent layer; empty = none.
        Each block halves the number of time steps.
    kernel : samples per convolution, odd.
    hidden, layers : of the recurrent layer inside the window; hidden 0 = none, the stem is pooled as it is. Without
        stem and hidden the window's samples do not enter, only its features.
    bidirectional : inside the window only; over windows time always runs forward.
    pool : ``attention``, or the ``last`` state of each direction.
    use_features : whether the window's features (RR intervals, ...) enter.
    feature_hidden : width of the layer that takes the features in.
    context_hidden, context_layers : of the recurrent layer over the last ``context`` windows.
    answer_from : what an answer rests on: the ``window``'s own vector and state, or the ``mean`` over all windows of
        the sequence so far, or mean and largest value (``mean-max``); for answers about a stretch of time.
    portrait : how many of the last features of a window speak of all that came so far (``windows.options.
        portrait_beats`` adds as many): they take no part in the recurrence, an answer rests on the window's own.
    portrait_dropout : share of their bins that a window goes without while training, and of units of their layer.
    dropout : share of units dropped between layers while training.
    channel_dropout : share of channels whose samples a sequence goes without while training: they are 0, as after the
        step ``Normalise`` those of a channel that was not recorded.
    feature_noise : sd of what is added to every feature while training, in standard deviations of the feature.
    feature_dropout : share of features that a sequence goes without while training.
    """

    cell: Cell = "gru"
    spatial: int = 0
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
    answer_from: AnswerFrom = "window"
    portrait: int = 0
    portrait_dropout: float = 0.4
    dropout: float = 0.2
    channel_dropout: float = 0.0
    feature_noise: float = 0.0
    feature_dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("layers", "feature_hidden", "context_hidden", "context_layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        for name in ("hidden", "spatial", "portrait"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more, got {getattr(self, name)}")
        if any(width < 1 for width in self.stem):
            raise ValueError(f"stem must be widths of 1 or more, got {self.stem}")
        if self.hidden == 0 and self.pool == "last":
            raise ValueError("pool 'last' needs a recurrent layer in the window, got hidden 0; use pool 'attention'")
        if self.kernel % 2 == 0 or self.kernel < 1:
            raise ValueError(f"kernel must be odd and positive, got {self.kernel}")
        for name in ("dropout", "channel_dropout", "feature_dropout", "portrait_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must lie in [0, 1), got {getattr(self, name)}")
        if self.feature_noise < 0:
            raise ValueError(f"feature_noise must be 0 or more, got {self.feature_noise}")


class WindowReader(nn.Module):
    """One vector per window from its samples: stem, recurrence within the window, pooling.

    Parameters
    ----------
    n_channels : rows of a window.
    options : the recipe's choices.
    """

    def __init__(self, n_channels: int, options: RecurrentOptions) -> None:
        super().__init__()
        self.mix = nn.Conv1d(n_channels, options.spatial, 1, bias=False) if options.spatial else None
        n_channels = options.spatial or n_channels
        self.stem = _stem(n_channels, options)
        self.width = options.stem[-1] if options.stem else n_channels
        self.inner: nn.LSTM | nn.GRU | None = None
        if options.hidden:
            self.inner = _recurrent(options.cell, self.width, options.hidden, options.layers, options.bidirectional)
            self.width = options.hidden * (2 if options.bidirectional else 1)
        self.backward_from = options.hidden if options.bidirectional else None
        self.attention = nn.Linear(self.width, 1) if options.pool == "attention" else None

    def forward(self, samples: Tensor) -> Tensor:
        """Samples (n, n_channels, length) -> (n, width)."""
        mixed = samples if self.mix is None else self.mix(samples)
        steps = self.stem(mixed).transpose(1, 2)
        states = steps if self.inner is None else self.inner(steps)[0]
        if self.attention is not None:
            weight = torch.softmax(self.attention(states), dim=1)
            return cast(Tensor, (weight * states).sum(dim=1))
        last: Tensor = states[:, -1]
        if self.backward_from is None:
            return last
        return torch.cat([last[:, : self.backward_from], states[:, 0, self.backward_from :]], dim=1)


class FeatureReader(nn.Module):
    """One vector per window from its features, standardised by the training windows and clipped; NaN is the mean.

    Parameters
    ----------
    n_features : how many there are.
    options : the recipe's choices.
    """

    def __init__(self, n_features: int, options: RecurrentOptions) -> None:
        super().__init__()
        self.mean: Tensor
        self.sd: Tensor
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("sd", torch.ones(n_features))
        self.layer = nn.Linear(n_features, options.feature_hidden)
        self.drop = nn.Dropout(options.dropout)
        self.width = options.feature_hidden
        self._noise, self._dropout = options.feature_noise, options.feature_dropout

    def fit_scale(self, features: Tensor) -> None:
        """Take mean and spread of training windows (n, n_features), of each feature where it is known."""
        known = features.isfinite()
        count = known.sum(dim=0).clamp(min=1)
        mean = torch.where(known, features, 0.0).sum(dim=0) / count
        spread = torch.where(known, features - mean, 0.0).square().sum(dim=0) / (count - 1).clamp(min=1)
        self.mean.copy_(mean)
        self.sd.copy_(spread.sqrt().clamp(min=1e-3))

    def disturb(self, features: Tensor) -> Tensor:
        """Features (n, k, n_features) with noise, and some of them at their mean throughout a sequence."""
        noisy = features + self._noise * self.sd * torch.randn_like(features)
        kept = torch.rand(len(features), 1, features.shape[-1], device=features.device) >= self._dropout
        return torch.where(kept, noisy, self.mean)

    def forward(self, features: Tensor) -> Tensor:
        """Features (n, n_features) -> (n, width)."""
        scaled = ((features - self.mean) / self.sd).clamp(-FEATURE_LIMIT, FEATURE_LIMIT).nan_to_num(nan=0.0)
        return cast(Tensor, self.drop(functional.gelu(self.layer(scaled))))


class Recurrent(Staged):
    """Class logits for every window of a sequence.

    Parameters
    ----------
    shape : channels, samples, features and context of the windows.
    n_classes : width of the output.
    options : the recipe's choices.
    """

    Options = RecurrentOptions
    extras = ("portrait",)

    def __init__(self, shape: InputShape, n_classes: int, options: RecurrentOptions) -> None:
        super().__init__()
        n_features = shape.n_features - options.portrait
        if n_features < 0:
            raise ValueError(f"portrait={options.portrait} must not exceed a window's {shape.n_features} features")
        reads_samples, reads_features = options.hidden or options.stem, options.use_features and n_features
        if not (reads_samples or reads_features):
            raise ValueError("nothing of a window enters: these windows have no features; give stem or hidden")
        self.reads_samples = bool(reads_samples)
        self.samples = WindowReader(shape.n_channels, options) if reads_samples else None
        self.features = FeatureReader(n_features, options) if reads_features else None
        self.portrait: BinnedReader | None = None
        if options.portrait:
            self.portrait = BinnedReader(options.portrait, options.feature_hidden, options.portrait_dropout)
        width = sum(reader.width for reader in (self.samples, self.features) if reader is not None)
        self.drop = nn.Dropout(options.dropout)
        self.outer: nn.LSTM | nn.GRU | None = None
        head_width = width
        if shape.context > 1:
            self.outer = _recurrent(options.cell, width, options.context_hidden, options.context_layers, False)
            head_width += options.context_hidden
        self.answer_from = options.answer_from
        self._channel_dropout = options.channel_dropout
        head_width *= 2 if options.answer_from == "mean-max" else 1
        self._n_features, self._width = n_features, width
        self.beside = 0 if self.portrait is None else self.portrait.width
        self.head = nn.Linear(head_width + self.beside, n_classes)

    def stages(self) -> Mapping[str, Sequence[nn.Module]]:
        """``stem`` and ``inner`` in the window, ``features``, ``outer`` over windows, ``portrait``, head."""
        reader = self.samples
        parts: dict[str, list[nn.Module | None]] = {
            "stem": [] if reader is None else [reader.mix, reader.stem],
            "inner": [] if reader is None else [reader.inner, reader.attention],
            "features": [self.features],
            "outer": [self.outer],
            "portrait": [self.portrait],
            HEAD: [self.head],
        }
        there = {name: [one for one in modules if one is not None] for name, modules in parts.items()}
        return {name: modules for name, modules in there.items() if any(list(one.parameters()) for one in modules)}

    def fit_scale(self, features: Tensor) -> None:
        """Take the mean and spread of the training windows' features (n, n_features); training subjects only."""
        if self.features is not None:
            self.features.fit_scale(features[:, : self._n_features])
        if self.portrait is not None:
            self.portrait.fit_scale(features[:, self._n_features :])

    def embed(self, samples: Tensor, features: Tensor) -> Tensor:
        """One vector per window: samples (n, n_channels, length), features (n, n_features) -> (n, width)."""
        parts = [] if self.samples is None else [self.samples(samples)]
        if self.features is not None:
            parts.append(self.features(features[:, : self._n_features]))
        if self.portrait is not None:
            parts.append(self.portrait(features[:, self._n_features :]))
        return torch.cat(parts, dim=1)

    def decide(self, embedded: Tensor) -> Tensor:
        """Logits for every window of a sequence: (n, k, width) -> (n, k, n_classes); only the past counts."""
        seen = self.drop(embedded[..., : self._width])
        if self.outer is not None:
            states, _ = self.outer(seen)
            seen = torch.cat([seen, self.drop(states)], dim=-1)
        answered = _summed_up(seen, self.answer_from)
        return cast(Tensor, self.head(torch.cat([answered, embedded[..., self._width :]], dim=-1)))

    def forward(self, samples: Tensor, features: Tensor) -> Tensor:
        """Samples (n, k, n_channels, length), features (n, k, n_features) -> logits (n, k, n_classes)."""
        n, k = samples.shape[:2]
        if self.training and self.features is not None:
            own, portrait = features[..., : self._n_features], features[..., self._n_features :]
            features = torch.cat([self.features.disturb(own), portrait], dim=-1)
        if self.training and self._channel_dropout:
            kept = torch.rand(n, 1, samples.shape[2], 1, device=samples.device) >= self._channel_dropout
            samples = samples * kept
        embedded = self.embed(samples.flatten(0, 1), features.flatten(0, 1))
        return self.decide(embedded.reshape(n, k, -1))


def _summed_up(seen: Tensor, answer_from: AnswerFrom) -> Tensor:
    """What the head is given at every window (n, k, ...) of vectors (n, k, width): of this one and those before it."""
    if answer_from == "window":
        return seen
    mean = seen.cumsum(dim=1) / torch.arange(1, seen.shape[1] + 1, device=seen.device)[None, :, None]
    return mean if answer_from == "mean" else torch.cat([mean, seen.cummax(dim=1).values], dim=-1)


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

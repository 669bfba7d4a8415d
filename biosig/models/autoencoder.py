"""A convolutional autoencoder that learns what normal windows look like, and says how unlike them a window is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from biosig.models.contract import InputShape

__all__ = ["AutoencoderOptions", "ConvAutoencoder"]

_LIMIT = 6.0
"""Standardised features and terms are clipped to this many standard deviations of the training windows."""
_FLOOR = 1e-3
"""Smallest error and amplitude told apart, relative to the training windows' amplitude (squared for errors)."""
_TRUST = 8.0
"""Windows of a patient after which their own level counts as much as that of the training subjects."""


@dataclass(frozen=True)
class AutoencoderOptions:
    """What a recipe may say about :class:`ConvAutoencoder`.

    Parameters
    ----------
    widths : output channels of the encoder's convolutions; each halves the number of time steps. The decoder mirrors
        them.
    kernel : samples per convolution, odd.
    latent : numbers that a window is pressed into.
    scale : what samples are divided by, per channel: the amplitude of ``training`` windows, or the ``window``'s own.
    use_features : whether the window's features (RR intervals, ...) are reconstructed, too.
    feature_hidden : width of the layers that take the features in and give them back.
    noise, feature_dropout : while training, sd of what is added to the samples (in their amplitude), and share of
        features that the encoder goes without.
    segments : equal parts of a window whose errors are told apart.
    """

    widths: tuple[int, ...] = (16, 16, 16)
    kernel: int = 7
    latent: int = 12
    scale: Literal["training", "window"] = "training"
    use_features: bool = True
    feature_hidden: int = 32
    noise: float = 0.0
    feature_dropout: float = 0.0
    segments: int = 6

    def __post_init__(self) -> None:
        for name in ("latent", "feature_hidden", "segments"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        if not self.widths or any(width < 1 for width in self.widths):
            raise ValueError(f"widths must be one or more of 1 or more, got {self.widths}")
        if self.kernel % 2 == 0 or self.kernel < 1:
            raise ValueError(f"kernel must be odd and positive, got {self.kernel}")
        if not 0 <= self.feature_dropout < 1:
            raise ValueError(f"feature_dropout must lie in [0, 1), got {self.feature_dropout}")
        if self.noise < 0:
            raise ValueError(f"noise must be 0 or more, got {self.noise}")


class ConvAutoencoder(nn.Module):
    """Windows pressed into a few numbers and built again; the score is how badly that went, by the patient's standards.

    Parameters
    ----------
    shape : channels, samples and features of the windows, and how many of them are a patient's standard (context).
    n_classes : not used; normal windows are one kind.
    options : the recipe's choices.

    Notes
    -----
    The score of a window is the logarithm of the mean square of its *terms* (the logarithms of its reconstruction
    errors per channel and segment, and the errors of its features), each less the patient's own level over the last
    ``context`` windows, in standard deviations of the training windows.
    """

    Options = AutoencoderOptions

    def __init__(self, shape: InputShape, n_classes: int, options: AutoencoderOptions) -> None:
        super().__init__()
        self.options = options
        self._length = shape.length
        self._n_features = shape.n_features if options.use_features else 0
        lengths = [shape.length]
        for _ in options.widths:
            lengths.append((lengths[-1] + 1) // 2)
        self.encoder = _encoder(shape.n_channels, options)
        flat = options.widths[-1] * lengths[-1]
        hidden = options.feature_hidden if self._n_features else 0
        self.reader = nn.Linear(self._n_features, hidden) if self._n_features else None
        self.press = nn.Linear(flat + hidden, options.latent)
        self.unpress = nn.Linear(options.latent, flat)
        self.decoder = _Decoder(shape.n_channels, lengths, options)
        self.writer: nn.Sequential | None = None
        if self._n_features:
            self.writer = nn.Sequential(
                nn.Linear(options.latent, hidden), nn.GELU(), nn.Linear(hidden, self._n_features)
            )
        self.amplitude: Tensor
        self.mean: Tensor
        self.sd: Tensor
        self.usual: Tensor
        self.spread: Tensor
        self.register_buffer("amplitude", torch.ones(shape.n_channels))
        self.register_buffer("mean", torch.zeros(self._n_features))
        self.register_buffer("sd", torch.ones(self._n_features))
        n_terms = shape.n_channels * (options.segments + (options.scale == "window")) + self._n_features
        self.register_buffer("usual", torch.zeros(n_terms))
        self.register_buffer("spread", torch.ones(n_terms))

    def fit_scale(self, samples: Tensor, features: Tensor) -> None:
        """Take amplitude, mean and spread of normal training windows: (n, n_channels, length), (n, n_features)."""
        self.amplitude.copy_(samples.square().mean(dim=(0, 2)).sqrt().clamp(min=1e-12))
        if self._n_features:
            self.mean.copy_(features.mean(dim=0))
            self.sd.copy_(features.std(dim=0, correction=0).clamp(min=1e-3))

    def fit_normal(self, sequences: Tensor, count: Tensor) -> None:
        """Take the usual terms of normal training windows: as for :meth:`judge`."""
        terms = sequences[torch.arange(len(sequences), device=sequences.device), count - 1]
        self.usual.copy_(terms.mean(dim=0))
        self.spread.copy_(terms.std(dim=0, correction=0).clamp(min=1e-3))
        centred = self._centred(sequences, count)
        self.usual += self.spread * centred.mean(dim=0)
        self.spread *= centred.std(dim=0, correction=0).clamp(min=1e-3)

    def embed(self, samples: Tensor, features: Tensor) -> Tensor:
        """Latent vectors (n, latent) of windows: samples (n, n_channels, length), features (n, n_features)."""
        scaled, _ = self._scaled(samples)
        return self._pressed(scaled, self._standardised(features))

    def forward(self, samples: Tensor, features: Tensor) -> Tensor:
        """Samples (n, k, n_channels, length), features (n, k, n_features) -> the samples as built again, same shape."""
        scaled, level = self._scaled(samples.flatten(0, 1))
        built, _ = self._built(self._pressed(scaled, self._standardised(features.flatten(0, 1))))
        return (built * level[..., None]).reshape(samples.shape)

    def errors(self, samples: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """What is wrong with each window built again, in standard deviations of the training windows.

        Parameters
        ----------
        samples, features : (n, n_channels, length), (n, n_features).

        Returns
        -------
        (n, n_channels, length), and (n, n_features) or (n, 0) where features are not reconstructed.
        """
        scaled, _ = self._scaled(samples)
        known = self._standardised(features)
        built, told = self._built(self._pressed(*self._disturbed(scaled, known)))
        return built - scaled, told - known

    def measure(self, samples: Tensor, features: Tensor) -> Tensor:
        """What is remembered of each window: its terms, samples and features as in :meth:`embed` -> (n, n_terms)."""
        wrong, told = self.errors(samples, features)
        parts = functional.adaptive_avg_pool1d(wrong.square(), self.options.segments)
        terms = [torch.log(parts + _FLOOR).flatten(1)]
        if self.options.scale == "window":
            terms.append(torch.log(self._scaled(samples)[1] / self.amplitude))
        return torch.cat([*terms, told], dim=1)

    def judge(self, sequences: Tensor, count: Tensor) -> Tensor:
        """How unlike normal the last window of every sequence is, (n,).

        Parameters
        ----------
        sequences : (n, context, n_terms), what was measured in order of time, what there is first.
        count : int64 (n,), how many there are; what comes after them does not matter.
        """
        return torch.log(self._centred(sequences, count).square().mean(dim=1) + _FLOOR)

    def _centred(self, sequences: Tensor, count: Tensor) -> Tensor:
        """Terms of the last window, in standard deviations, less the patient's level: (n, n_terms)."""
        usual = ((sequences - self.usual) / self.spread).clamp(-_LIMIT, _LIMIT)
        there = torch.arange(sequences.shape[1], device=sequences.device) < count[:, None]
        level = (usual.clamp(-1, 1) * there[..., None]).sum(dim=1) / (count[:, None] + _TRUST)
        last = usual[torch.arange(len(usual), device=usual.device), count - 1]
        return last - level

    def _scaled(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """Samples in units of their amplitude, and that amplitude (n, n_channels)."""
        if self.options.scale == "training":
            level = self.amplitude.expand(len(samples), -1)
        else:
            own = samples.square().mean(dim=2).sqrt()
            level = torch.maximum(own, _FLOOR * self.amplitude)
        return samples / level[..., None], level

    def _standardised(self, features: Tensor) -> Tensor:
        if not self._n_features:
            return features[:, :0]
        return ((features - self.mean) / self.sd).clamp(-_LIMIT, _LIMIT)

    def _disturbed(self, scaled: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """The encoder's input while training: with noise, and some features at their mean."""
        if not self.training:
            return scaled, known
        noisy = scaled + self.options.noise * torch.randn_like(scaled)
        return noisy, known * (torch.rand_like(known) >= self.options.feature_dropout)

    def _pressed(self, scaled: Tensor, known: Tensor) -> Tensor:
        flat = self.encoder(scaled).flatten(1)
        if self.reader is not None:
            flat = torch.cat([flat, functional.gelu(self.reader(known))], dim=1)
        return cast(Tensor, self.press(flat))

    def _built(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Samples and features from latent vectors (n, latent)."""
        built = self.decoder(functional.gelu(self.unpress(latent)))
        return built, latent[:, :0] if self.writer is None else self.writer(latent)


class _Decoder(nn.Module):
    """The encoder's mirror: each convolution follows a stretching to the number of steps the encoder had there."""

    def __init__(self, n_channels: int, lengths: list[int], options: AutoencoderOptions) -> None:
        super().__init__()
        self._lengths = lengths[::-1]
        widths = [*options.widths[::-1], n_channels]
        self._width = widths[0]
        self.layers = nn.ModuleList(
            nn.Conv1d(before, after, options.kernel, padding=options.kernel // 2) for before, after in pairwise(widths)
        )

    def forward(self, flat: Tensor) -> Tensor:
        """(n, width * steps) -> (n, n_channels, length)."""
        steps = flat.reshape(len(flat), self._width, self._lengths[0])
        for number, (layer, length) in enumerate(zip(self.layers, self._lengths[1:], strict=True)):
            steps = cast(Tensor, layer(functional.interpolate(steps, size=length, mode="nearest")))
            if number + 1 < len(self.layers):
                steps = functional.gelu(steps)
        return steps


def _encoder(n_channels: int, options: AutoencoderOptions) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in options.widths:
        layers += [nn.Conv1d(n_channels, width, options.kernel, stride=2, padding=options.kernel // 2), nn.GELU()]
        n_channels = width
    return nn.Sequential(*layers)

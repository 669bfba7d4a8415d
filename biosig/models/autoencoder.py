"""A convolutional autoencoder that learns what normal windows look like, and says how unlike them a window is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from biosig.models.coder import Decoder, check_coder, encoder, sides
from biosig.models.contract import InputShape

__all__ = ["AutoencoderOptions", "ConvAutoencoder"]

_LIMIT = 4.0
"""Terms are clipped to this many standard deviations of the training windows: many that are odd count more than one
that is very odd."""
_FLOOR = 1e-3
"""Smallest error and amplitude told apart, relative to the training windows' amplitude (squared for errors)."""
_TRUST = 8.0
"""Windows of a patient after which their own level and spread count as much as those of the training subjects."""
_AT_A_TIME = 16
"""Sequences judged together: they fit in a core's cache, 18 instead of 167 us a window on one core."""
_USUAL_SPREAD = 0.6
"""Mean distance of normal windows from their level, clipped to 1, in standard deviations (a normal law gives 0.63)."""


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
    noise : sd of what is added to the samples while training, in units of their amplitude.
    segments : equal parts of a window whose errors are told apart.
    use_features : whether the window's features (RR intervals, ...) are judged beside its samples.
    """

    widths: tuple[int, ...] = (8, 8, 16)
    kernel: int = 5
    latent: int = 8
    scale: Literal["training", "window"] = "training"
    noise: float = 0.0
    segments: int = 6
    use_features: bool = True

    def __post_init__(self) -> None:
        check_coder(self)


class ConvAutoencoder(nn.Module):
    """Windows pressed into a few numbers and built again; the score is how badly that went, by the patient's standards.

    Parameters
    ----------
    shape : channels, samples and features of the windows, and how many of them are a patient's standard (context).
    n_classes : not used; normal windows are one kind.
    options : the recipe's choices.

    Notes
    -----
    The score of a window comes from its *terms*: the logarithms of its reconstruction errors per channel and segment,
    its latent vector, and its features. Each term is taken less the patient's own level over the last ``context``
    windows, in units of their spread, and errors count only where they are larger than usual. The score is the
    logarithm of the mean square of the terms, in standard deviations from its mean over normal training windows.
    """

    Options = AutoencoderOptions

    def __init__(self, shape: InputShape, n_classes: int, options: AutoencoderOptions) -> None:
        super().__init__()
        self.options = options
        lengths = sides(shape.length, options)
        flat = options.widths[-1] * lengths[-1]
        self.encoder = encoder(shape.n_channels, options, dims=1)
        self.press = nn.Linear(flat, options.latent)
        self.unpress = nn.Linear(options.latent, flat)
        self.decoder = Decoder(shape.n_channels, lengths, options, dims=1)
        self._n_errors = shape.n_channels * options.segments
        n_terms = self._n_errors + options.latent + shape.n_features * options.use_features
        n_terms += shape.n_channels * (options.scale == "window")
        self.amplitude: Tensor
        self.usual: Tensor
        self.spread: Tensor
        self.score: Tensor
        self.register_buffer("amplitude", torch.ones(shape.n_channels))
        self.register_buffer("usual", torch.zeros(n_terms))
        self.register_buffer("spread", torch.ones(n_terms))
        self.register_buffer("score", torch.tensor([0.0, 1.0]))

    def fit_scale(self, samples: Tensor) -> None:
        """Take the amplitude of normal training windows (n, n_channels, length)."""
        self.amplitude.copy_(samples.square().mean(dim=(0, 2)).sqrt().clamp(min=1e-12))

    def fit_normal(self, sequences: Tensor, count: Tensor) -> None:
        """Take what is usual of the terms, then of the score, of normal training windows: as for :meth:`judge`."""
        terms = _last(sequences, count)
        self.usual.copy_(terms.mean(dim=0))
        self.spread.copy_(terms.std(dim=0, correction=0).clamp(min=1e-3))
        self.score.copy_(torch.tensor([0.0, 1.0]))
        score = self.judge(sequences, count)
        self.score.copy_(torch.stack([score.mean(), score.std(correction=0).clamp(min=1e-3)]))

    def embed(self, samples: Tensor, features: Tensor) -> Tensor:
        """Latent vectors (n, latent) of windows: samples (n, n_channels, length); ``features`` are not looked at."""
        return self._pressed(self._scaled(samples)[0])

    def forward(self, samples: Tensor, features: Tensor) -> Tensor:
        """Samples (n, k, n_channels, length) as built again, in the same shape; ``features`` are not looked at."""
        scaled, level = self._scaled(samples.flatten(0, 1))
        return (self._built(self._pressed(scaled)) * level[..., None]).reshape(samples.shape)

    def errors(self, samples: Tensor) -> Tensor:
        """What is wrong with windows built again, in units of their amplitude: (n, n_channels, length), same shape."""
        scaled, _ = self._scaled(samples)
        noisy = scaled + self.options.noise * torch.randn_like(scaled) if self.training else scaled
        return self._built(self._pressed(noisy)) - scaled

    def measure(self, samples: Tensor, features: Tensor) -> Tensor:
        """Terms (n, n_terms) of windows: samples (n, n_channels, length), features (n, n_features)."""
        scaled, level = self._scaled(samples)
        latent = self._pressed(scaled)
        wrong = functional.adaptive_avg_pool1d((self._built(latent) - scaled).square(), self.options.segments)
        terms = [torch.log(wrong + _FLOOR).flatten(1), latent]
        if self.options.scale == "window":
            terms.append(torch.log(level / self.amplitude))
        if self.options.use_features:
            terms.append(features)
        return torch.cat(terms, dim=1)

    def judge(self, sequences: Tensor, count: Tensor) -> Tensor:
        """How unlike normal the last window of every sequence is, (n,).

        Parameters
        ----------
        sequences : (n, context, n_terms), what was measured in order of time, what there is first.
        count : int64 (n,), how many there are; what comes after them does not matter.
        """
        pairs = zip(torch.split(sequences, _AT_A_TIME), torch.split(count, _AT_A_TIME), strict=True)
        terms = torch.cat([self._by_own_standards(some, there) for some, there in pairs])
        errors, rest = terms[:, : self._n_errors], terms[:, self._n_errors :]
        # Half of the normal windows' errors are below their level and count as 0: twice the rest keeps the balance.
        total = 2 * errors.clamp(min=0).square().sum(dim=1) + rest.square().sum(dim=1)
        return (torch.log(total / terms.shape[1] + _FLOOR) - self.score[0]) / self.score[1]

    def _by_own_standards(self, sequences: Tensor, count: Tensor) -> Tensor:
        """Terms of the last window less the patient's level, in units of the patient's spread: (n, n_terms)."""
        usual = torch.addcmul(-self.usual / self.spread, sequences, 1 / self.spread)
        # not by a matrix product: that one adds up in an order that depends on where a sequence stands among others
        there = (torch.arange(usual.shape[1], device=usual.device) < count[:, None]).to(usual.dtype)[..., None]
        known = count[:, None] + _TRUST
        level = usual.clamp(-1, 1).mul_(there).sum(dim=1) / known
        last = _last(usual, count).clamp(-_LIMIT, _LIMIT)
        distance = (usual - level[:, None]).abs_().clamp_(max=1).mul_(there).sum(dim=1)
        spread = (distance + _TRUST * _USUAL_SPREAD) / known
        return ((last - level) / spread).clamp(-_LIMIT, _LIMIT)

    def _scaled(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """Samples in units of their amplitude, and that amplitude (n, n_channels)."""
        if self.options.scale == "training":
            level = self.amplitude.expand(len(samples), -1)
        else:
            level = torch.maximum(samples.square().mean(dim=2).sqrt(), _FLOOR * self.amplitude)
        return samples / level[..., None], level

    def _pressed(self, scaled: Tensor) -> Tensor:
        return cast(Tensor, self.press(self.encoder(scaled).flatten(1)))

    def _built(self, latent: Tensor) -> Tensor:
        return cast(Tensor, self.decoder(functional.gelu(self.unpress(latent))))


def _last(sequences: Tensor, count: Tensor) -> Tensor:
    """The last window of every sequence (n, n_terms)."""
    return sequences[torch.arange(len(sequences), device=sequences.device), count - 1]

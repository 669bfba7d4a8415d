"""A convolutional autoencoder that learns what normal pictures look like, and where one does not.

The distance of a picture from the normal ones counts what it is pressed into as well as what is lost by that: an
autoencoder also builds again much that it has never seen. Distance: Mahalanobis, over latent numbers and errors
together; covariance: Ledoit & Wolf 2004, doi:10.1016/S0047-259X(03)00096-4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from biosig.models.coder import Decoder, check_coder, encoder, sides
from biosig.models.contract import InputShape

__all__ = ["PictureAutoencoder", "PictureAutoencoderOptions"]

_FLOOR = 1e-3
"""Smallest error told apart, relative to the training pictures' variance."""


@dataclass(frozen=True)
class PictureAutoencoderOptions:
    """What a recipe may say about :class:`PictureAutoencoder`.

    Parameters
    ----------
    widths : output channels of the encoder's convolutions; each halves the side. The decoder mirrors them.
    kernel : pixels per side of a convolution, odd.
    latent : numbers that a picture is pressed into.
    noise : while training, sd of what is added to the encoder's input, in standard deviations of the pixels.
    segments : the errors of so many by so many parts of a picture are told apart.
    """

    widths: tuple[int, ...] = (16, 32, 64)
    kernel: int = 3
    latent: int = 64
    noise: float = 0.1
    segments: int = 4

    def __post_init__(self) -> None:
        check_coder(self)


class PictureAutoencoder(nn.Module):
    """Pictures pressed into a few numbers and built again; the score is how far from normal ones both turn out.

    The score of a picture is the logarithm of the mean square of its *terms*, its latent numbers and the logarithms of
    its error in each part, after they were made independent and of unit spread over the normal training pictures.

    Parameters
    ----------
    shape : channels and pixels of the pictures, which are square.
    n_classes : not used; normal pictures are one kind.
    options : the recipe's choices.
    """

    Options = PictureAutoencoderOptions

    def __init__(self, shape: InputShape, n_classes: int, options: PictureAutoencoderOptions) -> None:
        super().__init__()
        self.options = options
        self.side = math.isqrt(shape.length)
        if self.side**2 != shape.length or shape.context != 1:
            raise ValueError(
                f"pictures are square and have windows.context=1, got {shape.length} pixels and context {shape.context}"
            )
        encoded = sides(self.side, options)
        flat = options.widths[-1] * encoded[-1] ** 2
        self.encoder = encoder(shape.n_channels, options, dims=2)
        self.press = nn.Linear(flat, options.latent)
        self.unpress = nn.Linear(options.latent, flat)
        self.decoder = Decoder(shape.n_channels, encoded, options, dims=2)
        self.centre: Tensor
        self.amplitude: Tensor
        self.usual: Tensor
        self.whitening: Tensor
        self.register_buffer("centre", torch.zeros(shape.n_channels, shape.length))
        self.register_buffer("amplitude", torch.ones(shape.n_channels, 1))
        n_terms = options.latent + shape.n_channels * options.segments**2
        self.register_buffer("usual", torch.zeros(n_terms))
        self.register_buffer("whitening", torch.eye(n_terms))

    def fit_scale(self, samples: Tensor) -> None:
        """Take the mean normal picture, and the sd about it: levels (n, n_channels, pixels)."""
        self.centre.copy_(samples.mean(dim=0))
        self.amplitude.copy_((samples - self.centre).std(dim=(0, 2), correction=0)[:, None].clamp(min=1e-3))

    def fit_normal(self, sequences: Tensor, count: Tensor) -> None:
        """Take the usual terms of normal training pictures: as for :meth:`judge`."""
        from sklearn.covariance import LedoitWolf  # takes half a second, which no other model should cost

        terms = sequences[:, 0].double().cpu().numpy()
        spread = np.maximum(terms.std(axis=0), 1e-6)
        found = LedoitWolf().fit(terms / spread)
        self.usual.copy_(torch.from_numpy(terms.mean(axis=0)))
        self.whitening.copy_(torch.from_numpy(np.linalg.cholesky(found.precision_) / spread[:, None]))

    def embed(self, samples: Tensor, features: Tensor) -> Tensor:
        """Latent vectors (n, latent) of pictures: levels (n, n_channels, pixels)."""
        return self._pressed(self._scaled(samples))

    def forward(self, samples: Tensor, features: Tensor) -> Tensor:
        """Levels (n, k, n_channels, pixels) -> the levels as built again, same shape."""
        built = self._built(self._pressed(self._scaled(samples.flatten(0, 1))))
        return (built * self.amplitude + self.centre).reshape(samples.shape)

    def errors(self, samples: Tensor) -> Tensor:
        """What is wrong with pictures built again, in sds of the training pictures: (n, n_channels, pixels)."""
        scaled = self._scaled(samples)
        seen = scaled + self.options.noise * torch.randn_like(scaled) if self.training else scaled
        return self._built(self._pressed(seen)) - scaled

    def measure(self, samples: Tensor, features: Tensor) -> Tensor:
        """What is remembered of each picture: levels (n, n_channels, pixels) -> terms (n, n_terms)."""
        parts = functional.adaptive_avg_pool2d(self._image(self.errors(samples)).square(), self.options.segments)
        return torch.cat([self.embed(samples, features), torch.log(parts + _FLOOR).flatten(1)], dim=1)

    def judge(self, sequences: Tensor, count: Tensor) -> Tensor:
        """How unlike normal each picture is, (n,): terms (n, 1, n_terms), count (n,) of ones."""
        unusual = (sequences[:, 0] - self.usual) @ self.whitening
        return torch.log(unusual.square().mean(dim=1) + _FLOOR)

    def _scaled(self, samples: Tensor) -> Tensor:
        return (samples - self.centre) / self.amplitude

    def _image(self, samples: Tensor) -> Tensor:
        return samples.reshape(*samples.shape[:2], self.side, self.side)

    def _pressed(self, scaled: Tensor) -> Tensor:
        return cast(Tensor, self.press(self.encoder(self._image(scaled)).flatten(1)))

    def _built(self, latent: Tensor) -> Tensor:
        return cast(Tensor, self.decoder(functional.gelu(self.unpress(latent)))).flatten(2)

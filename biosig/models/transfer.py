"""A backbone that has learnt to look at pictures, with a head for the task at hand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from biosig.imaging.backbones import BACKBONES
from biosig.imaging.weights import Say
from biosig.models.contract import HEAD, InputShape, Staged
from biosig.options import lookup

__all__ = ["Transfer", "TransferOptions"]

LEVELS = 255.0
"""Pictures travel as grey or colour levels from 0 to this."""
STEP = 32
"""Every backbone halves its maps five times."""


@dataclass(frozen=True)
class TransferOptions:
    """What a recipe may say about :class:`Transfer`.

    Parameters
    ----------
    backbone : a name in :data:`~biosig.imaging.backbones.BACKBONES`.
    weights : what training starts from: ``imagenet``, ``none`` (drawn), or a file with the published names.
    side : pixels that the network looks at, a multiple of 32; pictures of another size are resized on the way in.
    dropout : share of the features dropped before the head while training.
    """

    backbone: str = "efficientnet_lite0"
    weights: str = "imagenet"
    side: int = 224
    dropout: float = 0.2

    def __post_init__(self) -> None:
        lookup(BACKBONES, self.backbone, "backbone")
        if self.side < STEP or self.side % STEP:
            raise ValueError(f"side must be a multiple of {STEP} pixels, got {self.side}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {self.dropout}")


class Transfer(Staged):
    """Class logits for pictures that travel as windows: each is (n_channels, side * side) levels from 0 to 255.

    What a picture must be like for the backbone (side, mean and sd per colour, grey as three equal colours) is part
    of the network: it is saved with the weights.

    Parameters
    ----------
    shape : one channel (grey) or three (red, green, blue), and as many pixels as a square has.
    n_classes : width of the output.
    options : the recipe's choices.
    """

    Options = TransferOptions

    def __init__(self, shape: InputShape, n_classes: int, options: TransferOptions) -> None:
        super().__init__()
        self.stored = math.isqrt(shape.length)
        if shape.n_channels not in (1, 3) or self.stored**2 != shape.length or shape.context != 1:
            raise ValueError(
                "pictures are square, with 1 or 3 channels and windows.context=1; "
                f"got {shape.n_channels} channels of {shape.length} pixels and context {shape.context}"
            )
        self.design = BACKBONES[options.backbone]
        self.source, self.side = options.weights, options.side
        self.body = self.design.build(options.side)
        self.body.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.mean: Tensor
        self.sd: Tensor
        self.register_buffer("mean", torch.tensor(self.design.mean).view(3, 1, 1))
        self.register_buffer("sd", torch.tensor(self.design.sd).view(3, 1, 1))
        self.drop = nn.Dropout(options.dropout)
        self.head = nn.Linear(self.design.n_features, n_classes)

    @property
    def n_features(self) -> int:
        """Length of the vector that a picture becomes."""
        return self.design.n_features

    def stages(self) -> Mapping[str, Sequence[nn.Module]]:
        """The backbone's stages, then ``head``."""
        return {**self.body.stages(), HEAD: [self.head]}

    def initialise(self, say: Say) -> None:
        """Take up the weights that the recipe names; the published head too where it has as many classes.

        ``WeightsError`` where they cannot be had or do not fit.
        """
        if self.source == "none":
            return
        published = self.design.load(self.body, self.source, say)
        if published.head is not None and published.head["weight"].shape == self.head.weight.shape:
            self.head.load_state_dict(dict(published.head))

    def fit_scale(self, features: Tensor) -> None:
        """Nothing to take: pictures have no features beside their pixels."""

    def prepared(self, images: Tensor) -> Tensor:
        """Pictures as the backbone wants them: levels (n, 1 or 3, h, w) -> float32 (n, 3, side, side)."""
        if images.shape[-2:] != (self.side, self.side):
            size = (self.side, self.side)
            images = functional.interpolate(images, size, mode="bicubic", antialias=images.shape[-1] > self.side)
        scaled = (images.clamp(0, LEVELS) / LEVELS - self.mean) / self.sd
        return scaled.contiguous(memory_format=torch.channels_last)

    def features(self, images: Tensor) -> Tensor:
        """One vector per picture: levels (n, 1 or 3, h, w) -> (n, n_features)."""
        return cast(Tensor, self.body(self.prepared(images)))

    def embed(self, samples: Tensor, features: Tensor) -> Tensor:
        """One vector per window: levels (n, n_channels, pixels) -> (n, n_features); ``features`` are not looked at."""
        return self.features(samples.reshape(*samples.shape[:2], self.stored, self.stored))

    def decide(self, embedded: Tensor) -> Tensor:
        """Logits: (n, k, n_features) -> (n, k, n_classes)."""
        return cast(Tensor, self.head(self.drop(embedded)))

    def forward(self, samples: Tensor, features: Tensor) -> Tensor:
        """Levels (n, k, n_channels, pixels), features (n, k, n_features) -> logits (n, k, n_classes)."""
        n, k = samples.shape[:2]
        return self.decide(self.embed(samples.flatten(0, 1), features.flatten(0, 1)).reshape(n, k, -1))

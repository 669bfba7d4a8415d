"""What autoencoders are made of: a convolutional encoder and the decoder that mirrors it, over time or pictures."""

from __future__ import annotations

from itertools import pairwise
from typing import Protocol, cast

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["CoderOptions", "Decoder", "check_coder", "encoder", "sides"]

_CONVOLUTION: dict[int, type[nn.Conv1d | nn.Conv2d]] = {1: nn.Conv1d, 2: nn.Conv2d}


class CoderOptions(Protocol):
    """What the options of every autoencoder say.

    Parameters
    ----------
    widths : output channels of the encoder's convolutions; each halves the side. The decoder mirrors them.
    kernel : samples per side of a convolution, odd.
    latent : numbers that a window is pressed into.
    noise : sd of what is added to the encoder's input while training.
    segments : parts per side whose errors are told apart.
    """

    @property
    def widths(self) -> tuple[int, ...]: ...
    @property
    def kernel(self) -> int: ...
    @property
    def latent(self) -> int: ...
    @property
    def noise(self) -> float: ...
    @property
    def segments(self) -> int: ...


def check_coder(options: CoderOptions) -> None:
    """``ValueError`` naming the first option that no autoencoder can be built with."""
    for name in ("latent", "segments"):
        if getattr(options, name) < 1:
            raise ValueError(f"{name} must be 1 or more, got {getattr(options, name)}")
    if not options.widths or any(width < 1 for width in options.widths):
        raise ValueError(f"widths must be one or more of 1 or more, got {options.widths}")
    if options.kernel % 2 == 0 or options.kernel < 1:
        raise ValueError(f"kernel must be odd and positive, got {options.kernel}")
    if options.noise < 0:
        raise ValueError(f"noise must be 0 or more, got {options.noise}")


def sides(side: int, options: CoderOptions) -> list[int]:
    """Samples per side before the encoder and after each of its convolutions."""
    found = [side]
    for _ in options.widths:
        found.append((found[-1] + 1) // 2)
    return found


def encoder(n_channels: int, options: CoderOptions, *, dims: int) -> nn.Sequential:
    """Convolutions over ``dims`` axes, 1 for time and 2 for pictures, each of which halves the side."""
    layers: list[nn.Module] = []
    for width in options.widths:
        convolution = _CONVOLUTION[dims](n_channels, width, options.kernel, stride=2, padding=options.kernel // 2)
        layers += [convolution, nn.GELU()]
        n_channels = width
    return nn.Sequential(*layers)


class Decoder(nn.Module):
    """The encoder's mirror: each convolution follows a stretching to the side the encoder had there.

    Parameters
    ----------
    n_channels : of what is built again.
    encoded : samples per side before the encoder and after each of its convolutions, :func:`sides`.
    options : the autoencoder's.
    dims : axes, 1 for time and 2 for pictures.
    """

    def __init__(self, n_channels: int, encoded: list[int], options: CoderOptions, *, dims: int) -> None:
        super().__init__()
        self._sides = encoded[::-1]
        self._dims = dims
        widths = [*options.widths[::-1], n_channels]
        self._width = widths[0]
        self.layers = nn.ModuleList(
            _CONVOLUTION[dims](before, after, options.kernel, padding=options.kernel // 2)
            for before, after in pairwise(widths)
        )

    def forward(self, flat: Tensor) -> Tensor:
        """(n, width * side, or side * side) -> (n, n_channels, side), or (n, n_channels, side, side)."""
        built = flat.reshape(len(flat), self._width, *[self._sides[0]] * self._dims)
        for number, (layer, side) in enumerate(zip(self.layers, self._sides[1:], strict=True)):
            built = cast(Tensor, layer(functional.interpolate(built, size=(side,) * self._dims, mode="nearest")))
            if number + 1 < len(self.layers):
                built = functional.gelu(built)
        return built

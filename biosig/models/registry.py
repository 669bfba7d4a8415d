"""Models by the name a recipe gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from biosig.models.autoencoder import ConvAutoencoder
from biosig.models.contract import InputShape
from biosig.models.picture_autoencoder import PictureAutoencoder
from biosig.models.recurrent import Recurrent
from biosig.models.trails import RecurrentEnsemble
from biosig.models.transfer import Transfer
from biosig.options import build, lookup

__all__ = ["MODELS", "build_model", "check_options", "ensemble_of"]

MODELS: dict[str, type[ConvAutoencoder] | type[PictureAutoencoder] | type[Recurrent] | type[Transfer]] = {
    "conv-autoencoder": ConvAutoencoder,
    "picture-autoencoder": PictureAutoencoder,
    "recurrent": Recurrent,
    "transfer": Transfer,
}


def check_options(name: str, options: Mapping[str, Any]) -> Any:
    """The options dataclass of the named model; ``ValueError`` for an unknown model, key or value."""
    return build(lookup(MODELS, name, "model").Options, options, f"model {name!r}")


def build_model(name: str, options: Mapping[str, Any], shape: InputShape, n_classes: int) -> nn.Module:
    """The named model with fresh weights, drawn from torch's current seed."""
    model: nn.Module = MODELS[name](shape, n_classes, check_options(name, options))
    return model


def ensemble_of(models: Sequence[nn.Module], context: int) -> RecurrentEnsemble | None:
    """Networks of one recipe, to be followed window by window; ``None`` for those that cannot be."""
    recurrent = [model for model in models if isinstance(model, Recurrent)]
    return RecurrentEnsemble(recurrent, context) if recurrent else None

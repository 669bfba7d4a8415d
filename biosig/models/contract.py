"""What every model in biosig is built from and promises.

A model class has a frozen dataclass ``Options`` (its part of a recipe) and is built as
``Model(shape, n_classes, options)``. ``embed`` makes one vector per window, ``decide`` turns the
last ``context`` vectors into logits, ``forward`` is both. The scorer keeps the vectors of the last
windows of each patient, so a window is embedded once, live as well as offline.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["InputShape"]


@dataclass(frozen=True)
class InputShape:
    """The shape of what a model is fed.

    Parameters
    ----------
    n_channels, length : rows and samples of a window.
    n_features : numbers known about a window beside its samples.
    context : consecutive windows that a decision may look back on, the window itself included.
    """

    n_channels: int
    length: int
    n_features: int
    context: int

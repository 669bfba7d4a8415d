"""Where a network looked: pictures it got right and wrong, with the regions that spoke for its answer."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from biosig.bundle import Bundle
from biosig.evaluation.report import Picture
from biosig.models.transfer import Transfer
from biosig.windows.index import Windows

__all__ = ["NOTE", "looked_at", "speaking_regions"]

NOTE = (
    "Right and wrong answers that the network was surest of, each class in turn. Beside each picture the regions that "
    "spoke for the answer (Grad-CAM: Selvaraju et al. 2017, doi:10.1109/ICCV.2017.74), dark to bright. They show where "
    "it looked, not why, and are no evidence that it looked at the illness."
)
RIGHT, WRONG = 2, 4
"""Pictures of each class and kind."""
FINEST = 16
"""Maps in which a pixel stands for at most so many pixels of the picture: coarser ones show no place."""


def looked_at(bundle: Bundle, windows: Windows, outputs: NDArray[np.float64]) -> list[Picture]:
    """Pictures with what spoke for the answer: wrong ones first, the surest first.

    Without the package captum the pictures stand alone, and their captions say what to install.
    """
    guess = bundle.decide(outputs)
    sure = outputs[np.arange(len(guess)), guess]
    chosen = _chosen(windows.label, guess, sure, len(bundle.labels))
    samples = windows.gather(np.array(chosen, dtype=np.int64))
    maps: Sequence[NDArray[np.float64] | None] = [None] * len(chosen)
    if find_spec("captum") is not None:
        maps = list(speaking_regions(bundle.models, samples, guess[chosen]))
    side = int(np.sqrt(windows.length))
    pictures = []
    for number, levels, heat in zip(chosen, samples.reshape(len(chosen), -1, side, side), maps, strict=True):
        truth, said = bundle.labels[windows.label[number]], bundle.labels[guess[number]]
        verdict = f"{said}, as it is" if truth == said else f"reference {truth}, called {said}"
        caption = f"{windows.names[windows.recording[number]]}: {verdict} (probability {sure[number]:.2f})"
        if heat is None:
            caption += '; for where it looked: pip install "biosig-ml[explain]"'
        pictures.append(Picture(_drawn(levels, heat), caption))
    return pictures


def _chosen(label: NDArray[np.int64], guess: NDArray[np.int64], sure: NDArray[np.float64], n_classes: int) -> list[int]:
    """Rows of the surest wrong and right answers about each class."""
    chosen: list[int] = []
    for right, most in ((False, WRONG), (True, RIGHT)):
        for number in range(n_classes):
            rows = np.flatnonzero((label == number) & ((guess == label) == right))
            chosen += rows[np.argsort(-sure[rows], kind="stable")][:most].tolist()
    return chosen


def speaking_regions(
    models: Sequence[nn.Module], samples: NDArray[np.float32], answer: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How much each place of a picture spoke for an answer, mean over the networks: float64 (n, side, side), 0 to 1.

    Parameters
    ----------
    models : :class:`~biosig.models.transfer.Transfer` networks.
    samples : levels (n, n_channels, side * side).
    answer : int64 (n,), the class to speak for.
    """
    from captum.attr import LayerGradCam

    levels = torch.from_numpy(samples)
    side = int(np.sqrt(levels.shape[-1]))
    total = torch.zeros(len(levels), 1, side, side)
    for model in models:
        if not isinstance(model, Transfer):
            raise ValueError(f"regions need a network that looks at pictures, got {type(model).__name__}")
        network = model.cpu().eval()

        def logits(batch: Tensor, network: Transfer = network) -> Tensor:
            return network.decide(network.embed(batch, batch)[:, None])[:, 0]

        grad_cam = LayerGradCam(logits, _fine_layer(network, levels[:1]))
        spoken = grad_cam.attribute(levels, target=torch.from_numpy(answer), relu_attributions=True).detach()
        spread = functional.interpolate(spoken, (side, side), mode="bilinear", align_corners=False)
        total += spread / spread.amax(dim=(2, 3), keepdim=True).clamp(min=1e-12)
    return np.asarray((total[:, 0] / len(models)).numpy(), dtype=np.float64)


def _fine_layer(network: Transfer, levels: Tensor) -> nn.Module:
    """The last module of a stage whose maps are still fine enough to show a place."""
    fine: list[nn.Module] = [network.body.seen]
    sides: dict[nn.Module, int] = {}
    layers = [modules[-1] for modules in network.body.stages().values()]
    hooks = [
        layer.register_forward_hook(lambda module, _given, maps: sides.update({module: maps.shape[-1]}))
        for layer in layers
    ]
    with torch.no_grad():
        network.embed(levels, levels)
    for hook in hooks:
        hook.remove()
    fine += [layer for layer in layers if sides[layer] * FINEST >= network.side]
    return fine[-1]


def _drawn(levels: NDArray[np.float32], heat: NDArray[np.float64] | None) -> Figure:
    """The picture, and beside it the picture under what spoke."""
    shown = levels.transpose(1, 2, 0).squeeze() / 255
    panels = 1 if heat is None else 2
    figure = Figure(figsize=(1.8 * panels, 1.8))
    for place in range(panels):
        axes = figure.add_axes((place / panels, 0.0, 1 / panels, 1.0))
        axes.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        if place and heat is not None:
            axes.imshow(heat, cmap="inferno", vmin=0, vmax=1, alpha=0.55 * heat, interpolation="bilinear")
        axes.axis("off")
    return figure

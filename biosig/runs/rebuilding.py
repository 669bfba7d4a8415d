"""What an anomaly detector makes of pictures: each, as it was built again, and where the two differ."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from biosig.bundle import Bundle
from biosig.evaluation.report import Picture
from biosig.windows.index import Windows

__all__ = ["REBUILT", "rebuilt"]

REBUILT = (
    "What cannot be built again",
    "The normal pictures that seem most and the ill ones that seem least anomalous (mistakes), then the most anomalous "
    "of all. Each picture, as the network built it again, and where the two differ.",
)
EACH = 4
BRIGHTEST = 100
"""Levels apart from which on a difference is drawn brightest."""


def rebuilt(bundle: Bundle, windows: Windows, score: NDArray[np.float64]) -> list[Picture]:
    """Pictures of the reconstructions, of one network: the worst mistakes first, then the highest scores."""
    recipe = bundle.recipe
    normal = np.isin(windows.label, [recipe.data.labels.index(name) for name in recipe.data.normal])
    order = np.argsort(score, kind="stable")
    usual, odd = order[normal[order]][::-1], order[~normal[order] & (windows.label[order] >= 0)]
    chosen = np.array(list(dict.fromkeys([*usual[:EACH], *odd[:EACH], *odd[::-1][:EACH]])), dtype=np.int64)
    samples = torch.from_numpy(windows.gather(chosen))
    model = bundle.models[0].cpu().eval()
    with torch.inference_mode():
        again = model(samples[:, None], torch.zeros(len(chosen), 1, 0))[:, 0].numpy()
    side = int(np.sqrt(windows.length))
    pictures = []
    for number, one, other in zip(chosen, samples.numpy(), again, strict=True):
        figure = _drawn(one.reshape(-1, side, side), other.reshape(-1, side, side))
        said = "called an anomaly" if score[number] >= bundle.decision[0] else "called normal"
        name, label = windows.names[windows.recording[number]], recipe.data.labels[windows.label[number]]
        caption = f"{name}: {label}, {said} (score {score[number]:.2f}, threshold {bundle.decision[0]:.2f})"
        pictures.append(Picture(figure, caption))
    return pictures


def _drawn(levels: NDArray[np.float32], again: NDArray[np.float32]) -> Figure:
    """Picture, picture built again, and the distance between them."""
    figure = Figure(figsize=(5.4, 1.8))
    distance = np.abs(levels - again).mean(axis=0)
    panels = [(levels.mean(axis=0), "gray", 255), (again.mean(axis=0), "gray", 255), (distance, "inferno", BRIGHTEST)]
    for place, (shown, colours, most) in enumerate(panels):
        axes = figure.add_axes((place / 3, 0.0, 1 / 3, 1.0))
        axes.imshow(shown, cmap=colours, vmin=0, vmax=most, interpolation="nearest")
        axes.axis("off")
    return figure

"""Probabilities that mean what they say: a classifier's last layer is scaled and shifted by validation windows.

Temperature and class offsets (vector scaling with one temperature): Guo et al. 2017, arXiv:1706.04599.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax
from torch import nn

__all__ = ["Calibration", "fit_calibration"]

_DOUBT = 1.0
"""How many windows' worth of doubt there is about any change: keeps a few windows that are all told apart from making
the network infinitely sure (a Gaussian prior of variance 1 on each number)."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """What is done to logits.

    Parameters
    ----------
    temperature : what they are divided by.
    offset : float64 (n_classes,), what is added then; its mean is 0.
    n_windows : how many windows say so.
    """

    temperature: float
    offset: NDArray[np.float64]
    n_windows: int

    def apply(self, head: nn.Linear) -> None:
        """Make it part of the last layer."""
        with torch.no_grad():
            head.weight.div_(self.temperature)
            head.bias.div_(self.temperature).add_(torch.from_numpy(self.offset).to(head.bias))


def fit_calibration(probabilities: NDArray[np.float64], label: NDArray[np.int64]) -> Calibration:
    """The calibration under which the labels are likeliest.

    Parameters
    ----------
    probabilities : (n, n_classes), what a network says of windows it was not trained on.
    label : (n,), their classes.

    Raises
    ------
    ValueError
        Where there are no windows.
    """
    if not len(label):
        raise ValueError("a calibration needs labelled windows held out of training, got none")
    logits = np.log(np.maximum(probabilities, 1e-12))
    row = np.arange(len(label))

    def badness(numbers: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        sharpness, offset = np.exp(-numbers[0]), numbers[1:]
        log_p = log_softmax(logits * sharpness + offset, axis=1)
        wrong = np.exp(log_p)
        wrong[row, label] -= 1
        slope = np.concatenate([[-(wrong * logits).sum() * sharpness], wrong.sum(axis=0)])
        loss = -log_p[row, label].sum() + _DOUBT * np.square(numbers).sum() / 2
        return float(loss), slope + _DOUBT * numbers

    found = minimize(badness, np.zeros(1 + logits.shape[1]), jac=True, method="L-BFGS-B").x
    return Calibration(float(np.exp(found[0])), found[1:] - found[1:].mean(), len(label))

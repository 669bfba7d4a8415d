"""How much a bump of one ECG lead looks like a heart beat: a small network of whole numbers.

Every partial sum of it is exact, so a score has the same bits on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from biosig.compiled import compiled

__all__ = ["BeatNetwork"]

Float = NDArray[np.float64]

_INPUTS = 192


class BeatNetwork:
    """A perceptron of two hidden layers in whole numbers; ``score`` is 1024 times the log odds of a beat.

    The weights were fitted by ``benchmarks/fit_beats.py`` on both leads of the DS1 and the paced records of the MIT-BIH
    Arrhythmia Database (Moody & Mark 2001, doi:10.1109/51.932724; the split is of de Chazal et al. 2004,
    doi:10.1109/TBME.2004.827359) and 60 records of LUDB (Kalyakulina et al. 2020, doi:10.1109/ACCESS.2020.3029211),
    with noise of the MIT-BIH Noise Stress Test Database (Moody, Muldrow & Mark 1984) mixed in.

    Parameters
    ----------
    tensors : ``weight0`` (inputs, outputs) and ``bias0`` (outputs,) to ``weight2`` and ``bias2`` (1,), ``unit`` (1,).

    Raises
    ------
    ValueError : where the first layer could leave the range of 32 bits, in which it is computed.
    """

    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        weight, bias = (np.asarray(tensors[name], dtype=np.float64) for name in ("weight0", "bias0"))
        largest, sums = np.abs(weight).max(), (255.0 * np.abs(weight).sum(axis=0) + np.abs(bias)).max()
        if largest >= 2.0**15 or sums >= 2.0**31:
            raise ValueError(
                f"weights of the first layer must stay below 2**15 and its sums below 2**31, could be {largest:.3g} "
                f"and {sums:.3g}; fit with more decay"
            )
        self._first = np.zeros((len(bias), _INPUTS), dtype=np.int16), np.array(bias, dtype=np.int32)
        self._first[0][:, : len(weight)] = weight.T
        self._second = (
            np.array(tensors["weight1"].T, dtype=np.int32, order="C"),
            np.array(tensors["bias1"], dtype=np.int64),
        )
        self._last = np.array(tensors["weight2"], dtype=np.float64).ravel(), float(tensors["bias2"][0])
        self._unit = float(tensors["unit"][0])

    @staticmethod
    def fitted() -> BeatNetwork:
        """The network that comes with biosig: one for all, as a thousand would not stay in the processor's cache."""
        return _fitted()

    def score(self, features: NDArray[np.uint8]) -> Float:
        """Log odds times 1024, whole numbers, float64 (n,), of features uint8 (n, 168)."""
        return _score(features, *self._first, *self._second, *self._last, self._unit)


@cache
def _fitted() -> BeatNetwork:
    return BeatNetwork(load((files("biosig.signal") / "beat_weights.safetensors").read_bytes()))


@compiled
def _score(
    features: NDArray[np.uint8],
    weight0: NDArray[np.int16],
    bias0: NDArray[np.int32],
    weight1: NDArray[np.int32],
    bias1: NDArray[np.int64],
    weight2: Float,
    bias2: float,
    unit: float,
) -> Float:
    """Scores (n,) of features (n, inputs); ``weight0`` is (outputs, 192), ``weight1`` (outputs, inputs).

    Products of 16 by 16 bits summed up in 32, and of 32 by 32 in 64, are instructions for many places at a time. A
    known number of inputs, a multiple of the longest vector's, leaves none over for slower ones.
    """
    scores = np.empty(len(features))
    seen, hidden = np.zeros(_INPUTS, dtype=np.int16), np.empty(len(bias0), dtype=np.int32)
    for number in range(len(features)):
        for i in range(features.shape[1]):
            seen[i] = features[number, i]
        for j in range(len(bias0)):
            row, first = weight0[j], bias0[j]
            for i in range(_INPUTS):
                first = np.int32(first + np.int32(seen[i]) * np.int32(row[i]))
            hidden[j] = max(first, 0)
        score = bias2
        for j in range(len(bias1)):
            weights, second = weight1[j], bias1[j]
            for i in range(len(hidden)):
                second += np.int64(hidden[i]) * np.int64(weights[i])
            score += max(second, 0) * weight2[j]
        scores[number] = np.rint(score / unit)
    return scores

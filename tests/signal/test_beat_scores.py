"""The beat network's whole numbers, beside the same product of matrices."""

from importlib.resources import files

import numpy as np
import pytest
from safetensors.numpy import load

from biosig.signal.beat_scores import BeatNetwork


def test_scores_are_the_products_of_the_weights() -> None:
    tensors = load((files("biosig.signal") / "beat_weights.safetensors").read_bytes())
    features = np.random.default_rng(0).integers(0, 256, (300, 168)).astype(np.uint8)
    features[0], features[1] = 0, 255
    layer = features.astype(np.int64)
    for i in range(3):
        layer = np.maximum(layer, 0) if i else layer
        layer = layer @ tensors[f"weight{i}"].astype(np.int64) + tensors[f"bias{i}"]
    assert np.array_equal(BeatNetwork.fitted().score(features), np.rint(layer[:, 0] / tensors["unit"][0]))
    assert len(BeatNetwork.fitted().score(features[:0])) == 0


@pytest.mark.parametrize(("name", "value"), [("weight0", 2**15), ("bias0", 2**31)])
def test_weights_whose_sums_could_overflow_are_refused(name: str, value: int) -> None:
    tensors = load((files("biosig.signal") / "beat_weights.safetensors").read_bytes())
    tensors[name] = tensors[name].astype(np.int64)
    tensors[name].ravel()[0] = value
    with pytest.raises(ValueError, match=r"below 2\*\*15 and its sums below 2\*\*31"):
        BeatNetwork(tensors)

"""Cut the sample of chest X-rays that ships with biosig out of PneumoniaMNIST.

``python -m biosig.datasets.samples.cut_pneumoniamnist FILE.npz OUT.npz`` draws pictures as they stand in the file, in
MedMNIST's own form: training and validation pictures from its training part, test pictures from its validation
part, each class in its share of that part. Its test part is not touched. No picture is in the sample twice.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SEED = 0
SIZES = {"train": 1000, "val": 250, "test": 250}
"""Pictures of each part of the sample."""


def drawn(labels: NDArray[np.int64], size: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Positions of ``size`` pictures, the classes in their shares, in a drawn order."""
    chosen = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        chosen.append(generator.permutation(own)[: round(size * len(own) / len(labels))])
    return generator.permutation(np.concatenate(chosen))


def cut(source: Path, out: Path) -> None:
    """Write the sample."""
    generator = np.random.default_rng(SEED)
    seen: set[bytes] = set()
    parts: dict[str, NDArray[np.uint8]] = {}
    with np.load(source) as arrays:
        for name, wanted in (("val", {"test": SIZES["test"]}), ("train", {k: SIZES[k] for k in ("train", "val")})):
            images, labels = arrays[f"{name}_images"], arrays[f"{name}_labels"]
            fresh = []
            for number, image in enumerate(images):
                if image.tobytes() not in seen:
                    fresh.append(number)
                    seen.add(image.tobytes())
            images, labels = images[fresh], labels[fresh]
            order = drawn(labels[:, 0].astype(np.int64), sum(wanted.values()), generator)
            for part, size in wanted.items():
                mine, order = order[:size], order[size:]
                parts |= {f"{part}_images": images[mine], f"{part}_labels": labels[mine]}
    np.savez_compressed(out, **{key: parts[key] for part in SIZES for key in (f"{part}_images", f"{part}_labels")})  # type: ignore[arg-type]


if __name__ == "__main__":
    cut(Path(sys.argv[1]), Path(sys.argv[2]))

"""``--from``: networks that begin with what the networks of another bundle know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from biosig.bundle import Bundle, load
from biosig.errors import BundleError
from biosig.models.trunk import take_trunk
from biosig.options import fields_of
from biosig.recipe import Recipe

__all__ = ["Start"]


@dataclass(frozen=True)
class Start:
    """A bundle to start from: signals and images, the same code.

    Parameters
    ----------
    bundle : network ``n`` of a training takes the trunk of its network ``n``, in turn where it has fewer.
    """

    bundle: Bundle

    @classmethod
    def open(cls, source: str | Path | Bundle) -> Start:
        """From a bundle or its folder; ``BundleError`` where there is none."""
        return cls(source if isinstance(source, Bundle) else load(source))

    def into(self, model: nn.Module, number: int) -> None:
        """Put a trunk into network ``number``; ``BundleError`` naming the shapes that differ."""
        try:
            take_trunk(model, self.bundle.models[number % len(self.bundle.models)])
        except ValueError as error:
            raise BundleError(
                f"{self.bundle.folder or self.bundle.recipe.name}: cannot start from this bundle: {error}; "
                f"both recipes need the same cutter, channels and model.options (all but what follows the trunk)"
            ) from None

    def strange(self, recipe: Recipe) -> list[str]:
        """What the trunk was used to and will not find, as ``signal.BandPass.high_hz 40.0 there, 30.0 here``."""
        there, here = _seen_by_trunk(self.bundle.recipe), _seen_by_trunk(recipe)
        return [
            f"{key} {there.get(key, 'not set')} there, {here.get(key, 'not set')} here"
            for key in sorted({*there, *here})
            if there.get(key) != here.get(key)
        ]

    @property
    def subjects(self) -> set[str]:
        """Whom the trunk has seen."""
        return set(self.bundle.manifest.get("provenance", {}).get("subjects", ()))

    @property
    def origin(self) -> str:
        """Name, data, date and weights of the bundle, for manifest and model card."""
        provenance = self.bundle.manifest.get("provenance", {})
        checksum = self.bundle.manifest.get("sha256", {}).get("weights.safetensors", "unknown")
        return (
            f"{self.bundle.recipe.name}, trained on {provenance.get('dataset', 'unknown data')}, "
            f"{provenance.get('date', 'date unknown')}, weights SHA-256 {checksum}"
        )


def _seen_by_trunk(recipe: Recipe) -> dict[str, Any]:
    """Unit, steps and cutter as flat keys; where beats come from does not change what a window looks like."""
    steps = {
        f"signal.{type(step).__name__}.{key}": value
        for step in recipe.chain.steps
        for key, value in fields_of(step).items()
    }
    cutter = {f"windows.{key}": value for key, value in fields_of(recipe.cutter).items() if key != "positions"}
    return {"data.unit": recipe.data.unit, "windows.cut": recipe.windows.cut} | steps | cutter

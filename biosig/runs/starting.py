"""``--from``: networks that begin with what the networks of another bundle know."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from biosig.bundle import Bundle, load
from biosig.errors import BundleError
from biosig.models.contract import InputShape, Staged
from biosig.models.registry import build_model, check_options
from biosig.models.trunk import take_trunk, trunk_shapes
from biosig.options import fields_of
from biosig.recipe import Recipe
from biosig.runs.preparing import Say

__all__ = ["Start", "open_start"]

UNSEEN = ("positions", "at_least_one", "portrait_beats")
"""Options of a cutter that change nothing of what a trunk sees: where there is a window, and what goes past it."""


@dataclass(frozen=True)
class Start:
    """A bundle to start from: signals and images, the same code.

    Features are scaled by the new training windows, not by the bundle's: a half-hour record and a half-minute one have
    other levels and spreads, and weights that meet their inputs where they left them transfer better (as with
    batch statistics: Li et al. 2016, arXiv:1603.04779; CinC 2017 from MIT-BIH, 200 recordings: F1 .725 against .713).

    Parameters
    ----------
    bundle : its networks take turns: a network of seed ``n`` takes the trunk of network ``n``, modulo how many it has.
    """

    bundle: Bundle

    @property
    def name(self) -> str:
        """Its folder, or the name of its recipe."""
        return str(self.bundle.folder or self.bundle.recipe.name)

    def into(self, model: nn.Module, recipe: Recipe, shape: InputShape, seed: int) -> None:
        """Put a trunk into a fresh network of a recipe for windows of this shape.

        ``BundleError`` naming the shapes that differ, and the settings that make them the same.
        """
        try:
            take_trunk(model, self.bundle.models[seed % len(self.bundle.models)])
        except ValueError as error:
            settings = " ".join(f"--set {key}={json.dumps(value)}" for key, value in self._remedy(model, recipe, shape))
            raise BundleError(
                f"{self.name}: cannot start from this bundle: {error}; "
                + (f"pass {settings}" if settings else "both recipes need the same cutter and the same steps")
            ) from None

    def _remedy(self, model: nn.Module, recipe: Recipe, shape: InputShape) -> Iterator[tuple[str, Any]]:
        """Keys of the recipe, with the bundle's values, where the bundle's make windows or trunk another shape."""
        theirs, name = self.bundle.recipe, recipe.model.name
        if recipe.windows.cut == theirs.windows.cut:
            there, here = fields_of(theirs.cutter), fields_of(recipe.cutter)
            yield from ((f"windows.options.{key}", there[key]) for key in _differing(there, here, UNSEEN))
        there, here = (fields_of(check_options(name, each.model.options)) for each in (theirs, recipe))
        own = _shapes(name, here, shape)
        for key in _differing(there, here, model.extras if isinstance(model, Staged) else ()):
            if _shapes(name, {**here, key: there[key]}, shape) != own:
                yield f"model.options.{key}", there[key]

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

    def caution(self, subjects: Iterable[str]) -> dict[str, str]:
        """What figures on these subjects must say where the trunk was trained on some of them."""
        seen = self.subjects.intersection(subjects)
        if not seen:
            return {}
        return {"caution": f"the trunk started from was trained on {len(seen)} of these subjects: this is not a test"}

    def provenance(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """A training's provenance with the bundle's name, data, date and weights, and with whom it was trained on."""
        there = self.bundle.manifest.get("provenance", {})
        checksum = self.bundle.manifest.get("sha256", {}).get("weights.safetensors", "not saved")
        origin = (
            f"{self.bundle.recipe.name}, trained on {there.get('dataset', 'unknown data')}, "
            f"{there.get('date', 'date unknown')}, weights SHA-256 {checksum}"
        )
        return {**own, "started_from": origin, "subjects": sorted({*own["subjects"], *self.subjects})}


def open_start(source: str | Path | Bundle, recipe: Recipe, say: Say) -> Start:
    """From a bundle or its folder; says what its trunk will not find as it is used to.

    ``BundleError`` where there is no bundle, or one of another kind of network.
    """
    start = Start(source if isinstance(source, Bundle) else load(source))
    there, here = start.bundle.recipe.model.name, recipe.model.name
    if there != here:
        raise BundleError(
            f"{start.name}: cannot start {recipe.name!r} from this bundle: "
            f"its network is of the kind {there!r}, the recipe's is {here!r}"
        )
    say(f"starting from the trunk of {start.name}")
    for line in start.strange(recipe):
        say(f"caution: the trunk was trained otherwise: {line}")
    return start


def _shapes(name: str, options: Mapping[str, Any], shape: InputShape) -> dict[str, tuple[int, ...]]:
    """Those of the named network's trunk; none where there is no such network (an option that needs another)."""
    try:
        return trunk_shapes(build_model(name, options, shape, 1))
    except ValueError:
        return {}


def _differing(there: Mapping[str, Any], here: Mapping[str, Any], left_out: Sequence[str]) -> list[str]:
    """Keys of both with different values."""
    return [key for key in there if key in here and key not in left_out and there[key] != here[key]]


def _seen_by_trunk(recipe: Recipe) -> dict[str, Any]:
    """Unit, steps and cutter as flat keys, but for what does not change how a window looks."""
    steps = {
        f"signal.{type(step).__name__}.{key}": value
        for step in recipe.chain.steps
        for key, value in fields_of(step).items()
    }
    cutter = {f"windows.{key}": value for key, value in fields_of(recipe.cutter).items() if key not in UNSEEN}
    return {"data.unit": recipe.data.unit, "windows.cut": recipe.windows.cut} | steps | cutter

"""What there is to choose from."""

from __future__ import annotations

import tomllib

from biosig.bundle import list_bundles
from biosig.datasets.registry import DATASETS
from biosig.imaging.backbones import BACKBONES
from biosig.models.registry import MODELS
from biosig.recipe import list_recipes, load_recipe
from biosig.runs.task_figures import TASK_FIGURES
from biosig.signal.registry import STEPS
from biosig.windows.registry import CUTTERS

__all__ = ["bundles", "parts", "recipes"]


def recipes() -> dict[str, str]:
    """Shipped recipes by name, with what each does."""
    return {name: load_recipe(path).summary for name, path in list_recipes().items()}


def bundles() -> dict[str, str]:
    """Shipped bundles by name, with what each does."""
    return {
        name: tomllib.loads((folder / "recipe.toml").read_text(encoding="utf-8"))["summary"]
        for name, folder in list_bundles().items()
    }


def parts() -> dict[str, tuple[str, ...]]:
    """The names a recipe may use, by kind."""
    return {
        "datasets": tuple(DATASETS),
        "models": tuple(MODELS),
        "backbones": tuple(BACKBONES),
        "steps": tuple(STEPS),
        "cutters": tuple(CUTTERS),
        "figures": tuple(TASK_FIGURES),
    }

"""One TOML file is one task: the typed form of ``configs/*.toml``.

A recipe names the data, the way from samples to windows, the model and how it is trained.
It travels inside every bundle, fully resolved, so that a bundle scores exactly as it was trained.
Only what differs from the defaults below needs to stand in a file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError, field_validator, model_validator

from biosig.errors import RecipeError
from biosig.options import build, did_you_mean, lookup
from biosig.recipe.parts import DataPart, EventsPart, ModelPart, Part, TrainPart, VirtualPart, WindowsPart
from biosig.signal.registry import step_from_dict
from biosig.signal.stream import Chain
from biosig.windows.registry import CUTTERS
from biosig.windows.stream import Cutter

__all__ = [
    "DataPart",
    "EventsPart",
    "Recipe",
    "TrainPart",
    "VirtualPart",
    "WindowsPart",
    "find_recipe",
    "list_recipes",
    "load_recipe",
]


class Recipe(Part):
    """One task, from recording to labels.

    ``figures`` names what an evaluation says beside the figures per class, :mod:`biosig.runs.task_figures`. ``alarm``
    are rules for a monitor, beside those shipped or in their place, :mod:`biosig.monitoring.rules`.
    """

    name: str
    summary: str
    caveats: tuple[str, ...] = ()
    data: DataPart
    signal: tuple[dict[str, Any], ...] = ()
    windows: WindowsPart
    model: ModelPart
    train: TrainPart = TrainPart()
    events: EventsPart | None = None
    figures: tuple[str, ...] = ()
    alarm: tuple[dict[str, Any], ...] = ()

    @field_validator("signal")
    @classmethod
    def _steps_exist(cls, value: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        for fields in value:
            step_from_dict(fields)
        return value

    @field_validator("windows")
    @classmethod
    def _cutter_exists(cls, value: WindowsPart) -> WindowsPart:
        build(lookup(CUTTERS, value.cut, "cutter"), value.options, f"cutter {value.cut!r}")
        return value

    @model_validator(mode="after")
    def _burn_in_leaves_something(self) -> Recipe:
        if self.train.burn_in >= self.windows.context:
            raise ValueError(
                f"train.burn_in must be below windows.context={self.windows.context}, got {self.train.burn_in}"
            )
        return self

    @model_validator(mode="after")
    def _unusable_is_a_label(self) -> Recipe:
        if self.windows.unusable and self.windows.unusable not in self.data.labels:
            raise ValueError(
                f"windows.unusable must be among data.labels {', '.join(self.data.labels)}, or '' for none, "
                f"got {self.windows.unusable!r}"
            )
        return self

    @model_validator(mode="after")
    def _own_sequences_stand_alone(self) -> Recipe:
        if self.train.sequences == "own" and (self.train.burn_in or self.train.virtual.rhythms):
            raise ValueError("train.sequences 'own' takes neither burn_in nor virtual.rhythms: set them to 0 and []")
        return self

    @model_validator(mode="after")
    def _calibrated_networks_are_kept(self) -> Recipe:
        if self.train.calibrate and self.train.refit:
            raise ValueError("train.calibrate needs train.refit=false: networks trained anew would not be calibrated")
        return self

    @model_validator(mode="after")
    def _more_than_the_head_is_trained(self) -> Recipe:
        if self.train.head_epochs >= self.train.epochs:
            raise ValueError(
                f"train.head_epochs must be below train.epochs={self.train.epochs}, got {self.train.head_epochs}"
            )
        return self

    @model_validator(mode="after")
    def _events_are_of_a_label(self) -> Recipe:
        if self.events is not None and self.events.label not in self.data.labels:
            raise ValueError(
                f"events.label must be among data.labels {', '.join(self.data.labels)}, got {self.events.label!r}"
            )
        return self

    @model_validator(mode="after")
    def _folds_leave_nothing_to_choose(self) -> Recipe:
        train = self.train
        if not train.folds:
            return self
        if train.objective != "reconstruct":
            raise ValueError(
                f"train.folds sets anomaly thresholds: it needs objective 'reconstruct', got {train.objective!r}"
            )
        if train.folds == 1:
            raise ValueError("train.folds must be 2 or more, or 0 to hold subjects out by train.validation, got 1")
        if train.patience or train.refit:
            raise ValueError("train.folds trains on all subjects with nothing to stop on: leave out patience and refit")
        return self

    @model_validator(mode="after")
    def _reconstructing_fits(self) -> Recipe:
        if self.train.objective != "reconstruct":
            return self
        if not self.data.normal:
            raise ValueError("train.objective 'reconstruct' needs data.normal, the labels to learn from")
        if not self.train.validation and not self.train.folds:
            raise ValueError(
                "train.objective 'reconstruct' sets its threshold on subjects held out: it "
                "needs train.validation above 0 or train.folds"
            )
        if self.train.virtual.rhythms:
            raise ValueError(
                "train.objective 'reconstruct' learns from recorded windows only: virtual.rhythms must be []"
            )
        return self

    @cached_property
    def chain(self) -> Chain:
        """The causal steps between a recording and its windows."""
        return Chain(tuple(step_from_dict(fields) for fields in self.signal))

    @cached_property
    def cutter(self) -> Cutter:
        """The design that cuts windows out of the filtered signal."""
        return build(lookup(CUTTERS, self.windows.cut, "cutter"), self.windows.options, f"cutter {self.windows.cut!r}")

    def to_toml(self) -> str:
        """The recipe with every default written out; reading it back gives an equal recipe."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))

    def with_settings(self, settings: Sequence[str]) -> Recipe:
        """The recipe with ``key.path=value`` settings applied; the value is read as TOML, else as text.

        Raises ``RecipeError`` for a key that no recipe has, saying which one was meant.
        """
        table = self.model_dump(mode="json")
        for setting in settings:
            key, separator, text = setting.partition("=")
            if not separator or not key.strip():
                raise RecipeError(f"--set wants key=value, such as train.lr=3e-4, got {setting!r}")
            _set(table, key.strip().split("."), _toml_value(text.strip()), setting)
        return parse_recipe(table, where=f"recipe {self.name!r} with --set")


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _set(table: dict[str, Any], path: list[str], value: Any, setting: str) -> None:
    """Put ``value`` at ``path``; options of steps, cutters and models are checked when they are built."""
    *parents, last = path
    place: Any = table
    for depth, key in enumerate(parents):
        if depth > 1 and parents[1] == "options":
            place.setdefault(key, {})
        place = _inside(place, key, setting)
        if not isinstance(place, dict | list):
            raise RecipeError(f"--set {setting}: {'.'.join(path[: depth + 1])} is a single value, not a table")
    if isinstance(place, list):
        _inside(place, last, setting)
        raise RecipeError(f"--set {setting}: {last} is a step; set one of its fields, as in signal.{last}.FIELD=VALUE")
    is_open = parents[:1] == ["signal"] or parents[-1:] == ["augment"] or parents[1:2] == ["options"]
    if not is_open:
        _inside(place, last, setting)
    place[last] = value


def _inside(place: Any, key: str, setting: str) -> Any:
    """What stands under ``key``; the steps of a chain go by name, as in ``signal.BandPass``."""
    if isinstance(place, list):
        place = {entry["step"]: entry for entry in place}
    if key not in place:
        raise RecipeError(f"--set {setting}: unknown key {key!r}{did_you_mean(key, place)}")
    return place[key]


def parse_recipe(table: Mapping[str, Any], *, where: str) -> Recipe:
    """A recipe from a table; ``RecipeError`` naming the key, what it must be and what was found."""
    try:
        return Recipe.model_validate(dict(table))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == "extra_forbidden":
            *parents, key = first["loc"]
            known = _keys_at(parents)
            place = ".".join(map(str, (*parents, key)))
            raise RecipeError(f"{where}: unknown key {place!r}{did_you_mean(str(key), known)}") from None
        raise RecipeError(f"{where}: {_describe(error)}") from None


def _describe(error: ValidationError) -> str:
    """The first problem as ``key: what is wrong, got value``."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, ValueError):
        return f"{where}: {cause}" if where else str(cause)
    if first["type"] == "missing":
        return f"{where} must be given"
    return f"{where}: {first['msg'][0].lower()}{first['msg'][1:]}, got {first['input']!r}"


def _keys_at(parents: Sequence[Any]) -> list[str]:
    model: Any = Recipe
    for parent in parents:
        model = model.model_fields[parent].annotation
    return list(model.model_fields)


def _config_folder() -> Path:
    """Where the shipped recipes are: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def list_recipes() -> dict[str, Path]:
    """Shipped recipes by name."""
    return {path.stem: path for path in sorted(_config_folder().glob("*.toml"))}


def find_recipe(name: str | Path) -> Path:
    """The file of a shipped recipe's name or of a path to a TOML file; ``RecipeError`` listing the names."""
    path = Path(name)
    if path.suffix == ".toml":
        if not path.is_file():
            raise RecipeError(f"{path}: no such recipe file")
        return path
    shipped = list_recipes()
    if str(name) not in shipped:
        raise RecipeError(f"unknown recipe {str(name)!r}{did_you_mean(str(name), shipped)}; or give a path to a .toml")
    return shipped[str(name)]


def load_recipe(name: str | Path, settings: Sequence[str] = ()) -> Recipe:
    """A shipped recipe by name, or one from a TOML file, with ``key=value`` settings applied."""
    path = find_recipe(name)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not a TOML file: {error}") from None
    table.setdefault("name", path.stem)
    recipe = parse_recipe(table, where=path.name)
    return recipe.with_settings(settings) if settings else recipe

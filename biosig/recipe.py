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
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from biosig.errors import RecipeError
from biosig.options import build, did_you_mean, lookup
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

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataPart(_Part):
    """Which database, which of its splits, and which channels, by name.

    ``normal`` are those of the labels that a reconstructing model learns from; all others are anomalies.
    ``may_miss`` is how many of the channels a recording or a source may lack: they count as not recorded.
    """

    dataset: str
    split: str = "default"
    channels: tuple[str, ...]
    unit: str = "mV"
    may_miss: Annotated[int, Field(ge=0)] = 0
    answer: Literal["window", "last", "recording"] = "window"
    """What is asked for: a label of every ``window``; of the ``last`` window of a recording alone, which answers for
    all of it; or one of the ``recording`` from what all its windows say (:mod:`biosig.evaluation.recordings`)."""
    labels: tuple[str, ...]
    normal: tuple[str, ...] = ()
    scored: tuple[str, ...] = ()
    """Labels whose mean F1 is the task's score, where its rules leave some out."""

    @field_validator("channels", "labels")
    @classmethod
    def _named_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or len(set(value)) < len(value):
            raise ValueError(f"needs one name or more, each once, got {', '.join(value) or 'none'}")
        return value

    @model_validator(mode="after")
    def _named_labels_exist(self) -> DataPart:
        for key, names in (("normal", self.normal), ("scored", self.scored)):
            strange = [name for name in names if name not in self.labels]
            if strange:
                raise ValueError(f"{key} must be among labels {', '.join(self.labels)}, got {strange[0]!r}")
        return self


class WindowsPart(_Part):
    """How continuous samples become windows; the options beside these belong to the named cutter.

    A window whose usable share is below ``min_good`` is not judged by a network: it is called ``unusable``, which is
    no label at all unless the task has one for it.
    """

    cut: str
    context: Count = 1
    min_good: Annotated[float, Field(ge=0, le=1)] = 0.5
    unusable: str = ""
    options: dict[str, Any] = {}


class ModelPart(_Part):
    """Which network; the options belong to the named model."""

    name: str
    options: dict[str, Any] = {}


class VirtualPart(_Part):
    """Virtual patients: training recordings rendered again in other rhythms (:mod:`biosig.datasets.virtual`)."""

    rhythms: tuple[str, ...] = ()
    draws: Count = 1
    noisy: Annotated[float, Field(ge=0, le=1)] = 0.0
    share: Share = 0.5


class TrainPart(_Part):
    """The training loop's settings, the same for every model.

    Training from a trunk that already knows something: the first ``head_epochs`` train the head alone, at ``head_lr``
    (else ``lr``); then everything after the stage ``freeze`` learns, each stage at ``layer_decay`` times the rate of
    the one behind it (:class:`biosig.models.contract.Staged`).

    ``calibrate`` makes probabilities mean what they say on the validation subjects; the decision counts classes by
    their shares to the power ``prior_power`` (0: every class counts the same; 1: as often as it occurs).

    Windows are read in sequences of up to ``windows.context``: ``shared`` by neighbouring windows that all count,
    from drawn offsets; or each labelled window has its ``own``, as an answer about it looks back (dearer, and what
    a recording that has one label at its end needs).

    ``objective`` is what a model learns: to ``classify`` windows, or to ``reconstruct`` normal ones, so that what it
    reconstructs badly is an anomaly. ``false_alarms_per_hour`` is the budget that an anomaly threshold keeps to.
    """

    objective: Literal["classify", "reconstruct"] = "classify"
    false_alarms_per_hour: Annotated[float, Field(ge=0)] = 1.0
    epochs: Count = 20
    batch_size: Count = 32
    lr: Positive = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    warmup: Share = 0.1
    head_epochs: Annotated[int, Field(ge=0)] = 0
    head_lr: Positive | None = None
    freeze: str = ""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    clip: Positive = 1.0
    patience: Annotated[int, Field(ge=0)] = 0
    validation: Share = 0.2
    refit: bool = False
    seed: Annotated[int, Field(ge=0)] = 0
    members: Count = 1
    loss: Literal["cross-entropy", "focal"] = "cross-entropy"
    focal_gamma: Annotated[float, Field(ge=0)] = 2.0
    label_smoothing: Share = 0.0
    balance: Literal["weights", "sampling"] = "weights"
    class_power: Annotated[float, Field(ge=0, le=1)] = 0.5
    subject_power: Annotated[float, Field(ge=0, le=1)] = 0.0
    calibrate: bool = False
    prior_power: Annotated[float, Field(ge=0, le=1)] | None = None
    sequences: Literal["shared", "own"] = "shared"
    burn_in: Annotated[int, Field(ge=0)] = 0
    ema: Share = 0.0
    augment: dict[str, float] = {}
    virtual: VirtualPart = VirtualPart()
    precision: Literal["auto", "float32"] = "auto"
    compile: bool = False


class EventsPart(_Part):
    """When windows make an event, such as a seizure.

    It begins with the first of ``k`` among the last ``n`` usable windows whose probability of ``label`` is at or
    above ``threshold``, and ends with the last, when fewer than ``k`` are at or above ``release`` (where not given,
    ``threshold``). A monitor's alarm of the same numbers knows of it with the ``k``-th.
    """

    label: str
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    release: Annotated[float, Field(gt=0, lt=1)] | None = None
    k: Count = 1
    n: Count = 1

    @model_validator(mode="after")
    def _numbers_fit(self) -> EventsPart:
        if self.k > self.n:
            raise ValueError(f"k of n needs k <= n, got {self.k} of {self.n}")
        if self.release is not None and self.release > self.threshold:
            raise ValueError(f"release must not exceed threshold={self.threshold}, got {self.release}")
        return self


class Recipe(_Part):
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
    def _reconstructing_fits(self) -> Recipe:
        if self.train.objective != "reconstruct":
            return self
        if not self.data.normal:
            raise ValueError("train.objective 'reconstruct' needs data.normal, the labels to learn from")
        if not self.train.validation:
            raise ValueError("train.objective 'reconstruct' needs train.validation above 0: the threshold is set there")
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
    installed = Path(__file__).parent / "configs"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "configs"


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

"""The parts of a recipe: which data, which windows, which model, and how it is trained."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = ["DataPart", "EventsPart", "ModelPart", "Part", "TrainPart", "VirtualPart", "WindowsPart"]

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class Part(BaseModel):
    """A table of a recipe: no key but those named, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataPart(Part):
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


class WindowsPart(Part):
    """How continuous samples become windows; the options beside these belong to the named cutter.

    A window whose usable share is below ``min_good`` is not judged by a network: it is called ``unusable``, which is
    no label at all unless the task has one for it.
    """

    cut: str
    context: Count = 1
    min_good: Annotated[float, Field(ge=0, le=1)] = 0.5
    unusable: str = ""
    options: dict[str, Any] = {}


class ModelPart(Part):
    """Which network; the options belong to the named model."""

    name: str
    options: dict[str, Any] = {}


class VirtualPart(Part):
    """Virtual patients: training recordings rendered again in other rhythms (:mod:`biosig.datasets.virtual`)."""

    rhythms: tuple[str, ...] = ()
    draws: Count = 1
    noisy: Annotated[float, Field(ge=0, le=1)] = 0.0
    share: Share = 0.5


class TrainPart(Part):
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
    reconstructs badly is an anomaly. ``false_alarms_per_hour`` is the budget that an anomaly threshold keeps to: the
    ``false_alarms_confidence`` quantile of what the mean over patients may be (:mod:`biosig.evaluation.budget`). The
    threshold is chosen on the subjects of ``validation``; or, with ``folds``, on all training subjects, each scored by
    networks that were trained on the other folds' subjects, before the networks to keep are trained on everybody.
    """

    objective: Literal["classify", "reconstruct"] = "classify"
    false_alarms_per_hour: Annotated[float, Field(ge=0)] = 1.0
    false_alarms_confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.9
    folds: Annotated[int, Field(ge=0)] = 0
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


class EventsPart(Part):
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

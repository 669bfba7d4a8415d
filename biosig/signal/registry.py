"""Every step by name, and the plain dictionary a recipe writes for it.

``STEPS`` lists them in the order a chain usually has them: marks and repair on what the
amplifier gave, leads, filters, another rate, references, bounds.

To add a step: write its class, add its line to ``STEPS``, and add an example to
``tests/signal/test_contracts.py``; the contracts are then tested for free.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, get_args, get_origin, get_type_hints

from biosig.signal.filters import BandPass, HighPass, LowPass, Notch
from biosig.signal.montage import Bipolar, Derive, Pick, Reference
from biosig.signal.quality import Quality
from biosig.signal.repair import Clip, HoldGaps
from biosig.signal.resample import Resample
from biosig.signal.stream import Step

__all__ = ["STEPS", "step_from_dict", "step_to_dict"]

STEPS: dict[str, type[Step]] = {
    "HoldGaps": HoldGaps,
    "Quality": Quality,
    "Pick": Pick,
    "Derive": Derive,
    "BandPass": BandPass,
    "HighPass": HighPass,
    "LowPass": LowPass,
    "Notch": Notch,
    "Resample": Resample,
    "Reference": Reference,
    "Bipolar": Bipolar,
    "Clip": Clip,
}


def step_from_dict(entry: Mapping[str, Any]) -> Step:
    """The step that ``{"step": "BandPass", "low_hz": 0.5, "high_hz": 40}`` describes.

    ``ValueError`` for an unknown step or key (naming those there are), a missing one, a value
    of the wrong type, or one the step itself refuses. Nothing is converted but whole numbers
    to float where a float is due, and lists to tuples.
    """
    name = entry.get("step")
    if not isinstance(name, str):
        raise ValueError(f'a step needs its name as step = "...", one of {", ".join(STEPS)}; got {dict(entry)}')
    if name not in STEPS:
        raise ValueError(f"unknown step {name!r}{_nearest(name, STEPS)}; there are {', '.join(STEPS)}")
    cls = STEPS[name]
    known = _fields(cls)
    hints = get_type_hints(cls)
    values = {}
    for key, value in entry.items():
        if key == "step":
            continue
        if key not in known:
            raise ValueError(
                f"{name}: unknown key {key!r}{_nearest(key, known)}; there are {', '.join(known) or 'none'}"
            )
        values[key] = _typed(value, hints[key], f"{name}.{key}")
    required = [key for key, field in known.items() if field.default is MISSING and field.default_factory is MISSING]
    missing = [key for key in required if key not in values]
    if missing:
        raise ValueError(f"{name}: {', '.join(missing)} must be given")
    try:
        return cls(**values)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def step_to_dict(step: Step) -> dict[str, Any]:
    """The dictionary that :func:`step_from_dict` turns into this step again: all keys, tuples as lists."""
    for name, cls in STEPS.items():
        if type(step) is cls:
            return {"step": name} | {key: _plain(getattr(step, key)) for key in _fields(cls)}
    raise ValueError(f"{type(step).__name__} is not in the registry; there are {', '.join(STEPS)}")


def _fields(cls: type[Step]) -> dict[str, Field[Any]]:
    return {field.name: field for field in fields(cls)}  # type: ignore[arg-type]


def _nearest(word: str, names: Mapping[str, Any]) -> str:
    """``, did you mean 'BandPass'?`` where a name is near, else nothing."""
    by_lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return f", did you mean {by_lower[near[0]]!r}?" if near else ""


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _typed(value: Any, hint: Any, where: str) -> Any:
    """``value`` as the type of the field, or ``ValueError``."""
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{where} must be a list, got {value!r}")
        inner = get_args(hint)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_typed(item, inner[0], f"{where}[{i}]") for i, item in enumerate(value))
        if len(value) != len(inner):
            raise ValueError(f"{where} must have {len(inner)} items, got {value!r}")
        return tuple(
            _typed(item, kind, f"{where}[{i}]") for i, (item, kind) in enumerate(zip(value, inner, strict=True))
        )
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value):
        return float(value)
    if hint in (int, str, bool) and type(value) is hint:
        return value
    raise ValueError(f"{where} must be of type {getattr(hint, '__name__', hint)}, got {value!r}")

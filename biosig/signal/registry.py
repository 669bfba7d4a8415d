"""Every step by name, and the plain dictionary a recipe writes for it.

``STEPS`` lists them in the order a chain usually has them: marks and repair on what the
amplifier gave, leads, filters, another rate, references, bounds.

To add a step: write its class, add its line to ``STEPS``, and add an example to
``tests/signal/test_contracts.py``; the contracts are then tested for free.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from biosig.options import build, fields_of, lookup
from biosig.signal.filters import BandPass, HighPass, LowPass, Notch
from biosig.signal.montage import Bipolar, Derive, Pick, Reference
from biosig.signal.normalise import Normalise
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
    "Normalise": Normalise,
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
    return build(lookup(STEPS, name, "step"), {key: value for key, value in entry.items() if key != "step"}, name)


def step_to_dict(step: Step) -> dict[str, Any]:
    """The dictionary that :func:`step_from_dict` turns into this step again: all keys, tuples as lists."""
    for name, cls in STEPS.items():
        if type(step) is cls:
            return {"step": name} | fields_of(step)
    raise ValueError(f"{type(step).__name__} is not in the registry; there are {', '.join(STEPS)}")

"""What a recipe may write for a step, and what it is told where it errs."""

from typing import Any

import pytest

from biosig.records.recording import Layout
from biosig.signal.filters import BandPass
from biosig.signal.montage import Derive
from biosig.signal.quality import Quality
from biosig.signal.registry import STEPS, step_from_dict, step_to_dict
from biosig.signal.stream import Chain, Step


def test_a_step_is_its_name_and_its_keys() -> None:
    step = step_from_dict({"step": "BandPass", "low_hz": 0.5, "high_hz": 40})
    assert step == BandPass(0.5, 40.0, order=2)
    assert step_to_dict(step) == {"step": "BandPass", "low_hz": 0.5, "high_hz": 40.0, "order": 2}


def test_lists_become_tuples_and_whole_numbers_float() -> None:
    entry = {"step": "Derive", "name": "III", "terms": [["II", 1], ["I", -1]]}
    step = step_from_dict(entry)
    assert step == Derive("III", (("II", 1.0), ("I", -1.0)))
    assert isinstance(step, Derive)
    assert type(step.terms[0][1]) is float


def test_infinity_is_a_number_a_recipe_may_write() -> None:
    assert step_from_dict({"step": "Quality", "limit": float("inf")}) == Quality()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"step": "Bandpas", "low_hz": 1.0}, "unknown step 'Bandpas'; did you mean 'BandPass'? (known: HoldGaps, "),
        ({"step": "xyz"}, "unknown step 'xyz' (known: HoldGaps, "),
        ({"low_hz": 1.0}, 'a step needs its name as step = "...", one of HoldGaps, '),
        ({"step": 3}, "a step needs its name"),
        (
            {"step": "BandPass", "low": 1.0, "high_hz": 40.0},
            "BandPass: unknown key 'low'; did you mean 'low_hz'? (known: low_hz, high_hz, order)",
        ),
        ({"step": "BandPass", "low_hz": 1.0}, "BandPass: high_hz must be given"),
        ({"step": "BandPass", "low_hz": "1", "high_hz": 40.0}, "BandPass: low_hz must be of type float, got '1'"),
        ({"step": "BandPass", "low_hz": True, "high_hz": 40.0}, "BandPass: low_hz must be of type float, got True"),
        ({"step": "HighPass", "low_hz": float("nan")}, "HighPass: low_hz must be of type float, got nan"),
        ({"step": "HighPass", "low_hz": 1.0, "order": 2.0}, "HighPass: order must be of type int, got 2.0"),
        ({"step": "HighPass", "low_hz": 1.0, "order": True}, "HighPass: order must be of type int, got True"),
        ({"step": "Pick", "channels": "I"}, "Pick: channels must be a list, got 'I'"),
        ({"step": "Pick", "channels": ["I", 2]}, "Pick: channels[1] must be of type str, got 2"),
        ({"step": "Derive", "name": "x", "terms": [["I"]]}, "Derive: terms[0] must have 2 items, got ['I']"),
        ({"step": "BandPass", "low_hz": 40.0, "high_hz": 1.0}, "BandPass: low_hz must be below high_hz, got 40-1 Hz"),
    ],
)
def test_what_a_recipe_gets_wrong_is_said_with_the_way_out(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        step_from_dict(entry)
    assert message in str(caught.value)


def test_a_step_outside_the_registry_has_no_line_in_a_recipe() -> None:
    with pytest.raises(ValueError, match="Chain is not in the registry; there are HoldGaps"):
        step_to_dict(Chain(()))


def test_names_in_the_registry_are_those_of_the_classes() -> None:
    assert all(issubclass(cls, Step) and cls.__name__ == name for name, cls in STEPS.items())


def test_an_empty_chain_changes_nothing() -> None:
    layout = Layout(("I",), 250.0, ("mV",))
    stream = Chain(()).open(layout)
    assert stream.layout == layout
    assert stream.delay_s == 0

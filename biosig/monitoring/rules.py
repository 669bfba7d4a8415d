"""Rules: what to watch for, how urgent it is, and how patient to be about it; and the rules that are shipped.

A rule is a frozen dataclass and one table of a recipe::

    [[alarm]]
    name = "asystole"
    priority = "high"
    watch = { condition = "Gap", at_least_s = 4.0 }
    hides = ["pause"]

``rules_to_toml(shipped_rules())`` writes such a file to begin from, :func:`read_rules` reads it.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import tomli_w

from biosig.errors import RecipeError
from biosig.monitoring.conditions import Condition, Level, Signal
from biosig.monitoring.events import Priority
from biosig.monitoring.rhythms import Gap, Irregular, Rate, Repeat, Run
from biosig.options import build, did_you_mean, fields_of, lookup
from biosig.signal.fibrillation import FIBRILLATING

__all__ = [
    "CONDITIONS",
    "SOURCE_SILENT",
    "Rule",
    "check_rules",
    "read_rules",
    "rule_from_dict",
    "rule_to_dict",
    "rules_to_toml",
    "shipped_rules",
]

CONDITIONS: dict[str, type[Condition]] = {
    "Gap": Gap,
    "Rate": Rate,
    "Run": Run,
    "Repeat": Repeat,
    "Irregular": Irregular,
    "Level": Level,
    "Signal": Signal,
}
"""Every condition by the name that a recipe gives it. To add one: write its class, add its line."""


@dataclass(frozen=True)
class Rule:
    """A condition, and how its alarm behaves.

    Parameters
    ----------
    name : what the alarm is called, unique among the rules.
    priority : ``high``, ``medium`` or ``low``, IEC 60601-1-8, 6.1.2.
    watch : the condition.
    technical : the equipment's trouble, not the patient's; a pause of everything leaves it on.
    on_delay_s : how long the condition must be met before the alarm is raised.
    off_delay_s : how long it must be over before the alarm is; met again before that, the alarm goes on.
    refractory_s : after an alarm is over, none of this name is raised for so long.
    re_alarm_s : an alarm still met signals again after each so many seconds, from the raise or from the last
        acknowledgement; 0 = never.
    latching : once over, it is shown until somebody acknowledges it.
    hides : names of alarms that say nothing new from the moment the condition of this one is met, its ``on_delay_s``
        and ``off_delay_s`` included: so flutter hides the asystole that it would otherwise be taken for.
    """

    name: str
    priority: Priority
    watch: Condition
    technical: bool = False
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    refractory_s: float = 0.0
    re_alarm_s: float = 0.0
    latching: bool = False
    hides: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name or self.name == "all":
            raise ValueError(f"an alarm needs a name other than '' and 'all', got {self.name!r}")
        if self.priority not in get_args(Priority):
            raise ValueError(f"{self.name}: priority must be {', '.join(get_args(Priority))}, got {self.priority!r}")
        if self.name in self.hides:
            raise ValueError(f"{self.name} cannot hide itself")
        for name in ("on_delay_s", "off_delay_s", "refractory_s", "re_alarm_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{self.name}: {name} must be 0 or more seconds, got {value:g}")


def check_rules(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """The rules, if their names are unique and those they hide exist; else ``ValueError``."""
    names = [rule.name for rule in rules]
    if SOURCE_SILENT.name in names:
        raise ValueError(f"{SOURCE_SILENT.name!r} is the alarm of a source that sends nothing; name the rule otherwise")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"two rules are called {twice[0]!r}; names must be unique")
    for rule in rules:
        for hidden in rule.hides:
            if hidden not in names:
                raise ValueError(f"{rule.name} hides {hidden!r}, which is no rule{did_you_mean(hidden, names)}")
    return tuple(rules)


def rule_from_dict(entry: Mapping[str, Any]) -> Rule:
    """The rule that a table of a recipe describes.

    ``ValueError`` for an unknown condition or key (naming those there are), one missing or of the wrong type.
    """
    where = f"alarm {entry.get('name', '')!r}"
    watch = entry.get("watch")
    if not isinstance(watch, Mapping) or "condition" not in watch:
        raise ValueError(f'{where}: watch must be a table with condition = "...", one of {", ".join(CONDITIONS)}')
    kind = lookup(CONDITIONS, watch["condition"], "condition")
    options = {key: value for key, value in watch.items() if key != "condition"}
    return build(Rule, {**entry, "watch": build(kind, options, f"{where}: {watch['condition']}")}, where)


def rule_to_dict(rule: Rule) -> dict[str, Any]:
    """The table that :func:`rule_from_dict` turns into this rule again: all keys."""
    return fields_of(rule) | {"watch": {"condition": type(rule.watch).__name__, **fields_of(rule.watch)}}


def rules_to_toml(rules: Sequence[Rule]) -> str:
    """A file of ``[[alarm]]`` tables with every default written out."""
    return tomli_w.dumps({"alarm": [rule_to_dict(rule) for rule in rules]})


def read_rules(path: Path) -> tuple[Rule, ...]:
    """The rules of a TOML file of ``[[alarm]]`` tables; ``RecipeError`` naming file and alarm where one is wrong."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read as TOML: {error}") from None
    entries = table.pop("alarm", None)
    if table or not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise RecipeError(f"{path}: expected [[alarm]] tables and nothing else, got {', '.join(table) or 'none'}")
    try:
        return check_rules([rule_from_dict(entry) for entry in entries])
    except ValueError as error:
        raise RecipeError(f"{path}: {error}") from error


def shipped_rules(anomaly: Level | None = None) -> tuple[Rule, ...]:
    """The rules of a bedside monitor, the most urgent first.

    Parameters
    ----------
    anomaly : how many of the last anomaly scores must reach which threshold; None = no alarm on anomalies.
    """
    lasting = [] if anomaly is None else [Rule("anomaly", "low", anomaly, off_delay_s=10.0, refractory_s=30.0)]
    return check_rules((*_LIFE_THREATENING, *_ARRHYTHMIAS, *lasting, *_TECHNICAL))


_VENTRICULAR = ("ventricular-run", "couplet", "bigeminy", "trigeminy")
_OTHERS = ("pause", "irregular-rhythm")
_SLOW_FAST = ("extreme-bradycardia", "extreme-tachycardia")

_LIFE_THREATENING = (
    Rule(
        "ventricular-fibrillation",
        "high",
        Level("fibrillation", threshold=FIBRILLATING, release=0.2),
        on_delay_s=1.0,
        off_delay_s=4.0,
        re_alarm_s=60.0,
        latching=True,
        hides=("asystole", "ventricular-tachycardia", *_SLOW_FAST, *_VENTRICULAR, *_OTHERS),
    ),
    Rule(
        "asystole",
        "high",
        Gap(at_least_s=4.0),
        off_delay_s=8.0,
        re_alarm_s=60.0,
        latching=True,
        hides=("extreme-bradycardia", "pause"),
    ),
    Rule(
        "ventricular-tachycardia",
        "high",
        Run(beats=5, above_bpm=100.0),
        off_delay_s=3.0,
        re_alarm_s=60.0,
        latching=True,
        hides=("extreme-tachycardia", "ventricular-run", "irregular-rhythm"),
    ),
    Rule(
        "extreme-bradycardia",
        "high",
        Rate(beats=5, below_bpm=40.0, release_bpm=45.0),
        off_delay_s=2.0,
        re_alarm_s=60.0,
        latching=True,
        hides=("pause",),
    ),
    Rule(
        "extreme-tachycardia",
        "high",
        Rate(beats=17, above_bpm=140.0, release_bpm=130.0),
        off_delay_s=2.0,
        re_alarm_s=60.0,
        latching=True,
    ),
)
"""The five of the PhysioNet/CinC Challenge 2015, with its numbers. Fibrillation is scored over 3 s twice a second: 1 s
of delay on the first such score makes the 4 s of the definition, and hides the asystole it would be taken for."""

_ARRHYTHMIAS = (
    Rule("ventricular-run", "medium", Run(beats=3), off_delay_s=3.0, refractory_s=10.0),
    Rule("pause", "medium", Gap(at_least_s=2.5), off_delay_s=2.0, refractory_s=10.0),
    Rule("irregular-rhythm", "low", Irregular(changes=64, above=0.11, release=0.09), off_delay_s=30.0),
    Rule("bigeminy", "low", Repeat(every=2, cycles=3), off_delay_s=10.0, refractory_s=30.0),
    Rule("trigeminy", "low", Repeat(every=3, cycles=3), off_delay_s=10.0, refractory_s=30.0),
    Rule("couplet", "low", Run(beats=2, exactly=True), off_delay_s=3.0, refractory_s=30.0),
)

_TECHNICAL = (
    Rule("lead-off", "medium", Signal("missing"), technical=True, on_delay_s=3.0, off_delay_s=2.0, re_alarm_s=120.0),
    Rule("lead-flat", "medium", Signal("flat"), technical=True, on_delay_s=3.0, off_delay_s=2.0, re_alarm_s=120.0),
    Rule("lead-saturated", "low", Signal("saturated"), technical=True, on_delay_s=3.0, off_delay_s=2.0),
    Rule(
        "signal-unusable",
        "low",
        Signal("unusable"),
        technical=True,
        on_delay_s=10.0,
        off_delay_s=5.0,
        re_alarm_s=120.0,
    ),
)
"""While any of these holds, beats are not seen and their alarms are blind; ``signal-unusable`` is the last resort."""

SOURCE_SILENT = Rule("source-silent", "medium", Signal("missing", share=1.0), technical=True, re_alarm_s=120.0)
"""Of every patient, whatever the rules: no packet comes (:mod:`biosig.monitoring.silence`), and so no signal either."""

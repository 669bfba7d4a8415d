"""Which of the bundles at hand watch a patient, what of theirs the alarms hear, and by which rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from biosig.bundle import Bundle
from biosig.errors import BundleError
from biosig.evaluation.false_alarms import persistence
from biosig.monitoring.conditions import Level, Signal
from biosig.monitoring.rules import Rule, check_rules, rule_from_dict, shipped_rules
from biosig.recipe import EventsPart
from biosig.records.recording import Layout
from biosig.scoring.patient import PatientWindows

__all__ = ["Panel", "anomaly_bundle", "beat_bundle", "event_columns", "event_level", "rules_for"]


@dataclass(frozen=True)
class Panel:
    """The bundles at hand.

    Parameters
    ----------
    bundles : by name.
    every : each must fit every patient; else a patient is watched by those that fit, at least one.
    lead_map : source channel -> channel of a bundle that it stands in for.
    """

    bundles: Mapping[str, Bundle]
    every: bool = True
    lead_map: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.bundles:
            raise ValueError("a monitor needs at least one bundle")

    def fitting(self, layout: Layout) -> dict[str, Bundle]:
        """Those that watch a patient of this layout; ``BundleError`` saying what is missing where it cannot be."""
        misfits: dict[str, str] = {}
        for name, bundle in self.bundles.items():
            try:
                PatientWindows(bundle.recipe, layout, self.lead_map)
            except BundleError as error:
                misfits[name] = str(error)
        if misfits and (self.every or len(misfits) == len(self.bundles)):
            raise BundleError(self._nearest(misfits, layout))
        return {name: bundle for name, bundle in self.bundles.items() if name not in misfits}

    def _nearest(self, misfits: Mapping[str, str], layout: Layout) -> str:
        """What people are told: why the first bundle that is for such signals does not fit."""
        alike = [name for name in misfits if self.bundles[name].recipe.data.unit in layout.units]
        said = misfits[(alike or list(misfits))[0]]
        return said if self.every else f"none of the bundles {', '.join(misfits)} fits; {said}"

    def given(self, wanted: str) -> str:
        """The source's name of a bundle's channel."""
        return next((given for given, stands_for in self.lead_map.items() if stands_for == wanted), wanted)

    def needed(self, layout: Layout, bundles: Mapping[str, Bundle] | None = None) -> tuple[str, ...]:
        """A source's channels that bundles (all, or these) look at, those that stand in for others included."""
        chosen = self.bundles if bundles is None else bundles
        wanted = dict.fromkeys(name for bundle in chosen.values() for name in bundle.recipe.data.channels)
        return tuple(name for name in map(self.given, wanted) if name in layout.channels)


def beat_bundle(bundles: Mapping[str, Bundle]) -> str | None:
    """Name of the bundle whose windows are the beats that alarms hear of: cut at beats, and of most classes."""
    cut_at_beats = [name for name, bundle in bundles.items() if bundle.recipe.cutter.positions is not None]
    return max(cut_at_beats, key=lambda name: len(bundles[name].labels), default=None)


def anomaly_bundle(bundles: Mapping[str, Bundle]) -> str | None:
    """Name of the bundle whose anomaly scores alarms hear of: the first that gives any."""
    return next((name for name, bundle in bundles.items() if bundle.anomaly_threshold is not None), None)


def rules_for(bundles: Mapping[str, Bundle], rules: Sequence[Rule] | None = None) -> tuple[Rule, ...]:
    """The rules that one patient is watched by.

    Those asked for, or else those shipped, with the ones of the bundles' recipes (of their events, and their own)
    added or, of the same name, in their place. Left out are rules about beats where no bundle tells of beats: silence
    would be taken for asystole.

    Parameters
    ----------
    bundles : by name, those that watch the patient.
    rules : asked for; None = shipped and recipes'.

    Raises
    ------
    BundleError : a recipe's alarms are no rules.
    """
    wanted = check_rules(rules) if rules is not None else _usual_rules(bundles)
    if beat_bundle(bundles) is not None:
        return wanted
    kept = [rule for rule in wanted if _needs_no_beats(rule)]
    names = {rule.name for rule in kept}
    return tuple(replace(rule, hides=tuple(name for name in rule.hides if name in names)) for rule in kept)


def _usual_rules(bundles: Mapping[str, Bundle]) -> tuple[Rule, ...]:
    own: dict[str, Rule] = {}
    for name, bundle in bundles.items():
        if bundle.recipe.events is not None:
            own |= {bundle.recipe.events.label: _event_rule(bundle.recipe.events)}
        try:
            own |= {rule.name: rule for rule in map(rule_from_dict, bundle.recipe.alarm)}
        except ValueError as error:
            raise BundleError(f"bundle {name!r}: {error}") from None
    found = anomaly_bundle(bundles)
    anomaly = None if found is None else _persistence(bundles[found])
    try:
        return check_rules((*(own.pop(rule.name, rule) for rule in shipped_rules(anomaly)), *own.values()))
    except ValueError as error:
        raise BundleError(f"alarms of the recipes of {', '.join(bundles)}: {error}") from None


def event_level(rule: EventsPart) -> Level:
    """The condition under which windows make an event, as a recipe has it."""
    return Level("class", rule.threshold, rule.release, rule.k, rule.n, rule.label)


def event_columns(bundles: Mapping[str, Bundle]) -> dict[str, tuple[str, int]]:
    """Name of each bundle whose windows make events -> their label, and its place among the bundle's classes."""
    rules = {name: (bundle.recipe.events, bundle.labels) for name, bundle in bundles.items()}
    return {name: (rule.label, labels.index(rule.label)) for name, (rule, labels) in rules.items() if rule is not None}


def _event_rule(rule: EventsPart) -> Rule:
    """The alarm of a recipe's events; of high priority until a rule of the same name says otherwise."""
    return Rule(rule.label, "high", event_level(rule), re_alarm_s=60.0)


def _persistence(bundle: Bundle) -> Level:
    """Most of the last windows at or above the bundle's threshold, as false alarms were counted to choose it."""
    k, n = persistence(bundle.recipe.cutter)
    return Level("anomaly", bundle.anomaly_threshold or 0.0, k=k, n=n)


def _needs_no_beats(rule: Rule) -> bool:
    """Flutter is looked for on the lead that beats are; other scores and the signal itself are there without."""
    return isinstance(rule.watch, Signal) or (isinstance(rule.watch, Level) and rule.watch.of != "fibrillation")

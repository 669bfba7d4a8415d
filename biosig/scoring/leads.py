"""Whether a source has what a bundle needs, and leads that stand in for others."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace

from biosig.errors import BundleError
from biosig.recipe import Recipe
from biosig.records.recording import Layout

__all__ = ["LeadMapWarning", "check_fits", "map_leads"]


class LeadMapWarning(UserWarning):
    """A lead stands in for another one: the bundle's figures were not measured on it."""


def check_fits(recipe: Recipe, layout: Layout) -> None:
    """``BundleError`` saying what the bundle of ``recipe`` needs and the source has, where they do not fit."""
    data = recipe.data
    wanted = f"bundle {recipe.name!r} needs {'lead' if len(data.channels) == 1 else 'channels'} " + (
        f"{', '.join(data.channels)} in {data.unit}"
    )
    there = [channel for channel in data.channels if layout.find(channel) >= 0]
    if not there or len(data.channels) - len(there) > data.may_miss:
        spare = f" (all but {data.may_miss})" if data.may_miss else ""
        raise BundleError(f"{wanted}{spare}; source has {', '.join(layout.channels)}")
    units = {channel: layout.units[layout.find(channel)] for channel in there}
    wrong = {channel: unit for channel, unit in units.items() if unit != data.unit}
    if wrong:
        raise BundleError(f"{wanted}; source has {', '.join(f'{name} in {unit}' for name, unit in wrong.items())}")


def map_leads(layout: Layout, lead_map: Mapping[str, str] | None, *, bundle: str) -> Layout:
    """The layout with channels renamed: ``{"V5": "MLII"}`` takes the source's V5 for MLII.

    Warns with ``LeadMapWarning``. A channel that already has the name of the one it is replaced by steps aside.
    ``BundleError`` where the source has no such channel.
    """
    if not lead_map:
        return layout
    for given in lead_map:
        if given not in layout.channels:
            raise BundleError(f"cannot use {given} as {lead_map[given]}: source has {', '.join(layout.channels)}")
    if len(set(lead_map.values())) != len(lead_map):
        raise BundleError(f"each lead can be replaced by one other only, got {_shown(lead_map)}")
    warnings.warn(
        f"{_shown(lead_map)}: the figures of bundle {bundle!r} were not measured on such leads and do not carry over",
        LeadMapWarning,
        stacklevel=3,
    )
    taken = set(lead_map.values()) - set(lead_map)
    names = [lead_map.get(name, f"{name} (unused)" if name in taken else name) for name in layout.channels]
    return replace(layout, channels=tuple(names))


def _shown(lead_map: Mapping[str, str]) -> str:
    return ", ".join(f"{given} as {wanted}" for given, wanted in lead_map.items())

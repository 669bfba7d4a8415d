"""What channels are called: one spelling per electrode, whatever a file writes, and names that mean one site.

Electrode names follow the extended 10-20 system (Oostenveld & Praamstra 2001, Clin Neurophysiol 112:713-719,
doi:10.1016/S1388-2457(00)00527-7); a label such as ``EEG Fp1-Ref`` is type and specification as EDF+ has them
(Kemp & Olivan 2003, Clin Neurophysiol 114:1755-1761, doi:10.1016/S1388-2457(03)00123-8).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from biosig.records.guard import mismatch

__all__ = [
    "OTHER_NAME",
    "SAME_SITE",
    "choose",
    "common_grid",
    "is_electrode",
    "is_pair_or_electrode",
    "plain_name",
    "unique_names",
]

SAME_SITE = {"T7": "T3", "T8": "T4", "P7": "T5", "P8": "T6"}
"""Names of the 10-10 system and what the 10-20 system called the same site."""

OTHER_NAME = SAME_SITE | {old: new for new, old in SAME_SITE.items()}
"""The other name of a site, in either direction."""

_MAX_GRID = 16  # times the fastest channel's rate; past that a common grid is mostly NaN

_ROWS = "Fp|AFp|AF|AFF|F|FFC|FFT|FC|FT|FCC|FTT|C|T|CCP|TTP|CP|TP|CPP|TPP|P|PPO|PO|POO|O|OI|I"
_ELECTRODE = re.compile(rf"(?P<row>{_ROWS})(?P<column>z|[0-9]{{1,2}})(?P<half>h?)|Nz|[AM][12]", re.IGNORECASE)
_EEG_PREFIX = re.compile(r"(EEG|POL) +(?=\S)", re.IGNORECASE)  # POL: Nihon Kohden's word for "unspecified"
_OTHER_TYPE = re.compile(r"(ECG|EKG|EOG|EMG|RESP) +(?=\S*\1)", re.IGNORECASE)
_COMMON_REFERENCE = re.compile(r"[-_ ](REF|LE|AV|AVG|AVERAGE|CAR)", re.IGNORECASE)
_SPELLING = {"FP": "Fp", "AFP": "AFp"}


def is_electrode(name: str) -> bool:
    """Whether ``name`` is a site of the extended 10-20 system, in any case of letters."""
    return _ELECTRODE.fullmatch(name) is not None


def is_pair_or_electrode(name: str) -> bool:
    """Whether ``name`` is a site or the difference of two (``Fpz-Cz``)."""
    parts = name.split("-")
    return len(parts) <= 2 and all(map(is_electrode, parts))


def plain_name(label: str) -> str:
    """The name of a channel that a file calls ``label``.

    Electrodes and pairs of them lose the word EEG, filling dots and a common reference, and are spelt one way:
    ``EEG Fp1-Ref`` -> ``Fp1``, ``Fc5.`` -> ``FC5``, ``EEG Fpz-Cz`` -> ``Fpz-Cz``, ``ECG ECG`` -> ``ECG``. All else
    only loses superfluous spaces.
    """
    text = " ".join(label.split())
    site = _EEG_PREFIX.sub("", text, count=1) if _EEG_PREFIX.match(text) else text
    site = re.sub(r" *- *", "-", site).rstrip(". ")
    reference = _COMMON_REFERENCE.search(site)
    if reference is not None and reference.end() == len(site):
        site = site[: reference.start()].rstrip(". ")
    if is_pair_or_electrode(site):
        return "-".join(map(_spelt, site.split("-")))
    return text[found.end() :] if (found := _OTHER_TYPE.match(text)) else text


def _spelt(site: str) -> str:
    """An electrode in the one spelling: ``FP1`` -> ``Fp1``, ``fcz`` -> ``FCz``."""
    found = _ELECTRODE.fullmatch(site)
    if found is None or found["row"] is None:
        return site[:1].upper() + site[1:].lower()
    row = found["row"].upper()
    return f"{_SPELLING.get(row, row)}{found['column'].lower()}{found['half'].lower()}"


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names, a number behind those that came before: ``ECG``, ``ECG (2)``."""
    unique: dict[str, None] = {}
    seen: dict[str, int] = {}
    for plain in names:
        name = plain
        while name in unique:
            seen[plain] = seen.get(plain, 1) + 1
            name = f"{plain} ({seen[plain]})"
        unique[name] = None
    return tuple(unique)


def choose(where: str, names: Sequence[str], wanted: Sequence[str] | None, *, labels: Sequence[str] = ()) -> list[int]:
    """Rows of the channels wanted, all where None.

    A channel is found by its name, by its label in the file, or by another name of its site: ``T7`` finds ``T3``.

    Raises
    ------
    RecordError : a channel is not there; names those that are.
    ValueError : ``wanted`` is not a list of names.
    """
    if wanted is None:
        return list(range(len(names)))
    if isinstance(wanted, str) or not wanted:
        raise ValueError(f"channels must be a list of one or more names such as ['MLII'], got {wanted!r}")
    place = {label: row for row, label in reversed(list(enumerate(labels)))}
    place |= {name: row for row, name in enumerate(names)}
    rows: list[int] = []
    for channel in wanted:
        found = channel if channel in place else OTHER_NAME.get(channel)
        if found is None or found not in place:
            raise mismatch(where, f"lead {channel!r}", ", ".join(names), "name one of these")
        rows.append(place[found])
    return rows


def common_grid(where: str, samples_per_frame: Sequence[int]) -> int:
    """Points per frame on which every channel's samples fall; ``RecordError`` where that is mostly empty."""
    fastest = max(samples_per_frame, default=1)
    grid = 1
    for count in set(samples_per_frame):
        grid = math.lcm(grid, count)
        if grid > _MAX_GRID * fastest:
            raise mismatch(
                where,
                f"sampling rates with a common grid of at most {_MAX_GRID} times the fastest",
                f"{', '.join(map(str, sorted(set(samples_per_frame))))} samples per frame",
                "read channels of one rate with channels=[...]",
            )
    return grid

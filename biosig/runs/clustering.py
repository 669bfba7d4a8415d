"""``biosig cluster``: a recording's beats as morphology templates, to look through and to name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from biosig.bundle import Bundle, load
from biosig.errors import RecordError
from biosig.records.paper import Sheet
from biosig.records.reading import read
from biosig.records.recording import Annotations, Recording
from biosig.records.symbols import aami_class
from biosig.records.wfdb_annotations import write_annotations
from biosig.runs.template_page import plot_templates
from biosig.scoring.leads import map_leads
from biosig.scoring.templates import group_beats
from biosig.windows.stream import WindowStream

__all__ = ["ANNOTATOR", "Templates", "cluster", "template_names"]

ANNOTATOR = "tpl"
"""Suffix of the WFDB annotation file."""

UNNAMED = "Q"
"""WFDB's symbol of a beat that nobody has named."""

SHAPE_BEFORE_S, SHAPE_AFTER_S = 0.2, 0.35
"""Stretch around the R peak in which shapes are compared: less than the shortest usual interval between beats."""


@dataclass(frozen=True, eq=False)
class Templates:
    """A recording's beats in groups.

    Parameters
    ----------
    beats : one row per beat: ``time_s`` (R peak), ``template`` (from 1, the largest group; 0 = the signal was not
        usable), ``label`` (as named, ``Q`` where not), ``good`` (usable share of the window).
    templates : one row per template: ``template``, ``label``, ``beats``, ``share`` of the usable beats, ``rr_s``
        (median interval to the beat before), ``prematurity`` (that interval over the median of the recording).
    recording : what was grouped.
    lead : the channel that the pictures show.
    """

    beats: pd.DataFrame
    templates: pd.DataFrame
    recording: Recording
    lead: str

    def plot(self, *, most: int = 12) -> Sheet:
        """The templates on ECG paper: members, mean beat, count, and when they occurred."""
        return plot_templates(self.recording, self.lead, self.beats, self.templates, most=most)

    @property
    def annotation_file(self) -> str:
        """Name of the WFDB annotation file."""
        return f"{Path(self.recording.name).name}.{ANNOTATOR}"

    def annotations(self) -> Annotations:
        """Every beat with its symbol, and ``T1``, ``T2``, ... as note (``unusable`` where there was no signal)."""
        numbers = self.beats.template.to_numpy()
        marks = Annotations.at(self.beats.time_s.to_numpy(), self.beats.label.tolist())
        notes = tuple(f"T{number}" if number else "unusable" for number in numbers)
        return Annotations(marks.onset_s, marks.duration_s, marks.label, notes, marks.channel)


def template_names(entries: Sequence[str]) -> dict[int, str]:
    """``["2=V"]`` as ``{2: "V"}``; ``ValueError`` for anything else."""
    names = {}
    for entry in entries:
        number, separator, symbol = entry.partition("=")
        if not (separator and number.strip().isdecimal() and symbol.strip()):
            raise ValueError(f"--name wants NUMBER=SYMBOL, such as 2=V, got {entry!r}")
        names[int(number)] = symbol.strip()
    return names


def cluster(
    bundle: str | Path | Bundle,
    record: str | Path | Recording,
    *,
    lead_map: Mapping[str, str] | None = None,
    names: Mapping[int, str] | None = None,
    distance: float = 0.3,
    out: str | Path | None = None,
    device: str = "auto",
) -> Templates:
    """Group the beats of a recording by shape, in the latent space of a bundle that cuts windows at beats.

    Parameters
    ----------
    bundle : a bundle, its folder, or the name of a shipped one.
    record : a recording or its file.
    lead_map : channel of the recording -> channel of the bundle that it stands in for.
    names : template number -> WFDB beat symbol (``{2: "V"}``), for those that someone has looked at.
    distance : how far beats of one template may differ, see :func:`biosig.scoring.templates.group_beats`.
    out : folder for ``RECORD.tpl`` (WFDB annotations), ``beats.csv``, ``templates.csv`` and ``templates.png``.
    device : ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    RecordError : no beat was found.
    ValueError : the bundle does not cut at beats, a template number is not there, or a symbol is no beat's.
    """
    opened = bundle if isinstance(bundle, Bundle) else load(bundle)
    if opened.recipe.cutter.positions is None:
        raise ValueError(
            f"bundle {opened.recipe.name!r} cuts windows by {opened.recipe.windows.cut!r}: "
            f"templates need one that cuts at beats, such as ecg-anomaly"
        )
    recording = record if isinstance(record, Recording) else read(record)
    mapped = replace(recording, layout=map_leads(recording.layout, lead_map, bundle=opened.recipe.name))
    windows = opened.windows(mapped)
    lead = recording.layout.channels[mapped.layout.index(opened.recipe.data.channels[0])]
    usable = windows.good >= opened.recipe.windows.min_good
    if not usable.any():
        raise RecordError(f"{recording.name}: no usable beat found in {lead}, so there is nothing to group")
    chosen = np.flatnonzero(usable)
    template = np.zeros(len(windows), dtype=np.int64)
    waves = windows.gather(chosen)[:, 0, _shape_span(opened, mapped)]
    template[chosen] = 1 + group_beats(opened.embed(windows, device=device)[chosen], waves, distance=distance)
    beats = pd.DataFrame({"time_s": windows.onset_s, "template": template, "good": windows.good})
    found = Templates(*_named(beats, _checked(names or {}, int(template.max()))), recording, lead)
    if out is not None:
        _write(found, Path(out))
    return found


def _shape_span(bundle: Bundle, recording: Recording) -> slice:
    """The samples of a window that show the beat itself, from P to T wave; neighbours belong to the rhythm."""
    layout = recording.layout.pick(bundle.recipe.data.channels)
    stream = WindowStream(bundle.recipe.chain, bundle.recipe.cutter, layout)
    per_s = stream.length / stream.length_s
    return slice(
        max(0, round((stream.before_s - SHAPE_BEFORE_S) * per_s)), round((stream.before_s + SHAPE_AFTER_S) * per_s)
    )


def _checked(names: Mapping[int, str], n_templates: int) -> Mapping[int, str]:
    """The names; ``ValueError`` for a template that is not there or a symbol that is no beat's."""
    for number, symbol in names.items():
        if not 1 <= number <= n_templates:
            raise ValueError(f"there are templates 1 to {n_templates}, got a name for {number}")
        if not aami_class(symbol):
            raise ValueError(f"template {number}: expected a WFDB beat symbol such as N, V, S or F, got {symbol!r}")
    return names


def _named(beats: pd.DataFrame, names: Mapping[int, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Beats with their labels, and the table of templates."""
    beats = beats.assign(label=[names.get(number, UNNAMED) for number in beats.template])
    rr_s = np.diff(beats.time_s, prepend=np.nan)
    usual_s = float(np.nanmedian(rr_s)) if len(beats) > 1 else np.nan
    numbers = beats.template.to_numpy()
    rows = []
    for number in range(1, int(numbers.max()) + 1):
        own = numbers == number
        before_s = float(np.nanmedian(rr_s[own])) if np.isfinite(rr_s[own]).any() else np.nan
        rows.append(
            {
                "template": number,
                "label": names.get(number, UNNAMED),
                "beats": int(own.sum()),
                "share": own.sum() / (numbers > 0).sum(),
                "rr_s": before_s,
                "prematurity": before_s / usual_s,
            }
        )
    return beats, pd.DataFrame(rows)


def _write(found: Templates, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = Path(found.recording.name).name
    write_annotations(folder, name, found.annotations(), fs=found.recording.fs, annotator=ANNOTATOR, overwrite=True)
    found.beats.to_csv(folder / "beats.csv", index=False, float_format="%.4f")
    found.templates.to_csv(folder / "templates.csv", index=False, float_format="%.4f")
    (folder / "templates.png").write_bytes(found.plot().to_png(dpi=150))

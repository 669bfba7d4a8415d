"""What a BIDS folder says about its recordings beside the files: who, what happened when, and in which units.

Source: Brain Imaging Data Structure 1.10, https://bids-specification.readthedocs.io; EEG: Pernet et al. 2019,
doi:10.1038/s41597-019-0104-8.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.records.brainvision_header import parse_brainvision_header
from biosig.records.channel_names import OTHER_NAME, plain_name
from biosig.records.edf_header import parse_edf_header
from biosig.records.guard import decimal, mismatch, read_small
from biosig.records.recording import Annotations, Recording, Samples
from biosig.records.units import layout_unit

__all__ = ["BIDS_SUFFIXES", "bids_files", "is_bids", "with_sidecars"]

BIDS_SUFFIXES = (".edf", ".bdf", ".vhdr", ".set", ".fif")
"""Suffixes of recordings that a BIDS folder may hold."""

_STEM = re.compile(r"(?P<subject>sub-[A-Za-z0-9]+)(?P<entities>(_[a-z]+-[A-Za-z0-9+]+)*)_(?P<kind>eeg|ieeg)")
_MAX_TABLE_BYTES = 1 << 26
_MAX_S = 1e10
_RATE_TOLERANCE = 0.01  # tables round rates
_NONE = ("", "n/a")

Table = list[dict[str, str]]


def is_bids(path: Path) -> bool:
    """Whether a file has the name of a recording in a BIDS folder (``sub-01_task-rest_eeg.edf``)."""
    return path.suffix.lower() in BIDS_SUFFIXES and _STEM.fullmatch(path.stem) is not None


def bids_files(folder: Path) -> tuple[Path, ...]:
    """All EEG recordings below ``folder`` (a data set, or one subject of it), sorted by name."""
    below = folder.rglob("sub-*_*eg.*") if folder.is_dir() else ()
    return tuple(sorted(path for path in below if is_bids(path)))


def with_sidecars(recording: Recording, path: Path) -> Recording:
    """The recording with what the tables around its file say.

    The subject is that of the file's name, and its line of ``participants.tsv`` becomes comments. ``*_events.tsv``
    takes the place of annotations in the file. ``*_channels.tsv`` gives a unit where the file has none, says which
    channel is ECG (mV, others uV), and which are bad (a comment). The nearest table counts that names no other
    subject, session, task or run (the inheritance principle).

    Raises
    ------
    RecordError : a table is damaged, or contradicts the file in a unit or a sampling rate.
    """
    found = _STEM.fullmatch(path.stem)
    if found is None:
        raise ValueError(f"{path.name} is not the name of a BIDS recording such as sub-01_task-rest_eeg.edf")
    entities = frozenset([found["subject"], *filter(None, found["entities"].split("_"))])
    folders = _folders(path, found["subject"])
    events = _nearest(folders, entities, "events.tsv")
    channels = _nearest(folders, entities, "channels.tsv")
    recording = replace(recording, subject=found["subject"])
    recording = replace(recording, comments=(*recording.comments, *_participant(folders[-1], found["subject"])))
    if events is not None:
        recording = replace(recording, annotations=_events(events))
    return recording if channels is None else _described(recording, path, channels)


def _folders(path: Path, subject: str) -> list[Path]:
    """The file's folder and those above it, up to the one that holds the subject's."""
    parents = list(path.absolute().parents)
    root = next((place for place, parent in enumerate(parents) if parent.name == subject), -1) + 1
    return parents[: root + 1]


def _nearest(folders: Sequence[Path], entities: frozenset[str], ending: str) -> Path | None:
    """The table that counts for a file with these parts in its name: the nearest, and the most specific there."""
    for folder in folders:
        fitting = [
            (len(parts), table)
            for table in folder.glob(f"*_{ending}")
            if (parts := set(table.name.removesuffix(f"_{ending}").split("_"))) <= entities
        ]
        if fitting:
            return max(fitting)[1]
    return None


def _table(path: Path) -> Table:
    """The lines of a tab-separated file as dicts."""
    content = read_small(path, _MAX_TABLE_BYTES)
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise mismatch(path, "a table in UTF-8", f"{error.reason} at byte {error.start}") from error
    head = [title.strip() for title in lines[0].split("\t")] if lines else []
    rows: Table = []
    for number, line in enumerate(lines[1:], start=2):
        cells = [cell.strip() for cell in line.split("\t")]
        if not line.strip():
            continue
        if len(cells) != len(head):
            raise mismatch(f"{path}: line {number}", f"{len(head)} cells between tabs", f"{len(cells)}")
        rows.append(dict(zip(head, cells, strict=True)))
    return rows


def _need(path: Path, rows: Table, column: str) -> None:
    if rows and column not in rows[0]:
        raise mismatch(path, f"a column {column}", ", ".join(rows[0]))


def _participant(root: Path, subject: str) -> list[str]:
    """``column: value`` of everything that ``participants.tsv`` knows about the subject."""
    path = root / "participants.tsv"
    if not path.exists():
        return []
    rows = _table(path)
    _need(path, rows, "participant_id")
    own = next((row for row in rows if row["participant_id"] == subject), {})
    return [f"{key}: {value}" for key, value in own.items() if key != "participant_id" and value not in _NONE]


def _events(path: Path) -> Annotations:
    """Onset, duration, and ``trial_type`` (or else ``value``) as label; ``value`` beside a type is the note."""
    rows = _table(path)
    _need(path, rows, "onset")
    marks: list[tuple[float, float, str, str]] = []
    for row in rows:
        if row["onset"] in _NONE:
            continue
        where = f"{path}: onset {row['onset']}"
        onset_s = decimal(row["onset"], -_MAX_S, _MAX_S, what="onset in s", where=where)
        length = row.get("duration", "n/a")
        duration_s = 0.0 if length in _NONE else decimal(length, 0, _MAX_S, what="duration in s", where=where)
        said = [row[key] for key in ("trial_type", "value") if row.get(key, "") not in _NONE]
        marks.append((onset_s, duration_s, said[0] if said else "event", said[1] if len(said) > 1 else ""))
    marks.sort(key=lambda mark: mark[0])
    return Annotations(
        onset_s=np.array([mark[0] for mark in marks], dtype=np.float64),
        duration_s=np.array([mark[1] for mark in marks], dtype=np.float64),
        label=tuple(mark[2] for mark in marks),
        aux=tuple(mark[3] for mark in marks),
        channel=np.full(len(marks), -1, dtype=np.int64),
    )


def _described(recording: Recording, path: Path, table: Path) -> Recording:
    """The recording with the units, types and bad channels of ``*_channels.tsv``."""
    rows = _table(table)
    for column in ("name", "type", "units"):
        _need(table, rows, column)
    described = {plain_name(row["name"]): row for row in reversed(rows)}
    written = _written_units(path)
    layout = recording.layout
    rates = recording.channel_fs or (layout.fs,) * layout.n_channels
    units, factors, bad = list(layout.units), [1.0] * layout.n_channels, []
    for index, channel in enumerate(layout.channels):
        row = _of(described, channel)
        if row is None:
            continue
        _check_rate(table, row, rates[index])
        units[index], factors[index] = _unit(table, row, layout.units[index], _of(written, channel))
        if row.get("status", "") == "bad":
            bad.append(channel)
    scaled = any(factor != 1.0 for factor in factors)
    return replace(
        recording,
        layout=replace(layout, units=tuple(units)),
        samples=ScaledSamples(recording.samples, tuple(factors)) if scaled else recording.samples,
        rails=() if scaled else recording.rails,
        comments=(*recording.comments, *([f"marked bad: {', '.join(bad)}"] if bad else [])),
    )


def _of(table: Mapping[str, Any], channel: str) -> Any:
    """What a table by plain names says about a channel, under either name of its site."""
    name = plain_name(channel)
    return table.get(name, table.get(OTHER_NAME.get(name, name)))


def _written_units(path: Path) -> dict[str, str]:
    """Plain name -> unit as the file has it, for formats that have one per channel."""
    suffix = path.suffix.lower()
    if suffix in {".edf", ".bdf"}:
        return {plain_name(one.label): one.unit for one in reversed(parse_edf_header(path).signals)}
    if suffix == ".vhdr":
        return {plain_name(one.name): one.unit for one in reversed(parse_brainvision_header(path).electrodes)}
    return {}


def _check_rate(table: Path, row: dict[str, str], fs: float) -> None:
    stated = row.get("sampling_frequency", "")
    if stated in _NONE:
        return
    stated_hz = decimal(stated, 0, 1e9, what="sampling_frequency", where=f"{table}: {row['name']}")
    if abs(stated_hz - fs) > _RATE_TOLERANCE * fs:
        raise mismatch(f"{table}: {row['name']}", f"a sampling_frequency of {fs:g}, as the recording has", stated)


def _unit(table: Path, row: dict[str, str], unit: str, written: str | None) -> tuple[str, float]:
    """The unit in the layout, and the factor to it from what the reader made of the file."""
    ecg = row["type"].upper() in {"ECG", "EKG"}
    stated = row["units"]
    if unit not in {"uV", "mV", "uncalibrated"}:
        return unit, 1.0
    if unit == "uncalibrated":
        return (unit, 1.0) if stated in _NONE else layout_unit(stated, eeg=not ecg)
    claimed = layout_unit(stated, eeg=True)
    if written and claimed[0] == "uV" and claimed != layout_unit(written, eeg=True):
        raise mismatch(
            f"{table}: {row['name']}",
            f"the unit that the recording states, {written}",
            stated,
            "correct either of them",
        )
    return layout_unit(unit, eeg=not ecg)


@dataclass(frozen=True, eq=False)
class ScaledSamples:
    """Samples times a factor per channel, float32 (n_channels, n_times)."""

    samples: Samples
    factors: tuple[float, ...]

    @property
    def n_times(self) -> int:
        """Samples per channel."""
        return self.samples.n_times

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Samples ``start`` to ``stop`` of every channel, float32 (n_channels, n)."""
        values = self.samples.read(start, stop)
        if values.base is not None:  # a view of someone's array
            values = values.copy()
        values *= np.array(self.factors, dtype=np.float32)[:, None]
        return values

    def pick(self, rows: Sequence[int]) -> ScaledSamples:
        """The same samples, only these rows, in this order."""
        return ScaledSamples(self.samples.pick(rows), tuple(self.factors[row] for row in rows))

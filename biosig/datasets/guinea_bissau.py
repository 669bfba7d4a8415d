"""Resting EEG from Guinea-Bissau: people with epilepsy and controls, by a consumer headset of 14 electrodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosig.datasets.corpus import Corpus, find_folder
from biosig.datasets.splits import Split
from biosig.errors import DatasetError
from biosig.records.recording import Recording
from biosig.windows.index import Windows

__all__ = ["ELECTRODES", "GROUPS", "N_PEOPLE", "TABLE", "GuineaBissau"]

GROUPS = ("control", "epilepsy")
ELECTRODES = tuple("AF3 AF4 F3 F4 F7 F8 FC5 FC6 O1 O2 P7 P8 T7 T8".split())  # noqa: SIM905
N_PEOPLE = 97
TABLE = "participants.tsv"
OPEN_FIRST = "open-3min-then-closed-2min"


@dataclass(frozen=True)
class GuineaBissau(Corpus):
    """The database, or a part of it, as a BIDS folder of EDF files with ``participants.tsv``.

    It is published as one compressed CSV file per person. Labels are the groups of ``participants.tsv`` (one per
    recording), or the annotations ``eyes closed`` and ``eyes open``, whose times are approximate.
    """

    name = "guinea_bissau_eeg"
    title = "Epilepsy and controls, Guinea-Bissau"
    citation = "van Hees et al. 2018, Zenodo, doi:10.5281/zenodo.1252141"

    @classmethod
    def open(cls, given: Path | None = None) -> GuineaBissau:
        """The database in ``given`` or in ``BIOSIG_DATA``; ``DatasetError`` where it is in neither."""
        return cls(*find_folder(cls.name, given, None, (TABLE,)))

    @cached_property
    def people(self) -> dict[str, dict[str, str]]:
        """Record (``sub-01``) -> its row of ``participants.tsv``; ``DatasetError`` naming what is missing."""
        path = self.folder / TABLE
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DatasetError(f"{path}: cannot be read as a table in UTF-8: {error}") from None
        head = lines[0].split("\t") if lines else []
        for column in ("participant_id", "group", "eyes_condition"):
            if column not in head:
                raise DatasetError(f"{path}: needs a column {column}, has {', '.join(head) or 'none'}")
        found: dict[str, dict[str, str]] = {}
        for number, line in enumerate(lines[1:], start=2):
            row = dict(zip(head, line.split("\t"), strict=False))
            if len(row) < len(head) or row["group"] not in GROUPS:
                raise DatasetError(
                    f"{path}: line {number} must hold {', '.join(head)}, group one of {GROUPS}: {line!r}"
                )
            found[row["participant_id"]] = row
        return found

    def splits(self) -> dict[str, Split]:
        """``all`` people who are in the folder; ``closed-first`` without those recorded with open eyes first."""
        there = [record for record in self.people if self.has(record)]
        closed = [record for record in there if self.people[record]["eyes_condition"] != OPEN_FIRST]
        part = "" if len(there) == N_PEOPLE else f"{len(there)} of the {N_PEOPLE} people, all in the folder. "
        note = f"{part}No test set was published: cross-validate. "
        return {
            "all": Split(
                train=tuple(there),
                note=f"{note}All who were recorded with open eyes first are controls; see split closed-first.",
            ),
            "closed-first": Split(
                train=tuple(closed), note=f"{note}Without {len(there) - len(closed)} controls recorded open-eyed first."
            ),
        }

    def path_of(self, record: str) -> Path:
        """One EDF file per person, named as BIDS demands."""
        return self.folder / record / "eeg" / f"{record}_task-rest_eeg.edf"

    def subject_of(self, record: str) -> str:
        """One recording per person."""
        return f"{self.name}-{record.removeprefix('sub-')}"

    def label(self, recording: Recording, windows: Windows, labels: Sequence[str]) -> NDArray[np.int64]:
        """The person's group where ``labels`` are groups, else the annotated state of the eyes (n,)."""
        if not set(labels) <= set(GROUPS):
            return super().label(recording, windows, labels)
        group = self.people[recording.name.removeprefix(f"{self.name}/")]["group"]
        return np.full(len(windows), labels.index(group) if group in labels else -1, dtype=np.int64)

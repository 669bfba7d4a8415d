"""Sleep-EDF Database Expanded: whole nights of two EEG derivations, eyes and chin, scored by hand after R&K."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from biosig.datasets.corpus import Corpus, find_folder
from biosig.datasets.splits import Split, every_fifth_tests
from biosig.errors import DatasetError
from biosig.records.reading import read
from biosig.records.recording import Annotations, Recording

__all__ = ["STAGES", "WAKE_S", "SleepEdf"]

STAGES = {
    "Sleep stage W": "W",
    "Sleep stage 1": "N1",
    "Sleep stage 2": "N2",
    "Sleep stage 3": "N3",
    "Sleep stage 4": "N3",
    "Sleep stage R": "REM",
}
"""What the hypnograms call the stages, and the names of the AASM manual, which has no stage 4 (Iber et al. 2007)."""

NO_STAGE = ("Movement time", "Sleep stage ?")
"""Movement and what was not scored: no stage."""

SLEEP_EPOCH_S = 30.0
WAKE_S = 1800.0
"""Of the day awake around the night 30 minutes on either side stay, as in most published figures; with all of it most
sleep epochs would be wake, and accuracy flattered (Supratak et al. 2017, doi:10.1109/TNSRE.2017.2721116)."""

NOTE = (
    "No split of this database is published: every fifth subject tests. Wake is cut to 30 min before the first and "
    "after the last sleep epoch; movement and unscored epochs have no label; stages 3 and 4 are N3."
)

_RECORD = re.compile(r"(SC4|ST7)(\d\d)([12])[A-Z]0")


@dataclass(frozen=True)
class SleepEdf(Corpus):
    """The database as PhysioNet publishes it, or a part of it: ``SC4001E0-PSG.edf`` with ``SC4001EC-Hypnogram.edf``.

    The files lie in ``sleep-cassette`` and ``sleep-telemetry``, or all in one folder. A record is called by the first
    eight letters of its PSG file: study (SC4, ST7), subject (00), night (1), and letters that vary; the last one of
    the hypnogram says who scored it.
    """

    name = "sleep-edf"
    title = "Sleep-EDF Database Expanded"
    citation = "Kemp et al. 2000, doi:10.1109/10.867928; Goldberger et al. 2000, doi:10.1161/01.CIR.101.23.e215"

    @classmethod
    def open(cls, given: Path | None = None) -> SleepEdf:
        """The database in ``given`` or in ``BIOSIG_DATA``; ``DatasetError`` where it is in neither."""
        return cls(*find_folder(cls.name, given, None, ("sleep-cassette/SC4001E0-PSG.edf", "*-PSG.edf", "*/*-PSG.edf")))

    def splits(self) -> dict[str, Split]:
        """Of what is in the folder: ``cassette`` (people without complaints, at home), ``cassette-20`` (the first 20 of
        them, the first edition of the database), ``telemetry`` (trouble falling asleep, in hospital)."""
        there = sorted(path.name[:8] for place in self._places() for path in place.glob("*-PSG.edf"))
        records = [record for record in there if _RECORD.fullmatch(record)]
        cassette = [record for record in records if record.startswith("SC4")]
        chosen = {
            "cassette": cassette,
            "cassette-20": [record for record in cassette if _subject(record) < 20],
            "telemetry": [record for record in records if record.startswith("ST7")],
        }
        return {name: every_fifth_tests(part, _subject, NOTE) for name, part in chosen.items()}

    def subject_of(self, record: str) -> str:
        """Study and subject, ``SC400``: both nights are of one person."""
        return f"{self.name}-{record[:5]}"

    def night_of(self, record: str) -> int:
        """Which of the subject's two nights it is, 1 or 2."""
        return int(record[5])

    def path_of(self, record: str) -> Path:
        """The PSG file, in whichever of the layouts it lies."""
        name = f"{record}-PSG.edf"
        return next((place / name for place in self._places() if (place / name).is_file()), self.folder / name)

    def hypnogram_of(self, record: str) -> Path:
        """The hypnogram beside the PSG, whoever scored it; ``DatasetError`` where there is not exactly one."""
        folder = self.path_of(record).parent
        found = sorted(folder.glob(f"{record[:7]}?-Hypnogram.edf"))
        if len(found) != 1:
            raise DatasetError(
                f"{folder}: expected one hypnogram {record[:7]}?-Hypnogram.edf beside {record}-PSG.edf, "
                f"found {len(found)}; fetch the database with: biosig data get {self.name} {self.folder}"
            )
        return found[0]

    def read(self, record: str, channels: Sequence[str]) -> Recording:
        """The night with its stages as marks (W N1 N2 N3 REM), wake cut to 30 minutes on either side of sleep.

        Raises
        ------
        DatasetError : the hypnogram is missing, has an unknown stage, or no sleep.
        RecordError : a channel is missing.
        """
        night = super().read(record, channels)
        path = self.hypnogram_of(record)
        scored = read(path)
        stages = _stages(scored.annotations, path)
        if night.start is not None and scored.start is not None:  # both count from their own first sample
            stages = replace(stages, onset_s=stages.onset_s + (scored.start - night.start).total_seconds())
        asleep = np.array([label != "W" for label in stages.label])
        if not asleep.any():
            raise DatasetError(f"{path}: no epoch of sleep in it")
        first_s = float(stages.onset_s[asleep][0]) - WAKE_S
        last_s = float((stages.onset_s + stages.duration_s)[asleep][-1]) + WAKE_S
        return replace(night, annotations=stages).crop(first_s, last_s)

    def _places(self) -> tuple[Path, ...]:
        return (self.folder / "sleep-cassette", self.folder / "sleep-telemetry", self.folder)


def _stages(marks: Annotations, path: Path) -> Annotations:
    """The stages by their short names, without what is none; ``DatasetError`` for an unknown one."""
    strange = sorted(set(marks.label) - {*STAGES, *NO_STAGE})
    if strange:
        raise DatasetError(f"{path}: expected {', '.join((*STAGES, *NO_STAGE))}, found {strange[0]!r}")
    kept = marks.where(np.array([label in STAGES for label in marks.label], dtype=np.bool_))
    return replace(kept, label=tuple(STAGES[label] for label in kept.label))


def _subject(record: str) -> int:
    return int(record[3:5])

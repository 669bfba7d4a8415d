"""Databases of labelled pictures: a folder per class, or a MedMNIST file, with the parts of their makers or drawn ones.

A picture is a record with one window: its levels, row by row. Pictures of one subject, and the same picture under two
names, never stand in two parts.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from biosig.datasets.corpus import Corpus
from biosig.datasets.splits import Split, hold_out
from biosig.errors import DatasetError, RecordError
from biosig.imaging.collection import Collection, Entry, open_collection
from biosig.imaging.images import CHANNELS, squared
from biosig.records.recording import Recording
from biosig.windows.index import Windows
from biosig.windows.picture import Picture

__all__ = ["MedNist", "Pictures", "PneumoniaMnist"]

SPLIT_SEED = 0
"""Draws the test subjects of a collection that is not divided: the same ones in every training."""
TEST_SHARE = 0.2
SAMPLES = Path(__file__).parent / "samples"


@dataclass(frozen=True)
class Pictures(Corpus):
    """Any folder of labelled pictures, or any MedMNIST file."""

    name = "pictures"
    title = "Labelled pictures"
    citation = "the pictures' owner"

    @classmethod
    def open(cls, given: Path | None = None) -> Pictures:
        """The pictures in ``given`` (a folder or a file), in ``BIOSIG_DATA``, or the shipped sample."""
        if given is not None:
            return cls(_place(given))
        around = os.environ.get("BIOSIG_DATA")
        if around and (Path(around) / cls.name).is_dir():
            return cls(_place(Path(around) / cls.name))
        shipped = SAMPLES / cls.name
        if not shipped.is_dir():
            raise DatasetError(
                f"{cls.name}: no pictures ship with biosig; give yours: --data FOLDER or --data FILE.npz"
            )
        return cls(_place(shipped), is_sample=True)

    @property
    def obtained(self) -> str:
        """Pictures come from their makers."""
        return "get the pictures from their makers (medmnist.com has files of MedMNIST)"

    @cached_property
    def collection(self) -> Collection:
        """The pictures themselves."""
        return open_collection(self.folder)

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """What is known of each picture, by its record name."""
        return {entry.name: entry for entry in self.collection.entries}

    def splits(self) -> dict[str, Split]:
        """``default``: the makers' parts, else a fifth of the subjects for testing. ``sample``: the same."""
        split = self._parts() if any(entry.part for entry in self.entries.values()) else self._drawn()
        return {"default": split, "sample": split}

    def _parts(self) -> Split:
        """The parts as they were made, but for pictures of subjects who stand in a later part, too."""
        parts: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
        later: set[str] = set()
        left_out = 0
        for part in ("test", "validation", "train"):
            own = [entry for entry in self.entries.values() if entry.part == part]
            parts[part] = [entry.name for entry in own if entry.subject not in later]
            left_out += len(own) - len(parts[part])
            later |= {entry.subject for entry in own}
        note = f"Left out of their part: {left_out} pictures that stand in a later one, too." if left_out else ""
        return Split(tuple(parts["train"]), tuple(parts["validation"]), tuple(parts["test"]), note)

    def _drawn(self) -> Split:
        entries = list(self.entries.values())
        kinds = sorted({str(entry.label) for entry in entries})
        counts = np.zeros((len(entries), len(kinds)), dtype=np.int64)
        counts[np.arange(len(entries)), [kinds.index(str(entry.label)) for entry in entries]] = 1
        held = hold_out([entry.subject for entry in entries], counts, TEST_SHARE, seed=SPLIT_SEED)
        names = np.array([entry.name for entry in entries])
        note = f"No parts were given: a fifth of the subjects was drawn for testing (seed {SPLIT_SEED})."
        return Split(train=tuple(names[~held].tolist()), test=tuple(names[held].tolist()), note=note)

    def has(self, record: str) -> bool:
        """Whether the picture is in the collection."""
        return record in self.entries

    def subject_of(self, record: str) -> str:
        """Whose picture it is."""
        return self.entries[record].subject

    def read(self, record: str, channels: Sequence[str]) -> Recording:
        """``RecordError``: a picture is no signal."""
        raise RecordError(f"{self.name}/{record}: a picture, not a recording; windows.cut must be 'picture'")

    def _number(self, entry: Entry, labels: Sequence[str]) -> int:
        """Position of the picture's class: that of its folder's name, whatever the case, or the number itself."""
        if isinstance(entry.label, int):
            if not 0 <= entry.label < len(labels):
                raise DatasetError(
                    f"{self.folder}: {entry.name} has label {entry.label}, the recipe has {len(labels)} labels: "
                    f'{", ".join(labels)}; name all, as in --set \'data.labels=["a", "b"]\''
                )
            return entry.label
        folded = [label.casefold() for label in labels]
        if entry.label.casefold() not in folded:
            kinds = sorted({str(one.label) for one in self.entries.values()})
            named = ", ".join(f'"{kind}"' for kind in kinds)
            raise DatasetError(
                f"{self.folder}: its classes are {', '.join(kinds)}, the recipe's labels {', '.join(labels)}; "
                f"pass --set 'data.labels=[{named}]'"
            )
        return folded.index(entry.label.casefold())

    def pictures(
        self, records: Sequence[str], *, channels: Sequence[str], labels: Sequence[str], cut: Picture
    ) -> Windows:
        """These pictures as windows, uint8 (n_channels, side * side) each.

        Raises
        ------
        DatasetError
            Where the channels are neither ``grey`` nor ``red``, ``green`` and ``blue``, or a class is
            none of ``labels``.
        RecordError
            Naming the picture that cannot be read.
        """
        if tuple(channels) != CHANNELS.get(len(channels)):
            raise DatasetError(
                f"{self.name}: the channels of pictures are {' or '.join(map(', '.join, CHANNELS.values()))}, "
                f"got data.channels={', '.join(channels)}"
            )
        chosen = [self.entries[record] for record in records]
        label = np.array([self._number(entry, labels) for entry in chosen], dtype=np.int64)
        squares = [squared(self.collection.read(one.name, len(channels)), cut.side, cut.fit) for one in chosen]
        n = len(chosen)
        return Windows(
            signals=tuple(square.reshape(len(channels), -1) for square in squares),
            names=tuple(f"{self.name}/{entry.name}" for entry in chosen),
            subjects=tuple(entry.subject for entry in chosen),
            recording=np.arange(n),
            start=np.zeros(n, dtype=np.int64),
            length=cut.side**2,
            onset_s=np.zeros(n),
            ready_s=np.zeros(n),
            good=np.ones(n, dtype=np.float32),
            features=np.zeros((n, 0), dtype=np.float32),
            label=label,
        )


def _place(given: Path) -> Path:
    """The folder, or the one ``.npz`` file in it; ``DatasetError`` where there are several."""
    if not given.exists():
        raise DatasetError(f"{given}: no such folder or file of pictures")
    packed = sorted(given.glob("*.npz")) if given.is_dir() else []
    if len(packed) > 1:
        raise DatasetError(f"{given}: holds {', '.join(one.name for one in packed)}; name one: --data {packed[0]}")
    return packed[0] if packed else given


@dataclass(frozen=True)
class PneumoniaMnist(Pictures):
    """Chest X-rays of children, with and without pneumonia, 28 x 28 pixels; or any pictures with these labels."""

    name = "pneumoniamnist"
    title = "PneumoniaMNIST"
    citation = "Kermany et al. 2018, doi:10.1016/j.cell.2018.02.010; Yang et al. 2023, doi:10.1038/s41597-022-01721-8"


@dataclass(frozen=True)
class MedNist(Pictures):
    """Six kinds of medical picture, 64 x 64 pixels, a folder per class."""

    name = "mednist"
    title = "MedNIST"
    citation = "MedNIST, prepared by B. J. Erickson (Mayo Clinic), CC BY-SA 4.0"

"""One way to open any recording: :func:`read` picks the reader by the file's suffix."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from biosig.errors import RecordError
from biosig.records.bids import BIDS_SUFFIXES, bids_files, is_bids, with_sidecars
from biosig.records.brainvision_files import read_brainvision
from biosig.records.edf_files import read_edf
from biosig.records.guard import mismatch
from biosig.records.mne_files import read_mne
from biosig.records.recording import Recording
from biosig.records.wfdb_files import read_wfdb

__all__ = ["READERS", "read", "read_bids"]

_BIDS_NAME = f"sub-01/eeg/sub-01_task-rest_eeg with one of {', '.join(BIDS_SUFFIXES)}"

READERS: dict[str, Callable[..., Recording]] = {
    ".hea": read_wfdb,
    ".dat": read_wfdb,
    ".mat": read_wfdb,
    ".edf": read_edf,
    ".bdf": read_edf,
    ".rec": read_edf,
    ".vhdr": read_brainvision,
    ".set": read_mne,
    ".fif": read_mne,
    ".gz": read_mne,
    ".gdf": read_mne,
}
"""Suffix (lower case) -> reader ``(path, *, channels, annotator) -> Recording``. A new format is one line here."""


def read(path: str | Path, *, channels: Sequence[str] | None = None, annotator: str | None = None) -> Recording:
    """A recording from a file of any supported format, its samples read when they are asked for.

    Parameters
    ----------
    path : a WFDB record by its name (``mitdb/100``), its header, ``.dat`` or ``.mat``; an EDF, EDF+ or BDF file;
        the header (``.vhdr``) of a BrainVision recording; an EEGLAB (``.set``), FIF (``.fif``, ``.fif.gz``) or GDF
        file; a BIDS folder that holds one recording. A file in a BIDS folder comes with what the tables beside it
        say, see :func:`biosig.records.bids.with_sidecars`.
    channels : names of the channels wanted, in this order, and named so; all where None. ``T7`` also finds ``T3``.
        Channels stored at several rates share a grid at the fastest of those chosen, and a slower one is NaN between
        its own samples: choose those of one rate to get them plain.
    annotator : suffix of the annotation file (``qrs``); where None, the format's own reference marks if there are any.

    Raises
    ------
    RecordError : the file is missing, damaged, or of a format that is not supported.
    ValueError : ``channels`` is not a list of names, or ``annotator`` no file suffix.
    """
    path = Path(path)
    if os.path.isdir(path):
        path = _only_one(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None and os.path.lexists(f"{path}.hea"):
        reader = read_wfdb
    if reader is None:
        raise RecordError(
            f"{path}: expected a WFDB record (with {path.name}.hea beside it) "
            f"or a file ending in {', '.join(READERS)}, found neither"
        )
    recording = reader(path, channels=channels, annotator=annotator)
    return with_sidecars(recording, path) if is_bids(path) else recording


def read_bids(folder: str | Path, *, channels: Sequence[str] | None = None) -> tuple[Recording, ...]:
    """All EEG recordings of a BIDS folder, or of one subject's folder in it, sorted by name; see :func:`read`."""
    found = bids_files(Path(folder))
    if not found:
        raise mismatch(folder, f"EEG recordings of a BIDS folder ({_BIDS_NAME})", "none")
    return tuple(read(path, channels=channels) for path in found)


def _only_one(folder: Path) -> Path:
    """The one recording in a BIDS folder."""
    found = bids_files(folder)
    if len(found) != 1:
        shown = ", ".join(path.name for path in found[:3])
        raise mismatch(
            folder,
            f"one recording in the folder ({_BIDS_NAME})",
            f"{len(found)}: {shown}..." if found else "none",
            "name a file, or read all with biosig.records.read_bids" if found else "",
        )
    return found[0]

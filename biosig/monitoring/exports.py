"""What a session found, in files that others open: WFDB annotations, CSV, Parquet."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from biosig.errors import StoreError
from biosig.records.recording import Annotations
from biosig.records.wfdb_annotations import write_annotations

if TYPE_CHECKING:
    from biosig.monitoring.store import Session

__all__ = ["ANNOTATOR", "alarm_table", "export"]

ANNOTATOR = "bsm"
"""Suffix of the annotation files."""

_SYMBOLS = {"N": "N", "S": "S", "V": "V", "F": "F"}
_UNKNOWN = "Q"
_NOTE_BYTES = 255


def export(session: Session, folder: Path) -> list[Path]:
    """Write everything of a session so far into a folder; the files written.

    ``PATIENT.bsm`` holds the beats with their class (``Q`` = not known, as where the signal was bad) and alarms as
    notes; ``beats.csv`` and ``alarms.csv`` hold the same for all patients, ``.parquet`` too where pyarrow is installed.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        beats = session.frame("scores")
        beats = beats[beats.beat.astype(bool)].drop(columns="beat")
        alarms = session.frame("alarms")
        names: set[str] = set()
        for patient, snapshot in session.snapshots().items():
            marks = _marks(beats[beats.patient == patient], alarms[alarms.patient == patient])
            name = _free(re.sub(r"[^\w-]", "_", patient, flags=re.ASCII) or "patient", names)
            written.append(write_annotations(folder, name, marks, fs=snapshot.layout.fs, annotator=ANNOTATOR))
        for name, table in (("beats", beats), ("alarms", alarms)):
            written += _tables(table, folder / name)
    except OSError as error:
        raise StoreError(f"{folder}: results cannot be written: {error.strerror or error}") from None
    return written


def alarm_table(session: Session) -> pd.DataFrame:
    """Raised alarms by patient: ``patient``, ``alarm``, ``priority``, ``raised`` (count), ``first_s``, ``last_s``."""
    alarms = session.frame("alarms")
    raised = alarms[alarms.kind == "raised"]
    grouped = raised.groupby(["patient", "alarm", "priority"], sort=False).time_s
    return grouped.agg(raised="count", first_s="min", last_s="max").reset_index()


def _marks(beats: pd.DataFrame, alarms: pd.DataFrame) -> Annotations:
    """Beats and alarms of one patient in order of time."""
    columns = (alarms[name].astype(str).tolist() for name in ("alarm", "kind", "priority", "detail"))
    notes = [_note(*row) for row in zip(*columns, strict=True)]
    onset_s = np.concatenate([beats.time_s.to_numpy(np.float64), alarms.time_s.to_numpy(np.float64)])
    labels = [*(_SYMBOLS.get(label, _UNKNOWN) for label in beats.label), *('"' for _ in notes)]
    aux = [*("" for _ in range(len(beats))), *notes]
    order = np.argsort(onset_s, kind="stable").tolist()
    return Annotations(
        onset_s=onset_s[order],
        duration_s=np.zeros(len(order)),
        label=tuple(labels[i] for i in order),
        aux=tuple(aux[i] for i in order),
        channel=np.full(len(order), -1, dtype=np.int64),
    )


def _note(alarm: str, kind: str, priority: str, detail: str) -> str:
    text = f"{alarm} {kind} ({priority})" + (f": {detail}" if detail else "")
    return text.encode("utf-8")[:_NOTE_BYTES].decode("utf-8", errors="ignore")


def _free(name: str, taken: set[str]) -> str:
    """The name, with a number behind it where another patient has it already."""
    number, chosen = 1, name
    while chosen in taken:
        number += 1
        chosen = f"{name}_{number}"
    taken.add(chosen)
    return chosen


def _tables(table: pd.DataFrame, stem: Path) -> Sequence[Path]:
    """A table as CSV, and as Parquet where that can be written; written beside, then renamed."""
    written = [stem.with_suffix(".csv")]
    beside = written[0].with_name(f".{written[0].name}.part")
    table.to_csv(beside, index=False)
    beside.replace(written[0])
    if importlib.util.find_spec("pyarrow") is None:
        return written
    written.append(stem.with_suffix(".parquet"))
    beside = written[1].with_name(f".{written[1].name}.part")
    table.to_parquet(beside, index=False)
    beside.replace(written[1])
    return written

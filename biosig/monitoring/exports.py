"""What a session found, in files that others open: WFDB annotations, EDF+ annotations, CSV, Parquet.

Everything is written as it is read, some thousands at a time: a day takes no more memory than an hour.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from biosig.errors import StoreError
from biosig.monitoring.log import Snapshot
from biosig.monitoring.result_marks import edf_marks, wfdb_marks
from biosig.monitoring.result_tables import write_tables
from biosig.monitoring.tables import LOGS
from biosig.records.edf_writing import write_edf_annotations
from biosig.records.wfdb_annotations import write_annotations

if TYPE_CHECKING:
    import pandas as pd

    from biosig.monitoring.store import Session

__all__ = ["ANNOTATOR", "alarm_table", "export"]

ANNOTATOR = "bsm"
"""Suffix of the WFDB annotation files."""


def export(session: Session, folder: Path) -> list[Path]:
    """Write everything of a session so far into a folder; the files written.

    ``PATIENT.bsm`` (WFDB) holds the beats with their class (``Q`` = not known, as where the signal was bad), and what
    windows say and alarms as notes. ``PATIENT.edf`` (EDF+, annotations only) holds the same, alarms and windows with
    their durations. ``beats.csv``, ``alarms.csv`` and, where there are other windows than beats, ``windows.csv`` hold
    the same for all patients, ``.parquet`` too where pyarrow is installed.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        names: set[str] = set()
        for patient, snapshot in session.snapshots().items():
            name = _free(re.sub(r"[^\w-]", "_", patient, flags=re.ASCII) or "patient", names)
            fs = snapshot.layout.fs
            marks = wfdb_marks(session, patient, fs)
            written.append(write_annotations(folder, name, marks, fs=fs, annotator=ANNOTATOR))
            written.append(_write_edf(session, folder / f"{name}.edf", patient, snapshot))
        written += _write_tables(session, folder)
    except OSError as error:
        raise StoreError(f"{folder}: results cannot be written: {error.strerror or error}") from None
    return written


def alarm_table(session: Session) -> pd.DataFrame:
    """Raised alarms by patient: ``patient``, ``alarm``, ``priority``, ``raised`` (count), ``first_s``, ``last_s``."""
    import pandas as pd

    seen: dict[tuple[str, str, str], tuple[int, float, float]] = {}
    columns = ("patient", "alarm", "priority", "time_s")
    for patient, alarm, priority, time_s in chain.from_iterable(
        session.pieces("alarms", columns=columns, kind="raised")
    ):
        count, first_s, last_s = seen.get((patient, alarm, priority), (0, time_s, time_s))
        seen[patient, alarm, priority] = (count + 1, min(first_s, time_s), max(last_s, time_s))
    rows = [(*key, *figures) for key, figures in seen.items()]
    return pd.DataFrame(rows, columns=["patient", "alarm", "priority", "raised", "first_s", "last_s"])


def _write_edf(session: Session, path: Path, patient: str, snapshot: Snapshot) -> Path:
    memory = json.loads(snapshot.memory)
    start = datetime.fromisoformat(memory["start"]) if memory["start"] else None
    return write_edf_annotations(
        path, edf_marks(session, patient, float(memory["now_s"])), subject=patient, start=start
    )


def _write_tables(session: Session, folder: Path) -> Iterator[Path]:
    columns = [column for column in LOGS["scores"].c if column.name not in ("session", "beat")]
    names = tuple(column.name for column in columns)
    yield from write_tables(folder / "beats", columns, session.pieces("scores", columns=names, beat=True))
    windows = session.pieces("scores", columns=names, beat=False)
    if (first := next(windows, None)) is not None:
        yield from write_tables(folder / "windows", columns, chain([first], windows))
    columns = [column for column in LOGS["alarms"].c if column.name != "session"]
    yield from write_tables(folder / "alarms", columns, session.pieces("alarms"))


def _free(name: str, taken: set[str]) -> str:
    """The name, with a number behind it where another patient has it already."""
    number, chosen = 1, name
    while chosen in taken:
        number += 1
        chosen = f"{name}_{number}"
    taken.add(chosen)
    return chosen

"""Monitored recordings against their annotations: what a ward would have thought of the alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biosig.bundle import Bundle
from biosig.errors import RecordError, SourceError, StoreError
from biosig.evaluation.alarms import pool
from biosig.monitoring.alarm_scoring import Heard, alarms_in, score_alarms
from biosig.monitoring.events import AlarmEvent
from biosig.monitoring.monitor import Monitor, Round
from biosig.monitoring.panel import Panel
from biosig.monitoring.sources import record_paths
from biosig.records.recording import Layout, Recording
from biosig.runs.watching import (
    load_bundles,
    open_recording,
    open_recordings,
    open_store,
    patient_name,
    played,
    stand_ins_told,
)
from biosig.windows.labels import aami_classes

if TYPE_CHECKING:
    from biosig.monitoring.store import Store

__all__ = ["evaluate_alarms"]

_SAME_LENGTH_S = 1.0
"""A monitored signal may be longer or shorter than the record by as much: the last, unfinished second."""


def evaluate_alarms(
    records: Sequence[Path | str],
    *,
    store: Path | str | None = None,
    bundles: Sequence[str | Path | Bundle] = (),
    lead_map: Mapping[str, str] | None = None,
    device: str = "cpu",
    say: Callable[[str], None] = lambda _line: None,
) -> dict[str, Any]:
    """How good the alarms on annotated records were, each alone and all together (gross).

    Parameters
    ----------
    records : annotated records, or folders of records.
    store : what ``biosig monitor`` wrote: its folder, the ``events.sqlite`` in it, or SQLAlchemy's address of a
        database. Of a patient watched several times the last session counts.
    bundles : instead of ``store``: the records are monitored now with these, in memory and with the shipped rules.
    lead_map : source channel -> channel of a bundle that it stands in for; with ``bundles``.
    device : ``auto``, ``cpu`` or ``cuda``; with ``bundles``.
    say : takes lines for people.

    Returns
    -------
    dict
        ``records`` (per record what :func:`~biosig.monitoring.alarm_scoring.score_alarms` gives) and ``gross`` (the
        same over all, :func:`~biosig.evaluation.alarms.pool`).

    Raises
    ------
    ValueError
        Where not exactly one of ``store`` and ``bundles`` is given, or no record.
    RecordError
        Where a record cannot be read, has no annotated beats, or is not what the store's patient was.
    StoreError
        Where there is no store, the patient is not in it, or was not watched to the end.
    BundleError
        Where a bundle does not fit a record.
    """
    if (store is None) == (not bundles):
        raise ValueError("alarms come from a store or from bundles: give exactly one of the two")
    if not records:
        raise ValueError("expected at least one record, got none")
    names = [str(record) for record in records]
    if store is not None and lead_map:
        raise ValueError("leads stand in while monitoring: lead_map goes with bundles, a store has its own")
    if store is None:
        heard = _monitored(names, bundles, lead_map, device, say)
    else:
        kept = _existing(store)
        try:
            heard = _stored(names, kept)
        finally:
            kept.close()
    scored = {
        name: score_alarms(one.events, recording.annotations, one.rules, duration_s=recording.duration_s)
        for name, (recording, one) in heard.items()
    }
    unscored: Counter[str] = Counter()
    for figures in scored.values():
        unscored.update(figures["not_scored"])
    return {"records": scored, "gross": pool(scored.values()) | {"not_scored": dict(unscored)}}


def _monitored(
    names: Sequence[str],
    bundles: Sequence[str | Path | Bundle],
    lead_map: Mapping[str, str] | None,
    device: str,
    say: Callable[[str], None],
) -> dict[str, tuple[Recording, Heard]]:
    """Records watched now, as fast as they can be, with what was heard of them."""
    loaded = load_bundles(bundles)
    events: dict[str, list[AlarmEvent]] = {}

    def listen(_monitor: Monitor, step: Round) -> None:
        for entry in step.entries:
            if isinstance(entry.what, AlarmEvent):
                events[entry.patient].append(entry.what)

    with stand_ins_told(lead_map, say):
        recordings = open_recordings(names, Panel(loaded, lead_map=lead_map or {}), say=say)
        if not recordings:
            raise SourceError(f"{', '.join(names)}: nothing to watch: no recording fits the bundle")
        for name, recording in recordings.items():
            _check_annotated(name, recording)
            events[name] = []
        watcher = Monitor(loaded, lead_map=lead_map, device=device, listeners=[listen])
        watcher.run([played(recordings)])
    return {
        name: (
            recording,
            Heard(tuple(events[name]), watcher.beds[name].watching.rules, recording.layout, recording.duration_s, True),
        )
        for name, recording in recordings.items()
    }


def _existing(store: Path | str) -> Store:
    """The store in a folder, a file or a database; none is made."""
    if isinstance(store, str) and "://" in store:
        return open_store(store)
    place = Path(store)
    file = place / "events.sqlite" if place.is_dir() else place
    if not file.is_file():
        raise StoreError(
            f"{file}: no event store there; biosig monitor RECORD --out FOLDER writes one, or give --bundle "
            "to monitor the record now"
        )
    return open_store(file)


def _stored(names: Sequence[str], store: Store) -> dict[str, tuple[Recording, Heard]]:
    """Records with what the store has of each."""
    paths = [path for name in dict.fromkeys(names) for path in record_paths(Path(name))]
    known = store.patients()
    found: dict[str, tuple[Recording, Heard]] = {}
    for path in paths:
        patient = str(path) if str(path) in known else patient_name(path, found)
        twins = [name for name in known if name != patient and patient_name(Path(name), ()) == patient]
        if strangers := sorted(set(twins) - {str(other) for other in paths}):
            raise StoreError(
                f"{store.name}: {path} may be patient {patient!r} or {strangers[0]!r}; "
                "give all records of this name as biosig monitor was given them"
            )
        heard = alarms_in(store.last_of(patient), patient)
        if not heard.ended:
            raise StoreError(
                f"{store.name}: patient {patient!r} was watched for {heard.watched_s:.0f} s and not to the end; "
                "biosig monitor --resume goes on"
            )
        recording = open_recording(path, heard.layout.channels)
        _check_annotated(patient, recording)
        _check_same(patient, recording, heard)
        found[patient] = recording, heard
    return found


def _check_annotated(name: str, recording: Recording) -> None:
    """Without beats every recording would be one long asystole."""
    if not any(aami_classes(recording.annotations.label)):
        raise RecordError(
            f"{name}: expected annotated beats to score alarms against, found {len(recording.annotations.label)} "
            "annotations and no beat among them"
        )


def _check_same(name: str, recording: Recording, heard: Heard) -> None:
    """A patient of another record's name must not be scored against this one's annotations."""
    if recording.layout != heard.layout:
        raise RecordError(f"{name}: the record has {_shown(recording.layout)}, monitored were {_shown(heard.layout)}")
    if abs(recording.duration_s - heard.watched_s) > _SAME_LENGTH_S:
        raise RecordError(
            f"{name}: the record lasts {recording.duration_s:.1f} s, monitored were {heard.watched_s:.1f} s"
        )


def _shown(layout: Layout) -> str:
    pairs = zip(layout.channels, layout.units, strict=True)
    return f"{', '.join(f'{channel} ({unit})' for channel, unit in pairs)} at {layout.fs:g} Hz"

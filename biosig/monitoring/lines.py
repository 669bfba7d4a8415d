"""Samples as JSON lines on standard input, any number of patients.

::

    {"patient": "bed 1", "channels": ["MLII"], "fs": 360, "unit": "mV"}
    {"patient": "bed 1", "start": 0, "samples": [[-0.145, -0.145, null]]}
    {"patient": "bed 1", "end": true}

The first line of a patient declares ``channels``, ``fs`` and ``unit`` (of all, or ``units``, one per channel). Samples
are one list per channel, null = not recorded, placed by ``start`` (number of the first sample) or by ``time_s`` (its
stamp). ``patient`` may be left out where there is one only.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.errors import SourceError
from biosig.monitoring.intake import Packet
from biosig.monitoring.sources import Delivery, OnResume, Pipe, Source, replays
from biosig.records.recording import Layout

__all__ = ["Lines"]

_KEYS = ("patient", "channels", "fs", "unit", "units", "start", "time_s", "samples", "end")
_LONGEST = 1 << 24


class Lines(Source):
    """JSON lines of a file descriptor.

    Parameters
    ----------
    descriptor : where to read.
    on_resume : whether a resumed run gets the same lines again (what was watched is passed over), or what follows.
    """

    open = True

    def __init__(self, *, descriptor: int = 0, on_resume: OnResume | None = None, live: bool = False) -> None:
        self.live = live
        self._on_resume = on_resume
        self._pipe = Pipe(descriptor)
        self._rest = b""
        self._number = 0
        self._layouts: dict[str, Layout] = {}
        self._open: list[str] = []
        self._error: SourceError | None = None
        self._places: dict[str, int] = {}
        self._skip: dict[str, int] = {}

    def poll(self) -> list[Delivery]:
        if self.ended:
            return []
        if self._error:
            raise self._error
        *lines, self._rest = (self._rest + self._pipe.take()).split(b"\n")
        if len(self._rest) > _LONGEST:
            raise SourceError(
                f"standard input, line {self._number + 1}: longer than {_LONGEST} bytes; is it JSON lines?"
            )
        if self._pipe.ended:
            lines, self._rest = [*lines, self._rest], b""
        given: list[Delivery] = []
        for line in lines:
            try:
                given += self._read(line)
            except SourceError as error:
                self._error = error
                return given
        if self._pipe.ended:
            self.ended = True
            given += [Delivery(patient, self._layouts[patient], None) for patient in self._open]
        return given

    def _read(self, line: bytes) -> list[Delivery]:
        self._number += 1
        if not line.strip():
            return []
        try:
            entry = _entry(line)
            if not isinstance(entry, dict):
                raise ValueError("expected an object such as {...}")
            return self._take(entry)
        except (ValueError, TypeError) as error:
            raise SourceError(f"standard input, line {self._number}: {error}") from None

    def _take(self, entry: dict[str, Any]) -> list[Delivery]:
        unknown = [key for key in entry if key not in _KEYS]
        if unknown:
            raise ValueError(f"unknown key {unknown[0]!r} (known: {', '.join(_KEYS)})")
        patient = str(entry.get("patient", "stdin"))
        if "channels" in entry:
            layout = _layout(entry)
            if self._layouts.setdefault(patient, layout) != layout:
                raise ValueError(f"patient {patient!r} declares another layout than before")
            if patient not in self._open:
                self._open.append(patient)
        if patient not in self._open:
            raise ValueError(f'patient {patient!r} must first declare "channels", "fs" and "unit"')
        layout = self._layouts[patient]
        given = []
        if "samples" in entry:
            packet = _packet(entry, layout)
            if self._skip.get(patient, 0):
                self._skip[patient] -= 1
            else:
                self._places[patient] = self._places.get(patient, 0) + 1
                given.append(Delivery(patient, layout, packet))
        if entry.get("end"):
            self._open.remove(patient)
            given.append(Delivery(patient, layout, None))
        return given

    def place(self, patient: str) -> int:
        """Lines of samples handed over."""
        return self._places.get(patient, 0)

    def seek(self, patient: str, place: int) -> None:
        self._skip[patient] = place if replays(self._on_resume) else 0
        self._places[patient] = place


def _entry(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise ValueError(f"no JSON ({error}); raw frames need --channels and --fs") from None


def _layout(entry: dict[str, Any]) -> Layout:
    if "fs" not in entry or ("unit" not in entry and "units" not in entry):
        raise ValueError('channels come with "fs" in Hz and "unit"')
    channels = tuple(str(name) for name in entry["channels"])
    units = entry.get("units", [entry.get("unit")] * len(channels))
    return Layout(channels, float(entry["fs"]), tuple(str(unit) for unit in units))


def _packet(entry: dict[str, Any], layout: Layout) -> Packet:
    if ("start" in entry) == ("time_s" in entry):
        raise ValueError('samples need "start" (number of the first) or "time_s" (its stamp), one of them')
    data: NDArray[np.float32] = np.array(entry["samples"], dtype=np.float32)
    if data.ndim == 1 and layout.n_channels == 1:
        data = data[None]
    if data.ndim != 2 or len(data) != layout.n_channels:
        raise ValueError(f"samples must be {layout.n_channels} lists of one length, one per channel")
    if "start" in entry:
        return Packet(data, start_sample=int(entry["start"]))
    return Packet(data, time_s=float(entry["time_s"]))

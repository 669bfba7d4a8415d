"""What goes over the wire between a monitor and its page.

To the page, binary messages: a little-endian ``uint32`` with the length of the header, the header (one JSON object in
UTF-8, filled up with spaces to a multiple of four bytes), and little-endian float32 samples to the end of the message.
``kind`` in the header says what it is:

``hello``    who is watched and how; the alarm log so far. Always the first.
``bed``      somebody new is watched.
``status``   how a patient is now: rate, rhythm, alarms in force, newest trend points.
``alarm``    an entry of the alarm log; ``notice`` one about the source.
``wave``     samples, (channels, n) row by row, from ``start_s`` on, and what became known meanwhile: beats
             ``[seconds, label, usable]`` and anomaly scores ``[seconds, score, usable]``.
``history``  the trends so far, one row of samples per column of :data:`biosig.monitoring.web.trends.COLUMNS`.
``ward``     once a second: that the link and the monitor are alive, and what is wrong with the whole.
``answer``   to what the page asked, by its ``id``; ``lost`` how many waveform frames this page did not get.
``bye``      the monitor has ended.

From the page, JSON text: :class:`Show`, :class:`Acknowledge`, :class:`Pause`, :class:`Ping`.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

__all__ = ["VERSION", "Acknowledge", "Asked", "Pause", "Ping", "Show", "number", "pack", "parse", "unpack"]

VERSION = 1
"""Of this protocol; a page of another one loads itself anew."""

LONGEST_PAUSE_S = 600.0
"""Nobody silences a patient for longer at a time: a pause must end by itself (IEC 60601-1-8:2006+A2:2020, 6.8.5)."""

_LENGTH = struct.Struct("<I")
_NO_SAMPLES = np.zeros(0, dtype="<f4")


def pack(header: Mapping[str, Any], samples: NDArray[Any] = _NO_SAMPLES) -> bytes:
    """A message to the page; ``ValueError`` for a number in the header that JSON does not know (:func:`number`)."""
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    return _LENGTH.pack(len(text)) + text + np.asarray(samples, dtype="<f4", order="C").tobytes()


def unpack(message: bytes) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """Header and samples (all of them in one row) of a :func:`pack`ed message; ``ValueError`` where it is none."""
    if len(message) < _LENGTH.size:
        raise ValueError(f"a message has 4 bytes at least, got {len(message)}")
    (length,) = _LENGTH.unpack_from(message)
    stop = _LENGTH.size + length
    if stop > len(message) or (len(message) - stop) % 4:
        raise ValueError(f"a header of {length} bytes and whole float32 do not fill a message of {len(message)} bytes")
    header = json.loads(message[_LENGTH.size : stop])
    if not isinstance(header, dict) or "kind" not in header:
        raise ValueError(f"a header is an object with a kind, got {header!r:.60}")
    return header, np.frombuffer(message, dtype="<f4", offset=stop)


def number(value: float | None, digits: int = 3) -> float | None:
    """A number as JSON has it: rounded, and None where it is none or not finite."""
    return None if value is None or not math.isfinite(value) else round(value, digits)


class _Ask(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: int = Field(ge=0, le=2**53)


_Name = Annotated[str, Field(max_length=200)]


class Show(_Ask):
    """Whose samples and marks this page wants from now on; with ``trends``, their past first."""

    do: Literal["show"]
    patients: Annotated[list[_Name], Field(max_length=256)]
    trends: bool = False


class Acknowledge(_Ask):
    """Somebody has seen an alarm, by its rule's name; ``""`` = all of the patient."""

    do: Literal["acknowledge"]
    patient: _Name
    alarm: _Name = ""
    who: Annotated[str, Field(max_length=40)] = ""


class Pause(_Ask):
    """Keep an alarm silent (``""`` = all but the technical) for so many seconds of signal; 0 ends a pause."""

    do: Literal["pause"]
    patient: _Name
    alarm: _Name = ""
    for_s: float = Field(ge=0.0, le=LONGEST_PAUSE_S, strict=False)
    who: Annotated[str, Field(max_length=40)] = ""


class Ping(_Ask):
    """Answer at once."""

    do: Literal["ping"]


Asked = Show | Acknowledge | Pause | Ping

_ASKED: TypeAdapter[Asked] = TypeAdapter(Annotated[Asked, Field(discriminator="do")])


def parse(text: str) -> Asked:
    """What a page asks; ``ValueError`` in one line for anything else."""
    try:
        return _ASKED.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{where or 'message'}: {first['msg']}") from None

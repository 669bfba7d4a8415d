"""Live signals of the Lab Streaming Layer, https://labstreaminglayer.org."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.errors import SourceError
from biosig.monitoring.intake import Packet
from biosig.monitoring.sources import Delivery, Source
from biosig.records.recording import Layout
from biosig.records.units import eeg_channels, layout_unit

__all__ = ["LslStream"]

_LOOK_S = 5.0
"""Seconds a stream is looked for."""
_HOLE_S = 0.02
"""Stamps further apart than this, plus the sample interval, are told apart; how wide a hole is, the intake decides."""
_BUFFER_S = 360
_AT_ONCE = 4096


class LslStream(Source):
    """One stream by its name; one patient, called like it. It ends only where ``close`` ends it.

    Parameters
    ----------
    name : of the stream.
    channels, unit : where the stream does not declare them in its description (``channels/channel/label``, ``unit``).
    look_s : seconds the stream is looked for.

    Raises
    ------
    SourceError : pylsl is not installed, no such stream is there, or it does not say what its samples are.
    """

    reorder_s = 0.0
    live = True

    def __init__(self, name: str, *, channels: tuple[str, ...] = (), unit: str = "", look_s: float = _LOOK_S) -> None:
        try:
            import pylsl
        except ImportError:
            raise SourceError(f"lsl:{name}: needs pylsl; install it with: pip install 'biosig-ml[live]'") from None
        except RuntimeError as error:
            raise SourceError(f"lsl:{name}: pylsl does not work here: {str(error).splitlines()[0]}") from None
        found = pylsl.resolve_byprop("name", name, timeout=look_s)
        if not found:
            others = sorted({info.name() for info in pylsl.resolve_streams(wait_time=1.0)})
            raise SourceError(f"lsl:{name}: no such stream in {look_s:g} s; there are: {', '.join(others) or 'none'}")
        self._name = name
        self._inlet = pylsl.StreamInlet(found[0], max_buflen=_BUFFER_S, processing_flags=pylsl.proc_clocksync)
        self._layout, self._factor = _declared(name, self._inlet.info(timeout=look_s), channels, unit)
        self._inlet.open_stream(timeout=look_s)

    @property
    def layouts(self) -> Mapping[str, Layout]:
        return {self._name: self._layout}

    def poll(self) -> list[Delivery]:
        if self.ended:
            return []
        samples, stamps = self._inlet.pull_chunk(timeout=0.0, max_samples=_AT_ONCE)
        if not stamps:
            return []
        data = np.asarray(samples, dtype=np.float32).T * self._factor
        times = np.asarray(stamps, dtype=np.float64)
        cuts = np.flatnonzero(np.abs(np.diff(times) - 1.0 / self._layout.fs) > _HOLE_S) + 1
        edges = [0, *cuts.tolist(), len(times)]
        return [
            Delivery(self._name, self._layout, Packet(data[:, first:stop], time_s=float(times[first])))
            for first, stop in pairwise(edges)
        ]

    def close(self) -> None:
        self.ended = True
        self._inlet.close_stream()


def _declared(name: str, info: Any, channels: tuple[str, ...], unit: str) -> tuple[Layout, NDArray[np.float32]]:
    """The layout that a stream declares, and the factor per channel from its units to the layout's."""
    if info.channel_format() == 3 or not info.nominal_srate() > 0:
        raise SourceError(f"lsl:{name}: expected samples at a regular rate, got a stream of events")
    labels, units = [], []
    channel = info.desc().child("channels").child("channel")
    while not channel.empty():
        labels.append(channel.child_value("label"))
        units.append(channel.child_value("unit"))
        channel = channel.next_sibling("channel")
    n = info.channel_count()
    labels = list(channels) or labels
    units = [unit] * n if unit else units
    if len(labels) != n or len(units) != n or not all(labels) or not all(units):
        raise SourceError(
            f"lsl:{name}: has {n} channels and does not say label and unit of each; give --channels and --unit"
        )
    eeg = eeg_channels(labels)
    known = [layout_unit(one, eeg=is_eeg) for one, is_eeg in zip(units, eeg, strict=True)]
    layout = Layout(tuple(labels), float(info.nominal_srate()), tuple(one for one, _ in known))
    return layout, np.array([[factor] for _, factor in known], dtype=np.float32)

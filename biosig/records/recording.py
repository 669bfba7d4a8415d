"""What every other part of biosig works on: samples with their layout and their marks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from biosig.errors import RecordError
from biosig.records.channel_names import OTHER_NAME

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["TO_MV", "Annotations", "Layout", "MemorySamples", "Recording", "Samples"]

TO_MV = {"V": 1e3, "mV": 1.0, "uV": 1e-3, "µV": 1e-3}
"""Millivolts in a unit; where a number in mV is needed, any other unit is taken for mV."""


@dataclass(frozen=True)
class Layout:
    """What the rows of a signal array are: channel names, sampling rate in Hz, units per channel.

    Parameters
    ----------
    channels : channel names, one per row.
    fs : samples per second and channel, in Hz.
    units : physical unit per row (``mV`` for ECG, ``uV`` for EEG, as the reader converts them).
    """

    channels: tuple[str, ...]
    fs: float
    units: tuple[str, ...]

    def __post_init__(self) -> None:
        if not (np.isfinite(self.fs) and self.fs > 0):
            raise ValueError(f"fs must be a positive number of Hz, got {self.fs}")
        if len(self.channels) != len(self.units):
            raise ValueError(f"expected one unit per channel, got {len(self.units)} for {len(self.channels)} channels")

    @property
    def n_channels(self) -> int:
        """Number of rows."""
        return len(self.channels)

    @property
    def unit(self) -> str:
        """The one unit all channels share; ``ValueError`` where they do not."""
        found = sorted(set(self.units))
        if len(found) != 1:
            raise ValueError(f"channels have several units ({', '.join(found)}); pick channels of one unit first")
        return found[0]

    def index(self, channel: str) -> int:
        """Row of ``channel``; ``ValueError`` naming those there are."""
        if channel not in self.channels:
            raise ValueError(f"channel {channel!r} not found, has {', '.join(self.channels)}")
        return self.channels.index(channel)

    def find(self, channel: str) -> int:
        """Row of ``channel``, by this or the other name of its site (``T7``, ``T3``); -1 where it is not there."""
        names = [name for name in (channel, OTHER_NAME.get(channel)) if name in self.channels]
        return self.channels.index(names[0]) if names else -1

    def pick(self, channels: Sequence[str]) -> Layout:
        """The layout of these channels, in this order."""
        rows = [self.index(channel) for channel in channels]
        return replace(
            self,
            channels=tuple(self.channels[row] for row in rows),
            units=tuple(self.units[row] for row in rows),
        )


@dataclass(frozen=True, eq=False)
class Annotations:
    """Marks on a recording's time axis, in order of time.

    Parameters
    ----------
    onset_s : float64 (n,), seconds from the start of the recording.
    duration_s : float64 (n,), seconds; 0 for a mark at one instant.
    label : n strings (WFDB beat symbol, EDF+ text).
    aux : n strings, the note that comes with a mark (WFDB ``aux_note``), ``""`` where none.
    channel : int64 (n,), the channel a mark was made on; -1 = the whole recording.
    """

    onset_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    duration_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    label: tuple[str, ...] = ()
    aux: tuple[str, ...] = ()
    channel: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        lengths = {len(self.onset_s), len(self.duration_s), len(self.label), len(self.aux), len(self.channel)}
        if len(lengths) != 1:
            raise ValueError(f"annotation columns must have one length, got {sorted(lengths)}")

    @classmethod
    def at(
        cls, onset_s: NDArray[np.float64], label: Sequence[str], *, duration_s: NDArray[np.float64] | None = None
    ) -> Annotations:
        """Marks at ``onset_s`` with these labels, no notes, for the whole recording."""
        n = len(onset_s)
        return cls(
            onset_s=np.asarray(onset_s, dtype=np.float64),
            duration_s=np.zeros(n) if duration_s is None else np.asarray(duration_s, dtype=np.float64),
            label=tuple(label),
            aux=("",) * n,
            channel=np.full(n, -1, dtype=np.int64),
        )

    def __len__(self) -> int:
        return len(self.label)

    def samples(self, fs: float) -> NDArray[np.int64]:
        """Sample number of every onset at ``fs`` Hz (exact for files that count in samples of ``fs``)."""
        return np.rint(self.onset_s * fs).astype(np.int64)

    def where(self, keep: NDArray[np.bool_]) -> Annotations:
        """Only the marks for which ``keep`` (n,) is true."""
        chosen = np.flatnonzero(keep)
        return Annotations(
            onset_s=self.onset_s[chosen],
            duration_s=self.duration_s[chosen],
            label=tuple(self.label[i] for i in chosen),
            aux=tuple(self.aux[i] for i in chosen),
            channel=self.channel[chosen],
        )

    def between(self, start_s: float, stop_s: float) -> Annotations:
        """Marks between ``start_s`` and ``stop_s``, counted from there; those that last are cut to it."""
        end_s = self.onset_s + self.duration_s
        inside = (self.onset_s >= start_s) & (self.onset_s < stop_s)
        found = self.where(inside | ((self.onset_s < start_s) & (end_s > start_s)))
        onset_s = np.maximum(found.onset_s, start_s)
        stop = np.minimum(found.onset_s + found.duration_s, stop_s)
        return replace(found, onset_s=onset_s - start_s, duration_s=np.maximum(stop - onset_s, 0.0))

    def to_frame(self) -> pd.DataFrame:
        """One row per mark: ``onset_s``, ``duration_s``, ``label``, ``aux``, ``channel``."""
        import pandas as pd

        return pd.DataFrame(
            {
                "onset_s": self.onset_s,
                "duration_s": self.duration_s,
                "label": list(self.label),
                "aux": list(self.aux),
                "channel": self.channel,
            }
        )


class Samples(Protocol):
    """Where a recording's samples come from; readers implement it, memory is only touched when asked."""

    @property
    def n_times(self) -> int:
        """Samples per channel."""
        ...

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Samples ``start`` to ``stop`` of every channel, float32 (n_channels, stop - start)."""
        ...

    def pick(self, rows: Sequence[int]) -> Samples:
        """The same samples, only these rows, in this order."""
        ...


@dataclass(frozen=True, eq=False)
class MemorySamples:
    """Samples already in memory, float32 (n_channels, n_times)."""

    data: NDArray[np.float32]

    @property
    def n_times(self) -> int:
        return int(self.data.shape[1])

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        return self.data[:, start:stop]

    def pick(self, rows: Sequence[int]) -> MemorySamples:
        return MemorySamples(self.data[list(rows)])


@dataclass(frozen=True, eq=False)
class FilledSamples:
    """Rows of other samples, and rows that were not recorded (NaN): ``rows`` are numbers, -1 = not recorded."""

    samples: Samples
    rows: tuple[int, ...]

    @property
    def n_times(self) -> int:
        return self.samples.n_times

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        known = self.samples.read(start, stop)
        filled = np.full((len(self.rows), known.shape[1]), np.nan, dtype=np.float32)
        for place, row in enumerate(self.rows):
            if row >= 0:
                filled[place] = known[row]
        return filled

    def pick(self, rows: Sequence[int]) -> FilledSamples:
        return FilledSamples(self.samples, tuple(self.rows[row] for row in rows))


@dataclass(frozen=True, eq=False)
class Recording:
    """One recording of one subject: samples in physical units with their layout and marks.

    NaN means "not recorded". Time is the last axis, in seconds from the start of the recording.

    Parameters
    ----------
    name : how errors and reports call it (``mitdb/100``).
    subject : who it is; no split ever cuts across a subject.
    layout : channels, rate, units.
    samples : where the samples come from, read when they are asked for.
    annotations : marks on the time axis.
    start : wall-clock time of sample 0, where the file tells.
    comments : free lines of the header.
    path : the file it was read from.
    channel_fs : native rate per channel in Hz where the file stores channels at different rates.
        ``layout.fs`` is then the rate of the common grid, and a slower channel is NaN
        between its own samples: nothing is averaged or repeated. Empty = all at ``layout.fs``.
    rails : lowest and highest value that the converter of each channel can give, in its unit, where the file tells:
        samples there are saturated. Empty = not known.
    """

    name: str
    subject: str
    layout: Layout
    samples: Samples
    annotations: Annotations = field(default_factory=Annotations)
    start: datetime | None = None
    comments: tuple[str, ...] = ()
    path: Path | None = None
    channel_fs: tuple[float, ...] = ()
    rails: tuple[tuple[float, float], ...] = ()

    def __repr__(self) -> str:
        """Name, channels, rate, length and marks; of many channels the first four."""
        layout = self.layout
        names = ", ".join(layout.channels[:4]) + (", ..." if layout.n_channels > 4 else "")
        channels = f"{layout.n_channels} channel{'' if layout.n_channels == 1 else 's'} ({names})"
        units = " and ".join(dict.fromkeys(layout.units))
        seconds, marks = self.n_times / self.fs, len(self.annotations)
        told = f"{channels} in {units}, {self.fs:g} Hz, {seconds:.10g} s, {marks} annotations"
        return f"<Recording {self.name!r}: {told}>"

    @classmethod
    def from_array(
        cls, data: NDArray[Any], layout: Layout, *, name: str = "array", subject: str = "", **fields: Any
    ) -> Recording:
        """A recording from an array (n_channels, n_times) in the layout's units; NaN = not recorded."""
        array = np.ascontiguousarray(data, dtype=np.float32)
        if array.ndim != 2 or array.shape[0] != layout.n_channels:
            raise ValueError(f"data must be ({layout.n_channels}, n_times) for this layout, got {array.shape}")
        return cls(name=name, subject=subject or name, layout=layout, samples=MemorySamples(array), **fields)

    @cached_property
    def data(self) -> NDArray[np.float32]:
        """All samples, float32 (n_channels, n_times), NaN = not recorded."""
        return self.samples.read(0, self.n_times)

    @property
    def n_times(self) -> int:
        """Samples per channel."""
        return self.samples.n_times

    @property
    def fs(self) -> float:
        """Samples per second, in Hz."""
        return self.layout.fs

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_times / self.layout.fs

    def chunks(self, seconds: float) -> Iterator[NDArray[np.float32]]:
        """Consecutive pieces of ``seconds``, float32 (n_channels, n), the last one shorter; one in memory at a time."""
        size = round(seconds * self.layout.fs)
        if size < 1:
            raise ValueError(f"a chunk must hold at least one sample: seconds >= {1 / self.layout.fs:g}, got {seconds}")
        for start in range(0, self.n_times, size):
            yield self.samples.read(start, min(start + size, self.n_times))

    def crop(self, start_s: float, stop_s: float) -> Recording:
        """The part from ``start_s`` to ``stop_s`` in memory, its time starting at 0 again.

        Marks at one instant stay where they lie inside; of those that last, what lies inside stays.
        """
        first = max(0, round(start_s * self.layout.fs))
        last = min(self.n_times, round(stop_s * self.layout.fs))
        if last <= first:
            raise ValueError(f"crop needs 0 <= start_s < stop_s <= {self.duration_s:g}, got {start_s:g} to {stop_s:g}")
        return replace(
            self,
            samples=MemorySamples(np.ascontiguousarray(self.samples.read(first, last))),
            annotations=self.annotations.between(first / self.layout.fs, last / self.layout.fs),
            start=None,
        )

    def pick(self, channels: Sequence[str]) -> Recording:
        """The same recording with only these channels, in this order, and named so; ``T7`` also finds ``T3``.

        ``RecordError`` naming those there are.
        """
        names = self.layout.channels
        found = [name if name in names else OTHER_NAME.get(name, name) for name in channels]
        missing = [channel for channel, name in zip(channels, found, strict=True) if name not in names]
        if missing:
            raise RecordError(f"{self.name}: lead {missing[0]!r} not found, has {', '.join(names)}; name one of these")
        rows = [names.index(name) for name in found]
        return replace(
            self,
            layout=replace(self.layout.pick(found), channels=tuple(channels)),
            samples=self.samples.pick(rows),
            channel_fs=tuple(self.channel_fs[row] for row in rows) if self.channel_fs else (),
            rails=tuple(self.rails[row] for row in rows) if self.rails else (),
        )

    def fill(self, channels: Sequence[str]) -> Recording:
        """As :meth:`pick`, but a channel that the recording lacks is NaN, not recorded, in the unit of the others."""
        there = self.pick([channel for channel in channels if self.layout.find(channel) >= 0])
        return replace(
            there,
            layout=Layout(tuple(channels), there.fs, (there.layout.unit,) * len(channels)),
            samples=FilledSamples(there.samples, tuple(there.layout.find(channel) for channel in channels)),
            channel_fs=(),
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per sample, indexed by ``time_s``, one column per channel in its unit."""
        import pandas as pd

        index = pd.Index(np.arange(self.n_times) / self.layout.fs, name="time_s")
        return pd.DataFrame(self.data.T, index=index, columns=list(self.layout.channels))

    def to_mne(self) -> Any:
        """The recording as an MNE ``Raw`` in memory; see :func:`biosig.records.to_mne.to_mne`."""
        from biosig.records.to_mne import to_mne

        return to_mne(self)

    def plot(self, start_s: float = 0.0, stop_s: float | None = None, **options: Any) -> Figure:
        """Draw a stretch of the recording as its field reads it.

        ECG on ruled paper, see :func:`biosig.records.page.plot_page`; EEG in a montage, see
        :func:`biosig.records.eeg_page.plot_eeg_page`, which a ``montage`` asks for.
        """
        from biosig.records.eeg_page import plot_eeg_page
        from biosig.records.montages import is_eeg
        from biosig.records.page import plot_page

        if "montage" in options or is_eeg(self):
            return plot_eeg_page(self, start_s, stop_s, **options)
        return plot_page(self, start_s, stop_s, **options)

    def plot_spectrum(self, start_s: float = 0.0, stop_s: float | None = None, **options: Any) -> Figure:
        """Draw the power spectrum of each channel; see :func:`biosig.records.spectrum_page.plot_spectrum`."""
        from biosig.records.spectrum_page import plot_spectrum

        return plot_spectrum(self, start_s, stop_s, **options)

    def plot_topomap(self, *band: Any, **options: Any) -> Figure:
        """Draw an EEG's power in a band over the head; see :func:`biosig.records.spectrum_page.plot_topomap`."""
        from biosig.records.spectrum_page import plot_topomap

        return plot_topomap(self, *band, **options)

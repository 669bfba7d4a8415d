"""What is in a recording, at a glance: channels, amplitudes, gaps, quality, marks. Computed piece by piece."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.records.recording import Annotations, Recording
from biosig.records.symbols import RHYTHM_NAMES, aami_class

__all__ = ["ChannelSummary", "Gap", "Summary", "SymbolCount", "summarise"]

FLAT_S = 1.0
"""A trace that keeps one exact value this long carries no signal: even rest moves by more than one ADC step."""
SATURATED_S = 0.02
"""A stay at the channel's own extreme of at least this long (and three samples) is clipping, not a peak."""
PERCENTILE_SAMPLES = 250_000
LONGEST_GAPS = 10


@dataclass(frozen=True)
class ChannelSummary:
    """One channel: amplitudes in ``unit`` (None where nothing was recorded) and shares of its samples, 0 to 1.

    Parameters
    ----------
    name, unit : as in the layout.
    fs : native rate in Hz.
    minimum, p01, median, p99, maximum : six significant digits. Extremes are exact; percentiles are exact up to 250,000
        recorded samples and taken from every k-th of them beyond that.
    missing : share of samples that were not recorded.
    flat : share of recorded samples in runs of one exact value that last at least 1 s.
    saturated : share of recorded samples that stay at the channel's own minimum or maximum for at least 20 ms
        and three samples: the look of an amplifier at its limit.
    """

    name: str
    unit: str
    fs: float
    minimum: float | None
    p01: float | None
    median: float | None
    p99: float | None
    maximum: float | None
    missing: float
    flat: float
    saturated: float


@dataclass(frozen=True)
class Gap:
    """A stretch in seconds in which these channels were not recorded."""

    start_s: float
    stop_s: float
    channels: tuple[str, ...]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.stop_s - self.start_s


@dataclass(frozen=True)
class SymbolCount:
    """How often a mark occurs; ``aami`` is its class where it marks a beat."""

    symbol: str
    aami: str | None
    count: int


@dataclass(frozen=True)
class Summary:
    """What :func:`summarise` found.

    Parameters
    ----------
    name, subject, start, duration_s, fs, comments : as in the recording; ``start`` in ISO 8601.
    channels : one per channel.
    n_gaps : gaps in all channels together.
    gaps : the longest of them, longest first; one that several channels share stands once.
    symbols : marks by how often they occur.
    n_beats : marks that stand for a heart beat.
    mean_heart_rate : beats per minute from the first marked beat to the last, stretches without marked beats
        (gaps, ventricular flutter) included; None below two beats.
    rhythm_s : seconds of each rhythm that the marks announce, longest first.
    """

    name: str
    subject: str
    start: str | None
    duration_s: float
    fs: float
    channels: tuple[ChannelSummary, ...]
    n_gaps: int
    gaps: tuple[Gap, ...]
    symbols: tuple[SymbolCount, ...]
    n_beats: int
    mean_heart_rate: float | None
    rhythm_s: dict[str, float]
    comments: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain lists, numbers and strings, for JSON."""
        plain: dict[str, Any] = asdict(self)
        plain["channels"] = [asdict(channel) for channel in self.channels]
        plain["gaps"] = [{**asdict(gap), "channels": list(gap.channels)} for gap in self.gaps]
        plain["symbols"] = [asdict(symbol) for symbol in self.symbols]
        plain["comments"] = list(self.comments)
        return plain


def summarise(recording: Recording, *, chunk_s: float = 60.0) -> Summary:
    """Look through a recording piece by piece; memory does not grow with its length.

    Parameters
    ----------
    recording : of any length; only one piece of it is in memory at a time.
    chunk_s : seconds in one piece; the result does not depend on it.

    Returns
    -------
    A :class:`Summary`.
    """
    layout = recording.layout
    rates = recording.channel_fs or (layout.fs,) * layout.n_channels
    looks = [_Look(layout.fs, rate, recording.n_times) for rate in rates]
    for chunk in recording.chunks(max(chunk_s, 1 / layout.fs)):
        for look, values in zip(looks, chunk, strict=True):
            look.add(values)
    for look in looks:
        look.finish()
    marks = recording.annotations
    beats_s = marks.onset_s[[aami_class(label) is not None for label in marks.label]]
    between_s = float(beats_s[-1] - beats_s[0]) if len(beats_s) > 1 else 0.0
    return Summary(
        name=recording.name,
        subject=recording.subject,
        start=recording.start.isoformat() if recording.start else None,
        duration_s=recording.duration_s,
        fs=layout.fs,
        channels=tuple(
            look.summary(name, unit) for look, name, unit in zip(looks, layout.channels, layout.units, strict=True)
        ),
        n_gaps=sum(look.n_gaps for look in looks),
        gaps=_longest_gaps(looks, layout.channels, layout.fs),
        symbols=tuple(
            SymbolCount(symbol, aami_class(symbol), count) for symbol, count in Counter(marks.label).most_common()
        ),
        n_beats=len(beats_s),
        mean_heart_rate=60 * (len(beats_s) - 1) / between_s if between_s > 0 else None,
        rhythm_s=_rhythm_seconds(marks, recording.duration_s),
        comments=recording.comments,
    )


def _longest_gaps(looks: list[_Look], channels: tuple[str, ...], fs: float) -> tuple[Gap, ...]:
    shared: dict[tuple[int, int], list[str]] = {}
    for look, channel in zip(looks, channels, strict=True):
        for start, length in look.longest.tolist():
            shared.setdefault((start, start + length), []).append(channel)
    gaps = [Gap(start / fs, stop / fs, tuple(names)) for (start, stop), names in shared.items()]
    return tuple(sorted(gaps, key=lambda gap: (-gap.duration_s, gap.start_s))[:LONGEST_GAPS])


def _rhythm_seconds(marks: Annotations, duration_s: float) -> dict[str, float]:
    changes = [
        (float(onset), aux.strip("\x00 ")[1:])
        for onset, label, aux in zip(marks.onset_s, marks.label, marks.aux, strict=True)
        if label == "+" and aux.startswith("(")
    ]
    seconds: dict[str, float] = {}
    for place, (onset, code) in enumerate(changes):
        until = changes[place + 1][0] if place + 1 < len(changes) else duration_s
        name = RHYTHM_NAMES.get(code, code)
        seconds[name] = seconds.get(name, 0.0) + until - onset
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))


class _Look:
    """One channel looked through chunk by chunk: runs of one value, gaps, extremes, every k-th sample."""

    def __init__(self, fs: float, native_fs: float, n_times: int) -> None:
        self.native_fs = native_fs
        self.step = fs / native_fs
        self.expected = round(n_times / self.step)
        self.stride = 1 + n_times // round(PERCENTILE_SAMPLES * self.step)
        self.n_times = n_times
        self.position = 0
        self.last_recorded: float = -self.step
        self.recorded = self.flat = 0
        self.held: list[NDArray[np.float32]] = []
        self.run_value, self.run_length = np.nan, 0
        self.extremes = {-1: [np.inf, 0.0], 1: [-np.inf, 0.0]}
        self.n_gaps = 0
        self.longest = np.zeros((0, 2), dtype=np.int64)

    def add(self, values: NDArray[np.float32]) -> None:
        """Take in the next samples, float32 (n,)."""
        own = np.flatnonzero(np.isfinite(values))
        places = self.position + own
        self.position += len(values)
        if not own.size:
            return
        breaks = np.diff(places, prepend=self.last_recorded) > 1.5 * self.step
        before = np.concatenate(([self.last_recorded], places[:-1]))
        self._note_gaps(before[breaks] + self.step, places[breaks])
        self.last_recorded = float(places[-1])
        found = values[own]
        self.held.append(found[(-self.recorded) % self.stride :: self.stride])
        self.recorded += len(found)
        self._note_runs(found.astype(np.float64), breaks)

    def finish(self) -> None:
        """Close the last run and the gap up to the end."""
        if self.n_times - self.last_recorded > 1.5 * self.step:
            self._note_gaps(np.array([self.last_recorded + self.step]), np.array([self.n_times]))
        self._close_runs(np.array([self.run_value]), np.array([self.run_length]))

    def _note_gaps(self, start: NDArray[np.float64], stop: NDArray[np.int64]) -> None:
        """Count gaps and keep the longest, as first sample and length."""
        self.n_gaps += len(start)
        first = np.rint(np.maximum(start, 0)).astype(np.int64)
        known = np.concatenate((self.longest, np.column_stack((first, stop - first))))
        self.longest = known[np.argsort(-known[:, 1], kind="stable")[:LONGEST_GAPS]]

    def _note_runs(self, found: NDArray[np.float64], breaks: NDArray[np.bool_]) -> None:
        """Cut the samples into runs of one value; the last one stays open for the next chunk."""
        changed = breaks | (np.diff(found, prepend=self.run_value) != 0)
        starts = np.flatnonzero(changed)
        if not starts.size:
            self.run_length += len(found)
            return
        values = np.concatenate(([self.run_value], found[starts[:-1]]))
        lengths = np.concatenate(([self.run_length + starts[0]], np.diff(starts)))
        self._close_runs(values, lengths)
        self.run_value, self.run_length = float(found[-1]), len(found) - int(starts[-1])

    def _close_runs(self, values: NDArray[np.float64], lengths: NDArray[np.int64]) -> None:
        known = lengths > 0
        values, lengths = values[known], lengths[known]
        if not values.size:
            return
        self.flat += int(lengths[lengths >= FLAT_S * self.native_fs].sum())
        stays = lengths >= max(3.0, SATURATED_S * self.native_fs)
        for side, (extreme, count) in self.extremes.items():
            furthest = float((side * values).max()) * side
            if side * furthest > side * extreme:
                extreme, count = furthest, 0.0
            self.extremes[side] = [extreme, count + float(lengths[stays & (values == extreme)].sum())]

    def summary(self, name: str, unit: str) -> ChannelSummary:
        """What was found, once :meth:`finish` was called."""
        (minimum, at_minimum), (maximum, at_maximum) = self.extremes[-1], self.extremes[1]
        low = middle = high = None
        if self.recorded:
            low, middle, high = np.percentile(np.concatenate(self.held), (1, 50, 99)).tolist()
        return ChannelSummary(
            name=name,
            unit=unit,
            fs=self.native_fs,
            minimum=_six_digits(minimum if self.recorded else None),
            p01=_six_digits(low),
            median=_six_digits(middle),
            p99=_six_digits(high),
            maximum=_six_digits(maximum if self.recorded else None),
            missing=max(0.0, 1 - self.recorded / self.expected) if self.expected else 0.0,
            flat=self.flat / max(self.recorded, 1),
            saturated=(at_minimum + at_maximum) / max(self.recorded, 1) if minimum < maximum else 0.0,
        )


def _six_digits(value: float | None) -> float | None:
    """What a float32 holds, without the digits it makes up."""
    return None if value is None else float(f"{value:.6g}")

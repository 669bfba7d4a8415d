"""One window per heart beat, with what is known of the patient by the time it is scored."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from biosig.records.recording import Layout
from biosig.signal.beats import RPeaks
from biosig.signal.stream import ChainStream, Chunk, State, joined, part_of
from biosig.windows.portrait import FEWEST, Portrait
from biosig.windows.rhythm import BeatHistory
from biosig.windows.stream import Cutter, Cutting, CuttingStream

__all__ = ["Beats"]


@dataclass(frozen=True)
class Beats(Cutter):
    """A window around every R peak of the first channel.

    Parameters
    ----------
    positions : ``detected`` trains on our own R peaks, so that training sees what the bedside sees;
        ``reference`` on the annotated ones, as papers do.
    look_ahead_s : beats up to this long after a beat may inform its features. A window is ready
        ``look_ahead_s`` plus the detector's declared delay after its R peak: by then they are known.
    at_least_one : a recording in which no beat was found still gives one window when it ends: about its last sample,
        its ``good`` 0, as nothing in it could be used.
    detector : the R-peak detector.
    history : what is remembered of a patient from beat to beat.
    portrait_beats : the last beats of which a portrait is drawn with every beat, whose figures are among its features
        (:mod:`biosig.windows.portrait`); for answers about a whole recording; 0 = none.
    """

    positions: Literal["detected", "reference"] = "detected"
    look_ahead_s: float = 1.5
    at_least_one: bool = False
    detector: RPeaks = field(default_factory=RPeaks)
    history: BeatHistory = field(default_factory=BeatHistory)
    portrait_beats: int = 0

    def __post_init__(self) -> None:
        if self.portrait_beats and self.portrait_beats < FEWEST:
            raise ValueError(f"portrait_beats must be 0 (none) or {FEWEST} or more, got {self.portrait_beats}")
        if self.look_ahead_s < 0:
            raise ValueError(f"look_ahead_s must be 0 or more, got {self.look_ahead_s}")

    def open(self, raw: Layout, chain: ChainStream, beats_s: NDArray[np.float64] | None) -> BeatWindows:
        return BeatWindows(self, raw, chain, beats_s)


class BeatWindows(CuttingStream):
    """One patient's beats: those known, those whose window is not ready yet, and the signal around them."""

    def __init__(self, design: Beats, raw: Layout, chain: ChainStream, beats_s: NDArray[np.float64] | None) -> None:
        self._raw_fs, self._fs = raw.fs, chain.layout.fs
        self._detector = design.detector.open(raw.pick(raw.channels[:1]))
        self._given = None if beats_s is None else np.rint(np.sort(beats_s) * raw.fs).astype(np.int64)
        self._history = design.history.open(self._fs, design.look_ahead_s)
        self._portrait = Portrait(self._history.shape, design.portrait_beats) if design.portrait_beats else None
        self._at_least_one = design.at_least_one
        self._look_ahead = round(design.look_ahead_s * raw.fs)
        self._wait = self._look_ahead + round(self._detector.delay_s * raw.fs)
        self._delay_s = delay_s = chain.delay_s
        if self._history.after / self._fs + delay_s > self._wait / raw.fs:
            raise ValueError(
                f"look_ahead_s={design.look_ahead_s:g} is too short: a beat's window ends "
                f"{self._history.after / self._fs + delay_s:.2f} s after the R peak, "
                f"scores are due {self._wait / raw.fs:.2f} s after it"
            )
        self.length = self._history.length
        self.length_s = self.length / self._fs
        self.before_s = (self.length + self._history.before - self._history.after) / 2 / self._fs
        self.n_channels = self._history.n_channels
        self.features = (*self._history.features, *(() if self._portrait is None else self._portrait.features))
        self.latency_s = self._wait / raw.fs
        self._nothing = Cutting.none(self.n_channels, len(self.features))
        self.reset()

    def reset(self) -> None:
        self._detector.reset()
        self._history.reset()
        if self._portrait is not None:
            self._portrait.reset()
        self._seen = 0
        self.needed_from = 0
        self._waiting: list[int] = []
        self._buffer = np.zeros((1, 0), dtype=np.float32)
        self._good = np.zeros(0, dtype=bool)
        self._buffer_start = 0
        self._be_patient()

    def process(self, raw: Chunk, filtered: Chunk) -> Cutting:
        if self._given is None:
            found = self._detector.process(Chunk(raw.data[:1], raw.good[:1])).sample
        else:
            found = self._given[slice(*np.searchsorted(self._given, (self._seen, self._seen + raw.n_times)))]
        self._seen += raw.n_times
        self._waiting += found.tolist()
        self._buffer = np.concatenate([self._buffer, filtered.data[:1]], axis=1, dtype=np.float32)
        self._good = np.concatenate([self._good, filtered.good[0]])
        cutting = self._cut(bisect_right(self._waiting, self._seen - self._wait))
        self._forget()
        self._be_patient()
        return cutting

    def _be_patient(self) -> None:
        """A beat known by now is due in its time, one not known yet in ``look_ahead_s`` at the earliest.

        Its R peak is at most the detector's declared delay ago; two samples are for rounding.
        """
        self.patience = self._look_ahead - 2
        if self._waiting:
            self.patience = min(self.patience, self._waiting[0] + self._wait - self._seen)

    def flush(self) -> Cutting:
        if self._given is None:
            self._waiting += self._detector.flush().sample.tolist()
        if self._at_least_one and self._seen and not self.needed_from and not self._waiting:
            self._waiting = [self._seen - 1]
            self._good[:] = False
        return self._cut(len(self._waiting))

    def _cut(self, n: int) -> Cutting:
        """Windows of the first ``n`` waiting beats, which wait no longer."""
        if not n:
            return self._nothing
        peaks = np.array(self._waiting)
        onset_s = peaks / self._raw_fs
        waves = np.empty((self.n_channels, n, self.length), dtype=np.float32)
        features = np.empty((n, len(self.features)), dtype=np.float32)
        good = np.empty(n, dtype=np.float32)
        for row, (peak, peak_s) in enumerate(zip(self._waiting[:n], onset_s[:n].tolist(), strict=True)):
            segment, good[row] = self._segment(peak)
            following = bisect_right(self._waiting, peak + self._look_ahead)
            drawn = [] if self._portrait is None else self._portrait.add(peak_s, segment)
            waves[:, row], known = self._history.add(peak_s, segment, onset_s[row + 1 : following])
            features[row, : len(known)], features[row, len(known) :] = known, drawn
        del self._waiting[:n]
        first = self.needed_from
        self.needed_from += n * self.length
        return Cutting(
            signal=waves.reshape(self.n_channels, -1),
            start=np.arange(first, self.needed_from, self.length),
            onset_s=onset_s[:n],
            ready_s=onset_s[:n] + self.latency_s,
            known=peaks[:n] + self._wait,
            good=good,
            features=features,
        )

    def _centre(self, peak: int) -> int:
        """Where a raw sample shows in the filtered signal."""
        return round((peak / self._raw_fs + self._delay_s) * self._fs)

    def _segment(self, peak: int) -> tuple[NDArray[np.float32], float]:
        """Filtered signal around a beat and its usable share; beyond the recording's ends the last value is held."""
        centre = self._centre(peak) - self._buffer_start
        first, stop = centre - self._history.before, centre + self._history.after
        if first >= 0 and stop <= self._buffer.shape[1]:
            return self._buffer[0, first:stop], int(np.count_nonzero(self._good[first:stop])) / (stop - first)
        place = np.arange(first, stop)
        inside = np.clip(place, 0, self._buffer.shape[1] - 1)
        real = self._good[inside] & (inside == place)
        return self._buffer[0, inside], float(real.mean())

    def _forget(self) -> None:
        """Drop the signal that no beat still to come can need."""
        oldest = self._seen - self._wait - round(self._raw_fs * self._detector.delay_s)
        if self._waiting:
            oldest = min(oldest, self._waiting[0])
        keep_from = max(self._centre(max(oldest, 0)) - self._history.before, self._buffer_start)
        drop = min(keep_from - self._buffer_start, self._buffer.shape[1])
        self._buffer = self._buffer[:, drop:]
        self._good = self._good[drop:]
        self._buffer_start += drop

    def state_dict(self) -> State:
        own = {
            "seen": np.array(self._seen),
            "emitted": np.array(self.needed_from),
            "waiting": np.array(self._waiting, dtype=np.int64),
            "buffer": self._buffer.copy(),
            "good": self._good.copy(),
            "buffer_start": np.array(self._buffer_start),
        }
        parts = {"detector": self._detector.state_dict(), "history": self._history.state_dict()}
        if self._portrait is not None:
            parts["portrait"] = self._portrait.state_dict()
        return own | joined(parts)

    def load_state_dict(self, state: State) -> None:
        self._seen, self.needed_from = int(state["seen"]), int(state["emitted"])
        self._buffer_start = int(state["buffer_start"])
        self._waiting, self._buffer, self._good = state["waiting"].tolist(), state["buffer"], state["good"]
        self._be_patient()
        self._detector.load_state_dict(part_of(state, "detector"))
        self._history.load_state_dict(part_of(state, "history"))
        if self._portrait is not None:
            self._portrait.load_state_dict(part_of(state, "portrait"))

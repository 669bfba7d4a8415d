"""From raw samples to windows, live and offline through the same object.

A :class:`Cutter` is a frozen design; :class:`WindowStream` is one patient: the recipe's chain,
the cutter behind it, and nothing that depends on how the samples were cut into chunks.
Cutting a whole recording is the stream fed piece by piece (:func:`cut_recording`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from biosig.records.recording import Layout, Recording
from biosig.signal.stream import Chain, ChainStream, Chunk, State, joined, part_of, process_together
from biosig.windows.index import Windows

__all__ = ["Cutter", "Cutting", "CuttingStream", "WindowStream", "cut_recording"]


@dataclass(frozen=True, eq=False)
class Cutting:
    """What a piece of input added: more of the signal that windows point into, and windows now complete.

    Parameters
    ----------
    signal : float32 (n_channels, n), continues the signal that windows point into.
    start : int64 (m,), first sample of each new window, counted from the beginning of that signal.
    onset_s, ready_s : float64 (m,), when the event was, and when its window was complete.
    known : int64 (m,), raw samples that had come, counted from the first, when the window came out; more than there
        are where only the end of the recording completed it.
    good : float32 (m,), usable share of each window, 0 to 1.
    features : float32 (m, n_features).
    """

    signal: NDArray[np.float32]
    start: NDArray[np.int64]
    onset_s: NDArray[np.float64]
    ready_s: NDArray[np.float64]
    known: NDArray[np.int64]
    good: NDArray[np.float32]
    features: NDArray[np.float32]

    @classmethod
    def none(cls, n_channels: int, n_features: int) -> Cutting:
        """No more signal and no window."""
        return cls(
            signal=np.zeros((n_channels, 0), dtype=np.float32),
            start=np.zeros(0, dtype=np.int64),
            onset_s=np.zeros(0),
            ready_s=np.zeros(0),
            known=np.zeros(0, dtype=np.int64),
            good=np.zeros(0, dtype=np.float32),
            features=np.zeros((0, n_features), dtype=np.float32),
        )

    @classmethod
    def join(cls, parts: Sequence[Cutting]) -> Cutting:
        """Consecutive cuttings as one."""
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("start", "onset_s", "ready_s", "known", "good", "features")
        }
        return cls(signal=np.concatenate([part.signal for part in parts], axis=1), **columns)


class CuttingStream(ABC):
    """The state of one patient in a cutter.

    Parameters
    ----------
    length, n_channels : samples and rows of every window.
    length_s, before_s : seconds in a window, and how many of them lie before what it is about.
    features : names of what is known of a window beside its samples.
    latency_s : no window is ready later than this after its ``onset_s``.
    needed_from : windows still to come do not reach back beyond this sample of the cut signal.
    patience : raw samples that may wait, unprocessed, with no window due before there are as many.
    """

    length: int
    n_channels: int
    length_s: float
    before_s: float
    features: tuple[str, ...]
    latency_s: float
    needed_from: int
    patience: int = 0

    @abstractmethod
    def process(self, raw: Chunk, filtered: Chunk) -> Cutting:
        """Push the same stretch before and after the chain, get every window that is now known."""

    @abstractmethod
    def flush(self) -> Cutting:
        """The windows that the end of the recording completes."""

    @abstractmethod
    def state_dict(self) -> State:
        """Everything needed to go on later, as arrays."""

    @abstractmethod
    def load_state_dict(self, state: State) -> None:
        """Go on from a ``state_dict()`` of a stream of the same design and layout."""

    @abstractmethod
    def reset(self) -> None:
        """Forget everything: the next sample is the first."""


class Cutter(ABC):
    """The design of a cutter; subclasses are frozen dataclasses of plain values."""

    positions: Literal["detected", "reference"] | None = None
    """Where a cutter that cuts at beats takes them from; ``None`` for one that does not."""

    @abstractmethod
    def open(self, raw: Layout, chain: ChainStream, beats_s: NDArray[np.float64] | None) -> CuttingStream:
        """A fresh stream for one patient.

        Parameters
        ----------
        raw : layout before the chain.
        chain : what the signal comes out of: its layout, its declared delay, and when it knows a sample.
        beats_s : float64 (n,), annotated R peaks to cut at instead of detected ones; ``None`` = detect.
        """


class WindowStream:
    """One patient on the way from raw samples to windows: the chain and the cutter.

    Small chunks are gathered until a window can be due: chain and cutter cost as much for one sample as for a second.

    Parameters
    ----------
    chain, cutter : the designs, as they stand in the recipe.
    layout : of the raw samples; exactly the recipe's channels.
    beats_s : float64 (n,), annotated R peaks in seconds, for comparison with the literature; ``None`` = detect.
    """

    def __init__(
        self, chain: Chain, cutter: Cutter, layout: Layout, *, beats_s: NDArray[np.float64] | None = None
    ) -> None:
        self.layout = layout
        self.seen = 0
        """Raw samples that have come."""
        self._backlog: list[NDArray[np.float64]] = []
        self._n_backlog = 0
        self._chain = chain.open(layout)
        self._cutting = cutter.open(layout, self._chain, beats_s)
        self.length = self._cutting.length
        self.n_channels = self._cutting.n_channels
        self.length_s, self.before_s = self._cutting.length_s, self._cutting.before_s
        self.features = self._cutting.features
        self.latency_s = self._cutting.latency_s
        self._nothing = Cutting.none(self.n_channels, len(self.features))

    @property
    def needed_from(self) -> int:
        """Windows still to come do not reach back beyond this sample of the cut signal."""
        return self._cutting.needed_from

    def push(self, samples: NDArray[Any]) -> Cutting:
        """Raw samples (n_channels, n) in, every window that is now complete out."""
        return self.push_together([self], [samples])[0]

    @staticmethod
    def push_together(streams: Sequence[WindowStream], samples: Sequence[NDArray[Any]]) -> list[Cutting]:
        """What each stream's ``push`` gives, in order, for less than one call each.

        Parameters
        ----------
        streams : of one chain, cutter and sampling rate, each another patient's.
        samples : raw, (n_channels, n) for each.
        """
        cuttings = [stream._nothing for stream in streams]
        due = [place for place, stream in enumerate(streams) if stream._gather(samples[place])]
        if due:
            chosen = [streams[place] for place in due]
            raw = [stream._gathered() for stream in chosen]
            filtered = process_together([stream._chain for stream in chosen], raw)
            for place, stream, *chunks in zip(due, chosen, raw, filtered, strict=True):
                cuttings[place] = stream._cutting.process(*chunks)
        return cuttings

    def _gather(self, samples: NDArray[Any]) -> bool:
        """Take samples in; whether a window can be due."""
        data = np.array(samples, dtype=np.float64, ndmin=2)
        if len(data) != self.layout.n_channels:
            raise ValueError(f"expected samples of {self.layout.n_channels} channels, got shape {data.shape}")
        self._backlog.append(data)
        self._n_backlog += data.shape[1]
        self.seen += data.shape[1]
        return self._n_backlog >= self._cutting.patience

    def _gathered(self) -> Chunk:
        """All that was gathered."""
        data = np.concatenate(self._backlog, axis=1) if len(self._backlog) > 1 else self._backlog[0]
        self._backlog, self._n_backlog = [], 0
        return Chunk(data=data, good=np.isfinite(data))

    def _process(self) -> Cutting:
        """What all that was gathered completes."""
        raw = self._gathered()
        return self._cutting.process(raw, self._chain.process(raw))

    def flush(self) -> Cutting:
        """The windows that the end of the recording completes."""
        return Cutting.join([*([self._process()] if self._backlog else []), self._cutting.flush()])

    def state_dict(self) -> State:
        """Everything needed to go on later, as arrays."""
        nothing = np.zeros((self.layout.n_channels, 0))
        own = {"backlog": np.concatenate([nothing, *self._backlog], axis=1), "seen": np.array(self.seen)}
        return own | joined({"chain": self._chain.state_dict(), "cutting": self._cutting.state_dict()})

    def load_state_dict(self, state: State) -> None:
        """Go on from a ``state_dict()`` of the same design and layout."""
        self.seen = int(state["seen"])
        backlog = np.array(state["backlog"], dtype=np.float64)
        self._backlog, self._n_backlog = [backlog] if backlog.size else [], backlog.shape[1]
        self._chain.load_state_dict(part_of(state, "chain"))
        self._cutting.load_state_dict(part_of(state, "cutting"))

    def reset(self) -> None:
        """Forget everything: the next sample is the first."""
        self._backlog, self._n_backlog, self.seen = [], 0, 0
        self._chain.reset()
        self._cutting.reset()


def cut_recording(
    recording: Recording,
    chain: Chain,
    cutter: Cutter,
    *,
    beats_s: NDArray[np.float64] | None = None,
    piece_s: float = 600.0,
) -> Windows:
    """The windows of one recording, unlabelled: a :class:`WindowStream` fed pieces of ``piece_s`` seconds.

    Parameters
    ----------
    recording : with exactly the recipe's channels.
    beats_s : float64 (n,), annotated R peaks in seconds to cut at; ``None`` = detect them.
    """
    stream = WindowStream(chain, cutter, recording.layout, beats_s=beats_s)
    whole = Cutting.join([*(stream.push(piece) for piece in recording.chunks(piece_s)), stream.flush()])
    n = len(whole.start)
    return Windows(
        signals=(whole.signal,),
        names=(recording.name,),
        subjects=(recording.subject,),
        recording=np.zeros(n, dtype=np.int64),
        start=whole.start,
        length=stream.length,
        onset_s=whole.onset_s,
        ready_s=whole.ready_s,
        good=whole.good,
        features=whole.features,
        label=np.full(n, -1, dtype=np.int64),
        length_s=0.0 if stream.before_s else stream.length_s,
    )

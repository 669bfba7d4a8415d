"""Windows: an index over contiguous signals, so that overlap and context cost no memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Windows"]


@dataclass(frozen=True, eq=False)
class Windows:
    """Where the windows of several recordings lie, in order of recording and time.

    Parameters
    ----------
    signals : one float32 (n_channels, n_times) per recording; windows point into them. Pictures are uint8 levels,
        row by row.
    names, subjects : name and subject of each recording.
    recording : int64 (n,), the signal that a window lies in; never decreases.
    start : int64 (n,), first sample of each window in its signal.
    length : samples per window.
    onset_s : float64 (n,), time of what a window is about (R peak; first sample), seconds from the recording's start.
    ready_s : float64 (n,), time at which the window and its features were known.
    good : float32 (n,), share of samples that were really recorded and undisturbed, 0 to 1.
    features : float32 (n, n_features), what is known about a window beside its samples.
    label : int64 (n,), class number; -1 = none.
    length_s : seconds that a window covers from ``onset_s`` on; 0 where windows do not begin there.
    """

    signals: tuple[NDArray[np.float32] | NDArray[np.uint8], ...]
    names: tuple[str, ...]
    subjects: tuple[str, ...]
    recording: NDArray[np.int64]
    start: NDArray[np.int64]
    length: int
    onset_s: NDArray[np.float64]
    ready_s: NDArray[np.float64]
    good: NDArray[np.float32]
    features: NDArray[np.float32]
    label: NDArray[np.int64]
    length_s: float = 0.0

    def __len__(self) -> int:
        return len(self.start)

    @property
    def n_channels(self) -> int:
        """Rows of every window."""
        return int(self.signals[0].shape[0]) if self.signals else 0

    @property
    def subject(self) -> NDArray[np.str_]:
        """Subject of each window (n,)."""
        return np.array(self.subjects, dtype=np.str_)[self.recording]

    @classmethod
    def join(cls, parts: Sequence[Windows]) -> Windows:
        """The windows of several recordings as one index; the signals are shared, not copied."""
        if not parts:
            raise ValueError("nothing to join: expected the windows of at least one recording, got none")
        if len({part.length for part in parts}) != 1:
            raise ValueError(f"windows must share one length, got {sorted({part.length for part in parts})}")
        offsets = np.cumsum([0, *(len(part.signals) for part in parts[:-1])])
        joined: dict[str, Any] = {
            column: np.concatenate([getattr(part, column) for part in parts])
            for column in ("start", "onset_s", "ready_s", "good", "features", "label")
        }
        return cls(
            signals=tuple(signal for part in parts for signal in part.signals),
            names=tuple(name for part in parts for name in part.names),
            subjects=tuple(subject for part in parts for subject in part.subjects),
            recording=np.concatenate([part.recording + offset for part, offset in zip(parts, offsets, strict=True)]),
            length=parts[0].length,
            length_s=parts[0].length_s,
            **joined,
        )

    def of_recordings(self, keep: Sequence[int]) -> Windows:
        """Only the windows of these recordings (numbers into ``names``), in this order."""
        parts = []
        for number in keep:
            rows = slice(*np.searchsorted(self.recording, [number, number + 1]))
            columns: dict[str, Any] = {
                column: getattr(self, column)[rows]
                for column in ("start", "onset_s", "ready_s", "good", "features", "label")
            }
            parts.append(
                replace(
                    self,
                    signals=(self.signals[number],),
                    names=(self.names[number],),
                    subjects=(self.subjects[number],),
                    recording=np.zeros(rows.stop - rows.start, dtype=np.int64),
                    **columns,
                )
            )
        return Windows.join(parts)

    def where(self, kept: NDArray[np.bool_]) -> Windows:
        """Only the windows that are ``kept`` (n,), of the same recordings."""
        columns: dict[str, Any] = {
            column: getattr(self, column)[kept]
            for column in ("recording", "start", "onset_s", "ready_s", "good", "features", "label")
        }
        return replace(self, **columns)

    def of_subjects(self, subjects: Collection[str]) -> Windows:
        """Only the windows of these subjects' recordings."""
        return self.of_recordings([number for number, who in enumerate(self.subjects) if who in subjects])

    def gather(self, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        """Samples of the chosen windows, float32 (len(chosen), n_channels, length)."""
        out = np.empty((len(chosen), self.n_channels, self.length), dtype=np.float32)
        for row, window in enumerate(chosen):
            first = self.start[window]
            out[row] = self.signals[self.recording[window]][:, first : first + self.length]
        return out

    def contexts(self, k: int, chosen: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For every chosen window the last ``k`` windows of its recording, itself included.

        Returns
        -------
        rows : int64 (n, k), window numbers in order of time, those there are first, the rest repeats the last.
        count : int64 (n,), how many of the k there are (fewer at the start of a recording).
        """
        first = np.searchsorted(self.recording, self.recording[chosen])
        count = np.minimum(chosen - first + 1, k)
        rows = (chosen - count + 1)[:, None] + np.arange(k)[None, :]
        return np.minimum(rows, chosen[:, None]), count

"""A patient's portrait as of a beat: their usual beat and their rhythm where the signal is clean, drawn anew each time.

What is kept is the signal around the last beats. With each new one all of them are looked at again, so that a
disturbed start is seen for what it was once enough good beats have come: hand-held recordings begin with it. Which
beat is usual is a vote, not a memory: the one most like the others, then the median of those like it. Nothing depends
on chunks or on a clock.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from biosig.signal.stream import State
from biosig.windows.regularity import REGULARITY_FEATURES, count, regularity, share
from biosig.windows.template import BeatShape

__all__ = ["PORTRAIT_FEATURES", "Portrait"]

Signal = NDArray[np.float64]

_CLEAN_FEATURES: tuple[str, ...] = (
    "like_usual",
    "undisturbed",
    "usable_intervals",
    "likeness",
    "likeness_10",
    "size",
    "size_spread",
    "loudest",
)
_ODD_FEATURES: tuple[str, ...] = (
    "odd",
    "odd_count",
    "odd_early",
    "odd_early_count",
    "odd_made_up_count",
    "usual_early_count",
    "usual_made_up_count",
    "usual_early",
    "odd_likeness",
)
_SHAPE_FEATURES: tuple[str, ...] = (
    "qrs_s",
    "r",
    "s",
    "p_range",
    "p_sd",
    "p",
    "p_at",
    "p_to_noise",
    "noise",
    "t",
    "t_at",
    "t_range",
    "t_mean",
    "st",
    "qrs_path",
    "up_s",
    "down_s",
    "p_like",
    "p_like_median",
    "p_like_20",
    "p_like_sd",
)
PORTRAIT_FEATURES: tuple[str, ...] = (
    *(f"usual.{name}" for name in (*_CLEAN_FEATURES, *_ODD_FEATURES, *_SHAPE_FEATURES)),
    *(f"clean.{name}" for name in REGULARITY_FEATURES),
    *(f"undisturbed.{name}" for name in REGULARITY_FEATURES),
)
"""Shares, but for ``*_count`` and ``*_s`` (seconds); amplitudes relative to the usual QRS, ``size`` the log of its
height in mV. ``odd`` beats are undisturbed ones of another shape; ``clean`` intervals lie between usual beats,
``undisturbed`` ones between any without artefact."""

FEWEST = 4
"""Fewer beats make no portrait: all of it is NaN, which a network reads as not known."""
_ALIKE = 0.85
"""Correlation with the usual QRS from which on a beat is usual."""
_SMALL, _LARGE, _LOUD, _DISTURBED = 0.5, 1.8, 3.0, 2.2
"""Sizes relative to the usual QRS: of usual beats, from ... to; of beats without a vote; of disturbed signal."""
_EARLY, _PAUSE = 0.87, 1.1
_ROUNDS = 3
_ACTIVE = 0.12
_FLOOR = 1e-3
_TINY = 1e-9


class Portrait:
    """The last beats of one patient.

    Parameters
    ----------
    shape : the window; beats are aligned within its slack.
    beats : how many are kept.
    """

    features = PORTRAIT_FEATURES

    def __init__(self, shape: BeatShape, beats: int) -> None:
        self._shape, self._beats = shape, beats
        self.reset()

    def reset(self) -> None:
        """Forget every beat."""
        self._peaks_s: Signal = np.zeros(0)
        self._segments: NDArray[np.float32] = np.zeros((0, self._shape.length + 2 * self._shape.slack), np.float32)

    def add(self, peak_s: float, segment: NDArray[np.float32]) -> list[float]:
        """``PORTRAIT_FEATURES`` as of a beat, itself included.

        Parameters
        ----------
        peak_s : time of its R peak, later than the last one's.
        segment : (length + 2 slack,), the filtered lead in mV, R peak at sample peak + slack.
        """
        kept = slice(max(0, len(self._peaks_s) + 1 - self._beats), None)
        self._peaks_s = np.append(self._peaks_s, peak_s)[kept]
        self._segments = np.concatenate([self._segments, segment[None].astype(np.float32)])[kept]
        if len(self._peaks_s) < FEWEST:
            return [float("nan")] * len(PORTRAIT_FEATURES)
        return _drawn(self._shape, self._peaks_s, self._segments.astype(np.float64))

    def state_dict(self) -> State:
        """Everything needed to go on later, as arrays."""
        return {"peaks": self._peaks_s.copy(), "segments": self._segments.copy()}

    def load_state_dict(self, state: State) -> None:
        """Go on from a ``state_dict()`` of a portrait of the same design."""
        self._peaks_s, self._segments = state["peaks"].copy(), state["segments"].copy()


def _drawn(shape: BeatShape, peaks_s: Signal, segments: Signal) -> list[float]:
    """The features of beats: peaks (n,), segments (n, length + 2 slack)."""
    usual, likeness, beats = _usual(shape, segments)
    size = np.ptp(beats[:, shape.qrs], axis=1)
    typical = float(np.median(size[likeness > _ALIKE])) if (likeness > _ALIKE).any() else float(np.median(size))
    clean = (likeness > _ALIKE) & (size < _LARGE * typical) & (size > _SMALL * typical)
    height = float(np.ptp(usual[shape.qrs])) + _FLOOR
    reach = np.ptp(segments, axis=1) / height
    still = reach < _DISTURBED
    rr_s = np.diff(peaks_s)
    undisturbed = still[1:] & still[:-1]
    usable = clean[1:] & clean[:-1] & undisturbed
    found = [
        share(clean),
        share(undisturbed),
        share(usable),
        float(likeness.mean()),
        float(np.percentile(likeness, 10)),
        float(np.log(height)),
        float(size.std()) / height,
        float(np.log(np.percentile(reach, 95) + _FLOOR)),
        *_odd(rr_s, clean, still, likeness),
        *_shape(shape, usual / height, beats[clean] / height),
    ]
    for kept in (usable, undisturbed):
        place = np.flatnonzero(kept)
        found += regularity(rr_s[place], np.diff(place) == 1)
    return found


def _usual(shape: BeatShape, segments: Signal) -> tuple[Signal, Signal, Signal]:
    """The usual beat (length,), each beat's likeness to it (n,), and the beats aligned to it (n, length)."""
    qrs, slack = shape.qrs, shape.slack
    windows = sliding_window_view(segments[:, qrs.start : qrs.stop + 2 * slack], qrs.stop - qrs.start, axis=1)
    windows = windows - windows.mean(axis=2, keepdims=True)
    windows /= np.sqrt((windows * windows).sum(axis=2, keepdims=True)) + _TINY
    straight = windows[:, slack]
    size = np.ptp(segments[:, slack + qrs.start : slack + qrs.stop], axis=1)
    votes = (straight @ straight.T) @ (size < _LOUD * np.median(size)).astype(np.float64)
    usual = segments[votes.argmax(), slack : slack + shape.length]
    span = np.arange(shape.length)
    for _ in range(_ROUNDS):
        core = usual[qrs] - usual[qrs].mean()
        agreement = windows @ (core / (np.sqrt((core * core).sum()) + _TINY))
        likeness = agreement.max(axis=1)
        beats = np.take_along_axis(segments, agreement.argmax(axis=1)[:, None] + span, axis=1)
        alike = likeness > min(_ALIKE, np.sort(likeness)[-3])
        usual = np.median(beats[alike | (likeness == likeness.max())], axis=0)
    return usual, likeness, beats


def _odd(rr_s: Signal, clean: NDArray[np.bool_], still: NDArray[np.bool_], likeness: Signal) -> list[float]:
    """``_ODD_FEATURES``: undisturbed beats of another shape, and early ones of either."""
    usual_s = float(np.median(rr_s))
    early = np.concatenate([[False], rr_s < _EARLY * usual_s])
    before_pause = np.concatenate([rr_s > _PAUSE * usual_s, [False]])
    odd, usual = ~clean & still, clean & still
    return [
        share(odd),
        count(odd),
        share(odd & early),
        count(odd & early),
        count(odd & early & before_pause),
        count(usual & early),
        count(usual & early & before_pause),
        share(usual & early),
        float(likeness[odd].mean()) if odd.any() else 1.0,
    ]


def _shape(shape: BeatShape, usual: Signal, clean: Signal) -> list[float]:
    """``_SHAPE_FEATURES`` of the usual beat (length,), with the clean ones (n, length) for their noise."""
    fs, peak = shape.fs, shape.peak
    level = float(np.median(usual[shape.part(-0.1, -0.075)]))
    qrs, p, t = usual[shape.qrs] - level, usual[shape.p_wave], usual[shape.t_wave] - level
    around = usual[shape.part(-0.12, 0.15)]
    slope = np.abs(np.diff(around))
    active = np.flatnonzero(slope > _ACTIVE * slope.max())
    wave = p - np.linspace(p[0], p[-1], len(p))
    wave -= np.median(wave)
    p_at, t_at = int(np.abs(wave).argmax()), int(np.abs(t - np.median(t)).argmax())
    likeness = np.full(1, np.nan)
    noise = float("nan")
    if len(clean):
        single = clean[:, shape.p_wave]
        noise = float(np.median(np.sqrt(((single - p) ** 2).mean(axis=1))))
        one, two = single - single.mean(axis=1, keepdims=True), p - p.mean()
        likeness = (one @ two) / (np.sqrt((one * one).sum(axis=1) * (two * two).sum()) + _TINY)
    return [
        (active[-1] - active[0]) / fs if len(active) else 0.0,
        float(qrs.max()),
        float(qrs.min()),
        float(np.ptp(p)),
        float(wave.std()),
        float(wave[p_at]),
        p_at / fs,
        float(wave.std()) / (noise / np.sqrt(max(len(clean), 1)) + _FLOOR),
        noise,
        float(t[t_at]),
        t_at / fs,
        float(np.ptp(t)),
        float(t.mean()),
        float(usual[peak + round(0.08 * fs) : peak + round(0.15 * fs)].mean()) - level,
        float(np.abs(qrs).sum()) / fs,
        count(qrs > 0.3) / fs,
        count(qrs < -0.3) / fs,
        float(likeness.mean()),
        float(np.median(likeness)),
        float(np.percentile(likeness, 20)),
        float(likeness.std()),
    ]

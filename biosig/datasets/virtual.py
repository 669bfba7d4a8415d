"""Virtual patients: a training recording's own beats, played again in another rhythm.

A few patients hold most premature supraventricular beats of any database, so a network learns those patients
rather than the rhythm. Rendering every training recording again with premature beats, runs, pauses or an irregular
pulse shows the rhythm on every beat shape at hand. For training only: validation and test subjects are never rendered.

The recording is cut 130 ms after each R peak, so that a piece runs from the end of one QRS complex to the end of
the next and holds T wave, diastole, P wave and QRS complex. An interval is lengthened or shortened in its
diastole, where there is least to see. A premature beat lies over the T wave of the beat before, its P wave scaled,
inverted, moved or gone, as ectopic P waves are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from biosig.options import lookup
from biosig.records.recording import Annotations, MemorySamples, Recording
from biosig.windows.labels import aami_classes, rhythms

__all__ = ["RHYTHMS", "VirtualRhythm", "check_rhythms", "render", "suits"]

Signal = NDArray[np.float64]

_CUT_S = 0.13
_P_START_S = 0.28
_P_END_S = 0.055
_T_END_S = 0.32
_SHORTEST_DIASTOLE_S = 0.04


@dataclass(frozen=True)
class VirtualRhythm:
    """What is done to a regular rhythm.

    Parameters
    ----------
    onset : chance per beat that premature beats begin.
    run : mean number of premature beats in a row.
    early : range of a premature interval, as a share of the regular one.
    pauses : chances of a normal, a longer and a very long interval after premature beats.
    irregular : whether every interval is drawn anew and P waves give way to fibrillation waves.
    breathing : largest swing of the intervals with breathing, as a share of their logarithm.
    late : largest chance per beat of a late one that is nothing but late.
    """

    onset: float = 0.0
    run: float = 1.0
    early: tuple[float, float] = (0.45, 0.82)
    pauses: tuple[float, float, float] = (0.5, 0.35, 0.15)
    irregular: bool = False
    breathing: float = 0.0
    late: float = 0.0


RHYTHMS: dict[str, VirtualRhythm] = {
    "single": VirtualRhythm(onset=0.03, run=1.5),
    "runs": VirtualRhythm(onset=0.03, run=8.0),
    "mostly-premature": VirtualRhythm(onset=0.25, run=6.0, early=(0.4, 0.75), pauses=(0.25, 0.35, 0.4)),
    "bigeminy": VirtualRhythm(onset=0.3, run=1.0),
    "fibrillation": VirtualRhythm(irregular=True),
    "sinus": VirtualRhythm(breathing=0.18, late=0.02),
}


def check_rhythms(names: Sequence[str]) -> None:
    """``ValueError`` for an unknown rhythm, listing those there are."""
    for name in names:
        lookup(RHYTHMS, name, "virtual rhythm")


def suits(recording: Recording, rhythm: str) -> bool:
    """Whether a recording can be rendered in a rhythm: over atrial fibrillation no beat is premature."""
    if not RHYTHMS[rhythm].onset:
        return True
    spans = rhythms(recording.annotations, recording.duration_s)
    fibrillating = sum(span.stop_s - span.start_s for span in spans if span.name in ("AFIB", "AFL"))
    return fibrillating < 0.2 * recording.duration_s


def render(recording: Recording, rhythm: str, generator: np.random.Generator, *, noisy: bool = False) -> Recording:
    """The recording's beats in another rhythm, with their marks; premature ones are marked ``A``.

    Parameters
    ----------
    recording : one lead with annotated beats.
    rhythm : a name of :data:`RHYTHMS`.
    generator : draws what happens when.
    noisy : add wander, electrode motion and muscle noise that swell and fade.

    Raises
    ------
    ValueError : an unknown rhythm, more than one lead, or fewer than three annotated beats.
    """
    design = lookup(RHYTHMS, rhythm, "virtual rhythm")
    if recording.layout.n_channels != 1:
        raise ValueError(f"{recording.name}: rendering takes one lead, got {recording.layout.n_channels}")
    marks = recording.annotations
    is_beat = aami_classes(marks.label) != ""
    peaks = marks.samples(recording.fs)[is_beat]
    labels = [label for label, beat in zip(marks.label, is_beat, strict=True) if beat]
    if len(peaks) < 3:
        raise ValueError(f"{recording.name}: rendering needs at least three annotated beats, got {len(peaks)}")
    signal = np.nan_to_num(recording.data[0].astype(np.float64))
    score = _Score(signal, peaks, labels, recording.fs, design, generator)
    samples, at, names = score.play()
    if noisy:
        height = np.median([np.ptp(signal[peak - score.reach : peak + score.reach]) for peak in peaks[1:-1]])
        samples = samples + float(height) * _noise(len(samples), recording.fs, generator)
    return replace(
        recording,
        name=f"{recording.name}+{rhythm}",
        samples=MemorySamples(samples[None].astype(np.float32)),
        annotations=Annotations.at(at / recording.fs, names),
        start=None,
    )


_NOISES = ((0.15, 0.6, 0.3, 0.8), (1.0, 10.0, 0.22, 0.35), (15.0, 60.0, 0.12, 0.35))
"""Wander, electrode motion, muscle: band in Hz, largest sd in QRS heights, share of the time it is there."""


def _noise(n: int, fs: float, generator: np.random.Generator) -> Signal:
    """Noise of ``n`` samples in units of the QRS height; each kind comes and goes every 8 to 25 s."""
    total = np.zeros(n)
    for low_hz, high_hz, largest, share in _NOISES:
        sos = butter(2, (low_hz, min(high_hz, 0.45 * fs)), btype="bandpass", output="sos", fs=fs)
        band = sosfilt(sos, generator.standard_normal(n))
        knots = max(int(n / fs / generator.uniform(8.0, 25.0)), 2)
        there = np.where(generator.random(knots) < share, generator.uniform(0.2, 1.0, knots), 0.0)
        envelope = np.interp(np.arange(n), np.sort(generator.uniform(0, n, knots)), there)
        total += generator.uniform(0.0, largest) * envelope * band / band.std()
    return total


class _Score:
    """The beats of one recording on their way into another rhythm."""

    def __init__(
        self,
        signal: Signal,
        peaks: NDArray[np.int64],
        labels: list[str],
        fs: float,
        design: VirtualRhythm,
        generator: np.random.Generator,
    ) -> None:
        self._signal, self._peaks, self._labels = signal, peaks, labels
        self._classes = aami_classes(labels)
        self._fs, self._design, self._draw = fs, design, generator
        self._cut = self.reach = round(_CUT_S * fs)
        self._p_start, self._p_end = round(_P_START_S * fs), round(_P_END_S * fs)
        walk = np.cumsum(generator.normal(0.0, 0.01, len(peaks)))
        self._pace = np.exp(generator.uniform(-0.15, 0.25) + np.clip(walk, -0.25, 0.3))
        self._median = float(np.median(np.diff(peaks)))
        self._irregularity = generator.uniform(0.12, 0.38)
        self._wave_hz, self._wave_mv = generator.uniform(5.0, 8.0), generator.uniform(0.0, 0.1)
        self._swing, self._breath_hz = generator.uniform(0.1, 1.0) * design.breathing, generator.uniform(0.1, 0.35)
        self._late = generator.uniform(0.0, 1.0) * design.late
        self._left_in_run = 0
        self._pause_due = False
        self._early, self._p_gain, self._p_shift = 0.7, 1.0, 0

    def play(self) -> tuple[Signal, NDArray[np.int64], list[str]]:
        """Samples (n,), R peaks (m,) and their marks in the new rhythm."""
        out = [self._signal[: max(int(self._peaks[0]) + self._cut, 1)]]
        at, names, n = [int(self._peaks[0])], [self._labels[0]], len(out[0])
        for number in range(1, len(self._peaks)):
            piece, label = self._next(number, n)
            out.append(piece + (out[-1][-1] - piece[0]) * np.linspace(1.0, 0.0, len(piece)))
            n += len(piece)
            at.append(n - self._cut)
            names.append(label)
        return np.concatenate(out), np.array(at), names

    def _next(self, number: int, n_before: int) -> tuple[Signal, str]:
        """The piece that ends with beat ``number``, and the beat's mark."""
        first, last = int(self._peaks[number - 1]) + self._cut, int(self._peaks[number]) + self._cut
        piece = self._signal[first:last]
        plain = (self._classes[number - 1 : number + 1] == "N").all() and 0.3 * self._fs < len(piece) < 2 * self._fs
        if not plain or len(piece) != last - first:
            self._left_in_run, self._pause_due = 0, False
            return (piece if len(piece) else self._signal[-1:]), self._labels[number]
        if self._design.irregular:
            return self._fibrillating(piece, n_before), self._labels[number]
        regular = len(piece) * self._pace[number]
        self._begin_run()
        if self._left_in_run:
            wanted = int(regular * self._early * np.exp(self._draw.normal(0.0, 0.03)))
            early = self._premature(piece, wanted, self._p_gain, self._p_shift)
            if early is not None:
                self._left_in_run -= 1
                self._pause_due = self._left_in_run == 0
                return early, "A"
            self._left_in_run = 0
        return self._stretched(piece, int(regular * self._after_run() * self._sinus(n_before))), self._labels[number]

    def _begin_run(self) -> None:
        design, draw = self._design, self._draw
        if self._left_in_run or draw.random() >= design.onset:
            return
        self._left_in_run = min(int(draw.geometric(1 / design.run)), 60)
        self._early = draw.uniform(*design.early)
        kinds = (0.0, draw.uniform(-1.0, 0.5), draw.uniform(0.5, 1.5))
        self._p_gain = float(draw.choice(kinds, p=(0.25, 0.4, 0.35)))
        self._p_shift = round(draw.uniform(-0.04, 0.04) * self._fs)

    def _after_run(self) -> float:
        """How much longer the interval after premature beats is."""
        if not self._pause_due:
            return 1.0
        self._pause_due = False
        draw = self._draw
        kinds = (draw.uniform(0.95, 1.2), draw.uniform(1.1, 1.6), draw.uniform(1.3, 3.0))
        return float(draw.choice(kinds, p=self._design.pauses))

    def _sinus(self, n_before: int) -> float:
        """How much longer the interval is for breathing, or because the sinus node paused."""
        swing = np.exp(self._swing * np.sin(2 * np.pi * self._breath_hz * n_before / self._fs))
        late = self._draw.uniform(1.3, 2.2) if self._draw.random() < self._late else 1.0
        return float(swing * late)

    def _stretched(self, piece: Signal, wanted: int) -> Signal:
        """The piece made ``wanted`` samples long between T wave and P wave."""
        p_wave = len(piece) - self._cut - self._p_start
        shortest = round(_SHORTEST_DIASTOLE_S * self._fs)
        t_end = min(round(_T_END_S * self._fs), p_wave - shortest)
        diastole = p_wave - t_end
        if diastole < shortest or t_end < round(0.12 * self._fs):
            return piece
        n = max(wanted - (len(piece) - diastole), round(0.02 * self._fs))
        place = np.linspace(0, diastole, n, endpoint=False)
        middle = np.interp(place, np.arange(diastole + 1), piece[t_end : p_wave + 1])
        if n > 1.5 * diastole:
            middle = middle + 0.01 * self._draw.standard_normal(n)
        return np.concatenate([piece[:t_end], middle, piece[p_wave:]])

    def _premature(self, piece: Signal, wanted: int, p_gain: float, p_shift: int) -> Signal | None:
        """The beat at the end of the piece brought forward, its P wave changed; None where there is no room."""
        p_wave = len(piece) - self._p_start - self._cut
        if p_wave < round(0.1 * self._fs) or wanted < round(0.3 * self._fs):
            return None
        base = float(np.median(piece[max(0, p_wave - 15) : p_wave]))
        beat = piece[p_wave:] - base
        end = self._p_start - self._p_end
        line = np.linspace(beat[0], beat[end], end + 1)
        deviation = np.roll(beat[: end + 1] - line, p_shift)
        beat[: end + 1] = line * np.linspace(0.0, 1.0, end + 1) + p_gain * deviation
        if wanted <= p_wave:
            share = np.clip((np.arange(wanted) - (wanted - self._cut - self._p_end)) / (self._p_end + self._cut), 0, 1)
            out = piece[:wanted] * (1 - share) + base * share
        else:
            out = np.concatenate([piece[:p_wave], np.full(wanted - p_wave, base)])
        n = min(len(beat), wanted)
        out[wanted - n :] += beat[len(beat) - n :]
        return out

    def _fibrillating(self, piece: Signal, n_before: int) -> Signal:
        """The piece at a drawn length, its P wave levelled, fibrillation waves over it."""
        flat = piece.copy()
        p_wave = len(piece) - self._cut - self._p_start
        if p_wave > round(0.03 * self._fs):
            end = p_wave + self._p_start - self._p_end
            flat[p_wave : end + 1] = np.linspace(flat[p_wave], flat[end], end + 1 - p_wave)
        wanted = int(self._median * np.exp(self._draw.normal(-0.05, self._irregularity)))
        early = self._premature(flat, wanted, 1.0, 0) if wanted < len(flat) else None
        out = self._stretched(flat, wanted) if early is None else early
        time_s = (n_before + np.arange(len(out))) / self._fs
        phase = 2 * np.pi * self._wave_hz * time_s + 0.7 * np.sin(2 * np.pi * 0.4 * time_s)
        return np.asarray(out + self._wave_mv * np.sin(phase))

"""Stretches of patients' signal: looked at for themselves and cut into windows here, judged by a worker beside.

Where much waits, as with a file, it is taken in parts: while the worker is busy with one, the next is cut and the
events of the one before are gone through. So a file keeps two cores busy; a live second is a part by itself.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from biosig.monitoring.bed import Bed, Tick
from biosig.monitoring.log import Scored
from biosig.monitoring.panel import Panel
from biosig.monitoring.shown import Shown
from biosig.scoring.scorer import Cut, Score, Ward

__all__ = ["AT_ONCE", "PARTS", "Part", "Wards"]

AT_ONCE = 240
"""Ticks of all patients together that are scored at a time: about as many beats fill a batch of the networks."""
PARTS = 8
"""Parts that a file hands over at a time: the first is cut and the last gone through with nothing beside it."""

ByTick = dict[str, list[list[Scored]]]
"""The scores of each patient's stretch of signal, by the tick in which they come when it is pushed by ticks."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The next stretch of signal of the patients who have some.

    Parameters
    ----------
    ticks : of each patient, in order.
    shown : what the signal shows by itself, by patient and tick.
    scored : what the bundles say of it, as soon as that is known.
    """

    ticks: Mapping[str, Sequence[Tick]]
    shown: Mapping[str, Sequence[Shown]]
    scored: Future[ByTick]


class Wards:
    """A ward for those whom the same bundles watch: what is alike in how these look at a signal is done once.

    Parameters
    ----------
    panel : the bundles.
    lead_map : source channel -> channel of a bundle that it stands in for.
    device : ``auto``, ``cpu`` or ``cuda``.
    """

    def __init__(self, panel: Panel, *, lead_map: Mapping[str, str] | None, device: str) -> None:
        self._panel, self._lead_map, self._device = panel, lead_map, device
        self._wards: dict[tuple[str, ...], Ward[str]] = {}
        self._last: Future[ByTick] | None = None

    def of(self, bundles: Iterable[str]) -> Ward[str]:
        """The ward of those whom these bundles watch."""
        names = tuple(bundles)
        if names not in self._wards:
            chosen = [self._panel.bundles[name] for name in names]
            self._wards[names] = Ward(chosen, {}, lead_map=self._lead_map, device=self._device)
        return self._wards[names]

    def begin(self, beds: Sequence[Bed], worker: Executor) -> Part:
        """Take the next ticks of beds that have some and cut them; ``worker``, of one thread, judges them."""
        most = max(1, AT_ONCE // len(beds))
        ticks = {bed.patient: bed.next_ticks(most) for bed in beds}
        scored: ByTick = {patient: [[] for _ in stretch] for patient, stretch in ticks.items()}
        ends: dict[str, list[int]] = {}
        cuts: list[tuple[Ward[str], Cut[str]]] = []
        for names, ward in self._wards.items():
            own = [bed for bed in beds if bed.watching.bundles == names]
            for patient, found in self._begin_anew(ward, own, ticks).items():
                scored[patient][0] += found
            for bed in own:
                sizes = (tick.samples.shape[1] for tick in ticks[bed.patient])
                ends[bed.patient] = list(accumulate(sizes, initial=ward.seen(bed.patient)))
            whole = {bed.patient: np.concatenate([tick.samples for tick in ticks[bed.patient]], axis=1) for bed in own}
            cuts.append((ward, ward.cut(whole)))
        beats = {bed.patient: bed.watching.beats for bed in beds}
        self._last = worker.submit(_judge, cuts, ends, beats, scored)
        return Part(ticks, {bed.patient: bed.look(ticks[bed.patient]) for bed in beds}, self._last)

    def _begin_anew(
        self, ward: Ward[str], beds: Sequence[Bed], ticks: Mapping[str, Sequence[Tick]]
    ) -> dict[str, list[Scored]]:
        """Forget what was seen of those whose signal begins anew; the scores that the end of it completes."""
        begun = [bed for bed in beds if ticks[bed.patient][0].reset]
        if begun and self._last:
            wait([self._last])
        found = self._flush(ward, begun)
        for bed in begun:
            ward.reset(bed.patient, ticks[bed.patient][0].start_s)
        return found

    def flush(self, beds: Sequence[Bed]) -> dict[str, list[Scored]]:
        """The scores that the end of these patients' signal completes, once all of it was judged."""
        found: dict[str, list[Scored]] = {}
        for names, ward in self._wards.items():
            found |= self._flush(ward, [bed for bed in beds if bed.watching.bundles == names])
        return found

    @staticmethod
    def _flush(ward: Ward[str], beds: Sequence[Bed]) -> dict[str, list[Scored]]:
        flushed = ward.flush([bed.patient for bed in beds])
        return {bed.patient: [_noted(score, bed.watching.beats) for score in flushed[bed.patient]] for bed in beds}


def _judge(
    cuts: Sequence[tuple[Ward[str], Cut[str]]],
    ends: Mapping[str, Sequence[int]],
    beats: Mapping[str, str | None],
    scored: ByTick,
) -> ByTick:
    """Put scores into ``scored``, each into the tick that ends with the samples it needs."""
    for ward, cut in cuts:
        for patient, scores in ward.judge(cut).items():
            for score in scores:
                tick = bisect_left(ends[patient], score.known, lo=1) - 1
                scored[patient][tick].append(_noted(score, beats[patient]))
    return scored


def _noted(score: Score, beats: str | None) -> Scored:
    return Scored(score.bundle, score.bundle == beats, score)

"""A made-up patient, watched before anybody else: what is compiled or loaded at its first use is there by then.

Compiling the loops takes ten seconds and more, once after each installation; loading what is kept of that and the first
call of a network take a part of a second. None of it may fall into a patient's first beats.
"""

from __future__ import annotations

import math
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from biosig.monitoring.bed import Bed
from biosig.monitoring.intake import Packet
from biosig.monitoring.stretches import Wards
from biosig.records.recording import TO_MV, Layout

__all__ = ["rehearse"]

_NOBODY = "\0rehearsal"
"""A name that no source can give a patient."""
_LONGER_S = 8.0
"""Seconds of signal beyond the longest wait for a score: by then beats were found, judged and heard by the alarms."""
_RR_S, _WIDTH_S = 0.8, 0.012


def rehearse(wards: Wards, like: Bed, worker: Executor) -> None:
    """Watch a made-up patient of the same layout, by the same bundles and rules; nothing of it is kept."""
    ward = wards.of(like.watching.bundles)
    bed = Bed(_NOBODY, like.layout, like.watching)
    ward.admit(_NOBODY, like.layout)
    try:
        bed.offer(Packet(_made_up(like.layout, ward.latency_s(_NOBODY) + _LONGER_S), start_sample=0))
        bed.end()
        while bed.waiting:
            part = wards.begin([bed], worker)
            scored = part.scored.result()[_NOBODY]
            for turn, tick in enumerate(part.ticks[_NOBODY]):
                bed.watch(tick, part.shown[_NOBODY][turn], scored[turn])
        bed.finish(wards.flush([bed])[_NOBODY])
    finally:
        ward.discharge(_NOBODY)


def _made_up(layout: Layout, seconds: float) -> NDArray[np.float32]:
    """Spikes of 1 mV at 75 a minute over noise, (n_channels, n)."""
    time_s = np.arange(math.ceil(seconds * layout.fs)) / layout.fs
    beat = np.exp(-0.5 * (((time_s % _RR_S) - _RR_S / 2) / _WIDTH_S) ** 2)
    noise = np.random.default_rng(0).normal(scale=0.02, size=(layout.n_channels, len(time_s)))
    unit_mv = np.array([TO_MV.get(unit, 1.0) for unit in layout.units])[:, None]
    made_up: NDArray[np.float32] = ((beat + noise) / unit_mv).astype(np.float32)
    return made_up

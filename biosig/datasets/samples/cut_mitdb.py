"""Cut the MIT-BIH sample that ships with biosig out of the database.

``python -m biosig.datasets.samples.cut_mitdb MITDB OUT`` writes, for each record of the sample, the
eight minutes richest in S, V and F beats, both leads, samples and marks as they stand in the database.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import wfdb

from biosig.datasets.mitbih import SAMPLE_TRAIN, SAMPLE_VALIDATION
from biosig.windows.labels import aami_classes

MINUTES = 8


def richest_minute(classes: np.ndarray, minute: np.ndarray, last: int) -> int:
    """First minute of the stretch with the largest sum of square roots of its S, V and F counts."""

    def worth(first: int) -> float:
        inside = classes[(minute >= first) & (minute < first + MINUTES)]
        return sum(float(np.sqrt((inside == name).sum())) for name in "SVF")

    return max(range(last + 1), key=worth)


def cut(source: Path, record: str, out: Path) -> None:
    """Write one record's excerpt: ``.hea``, ``.dat`` (format 212) and ``.atr``."""
    header = wfdb.rdheader(str(source / record))
    marks = wfdb.rdann(str(source / record), "atr")
    classes = aami_classes(marks.symbol)
    per_minute = round(60 * header.fs)
    first = richest_minute(classes, marks.sample // per_minute, header.sig_len // per_minute - MINUTES)
    start, stop = first * per_minute, (first + MINUTES) * per_minute
    part = wfdb.rdrecord(str(source / record), sampfrom=start, sampto=stop, physical=False)
    wfdb.wrsamp(
        record,
        fs=part.fs,
        units=part.units,
        sig_name=part.sig_name,
        d_signal=part.d_signal,
        fmt=part.fmt,
        adc_gain=part.adc_gain,
        baseline=part.baseline,
        comments=[
            *part.comments,
            f"Minutes {first} to {first + MINUTES} of MIT-BIH record {record} (sample of biosig)",
        ],
        write_dir=str(out),
    )
    inside = (marks.sample >= start) & (marks.sample < stop)
    rhythm = [i for i in np.flatnonzero(marks.sample < start) if marks.symbol[i] == "+"]
    chosen = np.flatnonzero(inside)
    opening = [rhythm[-1]] if rhythm else []
    wfdb.wrann(
        record,
        "atr",
        sample=np.array([0] * len(opening) + [marks.sample[i] - start for i in chosen]),
        symbol=[marks.symbol[i] for i in (*opening, *chosen)],
        aux_note=[marks.aux_note[i] for i in (*opening, *chosen)],
        fs=header.fs,
        write_dir=str(out),
    )


if __name__ == "__main__":
    folder, target = Path(sys.argv[1]), Path(sys.argv[2])
    for name in sorted((*SAMPLE_TRAIN, *SAMPLE_VALIDATION)):
        cut(folder, name, target)

"""Cut the sample of EEG During Mental Arithmetic Tasks that ships with biosig out of the database.

``python -m biosig.datasets.samples.cut_eegmat EEGMAT OUT`` writes, for both records of each person of the sample,
one minute of the 19 scalp electrodes at 125 Hz: of rest from the second minute on, of arithmetic from its start.
Both are as long as each other, so that their lengths say nothing.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
from edfio import Edf, EdfSignal, Patient, Recording
from scipy.signal import resample_poly

from biosig.datasets.eegmat import CONDITIONS, SAMPLE_TRAIN, SAMPLE_VALIDATION
from biosig.records.reading import read

ELECTRODES = tuple("Fp1 Fp2 F3 F4 F7 F8 T3 T4 C3 C4 T5 T6 P3 P4 O1 O2 Fz Cz Pz".split())  # noqa: SIM905
TO_HZ = 125
SECONDS = 60
BEGIN_S = {"rest": 60, "arithmetic": 0}


def cut(source: Path, record: str, out: Path) -> None:
    """Write one record's minute: band-limited to below 62.5 Hz by a filter without delay, then every nth sample."""
    recording = read(source / f"{record}.edf", channels=ELECTRODES)
    ratio = Fraction(TO_HZ, round(recording.fs))
    whole = resample_poly(recording.data.astype(np.float64), ratio.numerator, ratio.denominator, axis=1)
    condition = CONDITIONS[record[-1]]
    first = BEGIN_S[condition] * TO_HZ
    minute = whole[:, first : first + SECONDS * TO_HZ]
    signals = [
        EdfSignal(samples, TO_HZ, label=f"EEG {name}", transducer_type="", physical_dimension="uV")
        for name, samples in zip(ELECTRODES, minute, strict=True)
    ]
    edf = Edf(
        signals,
        patient=Patient(code=record.partition("_")[0]),
        recording=Recording(additional=["eegmat", condition, "sample_of_biosig"]),
    )
    edf.write(out / f"{record}.edf")


if __name__ == "__main__":
    folder, target = Path(sys.argv[1]), Path(sys.argv[2])
    for person in (*SAMPLE_TRAIN, *SAMPLE_VALIDATION):
        for number in CONDITIONS:
            cut(folder, f"{person}_{number}", target)

"""Damaged WFDB files end in a RecordError: thousands of them, read by damage.py."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

CASES = 6000
HARNESS = Path(__file__).with_name("damage.py")


def write_corpus(folder: Path, packers: dict[int, Callable[[Sequence[int]], bytes]]) -> None:
    """Small records of every format and layout; FLAC and marks by ``wfdb``."""
    import wfdb

    rng = np.random.default_rng(0)
    lead = np.cumsum(rng.integers(-9, 10, size=(240, 2)), axis=0).clip(-120, 120)
    for storage, pack in packers.items():
        stored = np.diff(lead, axis=0, prepend=0) if storage == 8 else lead
        (folder / f"f{storage}.dat").write_bytes(pack(stored.reshape(-1).tolist()))
        line = f"f{storage}.dat {storage} 100(0)/mV 12 0 0 0 0 L"
        (folder / f"f{storage}.hea").write_text(f"f{storage} 2 250 240\n{line}0\n{line}1\n")
    for storage in (508, 516, 524):
        wfdb.wrsamp(
            f"f{storage}", fs=250, units=["mV"] * 2, sig_name=["L0", "L1"], fmt=[str(storage)] * 2, d_signal=lead,
            adc_gain=[100.0] * 2, baseline=[0] * 2, write_dir=str(folder),
        )  # fmt: skip
    wfdb.wrann(
        "f212", "atr", np.array([5, 9, 1500, 200000]), list('N+"V'), aux_note=["", "(AFIB", "a note", ""],
        chan=np.array([0, 1, 1, 0]), fs=250, write_dir=str(folder),
    )  # fmt: skip
    (folder / "fixed.hea").write_text("fixed/3 2 250 720\nf16 240\nf32 240\nf212 240\n")
    (folder / "layout.hea").write_text(
        "layout 3 250 0\n~ 0 100/mV 16 0 0 0 0 L0\n~ 0 1 8 0 0 0 0 X\n~ 0 1 8 0 0 0 0 L1\n"
    )
    (folder / "varied.hea").write_text("varied/4 3 250 500\nlayout 0\nf80 240\n~ 20\nf311 240\n")
    (folder / "rates.hea").write_text(
        "rates 3 50/100(0) 60 10:20:30.5 01/02/2003\nf16.dat 16x4 100(0)/mV 16 0 1 0 0 II\n"
        "f16.dat 16x2:3 16(800)/mmHg 16 0 1 0 0 ABP\nf16.dat 16x2 100/uV 16 0 1 0 0 EEG Fz\n# comment\n"
    )
    (folder / "mat.mat").write_bytes(bytes(24) + lead.astype("<i2").tobytes())
    (folder / "mat.hea").write_text("mat 2 250 240\nmat.mat 16+24 1e2/V 16 0 0 0 0 L0\nmat.mat 16+24 0 16 0 0 0 0 L0\n")


def test_no_damaged_file_does_anything_but_raise_record_error(
    tmp_path: Path, packers: dict[int, Callable[[Sequence[int]], bytes]]
) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    write_corpus(folder, packers)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, str(HARNESS), str(folder), str(CASES), "20240229"],
        capture_output=True, text=True, env=environment, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
    assert f"{len(list(folder.glob('*.hea')))} records, {CASES} cases, 0 wrong" in done.stdout


@pytest.mark.data
def test_no_damaged_sample_record_does_anything_but_raise_record_error(tmp_path: Path, data_dir: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    samples = data_dir / "wfdb_samples"
    for path in [*samples.iterdir(), *(samples / "multi-segment" / "s25047").iterdir()]:
        if path.is_file() and path.stat().st_size < 100_000:
            shutil.copy(path, folder / path.name)
    done = subprocess.run(
        [sys.executable, str(HARNESS), str(folder), "1500", "7"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-2000:]}"

"""Damaged EEG files of every format end in a RecordError: thousands of them, read by damage.py."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

CASES = 6000
HARNESS = Path(__file__).with_name("damage.py")


def write_edf_corpus(folder: Path, edf_bytes: Callable[..., bytes], column: Any) -> None:
    """Plain, contiguous, discontinuous and 24-bit files, one with annotations only."""
    values = np.arange(-60, 60).reshape(6, 20)
    slow = np.arange(24).reshape(6, 4)
    timed = [f"+{k}\x14\x14\0+{k}.5\x150.25\x14seen\x14again\x14\0".encode() for k in range(6)]
    late = [f"+{k + 3 * (k > 2)}.25\x14\x14start\x14\0".encode() for k in range(6)]
    columns = [column("EEG Fp1-Ref", values), column("ECG", values, "mV"), column("Resp", slow, "")]
    files = {
        "plain.edf": edf_bytes(columns, patient="A1 F 02-MAY-1951 N", recording="Startdate 02-MAR-2002 X X X"),
        "contiguous.edf": edf_bytes(columns, timed=timed),
        "gaps.edf": edf_bytes(columns, timed=late, kind="EDF+D"),
        "notes.edf": edf_bytes([], timed=timed, duration="0"),
        "wide.bdf": edf_bytes(columns, timed=late, kind="BDF+D", width=3),
        "unclosed.bdf": edf_bytes(columns, records="-1", duration="0.25", width=3),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)


def write_brainvision_corpus(folder: Path) -> None:
    """Every number format in both orientations, with markers and a pause."""
    values = np.arange(-150, 150).reshape(100, 3)
    kinds = {"INT_16": "i2", "INT_32": "i4", "IEEE_FLOAT_32": "f4"}
    for kind, stored in kinds.items():
        for orientation, order, numbers in (("MULTIPLEXED", "<", values), ("VECTORIZED", ">", values.T)):
            name = f"{kind}_{orientation}"
            (folder / f"{name}.eeg").write_bytes(numbers.astype(order + stored).tobytes())
            (folder / f"{name}.vhdr").write_text(
                "BrainVision Data Exchange Header File Version 1.0\n; note\n[Common Infos]\nCodepage=UTF-8\n"
                f"DataFile={name}.eeg\nMarkerFile={name}.vmrk\nDataFormat=BINARY\nDataOrientation={orientation}\n"
                f"NumberOfChannels=3\nSamplingInterval=4000\n[Binary Infos]\nBinaryFormat={kind}\n"
                f"UseBigEndianOrder={'YES' if order == '>' else 'NO'}\n[Channel Infos]\nCh1=Fp1,,0.5,µV\n"
                "Ch2=ECG,,,mV\nCh3=a\\1b,,2\n[Comment]\nfree text\n",
                encoding="utf-8",
            )
            (folder / f"{name}.vmrk").write_text(
                f"BrainVision Data Exchange Marker File, Version 1.0\n[Common Infos]\nDataFile={name}.eeg\n"
                "[Marker Infos]\nMk1=New Segment,,1,1,0,20131113161403794232\nMk2=Stimulus,S  1,10,1,0\n"
                "Mk3=New Segment,,51,1,0,20131113161405000000\nMk4=Response,R\\1 2,60,5,2\n"
            )


def test_no_damaged_eeg_file_does_anything_but_raise_record_error(
    tmp_path: Path, edf_bytes: Callable[..., bytes], edf_column: Any
) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    write_edf_corpus(folder, edf_bytes, edf_column)
    write_brainvision_corpus(folder)
    assert f"12 records, {CASES} cases, 0 wrong" in damaged(folder, CASES)


@pytest.mark.data
def test_no_damaged_file_that_mne_reads_does_anything_but_raise_record_error(tmp_path: Path, data_dir: Path) -> None:
    import mne

    folder = tmp_path / "corpus"
    folder.mkdir()
    formats = data_dir / "eeg_formats" / "mne-testing-data"
    for path in (formats / "EEGLAB" / "test_raw_2021.set", formats / "GDF" / "test_1ch.gdf"):
        shutil.copyfile(path, folder / path.name)
    info = mne.create_info(["Fp1", "ECG"], 100.0, ["eeg", "ecg"])
    mne.io.RawArray(np.zeros((2, 500)), info, first_samp=70, verbose="ERROR").save(folder / "r.fif", verbose="ERROR")
    assert "3 records, 300 cases, 0 wrong" in damaged(folder, 300)


def damaged(folder: Path, cases: int) -> str:
    """What damage.py says after so many cases."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, str(HARNESS), str(folder), str(cases), "20240229"],
        capture_output=True, text=True, env=environment, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
    return done.stdout

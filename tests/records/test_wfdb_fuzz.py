"""Damaged WFDB files end in a RecordError: thousands of them, in a process with little memory and a watchdog.

Run as a script, this file is that process: ``python test_wfdb_fuzz.py FOLDER CASES SEED``.
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

CASES = 6000
ADDRESS_SPACE = 3 << 30  # bytes; numpy, scipy-free biosig and libsndfile map about 0.5 GB of it
HANG_S = 60  # one case takes about a millisecond
REFUSED = "refused"

HOSTILE = (
    b"0", b"-1", b"1e9", b"999999999999", b"99999999999999999999", b"1e308", b"nan", b"inf", b"-inf", b"36O", b"360,5",
    b"~", b"/", b"..", b"../../etc/passwd", b"/etc/passwd", b"/dev/zero", b".", b"", b"\x00", b"\xff\xfe", b"a" * 3000,
    b"16", b"8", b"212", b"310", b"311", b"508", b"516", b"524", b"32", b"0x10", b"16x1000000", b"16:2147483648",
    b"16+999999999", b"212x7", b"16x3:5+2", b"200(1e9)/mV", b"0/mV", b"1e-300/mV", b"-200/mV", b"\xd9\xa3\xd9\xa6",
    b"self/3", b"x/1000000000", b"0.000001", b"1e-400", b"2147483647", b"-2147483649", b"#", b"99:99:99", b"0/0/0",
)  # fmt: skip


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


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """The content of a file, damaged in one of nine ways."""
    kind = rng.integers(9)
    if kind == 0:
        flipped = bytearray(content)
        for place in rng.integers(0, max(1, len(content)), size=rng.integers(1, 9)):
            if content:
                flipped[place] ^= 1 << rng.integers(8)
        return bytes(flipped)
    if kind == 1:
        return content[: rng.integers(0, len(content) + 1)]
    if kind == 2:
        return content + rng.bytes(rng.integers(1, 200))
    if kind == 3:
        start = rng.integers(0, len(content) + 1)
        return content[:start] + rng.bytes(rng.integers(1, 40)) + content[start + rng.integers(0, 40) :]
    if kind == 4:
        return b""
    lines = [line.split(b" ") for line in content.split(b"\n")]
    row = int(rng.integers(len(lines)))
    column = int(rng.integers(len(lines[row])))
    if kind == 5:
        lines[row][column] = HOSTILE[rng.integers(len(HOSTILE))]
    elif kind == 6:
        lines.insert(int(rng.integers(len(lines) + 1)), lines[row])
    elif kind == 7:
        other = int(rng.integers(len(lines)))
        lines[row][column], lines[other][0] = lines[other][0], lines[row][column]
    else:
        digits = str(int(rng.integers(0, 10 ** rng.integers(1, 18)))).encode()
        lines[row][column] = lines[row][column].rstrip(b"0123456789") + digits
    return b"\n".join(b" ".join(line) for line in lines)


def try_case(record: Path) -> str | None:
    """Read a record and its samples; None if that worked, ``REFUSED`` if it ended as it should, or what went wrong."""
    from biosig.errors import RecordError
    from biosig.records import read

    try:
        recording = read(record)
        recording.samples.read(max(0, recording.n_times - 50), recording.n_times)
        recording.samples.read(7, 60_000)
        if recording.n_times * max(1, recording.layout.n_channels) < 10_000_000:
            assert recording.data.shape == (recording.layout.n_channels, recording.n_times)
        recording.annotations.samples(recording.fs)
    except RecordError as error:
        message = str(error)
        names_file = record.parent.name in message
        told = "expected" in message and "found" in message and "\n" not in message
        return REFUSED if names_file and told else f"unhelpful message: {message}"
    except BaseException:  # the whole point is to see everything else
        return traceback.format_exc()
    return None


def put(path: Path, content: bytes) -> None:
    """Write a new file: ext4 brings a truncated one to disk when it is closed, 40 times as slow."""
    path.unlink()
    path.write_bytes(content)


def run(folder: Path, cases: int, seed: int) -> int:
    """Damage one file after another; print every case that does not end as it should."""
    import soundfile  # noqa: F401  loaded before memory is limited

    import biosig.records  # noqa: F401

    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    rng = np.random.default_rng(seed)
    originals = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    headers = [name for name in originals if name.endswith(".hea") and try_case(folder / name[:-4]) is None]
    refused, wrong = 0, 0
    for case in range(cases):
        header = headers[rng.integers(len(headers))]
        named = [name for name in originals if name != header and name.split(".")[0].encode() in originals[header]]
        damaged = header if rng.random() < 0.5 or not named else named[rng.integers(len(named))]
        content = mutate(originals[damaged], rng)
        put(folder / damaged, content)
        signal.alarm(HANG_S)
        problem = try_case(folder / header[:-4])
        signal.alarm(0)
        put(folder / damaged, originals[damaged])
        refused += problem == REFUSED
        if problem not in (None, REFUSED):
            wrong += 1
            sys.stdout.write(f"case {case}, {damaged} of {header}: {content[:300]!r}\n{problem}\n")
    sys.stdout.write(f"{len(headers)} records, {cases} cases, {wrong} wrong, {refused} refused\n")
    return 1 if wrong else 0


def test_no_damaged_file_does_anything_but_raise_record_error(
    tmp_path: Path, packers: dict[int, Callable[[Sequence[int]], bytes]]
) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    write_corpus(folder, packers)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, __file__, str(folder), str(CASES), "20240229"],
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
        [sys.executable, __file__, str(folder), "1500", "7"], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-2000:]}"


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))

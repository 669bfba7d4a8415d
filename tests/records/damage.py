"""The process in which damaged files are read: thousands of them, with little memory and a watchdog.

``python damage.py FOLDER CASES SEED`` damages one file of the folder after another, reads its record, and prints
every case that ends in anything but a recording or a RecordError.
"""

import resource
import signal
import sys
import traceback
from pathlib import Path

import numpy as np

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


ENTRIES = (".hea", ".edf", ".bdf", ".vhdr", ".set", ".fif", ".gdf")
"""Suffixes of the files by which a record is opened; others belong to the one that names them."""


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """The content of a file, damaged in one of ten ways."""
    kind = rng.integers(10)
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
    if kind == 9:  # a field at a fixed place, as EDF has them
        width = int(rng.choice([4, 8, 16]))
        start = 4 * int(rng.integers(0, max(1, min(len(content), 4096) // 4)))
        return content[:start] + HOSTILE[rng.integers(len(HOSTILE))].ljust(width)[:width] + content[start + width :]
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


def try_case(path: Path) -> str | None:
    """Read a record and its samples; None if that worked, ``REFUSED`` if it ended as it should, or what went wrong."""
    from biosig.errors import RecordError
    from biosig.records import read

    try:
        recording = read(path)
        recording.samples.read(max(0, recording.n_times - 50), recording.n_times)
        recording.samples.read(7, 60_000)
        if recording.n_times * max(1, recording.layout.n_channels) < 10_000_000:
            assert recording.data.shape == (recording.layout.n_channels, recording.n_times)
        recording.annotations.samples(recording.fs)
    except RecordError as error:
        message = str(error)
        names_file = path.parent.name in message
        told = "expected" in message and "found" in message and "\n" not in message
        return REFUSED if names_file and told else f"unhelpful message: {message}"
    except BaseException:  # the whole point is to see everything else
        return traceback.format_exc()
    return None


def record(folder: Path, name: str) -> Path:
    """What is opened to read the record of an entry file: WFDB records go by their name."""
    return folder / name.removesuffix(".hea")


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
    headers = [name for name in originals if name.endswith(ENTRIES) and try_case(record(folder, name)) is None]
    refused, wrong = 0, 0
    for case in range(cases):
        header = headers[rng.integers(len(headers))]
        named = [name for name in originals if name != header and name.split(".")[0].encode() in originals[header]]
        damaged = header if rng.random() < 0.5 or not named else named[rng.integers(len(named))]
        content = mutate(originals[damaged], rng)
        put(folder / damaged, content)
        signal.alarm(HANG_S)
        problem = try_case(record(folder, header))
        signal.alarm(0)
        put(folder / damaged, originals[damaged])
        refused += problem == REFUSED
        if problem not in (None, REFUSED):
            wrong += 1
            sys.stdout.write(f"case {case}, {damaged} of {header}: {content[:300]!r}\n{problem}\n")
    sys.stdout.write(f"{len(headers)} records, {cases} cases, {wrong} wrong, {refused} refused\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))

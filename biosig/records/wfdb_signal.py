"""WFDB signal files read piece by piece: bytes on disk -> blocks of digital samples, frame by frame.

A frame holds one or more samples of every signal in the file, signal after signal
(header(5) and signal(5) of the WFDB Applications Guide).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from biosig.records.guard import mismatch, regular_size
from biosig.records.wfdb_formats import DIFFERENCES, FLAC_BITS, PACKED, Integers, Packing

__all__ = ["Block", "Contents", "SignalFile", "open_signal_file"]

_BLOCK_SAMPLES = 1 << 17  # decoded at once: more makes it no faster
_SMALL_BLOCK_SAMPLES = 1 << 12
_KEPT_SUMS = 64
_BLOCKS_PER_READ = 16  # at least, so that the temporaries stay small beside what is asked for
_MAX_FRAME = 10**6  # samples; a frame of 1 s of 256 channels at 2 kHz has half a million

Block = tuple[int, Integers]
"""First frame, and the digital samples (n_frames, samples per frame) from there on."""


@dataclass(frozen=True)
class Contents:
    """What a header says about one signal file.

    Parameters
    ----------
    path : the file.
    offset : bytes (FLAC: samples) before sample 0.
    samples_per_frame : per signal, in the order in which the file holds them.
    initial : value of each signal's sample 0 (only format 8 needs it).
    """

    path: Path
    offset: int
    samples_per_frame: tuple[int, ...]
    initial: tuple[int, ...]

    @property
    def frame(self) -> int:
        """Samples per frame, all signals together."""
        return sum(self.samples_per_frame)

    def cut(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Frames ``start`` to ``stop`` in pieces that are decoded at once."""
        wanted = (stop - start) * self.frame // _BLOCKS_PER_READ
        size = max(1, min(max(wanted, _SMALL_BLOCK_SAMPLES), _BLOCK_SAMPLES) // self.frame)
        for first in range(start, stop, size):
            yield first, min(first + size, stop)


class SignalFile(Protocol):
    """Blocks of frames from one file, and the value that means "not recorded"."""

    @property
    def invalid(self) -> int | None:
        """Digital value of a sample that was not recorded; None where the format has none."""
        ...

    def capacity(self) -> int:
        """Whole frames in the file."""
        ...

    def require(self, n_frames: int) -> None:
        """``RecordError`` where the file is too short for ``n_frames`` frames."""
        ...

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Frames ``start`` to ``stop`` in consecutive blocks."""
        ...


def open_signal_file(contents: Contents, storage: int, *, where: str) -> SignalFile:
    """The reader for a file of WFDB format ``storage``; ``RecordError`` for a format WFDB does not have."""
    if contents.frame > _MAX_FRAME:
        raise mismatch(where, f"at most {_MAX_FRAME} samples per frame", str(contents.frame))
    if storage in PACKED:
        return PackedFile(contents, PACKED[storage])
    if storage == 8:
        return DifferenceFile(PackedFile(contents, DIFFERENCES))
    if storage in FLAC_BITS:
        if len(set(contents.samples_per_frame)) > 1:
            raise mismatch(where, "one number of samples per frame in a FLAC file", str(contents.samples_per_frame))
        return FlacFile(contents, FLAC_BITS[storage])
    known = ", ".join(str(number) for number in sorted([8, *PACKED, *FLAC_BITS]))
    raise mismatch(where, f"a signal format of {known}", str(storage))


@dataclass(frozen=True)
class PackedFile:
    """A file whose samples lie at fixed places: every frame can be reached at once."""

    contents: Contents
    packing: Packing

    @property
    def invalid(self) -> int | None:
        return self.packing.invalid

    def capacity(self) -> int:
        size = regular_size(self.contents.path) - self.contents.offset
        return self.packing.capacity(size) // self.contents.frame if size > 0 else 0

    def require(self, n_frames: int) -> None:
        needed = self.contents.offset + self.packing.size(n_frames * self.contents.frame)
        size = regular_size(self.contents.path)
        if size < needed:
            raise mismatch(
                self.contents.path,
                f"at least {needed} bytes for the {n_frames} frames its header declares",
                f"{size} bytes",
                "the file is cut short, get it again",
            )

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        try:
            with open(self.contents.path, "rb", buffering=0) as file:
                for first, last in self.contents.cut(start, stop):
                    yield first, self._frames(file, first, last)
        except OSError as error:
            raise mismatch(self.contents.path, "a readable file", error.strerror or str(error)) from error

    def _frames(self, file: BinaryIO | Any, start: int, stop: int) -> Integers:
        packing, frame = self.packing, self.contents.frame
        group = start * frame // packing.samples
        begin = group * packing.bytes
        needed = packing.size(stop * frame) - begin
        raw = np.empty(-(-needed // packing.bytes) * packing.bytes, dtype=np.uint8)
        raw[needed:] = 0
        file.seek(self.contents.offset + begin)
        found = _fill(file, raw.data[:needed])
        if found < needed:
            raise mismatch(self.contents.path, f"{needed} bytes at byte {self.contents.offset + begin}", f"{found}")
        skipped = start * frame - group * packing.samples
        return packing.decode(raw)[skipped : skipped + (stop - start) * frame].reshape(-1, frame)


def _fill(file: Any, buffer: memoryview) -> int:
    """Bytes read into ``buffer``: all of it unless the file ends before."""
    found = 0
    while found < len(buffer):
        count = file.readinto(buffer[found:])
        if not count:
            break
        found += count
    return found


@dataclass(frozen=True)
class DifferenceFile:
    """Format 8: a sample is the sum of all differences before it, from the initial value in the header.

    Sums passed on the way are kept, so that going on reading costs nothing extra.

    Parameters
    ----------
    file : the differences.
    sums : frame -> value of each signal just before it.
    """

    file: PackedFile
    sums: dict[int, NDArray[np.int64]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def invalid(self) -> int | None:
        return None

    def capacity(self) -> int:
        return self.file.capacity()

    def require(self, n_frames: int) -> None:
        self.file.require(n_frames)

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        contents = self.file.contents
        known = max((frame for frame in list(self.sums) if frame <= start), default=0)
        before = self.sums.get(known, np.array(contents.initial, dtype=np.int64))
        if known < start:
            for first, differences in self.file.blocks(known, start):
                _, before = self._sum(differences, before)
                self._keep(first + len(differences), before)
        for first, differences in self.file.blocks(start, stop):
            values, before = self._sum(differences, before)
            yield first, values
            self._keep(first + len(values), before)

    def _sum(self, differences: Integers, before: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Values (n_frames, samples per frame), and the last of each signal."""
        values = np.empty(differences.shape, dtype=np.int64)
        last = np.empty_like(before)
        column = 0
        for signal, width in enumerate(self.file.contents.samples_per_frame):
            chain = differences[:, column : column + width].reshape(-1).cumsum(dtype=np.int64)
            chain += before[signal]
            values[:, column : column + width] = chain.reshape(-1, width)
            last[signal] = chain[-1]
            column += width
        return values, last

    def _keep(self, frame: int, sums: NDArray[np.int64]) -> None:
        """Remember the sums at ``frame``, and only the last few of all that were passed."""
        self.sums[frame] = sums
        for old in list(self.sums)[:-_KEPT_SUMS]:
            self.sums.pop(old, None)


@dataclass(frozen=True)
class FlacFile:
    """A FLAC stream with one audio channel per signal, of at most ``bits`` bits per sample."""

    contents: Contents
    bits: int

    @property
    def invalid(self) -> int | None:
        return -int(2 ** (self.bits - 1))

    def capacity(self) -> int:
        with self._open() as stream:
            return max(0, int(stream.frames) - self.contents.offset) // self.contents.samples_per_frame[0]

    def require(self, n_frames: int) -> None:
        import soundfile

        path, spf = self.contents.path, self.contents.samples_per_frame[0]
        found = self.capacity()
        if found < n_frames:
            raise mismatch(path, f"at least {n_frames} frames, as its header declares", str(found))
        try:
            with self._open() as stream:
                # A stream cut short still declares its full length; only its last sample tells.
                stream.seek(self.contents.offset + n_frames * spf - 1)
                last = len(stream.read(1, dtype="int32"))
        except soundfile.SoundFileError as error:
            raise mismatch(path, f"a FLAC stream of {n_frames} frames", f"a damaged one ({error})") from error
        if not last:
            raise mismatch(path, f"{n_frames} frames, as its header declares", "fewer", "the file is cut short")

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        import soundfile

        spf, n_signals = self.contents.samples_per_frame[0], len(self.contents.samples_per_frame)
        try:
            with self._open() as stream:
                # libsndfile puts 8 bits at the top of 16 and 24 at the top of 32.
                kind, shift = {"PCM_S8": ("int16", 8), "PCM_16": ("int16", 0)}.get(stream.subtype, ("int32", 8))
                stream.seek(self.contents.offset + start * spf)
                for first, last in self.contents.cut(start, stop):
                    wanted = (last - first) * spf
                    values = stream.read(wanted, dtype=kind, always_2d=True)
                    if len(values) < wanted:
                        raise mismatch(self.contents.path, f"{wanted} samples at frame {first}", str(len(values)))
                    framed = (values >> shift).reshape(-1, spf, n_signals).transpose(0, 2, 1)
                    yield first, framed.reshape(-1, self.contents.frame)
        except soundfile.SoundFileError as error:
            raise mismatch(self.contents.path, "an intact FLAC stream", str(error)) from error

    def _open(self) -> Any:
        """The stream, after a look at what kind it is."""
        import soundfile

        path = self.contents.path
        if regular_size(path) < 4 or _head(path) != b"fLaC":
            raise mismatch(path, "a FLAC stream, as its header declares", "another kind of file")
        try:
            stream = soundfile.SoundFile(str(path))
        except soundfile.SoundFileError as error:
            raise mismatch(path, "an intact FLAC stream", str(error)) from error
        depth = {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}.get(stream.subtype, 0)
        fits = 0 < depth <= self.bits and stream.channels == len(self.contents.samples_per_frame)
        if stream.format != "FLAC" or not fits:
            stream.close()
            raise mismatch(
                path,
                f"FLAC of at most {self.bits} bits with {len(self.contents.samples_per_frame)} channels",
                f"{stream.format} {stream.subtype} with {stream.channels} channels",
            )
        return stream


def _head(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(4)
    except OSError as error:
        raise mismatch(path, "a readable file", error.strerror or str(error)) from error

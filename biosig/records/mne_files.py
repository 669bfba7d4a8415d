"""EEGLAB, FIF and GDF files, read by MNE-Python -> :class:`Recording`; and recordings from MNE's own objects.

Gramfort et al. 2013, doi:10.3389/fnins.2013.00267. MNE's log is silenced and its warnings are dropped: what they say
(data that cannot stay on disk, events outside the data) changes no sample, and what would change one is checked here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.errors import BiosigError
from biosig.records.channel_names import choose, plain_name, unique_names
from biosig.records.gdf_units import gdf_units
from biosig.records.guard import mismatch, regular_size
from biosig.records.mne_guard import check_fif, check_mat
from biosig.records.recording import Annotations, Layout, Recording
from biosig.records.units import is_ecg, layout_unit
from biosig.records.wfdb_samples import empty_samples

__all__ = ["SKIPPED", "MneSamples", "from_mne", "quiet", "read_mne"]

_READERS = {".set": "read_raw_eeglab", ".fif": "read_raw_fif", ".fif.gz": "read_raw_fif", ".gdf": "read_raw_gdf"}
_CHECKS: dict[str, Callable[[Path], None]] = {".set": check_mat, ".fif": check_fif}
_UNITS = {107: "V", 112: "T", 201: "T/m", 202: "Am", 101: "Hz", 114: "degC", 115: "lx"}
"""Units of the FIF standard (``FIFF_UNIT_*``) as layouts write them; all else is ``NU``, no unit."""

SKIPPED = "BAD_ACQ_SKIP"
"""What MNE calls a stretch that was not recorded and that it fills with zeros."""

_SMALL_BLOCK = 1 << 13  # samples of all channels read at once, float64
_PARTS = 16


def read_mne(path: Path, *, channels: Sequence[str] | None = None, annotator: str | None = None) -> Recording:
    """An EEGLAB (``.set``), FIF (``.fif``) or GDF file, its samples read when they are asked for.

    Voltages become uV, those of ECG leads mV; other units stay. Names are made plain as in EDF files. Annotations
    count from the first sample in the file, whatever ``first_samp`` it has; stretches that were skipped while
    recording are NaN. An EEGLAB file that holds its samples itself is read into memory as a whole.

    Parameters
    ----------
    path : the file.
    channels : names of the channels wanted, in this order, and named so; all where None. ``T7`` also finds ``T3``.
    annotator : must be None: the annotations are in the file.

    Raises
    ------
    RecordError : the file is missing, damaged, not continuous, or of channels at several rates.
    """
    if annotator is not None:
        raise ValueError(f"{path.name} holds its annotations itself: annotator must be None, got {annotator!r}")
    if regular_size(path) == 0:
        raise mismatch(path, "at least one byte", "an empty file")
    suffix = "".join(path.suffixes[-2:]).lower() if path.suffix.lower() == ".gz" else path.suffix.lower()
    if suffix not in _READERS:
        raise mismatch(path, f"a file ending in {', '.join(_READERS)}", repr(suffix))
    if suffix in _CHECKS:
        _CHECKS[suffix](path)
    with quiet(path, f"a continuous recording that MNE reads by {_READERS[suffix]}"):
        import mne

        reader: Callable[..., Any] = getattr(mne.io, _READERS[suffix])
        raw = reader(path, preload=False, verbose="ERROR")
        rates = set(np.ravel(raw._raw_extras[0].get("n_samps", ()))) if suffix == ".gdf" else set()
    if len(rates) > 1:  # MNE would stretch the slower ones by interpolation
        raise mismatch(path, "channels of one sampling rate", f"{len(rates)} rates", "convert the file to EDF")
    written = gdf_units(path) if suffix == ".gdf" else None
    if written is not None and len(written) != len(raw.ch_names):
        raise mismatch(path, f"{len(written)} channels, as its header declares", f"{len(raw.ch_names)}")
    name = f"{path.absolute().parent.name}/{path.name[: -len(suffix)]}"
    return replace(_recording(raw, name, channels, written), path=path)


def from_mne(raw: Any, *, name: str = "mne", subject: str | None = None) -> Recording:
    """The recording in an MNE ``Raw``, read from it when asked for; changes to ``raw`` show until then.

    Voltages become uV, those of ECG leads mV. ``subject`` is the ``his_id`` of ``raw.info``, or else ``name``.
    Annotations count from the first sample; what is marked ``BAD_ACQ_SKIP`` is NaN.

    Raises
    ------
    ValueError : ``raw`` is not a continuous recording.
    """
    if not all(hasattr(raw, part) for part in ("info", "annotations", "first_samp", "get_data", "n_times")):
        raise ValueError(f"from_mne needs an mne.io.Raw, got {type(raw).__name__}; read files with biosig.read")
    recording = _recording(raw, name, None, None)
    return recording if subject is None else replace(recording, subject=subject)


@contextmanager
def quiet(path: Path | str, expected: str) -> Iterator[None]:
    """MNE's warnings dropped, and whatever it or scipy raises over a damaged file a ``RecordError``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except BiosigError:
        raise
    except Exception as error:  # no narrower: MNE raises even a bare Exception (over an unknown tag in a FIF file)
        text = next(iter(str(error).splitlines()), "")
        raise mismatch(path, expected, f"{type(error).__name__}: {text}") from error


def _recording(
    raw: Any, name: str, channels: Sequence[str] | None, written: Sequence[tuple[str, float]] | None
) -> Recording:
    """The recording of an MNE object, only the channels chosen.

    ``written`` has each channel's unit in the file and what MNE multiplied by, where MNE does not know all units.
    """
    labels = list(raw.ch_names)
    names = unique_names([plain_name(label) or f"signal {row}" for row, label in enumerate(labels)])
    rows = choose(name, names, channels, labels=labels)
    units = [_unit(raw, row) if written is None else _written_unit(labels[row], *written[row]) for row in rows]
    first_s = raw.first_samp / raw.info["sfreq"]
    start = raw.info["meas_date"]
    annotations = _annotations(raw)
    return Recording(
        name=name,
        subject=str((raw.info["subject_info"] or {}).get("his_id") or "") or name.rpartition("/")[2],
        layout=Layout(
            channels=tuple(names[row] for row in rows) if channels is None else tuple(channels),
            fs=float(raw.info["sfreq"]),
            units=tuple(unit for unit, _ in units),
        ),
        samples=MneSamples(name, raw, tuple(rows), tuple(factor for _, factor in units), _skips(raw, annotations)),
        annotations=annotations,
        start=None if start is None else start.replace(tzinfo=None) + timedelta(seconds=first_s),
        comments=(
            *(f"{names[row]} is {labels[row]!r} in the file" for row in rows if names[row] != labels[row]),
            *([f"marked bad: {', '.join(raw.info['bads'])}"] if raw.info["bads"] else []),
        ),
    )


def _unit(raw: Any, row: int) -> tuple[str, float]:
    """The unit of a channel in the layout, and the factor to it from MNE's."""
    unit = _UNITS.get(int(raw.info["chs"][row]["unit"]), "NU")
    kind = raw.get_channel_types([row])[0]
    if unit != "V" or kind == "stim":  # a trigger's codes have no unit, though MNE says V
        return ("NU" if kind == "stim" else unit), 1.0
    return ("mV", 1e3) if kind == "ecg" or is_ecg(raw.ch_names[row]) else ("uV", 1e6)


def _written_unit(label: str, unit: str, factor: float) -> tuple[str, float]:
    """The unit in the layout, and the factor to it from what MNE made of ``unit`` by ``factor``."""
    name, own = layout_unit(unit, eeg=not is_ecg(label))
    return name, own / factor


def _annotations(raw: Any) -> Annotations:
    """Annotations counted from the first sample: MNE counts from the measurement's start, ``first_samp`` before it."""
    marks = raw.annotations
    place = {label: row for row, label in enumerate(raw.ch_names)}
    order = np.argsort(marks.onset, kind="stable")
    about: list[Sequence[str]] = [marks.ch_names[k] for k in order]
    return Annotations(
        onset_s=np.asarray(marks.onset, dtype=np.float64)[order] - raw.first_samp / raw.info["sfreq"],
        duration_s=np.asarray(marks.duration, dtype=np.float64)[order],
        label=tuple(str(marks.description[k]) for k in order),
        aux=("",) * len(order),
        channel=np.array([place.get(one[0], -1) if len(one) == 1 else -1 for one in about], dtype=np.int64),
    )


def _skips(raw: Any, marks: Annotations) -> tuple[tuple[int, int], ...]:
    """First and end sample of every stretch that was not recorded."""
    fs = raw.info["sfreq"]
    return tuple(
        (round(onset_s * fs), round((onset_s + duration_s) * fs))
        for onset_s, duration_s, label in zip(marks.onset_s, marks.duration_s, marks.label, strict=True)
        if label == SKIPPED
    )


@dataclass(frozen=True, eq=False)
class MneSamples:
    """Samples that MNE reads from a file when asked, float32 (n_channels, n_times).

    Parameters
    ----------
    name : the recording, for error messages.
    raw : MNE's object, its samples still on disk where the format allows it.
    rows : which of its channels.
    factors : from MNE's unit to that of the layout, one per row.
    skips : first and end sample of stretches that were not recorded.
    """

    name: str
    raw: Any
    rows: tuple[int, ...]
    factors: tuple[float, ...]
    skips: tuple[tuple[int, int], ...] = ()

    @property
    def n_times(self) -> int:
        """Samples per channel."""
        return int(self.raw.n_times)

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Samples ``start`` to ``stop``, as slicing would give them; ``RecordError`` where the file is damaged."""
        start, stop, _ = slice(start, stop).indices(self.n_times)
        out = empty_samples(self.name, len(self.rows), max(0, stop - start))
        if not out.size:
            return out
        scale = np.array(self.factors, dtype=np.float64)[:, None]
        block = max(1, max(out.size // _PARTS, _SMALL_BLOCK) // len(self.rows))
        with quiet(self.name, "samples that MNE can read"):
            for first in range(start, stop, block):
                last = min(first + block, stop)
                values = self.raw.get_data(picks=list(self.rows), start=first, stop=last, verbose="ERROR")
                values *= scale
                out[:, first - start : last - start] = values
        for first, last in self.skips:
            out[:, max(first - start, 0) : max(last - start, 0)] = np.nan
        return out

    def pick(self, rows: Sequence[int]) -> MneSamples:
        """The same samples, only these rows, in this order."""
        return replace(
            self, rows=tuple(self.rows[row] for row in rows), factors=tuple(self.factors[row] for row in rows)
        )

"""What an annotation symbol means: beat or not, its AAMI class, and the spans that marks open and close.

Symbols are those of WFDB annotation files. Two published class maps differ only in where supraventricular
*escape* beats go:

``"de-chazal"`` (the default)
    N = N L R B e j, S = A a J S n, V = V E r, F = F, Q = / f Q ?. The map of nearly all published
    inter-patient figures: de Chazal, O'Dwyer & Reilly 2004, doi:10.1109/TBME.2004.827359, table I.
``"ec57"``
    Escape beats e and j count as S, which is how ANSI/AAMI EC57:2012 words class S (a premature *or escape*
    beat above the ventricles) and how the reference program of the standard, WFDB ``bxb``, maps them.

B, n, r and ? do not occur in the MIT-BIH Arrhythmia Database; they are mapped as ``bxb`` does in both.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from biosig.records.recording import Annotations
from biosig.records.symbols import AAMI_CLASS, BEAT_SYMBOLS
from biosig.records.wfdb_annotations import Marks

__all__ = [
    "AAMI_CLASSES",
    "BEAT_SYMBOLS",
    "NON_BEAT_SYMBOLS",
    "Convention",
    "Rhythm",
    "aami_class",
    "aami_classes",
    "is_beat",
    "rhythms",
    "spans_of",
    "unreadable_spans",
    "vf_spans",
]

Convention = Literal["de-chazal", "ec57"]

AAMI_CLASSES = ("N", "S", "V", "F", "Q")
"""Normal, supraventricular ectopic, ventricular ectopic, fusion, unknown or paced (EC57:2012, 4.3)."""

_CLASS_OF: dict[Convention, dict[str, str]] = {
    "de-chazal": AAMI_CLASS,
    "ec57": AAMI_CLASS | {"e": "S", "j": "S"},
}

NON_BEAT_SYMBOLS = frozenset("[!]x()ptu`'^|~+sT*D=\"@")
"""The other WFDB symbols: flutter waves and spans (``[ ! ]``), blocked P waves (``x``), wave boundaries and peaks,
artefact and noise (``| ~``), rhythm, ST and T changes (``+ s T``), notes and measurements."""


def is_beat(symbol: str) -> bool:
    """Whether ``symbol`` marks a QRS complex."""
    return symbol in BEAT_SYMBOLS


def aami_class(symbol: str, convention: Convention = "de-chazal") -> str | None:
    """The AAMI class of a beat symbol (``"N" "S" "V" "F" "Q"``); None where the symbol marks no beat.

    Parameters
    ----------
    symbol : WFDB annotation symbol.
    convention : where escape beats go, see the module's docstring.
    """
    return _classes(convention).get(symbol)


def aami_classes(symbols: Iterable[str], convention: Convention = "de-chazal") -> NDArray[np.str_]:
    """The AAMI class of each symbol, ``<U1`` (n,); ``""`` where a symbol marks no beat.

    Parameters
    ----------
    symbols : n WFDB annotation symbols, such as ``annotations.label``.
    convention : where escape beats go, see the module's docstring.
    """
    classes = _classes(convention)
    return np.array([classes.get(symbol, "") for symbol in symbols], dtype="<U1")


def _classes(convention: Convention) -> dict[str, str]:
    if convention not in _CLASS_OF:
        raise ValueError(f"convention must be one of {', '.join(get_args(Convention))}, got {convention!r}")
    return _CLASS_OF[convention]


def spans_of(annotations: Annotations, opening: str, closing: str) -> NDArray[np.float64]:
    """Stretches from each ``opening`` mark to the next ``closing`` mark, seconds (n, 2).

    A stretch that is never closed ends at ``inf``. A second opening inside a stretch changes nothing. A closing
    mark with no opening before it counts from 0 s where no beat is marked earlier, as in a recording cut out
    of a longer one; otherwise it is a stray mark and is passed over.
    """
    spans: list[tuple[float, float]] = []
    begin: float | None = 0.0
    opened = False
    for onset_s, label in zip(annotations.onset_s.tolist(), annotations.label, strict=True):
        if label == opening and not opened:
            begin, opened = onset_s, True
        elif label == closing and begin is not None:
            spans.append((begin, onset_s))
            begin, opened = None, False
        elif not opened and is_beat(label):
            begin = None
    if opened and begin is not None:
        spans.append((begin, np.inf))
    return np.array(spans, dtype=np.float64).reshape(-1, 2)


def vf_spans(annotations: Annotations) -> NDArray[np.float64]:
    """Ventricular flutter or fibrillation, from ``[`` to ``]``, seconds (n, 2); see :func:`spans_of`."""
    return spans_of(annotations, "[", "]")


def unreadable_spans(marks: Marks, fs: float) -> NDArray[np.float64]:
    """Stretches that an annotation file calls unreadable on every lead (shutdown), seconds (n, 2).

    A ``~`` mark with bits 4 and 5 of its subtype set opens one, a ``~`` mark without both closes it. Where any other
    mark comes next, the opening mark lies inside: the stretch is then taken from 150 ms after the beat or the end
    of VF before it to 150 ms before the mark after it (convention of the AHA database; WFDB ``bxb``). One that is
    never closed ends at ``inf``.

    Parameters
    ----------
    marks : marks as the file stores them, :func:`biosig.records.wfdb_annotations.read_marks`.
    fs : samples per second of ``marks.sample``, Hz.
    """
    at = (marks.sample / fs).tolist()
    both = 0x30
    spans: list[tuple[float, float]] = []
    before, opened = 0.0, None
    for onset_s, symbol, subtype in zip(at, marks.symbol, marks.subtype.tolist(), strict=True):
        shut = symbol == "~" and subtype & both == both
        if opened is not None:
            exact = symbol == "~" and not shut
            end = onset_s if exact else onset_s - 0.150
            spans.append((opened if exact else min(before + 0.150, end), end))
            opened = None
        if shut:
            opened = onset_s
        elif is_beat(symbol) or symbol == "]":
            before = onset_s
    if opened is not None:
        spans.append((opened, np.inf))
    return np.array(spans, dtype=np.float64).reshape(-1, 2)


class Rhythm(NamedTuple):
    """One stretch of rhythm: seconds from the start of the recording, and its WFDB name (``AFIB``, ``VT``, ``B``)."""

    start_s: float
    stop_s: float
    name: str


def rhythms(annotations: Annotations, stop_s: float = np.inf) -> tuple[Rhythm, ...]:
    """The rhythms that ``+`` marks announce (aux ``(AFIB``, ``(VT``, ``(B``, ...), each lasting until the next.

    Parameters
    ----------
    annotations : marks of one recording. Other ``+`` notes (``MISSB``, ``PSE``, ``TS``) do not end a rhythm.
    stop_s : where the last rhythm ends, s; the length of the recording.
    """
    marks = [
        (onset_s, aux.strip("\x00 ")[1:])
        for onset_s, label, aux in zip(annotations.onset_s.tolist(), annotations.label, annotations.aux, strict=True)
        if label == "+" and aux.startswith("(")
    ]
    return tuple(Rhythm(start, stop, name) for (start, name), (stop, _) in pairwise([*marks, (stop_s, "")]))

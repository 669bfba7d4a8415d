"""Beat-by-beat comparison of two annotation sequences, as ANSI/AAMI EC57:2012 asks for it.

EC57 (clause 4.2) names the WFDB program ``bxb`` as its reference implementation. These are its rules as published
in its documentation and behaviour; where the wording of the standard leaves a choice, ``bxb`` decides.

What is compared (EC57 4.3)
    1. Beats only. Symbols map to N, S, V, F, Q (:mod:`biosig.windows.labels`); ``convention`` says where
       supraventricular escape beats go: ``"de-chazal"`` as in the literature, ``"ec57"`` as in ``bxb``.
    2. Learning period: reference beats before ``start_s`` (5:00) are not counted; a beat at 5:00 exactly is.
       The last test beat before 5:00 may still pair with the first reference beat after it. A first test beat
       within one match window after 5:00 is passed over, not counted as extra, where the next test beat lies
       nearer to the first reference beat: its partner was in the learning period. Neither applies with ``start_s=0``.
    3. Beats after ``stop_s`` count only as partners of beats up to ``stop_s``.
    4. Ventricular flutter or fibrillation (``[`` to ``]``), ends included: reference beats inside are not counted,
       and test beats inside that pair with nothing are not counted either. Beats that the *test* annotator
       marks inside its own ``[ ]`` are not counted; what it misses by that is missed.

Pairing (EC57 4.3)
    5. In order of time, each beat is used once. Of the two earliest beats left, one of each annotator, the earlier is
       paired with the later if they lie at most 150 ms apart (whole samples, rounded down) and the earlier
       annotator's next beat is not as near or nearer to the later. Otherwise the earlier stays alone. So of
       two detections equally far from one beat, the second is the match and the first is extra.
    6. A reference beat left alone is missed: column o, or column x inside a span that the test annotator declared
       shut down. A test beat left alone is extra: row O, or row X inside a span where the reference calls the signal
       unreadable. The statistics treat o like x, and O like X. Noise alone excuses nothing.

Statistics (EC57 4.3, report forms of table 3 and annex A; capital = reference row, small = test column)
    7. QRS: TP = all pairs; FN = o + x columns; FP = O + X rows. No true negatives, so no false-positive rate.
    8. VEB: TP = Vv. FN = Vn Vs Vf Vq Vo Vx. FP = Nv Sv Ov Xv. **Not false positives: Fv and Qv** (a fusion
       beat is part ventricular, and nobody knows what a Q beat was). TN = rows N S F Q O X in columns n s f q.
    9. SVEB: TP = Ss. FN = Sn Sv Sf Sq So Sx. FP = Ns Vs Fs Os Xs. **Not a false positive: Qs.**
       TN = rows N V F Q O X in columns n v f q.
    10. Se = TP / (TP + FN), +P = TP / (TP + FP), FPR = FP / (FP + TN). 0/0 is undefined: None, never 0 or NaN.
    11. Over records: *gross* adds the counts and then divides, so every beat weighs the same; *average* is the
        mean of the per-record figures that are defined, so every record weighs the same. EC57 leaves paced
        records (MIT-BIH 102, 104, 107, 217) out of both: give only the records that are to count.

Beyond the standard: the counts of FPR for SVEB follow its VEB pattern (EC57 defines none), and a ``]`` before any
beat closes a span that began before the recording did. ``bxb`` rounds 150 ms to the nearest sample; here it is
rounded down, so that no pair is further apart than the standard allows (360 Hz: 54 samples in both).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from biosig.records.recording import Annotations
from biosig.windows.labels import AAMI_CLASSES, Convention, aami_classes, vf_spans
from biosig.windows.pairing import pair_beats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "ROWS", "BeatComparison", "RecordsComparison", "Tally", "compare_beats", "compare_records"]

ROWS = (*AAMI_CLASSES, "O", "X")
"""Reference classes; O = no beat, X = no beat and the signal is unreadable."""
COLUMNS = ("n", "s", "v", "f", "q", "o", "x")
"""Test classes; o = missed, x = missed while shut down."""

_BEATS = slice(0, len(AAMI_CLASSES))
_NEVER = 1 << 62
_STATISTICS = ("sensitivity", "positive_predictivity", "false_positive_rate")


@dataclass(frozen=True)
class Tally:
    """Counts of one statistic of EC57 and the fractions (0 to 1, None where undefined) that follow from them."""

    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int | None = None

    @property
    def sensitivity(self) -> float | None:
        """TP / (TP + FN)."""
        return _fraction(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def positive_predictivity(self) -> float | None:
        """TP / (TP + FP)."""
        return _fraction(self.true_positives, self.true_positives + self.false_positives)

    @property
    def false_positive_rate(self) -> float | None:
        """FP / (FP + TN); None where there are no true negatives to count (QRS)."""
        if self.true_negatives is None:
            return None
        return _fraction(self.false_positives, self.false_positives + self.true_negatives)

    def to_dict(self) -> dict[str, float | int | None]:
        """Counts and fractions for JSON."""
        counts = {
            "true_positives": self.true_positives,
            "false_negatives": self.false_negatives,
            "false_positives": self.false_positives,
            "true_negatives": self.true_negatives,
        }
        return counts | {name: getattr(self, name) for name in _STATISTICS}


def _fraction(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass(frozen=True, eq=False)
class BeatComparison:
    """What became of every beat of one record, or of several added up.

    Parameters
    ----------
    matrix : int64 (7, 7), rows :data:`ROWS` (reference), columns :data:`COLUMNS` (test); the four corners of
        O and X with o and x are 0.
    pairs : int64 (n, 2), index into the reference and into the test annotations, in order of time; -1 = no partner.
        Beats that are not counted (rules 2 to 4) are not listed. Empty where records were added up.
    """

    matrix: NDArray[np.int64]
    pairs: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))

    def __post_init__(self) -> None:
        if self.matrix.shape != (len(ROWS), len(COLUMNS)):
            raise ValueError(f"matrix must be {len(ROWS)} x {len(COLUMNS)}, got {self.matrix.shape}")

    @property
    def qrs(self) -> Tally:
        """Detection of QRS complexes of any class (rule 7)."""
        m = self.matrix
        return Tally(int(m[_BEATS, _BEATS].sum()), int(m[_BEATS, 5:].sum()), int(m[5:, _BEATS].sum()))

    @property
    def veb(self) -> Tally:
        """Ventricular ectopic beats (rule 8)."""
        return self._ectopic("V", excused="FQ")

    @property
    def sveb(self) -> Tally:
        """Supraventricular ectopic beats (rule 9)."""
        return self._ectopic("S", excused="Q")

    def _ectopic(self, label: str, *, excused: str) -> Tally:
        own = ROWS.index(label)
        others = [row for row in range(len(ROWS)) if row != own]
        blamed = [row for row in others if ROWS[row] not in excused]
        quiet = [column for column in range(len(AAMI_CLASSES)) if column != own]
        return Tally(
            true_positives=int(self.matrix[own, own]),
            false_negatives=int(self.matrix[own].sum() - self.matrix[own, own]),
            false_positives=int(self.matrix[blamed, own].sum()),
            true_negatives=int(self.matrix[np.ix_(others, quiet)].sum()),
        )

    def to_dict(self) -> dict[str, Any]:
        """Matrix and statistics for JSON."""
        return {
            "matrix": {"rows": list(ROWS), "columns": list(COLUMNS), "counts": self.matrix.tolist()},
            "qrs": self.qrs.to_dict(),
            "veb": self.veb.to_dict(),
            "sveb": self.sveb.to_dict(),
        }

    def table(self) -> pd.DataFrame:
        """The matrix with its labels: rows reference, columns test."""
        import pandas as pd

        return pd.DataFrame(self.matrix, index=pd.Index(ROWS, name="reference"), columns=pd.Index(COLUMNS, name="test"))


@dataclass(frozen=True, eq=False)
class RecordsComparison:
    """Beat comparisons of several records, with the two ways EC57 sums them up (rule 11)."""

    records: Mapping[str, BeatComparison]

    def __post_init__(self) -> None:
        if not self.records:
            raise ValueError("a comparison needs at least one record, got none")

    @cached_property
    def gross(self) -> BeatComparison:
        """All records added up: every beat weighs the same."""
        return BeatComparison(np.sum([one.matrix for one in self.records.values()], axis=0, dtype=np.int64))

    @cached_property
    def average(self) -> dict[str, dict[str, float | None]]:
        """Mean over the records where a figure is defined: ``average["veb"]["sensitivity"]``, None where in none."""
        return {
            kind: {name: self._mean(kind, name) for name in _STATISTICS if (kind, name) != ("qrs", _STATISTICS[2])}
            for kind in ("qrs", "veb", "sveb")
        }

    def _mean(self, kind: str, name: str) -> float | None:
        values = [getattr(getattr(one, kind), name) for one in self.records.values()]
        defined = [value for value in values if value is not None]
        return sum(defined) / len(defined) if defined else None

    def to_dict(self) -> dict[str, Any]:
        """Per record, gross and average, for JSON."""
        return {
            "records": {name: one.to_dict() for name, one in self.records.items()},
            "gross": self.gross.to_dict(),
            "average": self.average,
        }

    def table(self) -> pd.DataFrame:
        """One row per record, then ``gross`` and ``average``: counts and percentages; NaN where undefined."""
        import pandas as pd

        rows = {name: _line(one) for name, one in self.records.items()} | {"gross": _line(self.gross)}
        average = {
            f"{kind.upper()} {title}": _percent(self.average[kind].get(name))
            for kind in ("qrs", "veb", "sveb")
            for title, name in zip(("Se", "+P", "FPR"), _STATISTICS, strict=True)
            if name in self.average[kind]
        }
        frame = pd.DataFrame.from_dict(rows | {"average": average}, orient="index")
        return frame.astype({"beats": "Int64", "missed": "Int64", "extra": "Int64"})


def _line(one: BeatComparison) -> dict[str, float]:
    line: dict[str, float] = {
        "beats": one.qrs.true_positives + one.qrs.false_negatives,
        "missed": one.qrs.false_negatives,
        "extra": one.qrs.false_positives,
    }
    for kind, tally in (("QRS", one.qrs), ("VEB", one.veb), ("SVEB", one.sveb)):
        line[f"{kind} Se"] = _percent(tally.sensitivity)
        line[f"{kind} +P"] = _percent(tally.positive_predictivity)
        if tally.true_negatives is not None:
            line[f"{kind} FPR"] = _percent(tally.false_positive_rate)
    return line


def _percent(fraction: float | None) -> float:
    return float("nan") if fraction is None else 100.0 * fraction


def compare_records(
    records: Mapping[str, tuple[Annotations, Annotations, float]],
    *,
    match_s: float = 0.150,
    start_s: float = 300.0,
    stop_s: float | None = None,
    convention: Convention = "de-chazal",
) -> RecordsComparison:
    """The beat comparison of every record, gross and average figures with it.

    Parameters
    ----------
    records : record name -> (reference annotations, test annotations, samples per second in Hz).
    match_s, start_s, stop_s, convention : as in :func:`compare_beats`, for every record.

    Raises
    ------
    ValueError
        Where there is no record, or :func:`compare_beats` refuses an argument.
    """
    return RecordsComparison(
        {
            name: compare_beats(
                reference, test, fs=fs, match_s=match_s, start_s=start_s, stop_s=stop_s, convention=convention
            )
            for name, (reference, test, fs) in records.items()
        }
    )


def compare_beats(
    reference: Annotations,
    test: Annotations,
    *,
    fs: float,
    match_s: float = 0.150,
    start_s: float = 300.0,
    stop_s: float | None = None,
    convention: Convention = "de-chazal",
    unreadable_s: tuple[ArrayLike, ArrayLike] = ((), ()),
) -> BeatComparison:
    """Which test beat belongs to which reference beat, and the matrix of their classes.

    The rules, with the clauses of the standard, are in the module's docstring.

    Parameters
    ----------
    reference, test : marks of the same recording; those that are no beats are used only for their spans.
    fs : samples per second, Hz; times are compared in whole samples.
    match_s : largest distance of a pair, s. The standard's 150 ms.
    start_s : end of the learning period, s. The standard's 5 minutes.
    stop_s : end of the comparison, s, inclusive; None = the end of the annotations.
    convention : class of escape beats, ``"de-chazal"`` or ``"ec57"``.
    unreadable_s : seconds (n, 2) where the reference calls the signal unreadable (row X), and seconds (m, 2)
        where the test annotator shut down (column x).

    Raises
    ------
    ValueError
        Where fs, match_s, start_s or stop_s make no stretch of time to compare.
    """
    if not (np.isfinite(fs) and fs > 0):
        raise ValueError(f"fs must be a positive number of Hz, got {fs}")
    if not (0 <= match_s < np.inf and 0 <= start_s < np.inf):
        raise ValueError(f"match_s and start_s must be finite and not negative, got {match_s} and {start_s}")
    if stop_s is not None and not stop_s > start_s:
        raise ValueError(f"stop_s must lie after start_s={start_s:g} s, got {stop_s:g}; lower start_s")
    start = int(np.ceil(start_s * fs - 1e-6))
    stop = None if stop_s is None else int(np.floor(stop_s * fs + 1e-6))
    window = int(np.floor(match_s * fs + 1e-6))

    reference_vf = vf_spans(reference)
    reference_at, reference_index, reference_class = _beats(reference, reference_vf, fs, convention)
    test_at, test_index, test_class = _beats(test, vf_spans(test), fs, convention)
    first = int(np.searchsorted(reference_at, start))
    second = _first_test_beat(reference_at[first:].tolist(), test_at.tolist(), start=start, window=window)
    pairs = pair_beats(reference_at[first:], test_at[second:], window=window, stop=stop)
    pairs += np.where(pairs < 0, 0, (first, second))

    in_vf = _inside(_look_up(test_at, pairs[:, 1]), reference_vf, fs)
    pairs = pairs[(pairs[:, 0] >= 0) | ~in_vf]
    rows = _side(reference_class, pairs[:, 0], test_at, pairs[:, 1], unreadable_s[0], fs)
    columns = _side(test_class, pairs[:, 1], reference_at, pairs[:, 0], unreadable_s[1], fs)
    matrix = np.zeros((len(ROWS), len(COLUMNS)), dtype=np.int64)
    np.add.at(matrix, (rows, columns), 1)
    chosen = np.column_stack([_look_up(reference_index, pairs[:, 0]), _look_up(test_index, pairs[:, 1])])
    return BeatComparison(matrix=matrix, pairs=chosen)


def _beats(
    annotations: Annotations, vf: NDArray[np.float64], fs: float, convention: Convention
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Sample, index and class number of the beats outside VF, in order of time, each (n,)."""
    classes = aami_classes(annotations.label, convention)
    at = annotations.samples(fs)
    index = np.flatnonzero((classes != "") & ~_inside(at, vf, fs))
    index = index[np.argsort(at[index], kind="stable")]
    number = np.searchsorted(np.sort(AAMI_CLASSES), classes[index])
    return at[index], index, np.argsort(AAMI_CLASSES)[number]


def _inside(at: NDArray[np.int64], spans_s: ArrayLike, fs: float) -> NDArray[np.bool_]:
    """Which samples lie in one of the spans (n, 2) given in seconds, ends included, bool like ``at``."""
    inside = np.zeros(at.shape, dtype=np.bool_)
    for begin_s, end_s in np.asarray(spans_s, dtype=np.float64).reshape(-1, 2):
        inside |= (at >= np.rint(begin_s * fs)) & (at <= np.rint(end_s * fs))
    return inside


def _first_test_beat(reference: list[int], test: list[int], *, start: int, window: int) -> int:
    """Position of the first test beat that takes part (rule 2); ``reference`` begins at or after ``start``."""
    after = int(np.searchsorted(test, start))
    if start == 0:
        return after
    beat = reference[0] if reference else _NEVER
    here, following = ([*test[after : after + 2], _NEVER, _NEVER])[:2]
    if after > 0 and beat - test[after - 1] <= window and beat - test[after - 1] < abs(beat - here):
        return after - 1
    left_over = here - start <= window and abs(beat - following) < abs(beat - here)
    return after + 1 if left_over else after


def _look_up(values: NDArray[np.int64], positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """``values`` at ``positions`` (n,), -1 where a position is -1."""
    return np.append(values, -1)[positions]


def _side(
    classes: NDArray[np.int64],
    positions: NDArray[np.int64],
    other_at: NDArray[np.int64],
    other_positions: NDArray[np.int64],
    unreadable_s: ArrayLike,
    fs: float,
) -> NDArray[np.int64]:
    """Matrix row (or column) of every pair (n,): the beat's class, else O or X by where the lone beat lies."""
    lone = positions < 0
    at = _look_up(other_at, other_positions)
    pseudo = np.where(_inside(at, unreadable_s, fs), ROWS.index("X"), ROWS.index("O"))
    return np.where(lone, pseudo, _look_up(classes, positions))

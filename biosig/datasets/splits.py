"""Who trains, who validates, who tests: always whole subjects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Split", "check_disjoint", "every_fifth_tests", "grouped_folds", "hold_out"]


@dataclass(frozen=True)
class Split:
    """Record names by their part in an experiment.

    Parameters
    ----------
    train, validation, test : record names; an empty ``validation`` is held out of ``train`` by subject.
    note : what a report must say about this split.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    note: str = ""


def check_disjoint(parts: Mapping[str, Sequence[str]]) -> None:
    """``ValueError`` naming the subject that stands in two parts (``part -> subjects``)."""
    seen: dict[str, str] = {}
    for part, subjects in parts.items():
        for subject in subjects:
            if seen.setdefault(subject, part) != part:
                raise ValueError(f"subject {subject!r} is in both {seen[subject]} and {part}; splits are by subject")


def every_fifth_tests(records: Sequence[str], number_of: Callable[[str], int], note: str = "") -> Split:
    """Records of subjects 4, 9, 14, ... (``number_of`` a record, counted from 0) test, all others train.

    For a database without a published split: who tests does not depend on how much of it is in the folder.
    """
    tests = [number_of(record) % 5 == 4 for record in records]
    return Split(
        train=tuple(record for record, test in zip(records, tests, strict=True) if not test),
        test=tuple(record for record, test in zip(records, tests, strict=True) if test),
        note=note,
    )


def grouped_folds(
    subjects: Sequence[str], counts: NDArray[np.int64], n_folds: int, *, seed: int = 0
) -> NDArray[np.int64]:
    """A fold number per record such that no subject is in two folds and classes spread evenly.

    Subjects are taken in order of the share they hold of any one class, largest first, and put
    where that class is scarcest; so the few subjects who hold most of a rare class do not meet in one fold.

    Parameters
    ----------
    subjects : subject of each record (n_records).
    counts : int64 (n_records, n_classes), windows per record and class.
    n_folds : at most the number of subjects.
    seed : draws the order among equals.

    Returns
    -------
    int64 (n_records,), 0 to n_folds - 1.
    """
    names = sorted(set(subjects))
    if not 2 <= n_folds <= len(names):
        raise ValueError(f"folds must lie between 2 and the number of subjects, {len(names)}, got {n_folds}")
    held = _counts_of(subjects, counts, names)
    share = held / np.maximum(held.sum(axis=0), 1)
    jitter = np.random.default_rng(seed).random(len(names)) * 1e-9
    order = np.argsort(-(share.max(axis=1) + jitter), kind="stable")
    load = np.zeros((n_folds, counts.shape[1]))
    fold_of: dict[str, int] = {}
    room = np.full(n_folds, -(-len(names) // n_folds))
    for row in order:
        heaviest = int(share[row].argmax())
        cost = load[:, heaviest] + 0.1 * load.sum(axis=1) + np.where(room > 0, 0.0, np.inf)
        chosen = int(cost.argmin())
        fold_of[names[row]] = chosen
        load[chosen] += share[row]
        room[chosen] -= 1
    return np.array([fold_of[subject] for subject in subjects], dtype=np.int64)


def hold_out(subjects: Sequence[str], counts: NDArray[np.int64], share: float, *, seed: int = 0) -> NDArray[np.bool_]:
    """Records to validate on (n_records,), about ``share`` of the subjects, holding about ``share`` of every class.

    Of 2,000 drawn sets of whole subjects the one whose class shares are nearest to ``share`` is taken.
    """
    names = sorted(set(subjects))
    n_held = max(1, round(share * len(names)))
    if n_held >= len(names):
        raise ValueError(f"validation={share} leaves none of {len(names)} subjects to train on")
    held = _counts_of(subjects, counts, names)
    fraction = held / np.maximum(held.sum(axis=0), 1)
    generator = np.random.default_rng(seed)
    draws = np.array([generator.permutation(len(names))[:n_held] for _ in range(2000)])
    distance = np.abs(fraction[draws].sum(axis=1) - share).sum(axis=1)
    chosen = {names[row] for row in draws[distance.argmin()]}
    return np.array([subject in chosen for subject in subjects])


def _counts_of(subjects: Sequence[str], counts: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.float64]:
    """Windows per subject and class, float64 (n_subjects, n_classes), from those per record."""
    place = {name: row for row, name in enumerate(names)}
    held = np.zeros((len(names), counts.shape[1]))
    np.add.at(held, [place[subject] for subject in subjects], counts)
    return held

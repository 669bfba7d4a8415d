"""No split shares a subject, and rare classes spread over folds."""

import numpy as np
import pytest

from biosig.datasets.splits import check_disjoint, grouped_folds, hold_out

SUBJECTS = ["a", "a", "b", "c", "d", "e", "f", "g", "h"]
COUNTS = np.array([[5, 1], [5, 1], [9, 0], [9, 30], [9, 0], [9, 20], [9, 0], [9, 0], [9, 10]])


def test_records_of_one_subject_stay_in_one_fold():
    fold = grouped_folds(SUBJECTS, COUNTS, 3)
    assert fold[0] == fold[1]
    assert set(fold.tolist()) == {0, 1, 2}


def test_the_holders_of_a_rare_class_do_not_meet_in_one_fold():
    fold = grouped_folds(SUBJECTS, COUNTS, 3)
    assert len({fold[3], fold[5], fold[8]}) == 3


def test_held_out_subjects_are_whole_and_hold_about_their_share():
    held = hold_out(SUBJECTS, COUNTS, 0.3, seed=1)
    assert held[0] == held[1]
    assert len({name for name, out in zip(SUBJECTS, held, strict=True) if out}) == 2
    assert 0 < COUNTS[held, 1].sum() < COUNTS[:, 1].sum()


def test_a_subject_on_two_sides_is_named():
    with pytest.raises(ValueError, match="subject 'x' is in both train and test"):
        check_disjoint({"train": ["x", "y"], "test": ["z", "x"]})


def test_more_folds_than_subjects_are_refused():
    with pytest.raises(ValueError, match="between 2 and the number of subjects, 8, got 9"):
        grouped_folds(SUBJECTS, COUNTS, 9)

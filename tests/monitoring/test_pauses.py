"""What there is before patients are watched is not gone through again and again."""

import gc

import pytest

from biosig.monitoring.pauses import without_long_pauses


class Node:
    """Refers to itself, so that only a collection frees it."""

    def __init__(self) -> None:
        self.own = self


def is_looked_at(node) -> bool:
    return any(one is node for one in gc.get_objects())


def test_what_was_there_is_left_alone_until_the_end():
    before = Node()
    with without_long_pauses():
        assert not is_looked_at(before)
        assert is_looked_at(Node())
        assert gc.get_freeze_count() > 0
    assert is_looked_at(before)
    assert gc.get_freeze_count() == 0


def test_an_error_ends_it_too():
    with pytest.raises(ValueError, match="stop"), without_long_pauses():
        raise ValueError("stop")
    assert gc.get_freeze_count() == 0

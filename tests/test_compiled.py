"""Compiled loops give what the same lines give in Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from biosig.compiled import compiled, compiling_told

LOOP = """
def running(values, keep):
    level = 0.0
    for value in values:
        level = keep * level + (1.0 - keep) * value
    return level / (len(values) - 3)
"""


def loop_of(file: str):
    """The loop above, as if it stood in ``file``."""
    there: dict = {}
    exec(compile(LOOP, file, "exec"), there)
    return there["running"]


def test_every_product_and_sum_is_taken_as_written(tmp_path: Path):
    file = tmp_path / "loops.py"
    file.write_text(LOOP)
    values = np.random.default_rng(0).normal(size=1000)
    assert compiled(loop_of(str(file)))(values, 0.9) == loop_of(str(file))(values, 0.9)


def test_where_nothing_can_be_kept_on_disk_it_is_compiled_all_the_same():
    values = np.arange(7.0)
    assert compiled(loop_of("<no file>"))(values, 0.5) == loop_of("<no file>")(values, 0.5)


def test_a_division_by_zero_gives_infinity_as_arrays_do():
    with pytest.raises(ZeroDivisionError):
        loop_of("<no file>")([1.0, 1.0, 1.0], 0.5)
    assert compiled(loop_of("<no file>"))(np.ones(3), 0.5) == np.inf


def test_compiling_is_told_once_and_not_what_is_there_already():
    said: list[str] = []
    one, other = compiled(loop_of("<no file>")), compiled(loop_of("<no file>"))
    with compiling_told(said.append):
        one(np.ones(7), 0.5)
        other(np.ones(7), 0.5)
    assert said == ["getting ready: compiling, once after each installation"]
    said.clear()
    with compiling_told(said.append):
        one(np.ones(7), 0.5)
    assert not said

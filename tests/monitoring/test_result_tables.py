"""Tables written while they are read."""

import numpy as np
import pandas as pd
import pytest

from biosig.monitoring.result_tables import write_tables
from biosig.monitoring.tables import SCORES

COLUMNS = [column for column in SCORES.c if column.name != "session"]
NAMES = [column.name for column in COLUMNS]


def rows(n):
    """Rows of scores with numbers of every size, quotes, commas, and what is missing."""
    draw = np.random.default_rng(0)
    for number in range(n):
        times = (draw.normal(size=4) * 10.0 ** draw.integers(-8, 18, 4)).tolist()
        anomaly = None if number % 3 else float(draw.normal())
        label = ("N", "", 'a "b", c', "ü")[number % 4]
        yield ("bed 1", number, *times, "ecg", True, label, bool(number % 2), 1.0, anomaly, "[0.5, 0.25]")


def pieces(n, size):
    whole = list(rows(n))
    return (whole[start : start + size] for start in range(0, n, size))


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_table_in_pieces_is_what_pandas_writes_of_it_as_a_whole(tmp_path, size):
    whole = pd.DataFrame(list(rows(100)), columns=NAMES)
    csv, parquet = write_tables(tmp_path / "beats", COLUMNS, pieces(100, size))
    assert csv.read_bytes().decode() == whole.to_csv(index=False, lineterminator="\n")
    pd.testing.assert_frame_equal(pd.read_parquet(parquet), whole)


def test_a_column_keeps_its_type_where_nothing_is_in_it(tmp_path):
    _, parquet = write_tables(tmp_path / "beats", COLUMNS, [])
    table = pd.read_parquet(parquet)
    assert len(table) == 0
    assert [str(table[name].dtype) for name in ("number", "anomaly", "usable")] == ["int64", "float64", "bool"]


def test_a_piece_is_written_before_the_next_is_asked_for(tmp_path):
    sizes = []

    def watched():
        for piece in pieces(2000, 500):
            yield piece
            sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))

    written = write_tables(tmp_path / "beats", COLUMNS, watched())
    assert len(sizes) == 4
    assert sizes == sorted(set(sizes))
    assert sizes[0] > 10_000
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in written}


def test_a_table_that_fails_half_way_is_not_there(tmp_path):
    def failing():
        yield list(rows(5))
        raise RuntimeError("the store is gone")

    (tmp_path / "beats.csv").write_text("of an earlier run")
    with pytest.raises(RuntimeError, match="the store is gone"):
        write_tables(tmp_path / "beats", COLUMNS, failing())
    assert [path.name for path in tmp_path.iterdir()] == ["beats.csv"]
    assert (tmp_path / "beats.csv").read_text() == "of an earlier run"

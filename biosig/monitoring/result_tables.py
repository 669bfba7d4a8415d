"""Rows of a store as tables that others open, CSV and Parquet, however many there are."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from biosig.records.whole import written_whole

__all__ = ["Rows", "write_tables"]

Rows = Sequence[Sequence[Any]]
"""Some rows of a table, a value per column; None where there is none."""


def write_tables(stem: Path, columns: Sequence[sa.Column[Any]], pieces: Iterable[Rows]) -> list[Path]:
    """A table as CSV, and as Parquet where pyarrow is installed; the files written.

    Parameters
    ----------
    stem : path of the files, but for the suffix.
    columns : names and types.
    pieces : the rows, some at a time.
    """
    kinds = {".csv": _csv} | ({} if importlib.util.find_spec("pyarrow") is None else {".parquet": _parquet})
    paths = [stem.with_suffix(suffix) for suffix in kinds]
    with ExitStack() as stack:
        writers = [
            stack.enter_context(opened(stack.enter_context(written_whole(path)), columns))
            for path, opened in zip(paths, kinds.values(), strict=True)
        ]
        for rows in pieces:
            for write in writers:
                write(rows)
    return paths


@contextmanager
def _csv(path: Path, columns: Sequence[sa.Column[Any]]) -> Iterator[Callable[[Rows], object]]:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column.name for column in columns])
        yield writer.writerows


@contextmanager
def _parquet(path: Path, columns: Sequence[sa.Column[Any]]) -> Iterator[Callable[[Rows], object]]:
    import pyarrow
    from pyarrow import parquet

    types = {bool: pyarrow.bool_(), int: pyarrow.int64(), float: pyarrow.float64(), str: pyarrow.string()}
    schema = pyarrow.schema([(column.name, types[column.type.python_type]) for column in columns])

    def write(rows: Rows) -> None:
        values = zip(*rows, strict=True)
        arrays = [pyarrow.array(column, field.type) for column, field in zip(values, schema, strict=True)]
        file.write_batch(pyarrow.record_batch(arrays, schema=schema))

    with parquet.ParquetWriter(path, schema) as file:
        yield write

"""Write tables of results to files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from echoes.io.arrays import Floats
from echoes.io.files import StrPath, atomic_path


def save_csv(path: StrPath, table: pd.DataFrame) -> None:
    """Write a table with commas, without its index."""
    with atomic_path(path) as partial:
        table.to_csv(partial, index=False, lineterminator="\n")


def save_parquet(path: StrPath, table: pd.DataFrame) -> None:
    """Write a table as Parquet, without its index."""
    with atomic_path(path) as partial:
        table.to_parquet(partial, index=False)


def save_numbers(
    path: StrPath,
    column: str,
    columns: Sequence[str],
    blocks: Iterable[tuple[Sequence[str], Floats]],
) -> None:
    """Write a table of numbers with named rows as Parquet, one block of rows after the other.

    Parameters
    ----------
    path
        Where it is written.
    column
        Name of the column with the names of the rows.
    columns
        Names of the C columns of numbers.
    blocks
        Names (r,) and numbers (r, C) of some rows.
    """
    fields = [(column, pa.string()), *((name, pa.float64()) for name in columns)]
    schema = pa.schema([pa.field(*field) for field in fields])
    with (
        atomic_path(path) as partial,
        # Numbers that hardly ever repeat are only larger by way of a dictionary.
        pq.ParquetWriter(partial, schema, use_dictionary=False) as writer,
    ):
        for names, numbers in blocks:
            arrays = [
                pa.array(names, pa.string()),
                *map(pa.array, np.asarray(numbers.T, order="C")),
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))

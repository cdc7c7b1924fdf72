"""Blocks of rows, as Arrow reads them, put together to one array."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from echoes.io.arrays import Floats


def stack_blocks(blocks: Iterable[pa.RecordBatch], width: int) -> tuple[list[str], Floats]:
    """Put blocks of rows together; the numbers are in memory once.

    Parameters
    ----------
    blocks
        The first column of each has names, the others are float64.
    width
        Number of these other columns, at least 1.

    Returns
    -------
    names, values
        Names and numbers (rows, width) of all rows; what is null is an empty name, or NaN.
    """
    rows: list[str] = []
    values = np.empty((0, width))
    for block in blocks:
        rows += [name or "" for name in block.column(0).cast(pa.string()).to_pylist()]
        # Grows in place, so that the numbers are not in memory twice.
        values.resize((len(rows), width), refcheck=False)
        numbers = block.select(range(1, width + 1)).to_tensor(null_to_nan=True)
        values[len(rows) - block.num_rows :] = numbers.to_numpy()
    return rows, values

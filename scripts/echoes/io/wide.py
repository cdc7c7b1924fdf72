"""Matrices of numbers in tables of other programs: one column has names, all others numbers.

The separator is recognised, parquet is read, too, and the column with the names may lack a name
itself, as in tables that R and pandas write with row names.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from echoes.io.blocks import stack_blocks
from echoes.io.delimited import Layout, layout_of
from echoes.io.errors import InputError, abbreviate, require_printable
from echoes.io.files import StrPath, is_gzip
from echoes.io.tables import Matrix, block_bytes, require_names, require_unique
from echoes.io.text import DAMAGE, SEPARATORS, damaged, open_text

#: Texts that stand for a missing number.
MISSING = ("", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "None")
# Name that pandas gives an index without a name in a parquet file.
_PANDAS_INDEX = "__index_level_0__"
# Numbers of a parquet file that are decoded at a time.
_BLOCK_NUMBERS = 1 << 20


def layout_with_row_names(path: StrPath) -> Layout:
    """Find out how a table with a header is laid out; an unnamed column is called "".

    R leaves out the name of the row names, so that the header has one field less than the rows;
    R's ``write.csv`` and pandas write an empty name, and pandas ``__index_level_0__`` in parquet.

    Raises
    ------
    InputError
        When the file is empty or damaged, or two columns have the same name.
    """
    layout = layout_of(path, header=True)
    if not layout.separator:
        return layout
    try:
        with open_text(path) as stream:
            records = csv.reader(stream, delimiter=layout.separator)
            next(records)
            row = next((record for record in records if record), [])
    except DAMAGE as error:
        raise damaged(path, 2, error) from error
    if len(row) == len(layout.columns) + 1 and "" not in layout.columns:
        return replace(layout, columns=("", *layout.columns))
    return layout


def name_position(layout: Layout, name_column: str | None) -> int:
    """Find the column with the names of the rows.

    Parameters
    ----------
    layout
        The table.
    name_column
        Name of the column. None for the index that pandas stored in a parquet file, or else for
        the first column.

    Returns
    -------
    int
        Position of the column, counted from 0.

    Raises
    ------
    InputError
        When there is no column of this name, or pandas stored an index of several levels.
    """
    index = _pandas_index(layout)
    if len(index) > 1:
        raise InputError(
            layout.path,
            "",
            f"the index of pandas has {len(index)} levels: {abbreviate(index)}",
            expected="one column with the names of the rows",
            remedy="Keep one level: `table.reset_index(level=…, drop=True)`.",
        )
    if name_column is None:
        return layout.columns.index(index[0]) if index else 0
    if name_column in layout.columns:
        return layout.columns.index(name_column)
    apart = f", separated by {SEPARATORS[layout.separator]}" if layout.separator else ""
    raise InputError(
        layout.path,
        "line 1" if layout.separator else "",
        f"column {name_column} is missing; there are {abbreviate(layout.columns)}{apart}",
        expected="the column with the names of the rows",
        remedy="Give the name of this column, or none if it is the first one.",
    )


def _pandas_index(layout: Layout) -> list[str]:
    """List the columns in which pandas stored the levels of its index."""
    if layout.separator:
        return []
    stored = (pq.read_schema(layout.path).metadata or {}).get(b"pandas")
    index = json.loads(stored)["index_columns"] if stored else []
    return [name for name in index if isinstance(name, str) and name in layout.columns]


def read_numbers(layout: Layout, names: int, columns: Sequence[int]) -> Matrix:
    """Read the names of the rows and columns of numbers.

    The numbers are in memory once, apart from the block of rows that is read. A table with
    semicolons may have decimal commas.

    Parameters
    ----------
    layout
        The table; see `layout_with_row_names`.
    names
        Position of the column with the names of the rows.
    columns
        Positions of the columns of numbers.

    Returns
    -------
    Matrix
        Missing numbers (see `MISSING`, or null in parquet) are NaN.

    Raises
    ------
    InputError
        When a cell is neither a finite number nor missing, a name is empty or stands in two
        rows, or the table has no rows or no columns of numbers.
    """
    if not columns:
        raise _empty(layout, "no column of numbers")
    if not layout.separator:
        rows, values = stack_blocks(_parquet_blocks(layout, names, columns), len(columns))
    else:
        try:
            rows, values = stack_blocks(_text_blocks(layout, names, columns, "."), len(columns))
        except pa.ArrowInvalid as error:
            try:
                if layout.separator != ";":
                    raise
                rows, values = stack_blocks(_text_blocks(layout, names, columns, ","), len(columns))
            except pa.ArrowInvalid:
                raise _diagnose(layout, names, columns, error) from error
    if not rows:
        raise _empty(layout, "no rows")
    title = layout.columns[names]
    label = title if title not in {"", _PANDAS_INDEX} else "without a name"
    require_names(layout.path, label, rows)
    require_unique(layout.path, label, rows)
    matrix = Matrix(tuple(rows), tuple(layout.columns[i] for i in columns), values)
    require_printable(layout.path, "line 1" if layout.separator else "", matrix.columns)
    infinite = np.isinf(values)
    if infinite.any():
        i, j = np.argwhere(infinite)[0]
        raise InputError(
            layout.path,
            f"column {matrix.columns[j]}, row {matrix.rows[i]}",
            f"{values[i, j]} is not finite",
            expected="a finite number",
            remedy="Correct the cell, or remove its row or column.",
        )
    return matrix


def _empty(layout: Layout, problem: str) -> InputError:
    apart = (
        f" (columns are separated by {SEPARATORS[layout.separator]})" if layout.separator else ""
    )
    return InputError(
        layout.path,
        "",
        problem + apart,
        expected="a column of names, and at least one row and one column of numbers",
        remedy="Check that this is the right file and that it is complete.",
    )


def _text_blocks(
    layout: Layout, names: int, columns: Sequence[int], decimal: str
) -> Iterator[pa.RecordBatch]:
    wanted = {str(names): pa.string()} | {str(i): pa.float64() for i in columns}
    # By content: Arrow's own detection goes by the name of the file.
    compression = "gzip" if is_gzip(layout.path) else None
    try:
        with pa.input_stream(str(layout.path), compression=compression) as stream:
            yield from pacsv.open_csv(
                stream,
                read_options=pacsv.ReadOptions(
                    block_size=block_bytes(len(layout.columns)),
                    column_names=[str(i) for i in range(len(layout.columns))],
                    skip_rows=1,
                ),
                parse_options=pacsv.ParseOptions(delimiter=layout.separator),
                convert_options=pacsv.ConvertOptions(
                    column_types=wanted,
                    include_columns=list(wanted),
                    null_values=list(MISSING),
                    strings_can_be_null=False,
                    decimal_point=decimal,
                ),
            )
    except pa.ArrowInvalid as error:
        if "Empty CSV file" not in str(error):
            raise
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise damaged(layout.path, 2, error) from error


def _parquet_blocks(layout: Layout, names: int, columns: Sequence[int]) -> Iterator[pa.RecordBatch]:
    titles = [layout.columns[i] for i in (names, *columns)]
    schema = pq.read_schema(layout.path)
    for title in titles[1:]:
        kind = schema.field(title).type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise InputError(
                layout.path,
                f"column {title}",
                f"its values are of the type {kind}",
                expected="numbers",
                remedy="Remove the column, or name it as the column with the names of the rows.",
            )
    try:
        with pq.ParquetFile(layout.path) as table:
            size = max(1, _BLOCK_NUMBERS // len(titles))
            for batch in table.iter_batches(batch_size=size, columns=titles):
                arrays = [pc.cast(batch.column(title), pa.float64()) for title in titles[1:]]
                yield pa.RecordBatch.from_arrays(
                    [batch.column(titles[0]), *arrays], [str(i) for i in range(len(titles))]
                )
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(
            layout.path,
            "",
            f"cannot be read ({error})",
            expected="a complete parquet file",
            remedy="Write or fetch the file again.",
        ) from error


def _is_number(text: str, decimal: str) -> bool:
    if text.strip() in MISSING:
        return True
    if decimal == ",":
        text = "." if "." in text else text.replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        return False
    return math.isfinite(value) and text.isascii() and "_" not in text


def _diagnose(layout: Layout, names: int, columns: Sequence[int], error: Exception) -> InputError:
    """Find the first line with another number of fields, or the first cell that is no number."""
    apart = SEPARATORS[layout.separator]
    line, decimal = 1, "" if layout.separator == ";" else "."
    try:
        with open_text(layout.path) as stream:
            records = csv.reader(stream, delimiter=layout.separator)
            next(records)
            for record in records:
                line = records.line_num
                if not record:
                    continue
                if len(record) != len(layout.columns):
                    return InputError(
                        layout.path,
                        f"line {line}",
                        f"{len(record)} fields separated by {apart}",
                        expected=f"{len(layout.columns)}, as in the first line",
                        remedy="Correct the line, or fetch the file again if it was cut short.",
                    )
                for i in columns:
                    # The first number with a decimal mark says which one the table has.
                    if not decimal and _is_number(record[i], ","):
                        decimal = "," if "," in record[i] else ""
                    elif not decimal and _is_number(record[i], "."):
                        decimal = "."
                    if not _is_number(record[i], decimal or "."):
                        return InputError(
                            layout.path,
                            f"column {layout.columns[i] or i + 1}, row {record[names]} "
                            f"(line {line})",
                            f"{record[i]!r} is not a number",
                            expected=f"numbers in all columns but that of the names "
                            f"({layout.columns[names] or 'the first'}); columns are separated "
                            f"by {apart}",
                            remedy="Correct the cell, or remove its row or column.",
                        )
    except DAMAGE as damage:
        return damaged(layout.path, line, damage)
    return damaged(layout.path, line, error)

"""Delimited text in and out: typed, checked, and read fast.

Tables are read with Arrow. Only when it refuses one is the text read a second
time, row by row, to name the cell at fault.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from echoes.io.arrays import Floats
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath, atomic_path, is_gzip

# A row has to fit into one block; Arrow holds several blocks at a time.
_BLOCK_BYTES = 1 << 22

# What reading text raises when the file is cut, damaged or no text at all.
_DAMAGE = (UnicodeDecodeError, csv.Error, EOFError, OSError, zlib.error)


@dataclass(frozen=True)
class Matrix:
    """A table of numbers with named rows and columns.

    Parameters
    ----------
    rows
        Row names, in the order of the file.
    columns
        Column names without that of the row names, in the order of the file.
    values
        float64, one row a row name, one column a column name.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: Floats


def _open_text(path: StrPath) -> TextIO:
    """Open text for reading, through gzip where the file is compressed."""
    if is_gzip(path):
        return io.TextIOWrapper(gzip.open(path), encoding="utf-8-sig", newline="")
    return Path(path).open(encoding="utf-8-sig", newline="")


def _records(path: StrPath, delimiter: str, quoting: bool) -> Iterator[list[str]]:
    with _open_text(path) as stream:
        yield from csv.reader(
            stream,
            delimiter=delimiter,
            quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE,
        )


def repeated(names: Iterable[str]) -> list[str]:
    """Find the names that stand more than once, in the order of their first places."""
    return [name for name, count in Counter(names).items() if count > 1]


def read_header(path: StrPath, *, delimiter: str = ",", quoting: bool = True) -> tuple[str, ...]:
    """Read the column names of a table.

    Raises
    ------
    InputError
        When the file is empty, is not text, or names a column twice or not at all.
    """
    remedy = "Check that this is the right file and that it is complete."
    try:
        header = next(_records(path, delimiter, quoting), [])
    except FileNotFoundError:
        raise
    except _DAMAGE as error:
        raise InputError(
            path, "line 1", f"cannot be read ({error})", expected="UTF-8 text", remedy=remedy
        ) from error
    if not header:
        raise InputError(
            path,
            "line 1",
            "the file is empty or its first line blank",
            expected="column names",
            remedy=remedy,
        )
    if "" in header:
        place = f"line 1, column {header.index('') + 1}"
        raise InputError(
            path, place, "the column has no name", expected="a name", remedy="Name the column."
        )
    _printable(path, "line 1", header)
    if twice := repeated(header):
        raise InputError(
            path,
            "line 1",
            f"column {abbreviate(twice)} stands more than once",
            expected="each column once",
            remedy="Remove or rename the repeated columns.",
        )
    return tuple(header)


def _printable(path: StrPath, place: str, names: Iterable[str]) -> None:
    """Check that no name holds a control character or begins or ends with a space.

    Not every file would keep the first, and no reader sees the second.
    """
    for name in names:
        if name != name.strip():
            raise InputError(
                path,
                place,
                f"the name {name!r} begins or ends with a space",
                expected="names without spaces around them",
                remedy="Remove the spaces.",
            )
        if re.search(r"[\x00-\x1f\x7f]", name):
            raise InputError(
                path,
                place,
                f"the name {name!r} has a control character",
                expected="names without line breaks, tabs and the like",
                remedy="Rename it.",
            )


def require_columns(path: StrPath, header: Sequence[str], names: Iterable[str]) -> None:
    """Check that a table has the named columns.

    Raises
    ------
    InputError
        When one is missing; the message says which, and which there are.
    """
    present = set(header)
    missing = [name for name in names if name not in present]
    if missing:
        raise InputError(
            path,
            "line 1",
            f"column {abbreviate(missing)} is missing; there are {abbreviate(header)}",
            expected="all columns of this kind of table",
            remedy="Check that this is the right file and that it is complete.",
        )


def _is_number(text: str, whole: bool) -> bool:
    """Tell whether Arrow takes a text for a number."""
    if whole:
        return re.fullmatch(r"[ \t]*-?[0-9]+[ \t]*", text) is not None
    try:
        float(text)
    except ValueError:
        return False
    # Python alone knows 1_0, and digits of other scripts.
    return text.isascii() and "_" not in text


def _diagnose(
    path: StrPath, types: dict[str, pa.DataType], delimiter: str, quoting: bool, fallback: str
) -> InputError:
    """Find the first cell that keeps a table from being read, and say what is wrong with it."""
    records = _records(path, delimiter, quoting)
    mend = "Correct the file, or fetch it again if it was cut short."
    number = 1
    try:
        header = next(records)
        numeric = [(i, types[name]) for i, name in enumerate(header) if name in types]
        names = [i for i, kind in numeric if kind == pa.string()]
        numeric = [(i, kind) for i, kind in numeric if kind != pa.string()]
        for number, record in enumerate(records, start=2):
            if record and len(record) != len(header):
                return InputError(
                    path,
                    f"line {number}",
                    f"{len(record)} fields",
                    expected=f"{len(header)}, as in the first line",
                    remedy=mend,
                )
            for i, kind in numeric if record else []:
                whole = pa.types.is_integer(kind)
                if not _is_number(record[i], whole):
                    row = next((record[k] for k in names), "")
                    cell = "an empty cell" if record[i] == "" else repr(record[i])
                    return InputError(
                        path,
                        f"column {header[i]}, row {row} (line {number})",
                        f"{cell} is not a {'whole ' if whole else ''}number",
                        expected="a whole number" if whole else "a finite number",
                        remedy="Correct the cell, or remove its row or column.",
                    )
    except _DAMAGE as error:
        fallback = str(error)
    return InputError(
        path, f"line {number} or near it", fallback, expected="a complete table", remedy=mend
    )


def read_batches(
    path: StrPath,
    types: dict[str, pa.DataType],
    *,
    delimiter: str = ",",
    quoting: bool = True,
) -> Iterator[pa.RecordBatch]:
    """Read the named columns of a table, a block of rows at a time.

    Memory stays near one block, however long the table is.

    Parameters
    ----------
    path
        The table, plain or gzip-compressed text.
    types
        The columns to read and their types.
    delimiter
        What stands between two fields.
    quoting
        Whether a field may stand in double quotes; without it a quote is a character.

    Yields
    ------
    pyarrow.RecordBatch
        The columns in the order of `types`.

    Raises
    ------
    InputError
        When a column is missing or a cell is not of its type.
    """
    header = read_header(path, delimiter=delimiter, quoting=quoting)
    require_columns(path, header, types)
    try:
        # By content: Arrow's own detection goes by the name of the file.
        compression = "gzip" if is_gzip(path) else None
        with pa.input_stream(str(path), compression=compression) as stream:
            yield from pacsv.open_csv(
                stream,
                read_options=pacsv.ReadOptions(block_size=_BLOCK_BYTES),
                parse_options=pacsv.ParseOptions(
                    delimiter=delimiter, quote_char='"' if quoting else False
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types=types,
                    include_columns=list(types),
                    null_values=[],
                    strings_can_be_null=False,
                ),
            )
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise _diagnose(path, types, delimiter, quoting, str(error)) from error


def read_columns(
    path: StrPath,
    types: dict[str, pa.DataType],
    *,
    delimiter: str = ",",
    quoting: bool = True,
) -> pa.Table:
    """Read the named columns of a table as a whole; see `read_batches`."""
    batches = list(read_batches(path, types, delimiter=delimiter, quoting=quoting))
    return pa.Table.from_batches(batches, schema=pa.schema(list(types.items())))


def require_names(
    path: StrPath, column: str, names: Sequence[str], rows: Sequence[str] | None = None
) -> None:
    """Check that a column of names has no empty one and none that not every file would keep.

    Parameters
    ----------
    path, column, names
        The table, the column and what stands in it.
    rows
        What the rows are called, for the message; their numbers where it is None.

    Raises
    ------
    InputError
        When it has.
    """
    if "" in names:
        at = list(names).index("")
        raise InputError(
            path,
            f"column {column}, row {rows[at] if rows else at + 1}",
            "an empty name",
            expected="a name in each row",
            remedy="Name the row or remove it.",
        )
    _printable(path, f"column {column}", names)


def require_unique(path: StrPath, column: str, names: Sequence[str]) -> None:
    """Check a column as `require_names` does, and that no name stands more than once.

    Raises
    ------
    InputError
        When it is not.
    """
    require_names(path, column, names)
    if twice := repeated(names):
        raise InputError(
            path,
            f"column {column}",
            f"{abbreviate(twice)} stands more than once",
            expected="each name once",
            remedy="Keep one row of each name.",
        )


def read_matrix(path: StrPath, row_names: str) -> Matrix:
    """Read a table of numbers whose rows are named by one of its columns.

    Parameters
    ----------
    path
        A table with commas, plain or gzip-compressed.
    row_names
        The column that names the rows.

    Raises
    ------
    InputError
        When the column is missing, a row or a column is named twice, the table
        has no rows or no numbers, or a cell is not a finite number.
    """
    header = read_header(path)
    require_columns(path, header, [row_names])
    columns = tuple(name for name in header if name != row_names)
    types = {row_names: pa.string()} | dict.fromkeys(columns, pa.float64())
    table = read_columns(path, types)
    if not columns or not table.num_rows:
        raise InputError(
            path,
            "",
            f"{table.num_rows} rows and {len(columns)} columns of numbers",
            expected="at least one of each",
            remedy="Check that this is the right file and that it is complete.",
        )
    names, *numbers = table.columns
    rows = tuple(names.to_pylist())
    require_unique(path, row_names, rows)
    values = np.empty((len(rows), len(columns)))
    for j, column in enumerate(numbers):
        values[:, j] = column.to_numpy()
    if not np.isfinite(values).all():
        i, j = np.argwhere(~np.isfinite(values))[0]
        raise InputError(
            path,
            f"column {columns[j]}, row {rows[i]}",
            f"{values[i, j]} is not finite",
            expected="a finite number",
            remedy="Correct the cell, or remove its row or column.",
        )
    return Matrix(rows, columns, values)


def write_rows(
    path: StrPath, header: Sequence[str], rows: Iterable[Sequence[object]], *, delimiter: str = ","
) -> None:
    """Write a table; numbers keep every digit that they need to be read back the same."""
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_matrix(path: StrPath, row_names: str, matrix: Matrix) -> None:
    """Write a table of numbers with named rows and columns, as `read_matrix` reads it."""
    # Adding zero turns -0.0 into 0.0: two spellings of one number would differ as text.
    rows = zip(matrix.rows, (matrix.values + 0.0).tolist(), strict=True)
    write_rows(path, [row_names, *matrix.columns], ([name, *values] for name, values in rows))

"""Read and write tables of delimited text, and check what is in them.

Tables are read with Arrow. If it refuses a table, the text is read a second time, row by row, to
find the cell with the error.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from echoes.io.arrays import Floats, row_blocks
from echoes.io.blocks import stack_blocks
from echoes.io.errors import InputError, abbreviate, require_printable
from echoes.io.files import StrPath, atomic_path, is_gzip
from echoes.io.text import DAMAGE, open_text

# A row has to fit into one block; Arrow holds several at a time. Each column of a block takes
# as long as a hundred numbers do, so that blocks of many columns are larger.
_BLOCK_BYTES, _BLOCK_COLUMNS = 1 << 22, 1 << 11


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
        Numbers, float64 of shape (rows, columns).
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: Floats


def block_bytes(columns: int) -> int:
    """Bytes of text that Arrow reads at a time, for a table of so many columns."""
    return _BLOCK_BYTES * max(1, columns // _BLOCK_COLUMNS)


def _records(path: StrPath, delimiter: str, quoting: bool) -> Iterator[list[str]]:
    with open_text(path) as stream:
        yield from csv.reader(
            stream,
            delimiter=delimiter,
            quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE,
        )


def repeated(names: Iterable[str]) -> list[str]:
    """List the names that occur more than once, in the order in which they first occur."""
    return [name for name, count in Counter(names).items() if count > 1]


def read_header(path: StrPath, *, delimiter: str = ",", quoting: bool = True) -> tuple[str, ...]:
    """Read the column names of a table.

    Raises
    ------
    InputError
        If the file is empty or is not UTF-8 text, or if a column has no name or the name of
        another one.
    """
    remedy = "Check that this is the right file and that it is complete."
    try:
        header = next(_records(path, delimiter, quoting), [])
    except FileNotFoundError:
        raise
    except DAMAGE as error:
        raise InputError(
            path, "line 1", f"cannot be read ({error})", expected="UTF-8 text", remedy=remedy
        ) from error
    if not header:
        raise InputError(
            path,
            "line 1",
            "the file or its first line is empty",
            expected="column names",
            remedy=remedy,
        )
    if "" in header:
        place = f"line 1, column {header.index('') + 1}"
        raise InputError(
            path, place, "the column has no name", expected="a name", remedy="Name the column."
        )
    require_printable(path, "line 1", header)
    if twice := repeated(header):
        raise InputError(
            path,
            "line 1",
            f"column {abbreviate(twice)} occurs more than once",
            expected="each column once",
            remedy="Remove or rename the repeated columns.",
        )
    return tuple(header)


def require_columns(path: StrPath, header: Sequence[str], names: Iterable[str]) -> None:
    """Check that a table has the named columns.

    Raises
    ------
    InputError
        If a column is missing; the message names it and the columns of the table.
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
    """Return whether Arrow reads a text as a number."""
    if whole:
        return re.fullmatch(r"[ \t]*-?[0-9]+[ \t]*", text) is not None
    try:
        float(text)
    except ValueError:
        return False
    # Python also accepts 1_0, and digits of other scripts; Arrow does not.
    return text.isascii() and "_" not in text


def _diagnose(
    path: StrPath, types: dict[str, pa.DataType], delimiter: str, quoting: bool, fallback: str
) -> InputError:
    """Find the first cell that Arrow cannot read, and return an error that describes it."""
    records = _records(path, delimiter, quoting)
    remedy = "Correct the file, or fetch it again if it was cut short."
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
                    remedy=remedy,
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
    except DAMAGE as error:
        fallback = str(error)
    return InputError(
        path, f"line {number} or near it", fallback, expected="a complete table", remedy=remedy
    )


def read_batches(
    path: StrPath,
    types: dict[str, pa.DataType],
    *,
    delimiter: str = ",",
    quoting: bool = True,
) -> Iterator[pa.RecordBatch]:
    """Read the named columns of a table, one block of rows after the other.

    The memory needed is that of a few blocks (see `block_bytes`), however long the table is.

    Parameters
    ----------
    path
        The table, plain or gzip-compressed text.
    types
        The columns to read and their types.
    delimiter
        Character between two fields.
    quoting
        Whether fields may be in double quotes; if False, a quote is an ordinary character.

    Yields
    ------
    pyarrow.RecordBatch
        The columns in the order of `types`.

    Raises
    ------
    InputError
        If a column is missing or a cell does not have the type of its column.
    """
    header = read_header(path, delimiter=delimiter, quoting=quoting)
    require_columns(path, header, types)
    try:
        # By its content: Arrow would look at the name of the file instead.
        compression = "gzip" if is_gzip(path) else None
        with pa.input_stream(str(path), compression=compression) as stream:
            yield from pacsv.open_csv(
                stream,
                read_options=pacsv.ReadOptions(block_size=block_bytes(len(header))),
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
    """Read the named columns of a whole table, with the parameters of `read_batches`."""
    batches = list(read_batches(path, types, delimiter=delimiter, quoting=quoting))
    return pa.Table.from_batches(batches, schema=pa.schema(list(types.items())))


def require_names(
    path: StrPath, column: str, names: Sequence[str], rows: Sequence[str] | None = None
) -> None:
    """Check the names in a column: none is empty, has control characters or outer spaces.

    Parameters
    ----------
    path, column, names
        Path of the table, name of the column, and the names in it.
    rows
        Names of the rows for the error message; None to number them from 1.

    Raises
    ------
    InputError
        If a name is not usable; the message says which, and in which row.
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
    require_printable(path, f"column {column}", names)


def require_unique(path: StrPath, column: str, names: Sequence[str]) -> None:
    """Check the names in a column as `require_names` does, and that each occurs once.

    Raises
    ------
    InputError
        If a name is not usable or occurs more than once.
    """
    require_names(path, column, names)
    if twice := repeated(names):
        raise InputError(
            path,
            f"column {column}",
            f"{abbreviate(twice)} occurs more than once",
            expected="each name once",
            remedy="Keep one row of each name.",
        )


def read_matrix(
    path: StrPath, row_names: str, columns: Sequence[str] = (), *, delimiter: str = ","
) -> Matrix:
    """Read a table of numbers in which one column has the names of the rows.

    Parameters
    ----------
    path
        Table, plain or gzip-compressed.
    row_names
        Name of the column with the names of the rows.
    columns
        Names of the columns of numbers to read, in this order; empty for all, as in the table.
    delimiter
        Character between two fields.

    Raises
    ------
    InputError
        If one of these columns is missing, two rows or two columns have the same name, the table
        has no rows or no numbers, or a cell is not a finite number.
    """
    header = read_header(path, delimiter=delimiter)
    require_columns(path, header, [row_names, *columns])
    columns = tuple(columns or (name for name in header if name != row_names))
    types = {row_names: pa.string()} | dict.fromkeys(columns, pa.float64())
    batches = read_batches(path, types, delimiter=delimiter)
    if columns:
        names, values = stack_blocks(batches, len(columns))
    else:
        names, values = [name for each in batches for name in each.column(0).to_pylist()], None
    if values is None or not names:
        raise InputError(
            path,
            "",
            f"{len(names)} rows and {len(columns)} columns of numbers",
            expected="at least one of each",
            remedy="Check that this is the right file and that it is complete.",
        )
    rows = tuple(names)
    require_unique(path, row_names, rows)
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
    """Write a table; numbers get as many digits as needed to read exactly the same numbers back."""
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_matrix(path: StrPath, row_names: str, matrix: Matrix) -> None:
    """Write a table of numbers with named rows and columns, for `read_matrix`."""
    if (shape := (len(matrix.rows), len(matrix.columns))) != matrix.values.shape:
        raise ValueError(f"{matrix.values.shape} numbers for {shape} names")
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([row_names, *matrix.columns])
        # The name of a row is written as a row of its own, without its end.
        names = csv.writer(stream, lineterminator="")
        for block in row_blocks(*matrix.values.shape):
            texts = _texts_of_rows(matrix.values[block])
            for name, numbers in zip(matrix.rows[block], texts, strict=True):
                names.writerow([name, ""] if numbers else [name])
                stream.write(f"{numbers}\n")


def _texts_of_rows(values: Floats) -> list[str]:
    """Write each row of numbers with commas; each number as Python does, in as few digits as tell.

    Arrow finds the same digits in a fifth of the time, but writes whole numbers, and those that
    have an exponent, in another form: these are written by Python.
    """
    # Adding zero turns -0.0 into 0.0, so that equal numbers are equal texts.
    numbers = (values + 0.0).ravel()
    if not len(numbers):
        return [""] * len(values)
    texts = pa.array(numbers).cast(pa.string())
    size = np.abs(numbers)
    other = ~((size >= 1e-4) & (size < 1e9)) | (numbers == np.rint(numbers))
    if other.any():
        by_python = pa.array([repr(number) for number in numbers[other].tolist()], pa.string())
        texts = pc.replace_with_mask(texts, pa.array(other), by_python)
    starts = pa.array(np.arange(len(values) + 1, dtype=np.int32) * values.shape[1])
    rows: list[str] = pc.binary_join(pa.ListArray.from_arrays(starts, texts), ",").to_pylist()
    return rows

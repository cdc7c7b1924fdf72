"""Tables of other programs: the separator is recognised, and columns are read as text.

For tables whose layout is known beforehand see `echoes.io.tables`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath, is_gzip
from echoes.io.tables import repeated
from echoes.io.text import DAMAGE, SEPARATORS, damaged, open_text, separator_of

# A row has to fit into one block; Arrow holds several blocks at a time.
_BLOCK_BYTES = 1 << 22


@dataclass(frozen=True)
class Layout:
    """How a table is laid out.

    Parameters
    ----------
    path
        The table.
    separator
        Character between two fields; empty for parquet, which has none.
    columns
        Names of the columns; "1", "2", … where the table has no header.
    header
        Whether the first line has the names of the columns.
    first
        The fields of the first line, also where it is no header. Empty for parquet.
    """

    path: StrPath
    separator: str
    columns: tuple[str, ...]
    header: bool
    first: tuple[str, ...]


def is_parquet(path: StrPath) -> bool:
    """Check by its first four bytes whether a file is a parquet file."""
    with Path(path).open("rb") as stream:
        return stream.read(4) == b"PAR1"


def layout_of(path: StrPath, *, header: bool) -> Layout:
    """Find out how a table is laid out, from its first line.

    Parameters
    ----------
    path
        A parquet file, or text with tabs, commas, semicolons or spaces between the fields,
        plain or gzip-compressed.
    header
        Whether the first line has the names of the columns. A parquet file always has names.

    Raises
    ------
    InputError
        When the file is empty or no text, or two columns have the same name.
    """
    if is_parquet(path):
        names = tuple(_parquet(path).schema_arrow.names)
        _refuse_repeated(path, "", names, "")
        return Layout(path, "", names, True, ())
    try:
        with open_text(path) as stream:
            line = stream.readline(_BLOCK_BYTES)
    except FileNotFoundError:
        raise
    except DAMAGE as error:
        raise damaged(path, 1, error) from error
    if not line.strip() or len(line) == _BLOCK_BYTES:
        raise InputError(
            path,
            "line 1",
            "the line is too long for a table" if line.strip() else "the file begins with nothing",
            expected="column names" if header else "the first row of a table",
            remedy="Check that this is the right file and that it is complete.",
        )
    if re.fullmatch(r'"?sep=.?"?\s*', line) or line.startswith(("# ", "##")):
        raise InputError(
            path,
            "line 1",
            f"{line.strip()!r} is a note to other programs",
            expected="column names" if header else "the first row of a table",
            remedy="Remove this line, and others like it.",
        )
    separator = separator_of(line)
    first = tuple(next(csv.reader([line], delimiter=separator)))
    if header:
        _refuse_repeated(path, "line 1", first, separator)
    columns = first if header else tuple(str(i + 1) for i in range(len(first)))
    return Layout(path, separator, columns, header, first)


def _refuse_repeated(path: StrPath, place: str, names: Sequence[str], separator: str) -> None:
    """Refuse names of columns that stand more than once."""
    if twice := repeated(names):
        apart = f" (columns are separated by {SEPARATORS[separator]})" if separator else ""
        raise InputError(
            path,
            place,
            f"column {abbreviate([name or 'without a name' for name in twice])} stands more than "
            f"once{apart}",
            expected="each column once",
            remedy="Remove or rename the repeated columns.",
        )


def column_of(layout: Layout, column: str | int) -> int:
    """Find a column by its name, or by its position counted from 1.

    Returns
    -------
    int
        Its position, counted from 0.

    Raises
    ------
    InputError
        When there is no such column; the message names the columns that there are.
    """
    if isinstance(column, int) and 0 < column <= len(layout.columns):
        return column - 1
    if str(column) in layout.columns and not isinstance(column, int):
        return layout.columns.index(column)
    apart = f", separated by {SEPARATORS[layout.separator]}" if layout.separator else ""
    there = abbreviate(layout.columns) if layout.header else f"1 … {len(layout.columns)}"
    raise InputError(
        layout.path,
        "line 1" if layout.separator else "",
        f"column {column} is missing; there are {there}{apart}",
        expected=f"a column {column}",
        remedy="Name a column of this table"
        + ("." if layout.header else " by its position, or say that the table has a header."),
    )


def read_text_columns(layout: Layout, columns: Sequence[int]) -> Iterator[pa.RecordBatch]:
    """Read columns of a table, one block of rows after the other.

    Parameters
    ----------
    layout
        The table; see `layout_of`.
    columns
        Positions of the columns, counted from 0.

    Yields
    ------
    pyarrow.RecordBatch
        The columns, in the given order; as text, but in a parquet file's own types.

    Raises
    ------
    InputError
        When a row has more or fewer fields than the first, or the file is damaged.
    """
    if not layout.separator:
        yield from _parquet_columns(layout, columns)
        return
    names = [str(i) for i in range(len(layout.columns))]
    wanted = [names[i] for i in columns]
    try:
        # By content: Arrow's own detection goes by the name of the file.
        compression = "gzip" if is_gzip(layout.path) else None
        with pa.input_stream(str(layout.path), compression=compression) as stream:
            yield from pacsv.open_csv(
                stream,
                read_options=pacsv.ReadOptions(
                    block_size=_BLOCK_BYTES, column_names=names, skip_rows=int(layout.header)
                ),
                parse_options=pacsv.ParseOptions(delimiter=layout.separator),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(wanted, pa.string()),
                    # Arrow does not take one column twice.
                    include_columns=list(dict.fromkeys(wanted)),
                    null_values=[],
                    strings_can_be_null=False,
                ),
            )
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        if "Empty CSV file" in str(error):
            return
        raise _diagnose(layout, error) from error


def _diagnose(layout: Layout, error: Exception) -> InputError:
    """Find the first line that has more or fewer fields than the first one."""
    number = 1
    try:
        with open_text(layout.path) as stream:
            records = csv.reader(stream, delimiter=layout.separator)
            for record in records:
                number = records.line_num
                if record and len(record) != len(layout.columns):
                    return InputError(
                        layout.path,
                        f"line {number}",
                        f"{len(record)} fields separated by {SEPARATORS[layout.separator]}",
                        expected=f"{len(layout.columns)}, as in the first line",
                        remedy="Correct the line, or fetch the file again if it was cut short.",
                    )
    except DAMAGE as damage:
        return damaged(layout.path, number, damage)
    return damaged(layout.path, number, error)


def _parquet(path: StrPath) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise _bad_parquet(path, error) from error


def _bad_parquet(path: StrPath, error: Exception) -> InputError:
    return InputError(
        path,
        "",
        f"cannot be read ({error})",
        expected="a complete parquet file",
        remedy="Write or fetch the file again.",
    )


def _parquet_columns(layout: Layout, columns: Sequence[int]) -> Iterator[pa.RecordBatch]:
    names = [layout.columns[i] for i in columns]
    try:
        with _parquet(layout.path) as table:
            for batch in table.iter_batches(columns=list(dict.fromkeys(names))):
                yield batch.select(list(dict.fromkeys(names)))
    except (pa.ArrowInvalid, OSError) as error:
        raise _bad_parquet(layout.path, error) from error


def place_of_row(layout: Layout, row: int) -> str:
    """Say where a row stands: its line in a text file, its number from 1 in a parquet file.

    Parameters
    ----------
    layout
        The table.
    row
        Number of the row, counted from 0 without the header and without empty lines.
    """
    if not layout.separator:
        return f"row {row + 1}"
    with open_text(layout.path) as stream:
        records = csv.reader(stream, delimiter=layout.separator)
        left = row + int(layout.header)
        for record in records:
            if record and left == 0:
                break
            left -= bool(record)
        return f"line {records.line_num}"

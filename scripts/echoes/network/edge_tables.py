"""Edge lists as tables (text or parquet), and Cytoscape's SIF."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from echoes.io.arrays import Floats
from echoes.io.delimited import Layout, column_of, layout_of, place_of_row, read_text_columns
from echoes.io.errors import InputError
from echoes.io.files import StrPath
from echoes.io.text import DAMAGE, damaged, open_text
from echoes.network.edge_rows import EdgeRows, NameCodes

#: What the two columns of genes are often called, for a header that nobody announced.
_HEADER_WORDS = re.compile(
    r"#?(source|target|from|to|(node|gene|protein|interactor|symbol)[ _.]?[ab12]?)", re.IGNORECASE
)


def read_table(
    path: StrPath, source: str | int, target: str | int, weight: str | int | None, header: bool
) -> EdgeRows:
    """Read an edge list from a table; the weight is 1 where there is no such column.

    Raises
    ------
    InputError
        When a column is missing or a weight is no number, or there is a header where none was
        promised.
    """
    layout = layout_of(path, header=header)
    ends = [column_of(layout, source), column_of(layout, target)]
    number = None if weight is None else column_of(layout, weight)
    columns = [*ends, *([] if number is None else [number])]
    if len(set(columns)) < len(columns):
        raise InputError(
            path,
            "",
            "one column is named twice",
            expected="different columns for the two genes and the weight",
            remedy="Correct the names of the columns.",
        )
    _check_header(layout, ends, number)
    codes = NameCodes()
    blocks: list[tuple[np.ndarray, ...]] = []
    rows = 0
    for batch in read_text_columns(layout, columns):
        weights = (
            np.ones(batch.num_rows)
            if number is None
            else _numbers(layout, number, batch.column(2), rows)
        )
        first, second = (codes.codes(_names(layout, batch, i)) for i in (0, 1))
        blocks.append((first, second, weights))
        rows += batch.num_rows
    empty = (np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0))
    first, second, weights = (
        np.concatenate(parts) for parts in zip(*(blocks or [empty]), strict=True)
    )
    return EdgeRows(
        path, codes.names, first, second, weights, lambda row: place_of_row(layout, row)
    )


def _check_header(layout: Layout, ends: list[int], weight: int | None) -> None:
    """Check that the first line of a text is a header if and only if one was promised."""
    if not layout.first:
        return
    if weight is not None:
        # A header without a name for the weights cannot be found by that name.
        names_first = not _is_number(layout.first[weight])
    else:
        names_first = layout.header or all(_HEADER_WORDS.fullmatch(layout.first[i]) for i in ends)
    if names_first == layout.header:
        return
    said = ", ".join(layout.first)
    raise InputError(
        layout.path,
        "line 1",
        f"'{said}' is no header, it has a weight"
        if layout.header
        else f"'{said}' is a header, and none was promised",
        expected="names of columns" if layout.header else "a link",
        remedy=f"Say that the table has {'no' if layout.header else 'a'} header.",
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _names(layout: Layout, batch: pa.RecordBatch, i: int) -> pa.Array:
    """Names in a column; Entrez ids may be whole numbers in a parquet file."""
    column = batch.column(i)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if not (
        pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)
    ):
        raise InputError(
            layout.path,
            f"column {batch.schema.names[i]}",
            f"a column of type {kind}",
            expected="names of genes as text, or ids as whole numbers",
            remedy="Write the column as text.",
        )
    return pc.fill_null(pc.cast(column, pa.string()), "")


def _numbers(layout: Layout, number: int, column: pa.Array, rows: int) -> Floats:
    """Weights in a column of a block that follows so many rows."""
    try:
        values = pc.cast(column, pa.float64(), safe=False)
        return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        for i, text in enumerate(map(str, column)):
            try:
                pc.cast(pa.scalar(text), pa.float64())
            except pa.ArrowInvalid:
                raise InputError(
                    layout.path,
                    f"column {layout.columns[number]}, {place_of_row(layout, rows + i)}",
                    f"{text!r} is not a number" if text else "an empty cell is not a number",
                    expected="a weight, with a decimal point",
                    remedy="Correct the cell, or check that the right column is named.",
                ) from error
        raise


def read_sif(path: StrPath) -> EdgeRows:
    """Read the links of a SIF file: ``a pp b c`` links a to b and a to c, each with weight 1.

    Fields are separated by tabs if there is a tab in the file, else by spaces. A line with one
    name has a gene without links. Source: Cytoscape's manual, "Supported network file formats".

    Raises
    ------
    InputError
        When a line has two fields, or the file is no text.
    """
    codes = NameCodes()
    source, target, lines = array("i"), array("i"), array("l")
    separator = "\t" if any("\t" in line for _, line in _lines(path)) else None
    for number, line in _lines(path):
        fields = line.strip("\r\n").split(separator)
        if len(fields) == 2:
            raise InputError(
                path,
                f"line {number}",
                f"{line.strip()!r} has two fields",
                expected="a gene, a kind of link, and one or more genes, as in 'TP53 pp MDM2'",
                remedy="Correct the line, or name the format and the columns of the file.",
            )
        here = codes.code(fields[0]) if fields else 0
        for name in fields[2:]:
            source.append(here)
            target.append(codes.code(name))
            lines.append(number)
    return EdgeRows(
        path,
        codes.names,
        np.array(source, dtype=np.int32),
        np.array(target, dtype=np.int32),
        np.ones(len(source)),
        lambda row: f"line {lines[row]}",
    )


def _lines(path: StrPath) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, and their numbers."""
    number = 0
    try:
        with open_text(path) as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield number, line
    except FileNotFoundError:
        raise
    except DAMAGE as error:
        raise damaged(path, number, error) from error

"""Tables of other programs: separators, columns and places."""

from __future__ import annotations

from pathlib import Path

import pytest

from echoes.io.delimited import (
    column_of,
    layout_of,
    place_of_row,
    read_text_columns,
)
from echoes.io.errors import InputError
from echoes.io.text import separator_of


@pytest.mark.parametrize(
    ("line", "separator"),
    [
        ("a\tb, c; d\n", "\t"),
        ("a,b,c\n", ","),
        ("gene 1,gene 2\n", ","),
        ("a;b;0,5\n", ";"),
        ('"a,x,y";b\n', ";"),
        ("9606.A 9606.B 900\n", " "),
        ("one column\n", " "),
        ("one\n", ","),
    ],
)
def test_separators(line: str, separator: str) -> None:
    assert separator_of(line) == separator


def test_columns_in_another_order_with_places(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('a;"b c";d\n1;2;3\n\n\n"x;y";5;\n')
    layout = layout_of(path, header=True)
    assert (layout.separator, layout.columns) == (";", ("a", "b c", "d"))
    columns = [column_of(layout, "d"), column_of(layout, 1)]
    assert columns == [2, 0]
    rows = [row for batch in read_text_columns(layout, columns) for row in batch.to_pylist()]
    assert rows == [{"2": "3", "0": "1"}, {"2": "", "0": "x;y"}]
    assert [place_of_row(layout, row) for row in (0, 1)] == ["line 2", "line 5"]


@pytest.mark.parametrize(("header", "column"), [(True, "x"), (True, 4), (True, 0), (False, "a")])
def test_a_missing_column_says_how_columns_were_separated(
    tmp_path: Path, header: bool, column: str | int
) -> None:
    path = tmp_path / "x.tsv"
    path.write_text("a\tb\tc\n1\t2\t3\n")
    with pytest.raises(InputError, match=r"there are (a, b, c|1 … 3), separated by tabs"):
        column_of(layout_of(path, header=header), column)


def test_a_file_on_one_long_line(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a," * (1 << 22))
    with pytest.raises(InputError, match="line 1: the line is too long"):
        layout_of(path, header=True)


def test_a_missing_file_stays_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        layout_of(tmp_path / "absent", header=True)

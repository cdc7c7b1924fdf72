"""Tables in and out, and what is said about each kind of bad table."""

from __future__ import annotations

import csv
import gzip
import io
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from echoes.io import tables
from echoes.io.errors import InputError
from echoes.io.tables import (
    Matrix,
    read_batches,
    read_columns,
    read_header,
    read_matrix,
    write_matrix,
)

GOOD = b"id,a,b\nr,1,2\ns,3,-4.5\n"
BOM = b"\xef\xbb\xbf"
ROWS = b"id,a\n" + b"".join(b"r%d,%d\n" % (i, i * 7919 % 10007) for i in range(5000))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def refused(path: Path, content: bytes) -> InputError:
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_matrix(path, "id")
    assert caught.value.file == str(path)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("column", [True, False])
@pytest.mark.parametrize("name", [" a", "a ", "a\u00a0"])
def test_spaces_around_names_are_refused(path: Path, name: str, column: bool) -> None:
    row_name, column_name = ("r", name) if column else (name, "a")
    error = refused(path, f"id,{column_name}\n{row_name},1\n".encode())
    assert repr(name) in error.problem


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(GOOD, id="plain"),
        pytest.param(BOM + GOOD, id="byte order mark"),
        pytest.param(GOOD.replace(b"\n", b"\r\n"), id="carriage returns"),
        pytest.param(BOM + GOOD.replace(b"\n", b"\r\n"), id="both"),
        pytest.param(GOOD[:-1], id="no last line break"),
        pytest.param(GOOD.replace(b"\n", b"\n\n"), id="blank lines"),
        pytest.param(b'"id","a","b"\n"r","1","2"\n"s","3","-4.5"\n', id="quotes"),
        pytest.param(b"id,a,b\nr, 1,2 \ns,  3  ,\t-4.5\n", id="blanks"),
        pytest.param(b"id,a,b\nr,+1.0,2.\ns,3e0,-45E-1\n", id="spellings"),
        pytest.param(b"a,id,b\n1,r,2\n3,s,-4.5\n", id="names in the middle"),
    ],
)
def test_spellings_of_one_table(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    matrix = read_matrix(path, "id")
    assert matrix.rows == ("r", "s")
    assert matrix.columns == ("a", "b")
    assert matrix.values.tolist() == [[1, 2], [3, -4.5]]
    assert matrix.values.dtype == np.float64


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("table.csv.gz", gzip.compress(GOOD), id="one member"),
        pytest.param(
            "table.csv.gz", gzip.compress(GOOD[:10]) + gzip.compress(GOOD[10:]), id="two members"
        ),
        pytest.param("table.csv.gz", gzip.compress(BOM + GOOD), id="byte order mark"),
        pytest.param("table.csv", gzip.compress(GOOD), id="gzip in csv"),
        pytest.param("table.csv.gz", GOOD, id="text in gz"),
        pytest.param("table.bz2", GOOD, id="text in bz2"),
    ],
)
def test_compression_is_seen_by_content(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert read_matrix(tmp_path / name, "id").values.tolist() == [[1, 2], [3, -4.5]]


@pytest.mark.parametrize(
    ("content", "place", "problem"),
    [
        pytest.param(b"", "line 1", "empty", id="empty file"),
        pytest.param(
            b"x,a\nr,1\n", "line 1", "column id is missing; there are x, a", id="no names"
        ),
        pytest.param(b"id;a\nr;1\n", "line 1", "column id is missing; there are id;a", id=";"),
        pytest.param(
            b"id,a,b,a\nr,1,2,3\n", "line 1", "column a occurs more than once", id="twice"
        ),
        pytest.param(b"id,id,a\nr,s,1\n", "line 1", "column id occurs", id="names twice"),
        pytest.param(b"id,,b\nr,1,2\n", "line 1, column 2", "no name", id="no column name"),
        pytest.param(b"id,a,\nr,1,2\n", "line 1, column 3", "no name", id="comma at the end"),
        pytest.param(b"id,a\n", "", "0 rows", id="header only"),
        pytest.param(b"id,a\n\n\n", "", "0 rows", id="header and blank lines"),
        pytest.param(b"id\nr\n", "", "0 columns", id="names only"),
        pytest.param(b"id,a,b\nr,1,2\ns,1\n", "line 3", "2 fields", id="short row"),
        pytest.param(b"id,a,b\nr,1,2\ns,1,2,3\n", "line 3", "4 fields", id="long row"),
        pytest.param(b"id,a,b\nr,1,2\ns,1,n/a\n", "column b, row s (line 3)", "'n/a'", id="n/a"),
        pytest.param(
            b"id,a,b\nr,1,2\ns,,2\n", "column a, row s (line 3)", "empty cell", id="empty"
        ),
        pytest.param(b"id,a\nr,NA\n", "column a, row r (line 2)", "'NA'", id="NA"),
        pytest.param(b"id,a\nr,null\n", "column a, row r (line 2)", "'null'", id="null"),
        pytest.param(b"id,a\nr,true\n", "column a, row r (line 2)", "'true'", id="true"),
        pytest.param(b"id,a\nr,0x10\n", "column a, row r (line 2)", "'0x10'", id="hexadecimal"),
        pytest.param(b'id,a\nr,"1,5"\n', "column a, row r (line 2)", "'1,5'", id="decimal comma"),
        pytest.param(b"id,a\nr,1\x00\n", "line 2", "bytes of 0", id="NUL"),
        pytest.param(b"id,a,b\nr,1,nan\n", "column b, row r", "nan", id="nan"),
        pytest.param(b"id,a,b\nr,1,NaN\n", "column b, row r", "nan", id="NaN"),
        pytest.param(b"id,a,b\nr,1,2\ns,inf,2\n", "column a, row s", "inf", id="inf"),
        pytest.param(b"id,a,b\nr,1,2\ns,1,-Inf\n", "column b, row s", "-inf", id="-Inf"),
        pytest.param(b"id,a\nr,1\ns,1e400\n", "column a, row s", "inf", id="1e400"),
        pytest.param(b"id,a\nr,1\ns,-1e400\n", "column a, row s", "-inf", id="-1e400"),
        pytest.param(
            b"id,a\nr,1\nq,2\nr,3\n", "column id", "r occurs more than once", id="row twice"
        ),
        pytest.param(b"id,a\nr,1\n,2\n", "column id, row 2", "empty name", id="no row name"),
        pytest.param(b'id,a\n"r,1\ns,2\n', "line 2", "1 fields", id="open quote"),
        pytest.param(
            b"id,a\nr,1_0\n",
            "column a, row r (line 2)",
            "'1_0'",
            id="underscore",
        ),
        pytest.param(
            b"a,id\n1,r\nx,s\n",
            "column a, row s (line 3)",
            "'x'",
            id="names last",
        ),
        pytest.param(
            b"\nid,a\nr,1\n",
            "line 1",
            "empty",
            id="blank first line",
        ),
    ],
)
def test_bad_tables(path: Path, content: bytes, place: str, problem: str) -> None:
    error = refused(path, content)
    assert error.place == place
    assert problem in error.problem
    # Compressed, the same is said.
    packed = path.with_name("table.csv.gz")
    error = refused(packed, gzip.compress(content))
    assert error.place == place
    assert problem in error.problem


@pytest.mark.parametrize("character", ["\x01", "\n", "\r", "\t", "\x7f"], ids=repr)
@pytest.mark.parametrize("column", [True, False], ids=["column", "row"])
def test_control_characters_in_names_are_refused(path: Path, character: str, column: bool) -> None:
    row_name, column_name = ("r", f"a{character}b") if column else (f"r{character}s", "a")
    error = refused(path, f'id,"{column_name}"\n"{row_name}",1\n'.encode())
    assert error.place == ("line 1" if column else "column id")
    assert repr(column_name if column else row_name) in error.problem


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xffid,a\nr,1\n", id="header"),
        pytest.param(b"id,a\n\xff,1\n", id="row name"),
        pytest.param(b"id,a\nr,\xe9\n", id="cell"),
        pytest.param(ROWS + b"\xe9,1\n", id="late"),
    ],
)
def test_what_is_not_utf_8_is_refused(path: Path, content: bytes) -> None:
    error = refused(path, content)
    assert "utf-8" in error.problem
    assert error.place.startswith("line ")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("id,a\nr,1\n".encode("utf-16"), "text in UTF-16"),
        (b"PK\x03\x04 an .xlsx or .zip", "a zip archive"),
        (b"BZh91AY", "a bzip2 file"),
        (b"\xfd7zXZ\x00", "an xz file"),
        (b"\x89HDF\r\n", "an HDF5 file"),
        (b"<!DOCTYPE html>\n<html>", "a web page or XML, which begins with <!DOCTYPE html> <html>"),
        (b'{"id": 1}', 'JSON, which begins with {"id": 1}'),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_other_kinds_of_files_are_named(
    path: Path, content: bytes, kind: str, packed: bool
) -> None:
    error = refused(path, gzip.compress(content) if packed else content)
    assert error.problem == f"this is {kind}"
    assert error.expected == "a table of UTF-8 text, plain or compressed by gzip"


def test_a_cut_gzip_file_is_refused_wherever_it_was_cut(tmp_path: Path) -> None:
    path, packed = tmp_path / "table.csv.gz", gzip.compress(ROWS, mtime=0)
    for length in [2, 9, 10, 11, 40, *range(100, len(packed), 2000), *range(-9, 0)]:
        assert "ended before" in refused(path, packed[:length]).problem


@pytest.mark.parametrize("at", [-1, -8], ids=["length", "checksum"])
def test_a_gzip_file_with_a_wrong_checksum_is_refused(tmp_path: Path, at: int) -> None:
    packed = bytearray(gzip.compress(ROWS))
    packed[at] ^= 0x55
    refused(tmp_path / "table.csv.gz", bytes(packed))


def test_a_gzip_file_with_damaged_data_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(GOOD, mtime=0)
    refused(tmp_path / "table.csv.gz", packed[:10] + b"\x07\x07\x07\x07")


def test_a_cut_gzip_file_of_another_name_is_refused(path: Path) -> None:
    refused(path, gzip.compress(ROWS, mtime=0)[:-50])


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    with pytest.raises((InputError, IsADirectoryError), match=tmp_path.name):
        read_matrix(tmp_path, "id")


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"table\.csv"):
        read_matrix(path, "id")


def test_a_row_longer_than_usual(path: Path) -> None:
    rows = [f"r{i}" for i in range(3)]
    rows.insert(1, "x" * 100_000)
    path.write_text("id,a\n" + "".join(f"{name},{i}\n" for i, name in enumerate(rows)))
    matrix = read_matrix(path, "id")
    assert matrix.rows == tuple(rows)
    assert matrix.values[:, 0].tolist() == [0, 1, 2, 3]


def test_a_row_longer_than_a_block(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"id,a\nr,1\n" + b"s" * 1000 + b",2\n")
    monkeypatch.setattr(tables, "_BLOCK_BYTES", 100)
    error = refused(path, path.read_bytes())
    assert error.place.startswith("line ")


def test_many_columns_are_read_fast(path: Path) -> None:
    values = np.random.default_rng(0).standard_normal((20, 10_000))
    names = tuple(f"g{i}" for i in range(10_000))
    write_matrix(path, "id", Matrix(tuple("abcdefghijklmnopqrst"), names, values))
    start = time.process_time()
    matrix = read_matrix(path, "id")
    assert time.process_time() - start < 2
    assert matrix.columns == names
    assert np.array_equal(matrix.values, values)


def test_the_last_of_many_columns_is_named(path: Path) -> None:
    header = ",".join(["id", *(f"g{i}" for i in range(2000))])
    row = ",".join(["r", *["1"] * 1999, "-"])
    error = refused(path, f"{header}\n{row}\n".encode())
    assert error.place == "column g1999, row r (line 2)"


def test_a_table_as_it_is_written(path: Path) -> None:
    values = np.array([[-0.0, 0.1], [1e-300, 2.0]])
    write_matrix(path, "id", Matrix(("r", 's,"t"'), ("α", "b"), values))
    assert path.read_bytes() == 'id,α,b\nr,0.0,0.1\n"s,""t""",1e-300,2.0\n'.encode()
    assert np.signbit(values[0, 0])
    assert not np.signbit(read_matrix(path, "id").values).any()
    assert [other.name for other in path.parent.iterdir()] == ["table.csv"]


def test_a_table_whose_parts_do_not_match_is_not_written(path: Path) -> None:
    path.write_text("older")
    with pytest.raises(ValueError, match=r"\(2, 1\) numbers for \(1, 1\) names"):
        write_matrix(path, "id", Matrix(("r",), ("a",), np.zeros((2, 1))))
    assert path.read_text() == "older"


LINKS = {"a": pa.string(), "n": pa.int32()}


def batches(path: Path, **options: object) -> Iterator[list[dict[str, object]]]:
    for batch in read_batches(path, LINKS, **options):  # type: ignore[arg-type]
        yield batch.to_pylist()


def test_quotes_are_characters_without_quoting(path: Path) -> None:
    path.write_text('a\tn\ttext\n"x\t1\tsays "this\ny"\t2\t"\n""\t3\tthat" too\n')
    found = [row for batch in batches(path, delimiter="\t", quoting=False) for row in batch]
    assert found == [{"a": '"x', "n": 1}, {"a": 'y"', "n": 2}, {"a": '""', "n": 3}]
    assert read_header(path, delimiter="\t", quoting=False) == ("a", "n", "text")


@pytest.mark.parametrize(
    ("cell", "said"),
    [("1.0", "'1.0'"), ("1e2", "'1e2'"), ("", "an empty cell"), ("x", "'x'"), ('"5"', "'\"5\"'")],
)
def test_whole_numbers_only(path: Path, cell: str, said: str) -> None:
    path.write_text(f"a n\nq 1\nr {cell}\n")
    with pytest.raises(InputError) as caught:
        list(batches(path, delimiter=" ", quoting=False))
    assert caught.value.place == "column n, row r (line 3)"
    assert caught.value.problem == f"{said} is not a whole number"


def test_a_whole_number_that_is_too_large_is_refused(path: Path) -> None:
    path.write_text("a,n\nr,2147483648\n")
    with pytest.raises(InputError, match="2147483648"):
        list(batches(path))


def test_batches_are_small_and_in_order(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text("n,more,a\n" + "".join(f"{i},-,r{i}\n" for i in range(2000)))
    whole = list(batches(path))
    assert len(whole) == 1
    monkeypatch.setattr(tables, "_BLOCK_BYTES", 1000)
    parts = list(batches(path))
    assert len(parts) > 10
    assert [row for part in parts for row in part] == whole[0]
    assert whole[0][1999] == {"a": "r1999", "n": 1999}


def test_a_bad_cell_after_the_first_block_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_BLOCK_BYTES", 1000)
    path.write_text("a,n\n" + "".join(f"r{i},{i}\n" for i in range(2000)) + "s,x\n")
    with pytest.raises(InputError) as caught:
        list(batches(path))
    assert caught.value.place == "column n, row s (line 2002)"


def test_unread_columns_may_hold_anything(path: Path) -> None:
    path.write_text("text,n,a\nn/a,1,\n,2,NA\n")
    assert [row for batch in batches(path) for row in batch] == [
        {"a": "", "n": 1},
        {"a": "NA", "n": 2},
    ]


def test_columns_stand_in_the_order_asked_for(path: Path) -> None:
    path.write_text("n,x,a\n1,-,r\n")
    assert read_columns(path, LINKS).column_names == ["a", "n"]


def test_missing_columns_are_named_with_those_there(path: Path) -> None:
    path.write_text("x,n\n-,1\n")
    with pytest.raises(InputError, match="column a is missing; there are x, n"):
        list(batches(path))


def test_numbers_are_written_as_python_writes_them(path: Path) -> None:
    random = np.random.default_rng(4)
    of_bits = np.frombuffer(random.bytes(8 * 4000))
    values = np.concatenate([
        [0.0, -0.0, 1.0, -7.0, 1e9, 1e9 + 0.5, 123456789.25, 1e15, 1e16, 1e22, 1e-4, 9.999e-5],
        [np.nextafter(1e-4, 0), np.nextafter(1e9, 0), 5e-324, 1.7976931348623157e308, 0.1 + 0.2],
        of_bits[np.isfinite(of_bits)],
        random.normal(0, 0.1, 4000),
        np.round(random.normal(0, 10, 1000), 3),
        np.exp(random.uniform(np.log(1e-5), np.log(1e17), 4000)),
    ])  # fmt: skip
    values = values[: len(values) // 50 * 50].reshape(-1, 50)
    names = tuple(f'{row}, "x"' if row % 3 else f"{row}" for row in range(len(values)))
    columns = tuple(f"g{column}" for column in range(50))
    write_matrix(path, "row", Matrix(names, columns, values))
    # The digits of Python are the fewest that tell a number from all others.
    expected = io.StringIO()
    writer = csv.writer(expected, lineterminator="\n")
    writer.writerow(["row", *columns])
    writer.writerows([name, *(row + 0.0).tolist()] for name, row in zip(names, values, strict=True))
    assert path.read_text(encoding="utf-8") == expected.getvalue()


@pytest.mark.parametrize("shape", [(0, 2), (2, 0), (0, 0)])
def test_a_table_without_numbers(path: Path, shape: tuple[int, int]) -> None:
    names, columns = ("", "a,b")[: shape[0]], ("c", "d")[: shape[1]]
    write_matrix(path, "row", Matrix(names, columns, np.empty(shape)))
    expected = io.StringIO()
    csv.writer(expected, lineterminator="\n").writerows(
        [["row", *columns], *([name] for name in names)]
    )
    assert path.read_text(encoding="utf-8") == expected.getvalue()

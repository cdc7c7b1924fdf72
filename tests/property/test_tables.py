"""Tables of any names and numbers come back as they were written."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from echoes.io import tables
from echoes.io.tables import Matrix, read_matrix, write_matrix

# Control characters are no part of a name: a line break or a NUL would not survive every file.
# Neither are spaces around it: no reader sees them.
names = st.text(
    st.one_of(
        st.sampled_from(list(",\"'; #\\|-0aα")),
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff"),
    ),
    min_size=1,
    max_size=8,
).filter(lambda name: name == name.strip())
numbers = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def matrices(draw: st.DrawFn) -> Matrix:
    rows = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    columns = draw(st.lists(names.filter("id".__ne__), min_size=1, max_size=5, unique=True))
    values = draw(arrays(np.float64, (len(rows), len(columns)), elements=numbers))
    return Matrix(tuple(rows), tuple(columns), values)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


@given(matrix=matrices())
@settings(derandomize=True, deadline=None, max_examples=100)
def test_round_trip(folder: Path, matrix: Matrix) -> None:
    path, packed = folder / "table.csv", folder / "table.csv.gz"
    write_matrix(path, "id", matrix)
    packed.write_bytes(gzip.compress(path.read_bytes(), 1))
    for read in (read_matrix(path, "id"), read_matrix(packed, "id")):
        assert read.rows == matrix.rows
        assert read.columns == matrix.columns
        # To the bit, but for the sign of zero.
        assert read.values.tobytes() == (matrix.values + 0.0).tobytes()


@given(
    values=arrays(np.float64, st.tuples(st.integers(1, 60), st.just(3)), elements=numbers),
    block=st.integers(100, 2000),
)
@settings(derandomize=True, deadline=None, max_examples=50)
def test_numbers_do_not_depend_on_the_size_of_a_block(
    folder: Path, values: np.ndarray, block: int
) -> None:
    path = folder / "blocks.csv"
    matrix = Matrix(tuple(f"r{i}" for i in range(len(values))), ("a", "b", "c"), values)
    write_matrix(path, "id", matrix)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "_BLOCK_BYTES", block)
        read = read_matrix(path, "id")
    assert read.rows == matrix.rows
    assert np.array_equal(read.values, values)

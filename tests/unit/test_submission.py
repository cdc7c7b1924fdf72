"""The submission: how ids are numbered on, and how it is held against a sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from echoes.io.errors import InputError
from echoes.io.tables import Matrix, write_matrix
from echoes.report.submission import check_against_sample, pad

GENES = ("G1", "G2")


def padded(ids: list[str], padding: int) -> list[str]:
    """Pad rows of ones, check the numbers, and give the new ids."""
    matrix = pad(ids, GENES, np.ones((len(ids), 2)), padding)
    assert matrix.rows[: len(ids)] == tuple(ids)
    assert matrix.columns == GENES
    assert matrix.values[: len(ids)].tolist() == [[1, 1]] * len(ids)
    assert matrix.values[len(ids) :].tolist() == [[0, 0]] * (len(matrix.rows) - len(ids))
    assert len(set(matrix.rows)) == len(matrix.rows)
    return list(matrix.rows[len(ids) :])


def test_numbers_go_on() -> None:
    ids = [f"pert_{i}" for i in range(1, 61)]
    assert padded(ids, 60) == [f"pert_{i}" for i in range(61, 121)]


@pytest.mark.parametrize(
    ("ids", "more"),
    [
        (["pert_9", "pert_10", "pert_2"], ["pert_11", "pert_12"]),
        (["pert_10", "pert_9"], ["pert_11", "pert_12"]),
        (["pert_99"], ["pert_100", "pert_101"]),
        (["pert_2", "pert_4"], ["pert_5", "pert_6"]),
        (["7", "3"], ["8", "9"]),
        (["a1_2", "a1_1"], ["a1_3", "a1_4"]),
        (["pert-0"], ["pert-1", "pert-2"]),
        (["pert_999"], ["pert_1000", "pert_1001"]),
    ],
)
def test_the_largest_number_counts(ids: list[str], more: list[str]) -> None:
    assert padded(ids, 2) == more


@pytest.mark.parametrize(
    ("ids", "more"),
    [
        (["pert_007"], ["pert_008", "pert_009"]),
        (["pert_001", "pert_009"], ["pert_010", "pert_011"]),
        (["pert_098"], ["pert_099", "pert_100"]),
    ],
)
def test_leading_zeros_stay(ids: list[str], more: list[str]) -> None:
    assert padded(ids, 2) == more


@pytest.mark.parametrize("ids", [["TP53x"], ["pert_1", "x"], ["a1", "b2"], ["", "a"], []])
def test_without_padding_any_ids_will_do(ids: list[str]) -> None:
    assert padded(ids, 0) == []


@pytest.mark.parametrize(
    "ids", [["x"], ["pert_1", "x"], ["pert_1x"], ["a1", "b2"], ["pert_1", "1"], ["pert_1 "]]
)
def test_ids_that_cannot_be_numbered_on(ids: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        padded(ids, 1)
    assert caught.value.problem == f"{', '.join(ids)} cannot be continued"
    assert "submission: padding: 0" in caught.value.remedy


SUBMISSION = Matrix(("pert_1", "pert_2", "pert_3"), GENES, np.arange(6.0).reshape(3, 2))


def sample(path: Path, rows: tuple[str, ...], columns: tuple[str, ...]) -> Path:
    write_matrix(path, "pert_id", Matrix(rows, columns, np.zeros((len(rows), len(columns)))))
    return path


def test_a_sample_of_the_same_names(tmp_path: Path) -> None:
    path = sample(tmp_path / "sample.csv", SUBMISSION.rows, GENES)
    check_against_sample(path, SUBMISSION, "pert_id")


@pytest.mark.parametrize(
    ("rows", "columns", "place", "theirs", "ours"),
    [
        ((1, 3, 2), "12", "column pert_id, entry 2", "'pert_3'", "'pert_2'"),
        ((1, 2), "12", "column pert_id, entry 3", "nothing", "'pert_3'"),
        ((1, 2, 3, 4), "12", "column pert_id, entry 4", "'pert_4'", "nothing"),
        ((2, 3), "12", "column pert_id, entry 1", "'pert_2'", "'pert_1'"),
        ((1, 2, 3), "21", "line 1, entry 1", "'G2'", "'G1'"),
        ((1, 2, 3), "13", "line 1, entry 2", "'G3'", "'G2'"),
        ((1, 2, 3), "1", "line 1, entry 2", "nothing", "'G2'"),
        ((1, 2, 3), "123", "line 1, entry 3", "'G3'", "nothing"),
        ((4, 2, 3), "3", "column pert_id, entry 1", "'pert_4'", "'pert_1'"),
    ],
)
def test_the_first_difference_to_a_sample_is_named(
    tmp_path: Path, rows: tuple[int, ...], columns: str, place: str, theirs: str, ours: str
) -> None:
    path = sample(
        tmp_path / "sample.csv",
        tuple(f"pert_{i}" for i in rows),
        tuple(f"G{c}" for c in columns),
    )
    with pytest.raises(InputError) as caught:
        check_against_sample(path, SUBMISSION, "pert_id")
    assert caught.value.file == str(path)
    assert caught.value.place == place
    assert caught.value.problem == theirs
    assert caught.value.expected.split(",")[0] == ours


def test_a_sample_with_another_column_of_names(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text("id,G1,G2\npert_1,0,0\n")
    with pytest.raises(InputError, match="column pert_id is missing"):
        check_against_sample(path, SUBMISSION, "pert_id")

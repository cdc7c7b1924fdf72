"""Parts of held-out predictions in files, and how they are put together."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from echoes.io.errors import InputError
from echoes.scoring.out_of_fold import (
    HeldOutPart,
    common_rows,
    load_part,
    load_parts,
    save_part,
    take_rows,
)

G = 3


def part_of(rows: list[int], folds: list[int], shift: float = 0.0) -> HeldOutPart:
    """Make a part whose predictions are the numbers of rows and whose fits are numbered."""
    fits = len(set(folds))
    fit = np.arange(fits) + shift
    return HeldOutPart(
        rows=np.array(rows, dtype=np.intp),
        fold=np.array(folds, dtype=np.intp),
        prediction=np.repeat(np.array(rows, dtype=float)[:, None], G, axis=1),
        spread=np.repeat(np.array(rows, dtype=float)[:, None] / 10, G, axis=1),
        centre=np.repeat(fit[:, None], G, axis=1),
        mean=np.repeat(fit[:, None] + 50, G, axis=1),
        quantiles=fit[:, None] + np.array([0.0, 1.0]),
        inner_score=fit + 0.5,
        seconds=fit + 1,
        choice_names=np.array(["a", "b"]),
        choices=np.column_stack([fit, -fit]),
    )


EMPTY = replace(part_of([], []), choices=np.array([]), centre=np.array([]), mean=np.array([]))


def folder_of(path: Path, *parts: HeldOutPart) -> Path:
    for number, part in enumerate(parts):
        save_part(path / f"{number}.npz", part)
    return path


def test_parts_are_put_into_the_order_of_rows(tmp_path: Path) -> None:
    # The second fit of the first part predicts two rows.
    parts = part_of([4, 0, 2], [0, 1, 1]), part_of([3, 1], [0, 1], shift=100)
    whole = load_parts(folder_of(tmp_path, *parts), 2)
    assert whole.prediction.tolist() == [[i] * G for i in range(5)]
    assert whole.spread.tolist() == [[i / 10] * G for i in range(5)]
    assert whole.fold.tolist() == [1, 3, 1, 2, 0]
    assert whole.centre[:, 0].tolist() == [0, 1, 100, 101]
    assert whole.mean[:, 0].tolist() == [50, 51, 150, 151]
    assert whole.quantiles[:, 1].tolist() == [1, 2, 101, 102]
    assert whole.inner_score.tolist() == [0.5, 1.5, 100.5, 101.5]
    assert whole.seconds.tolist() == [1, 2, 101, 102]
    assert {name: values.tolist() for name, values in whole.choices.items()} == {
        "a": [0, 1, 100, 101],
        "b": [0, -1, -100, -101],
    }


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_part_without_rows_changes_nothing(tmp_path: Path, place: int) -> None:
    parts = [part_of([1], [0]), part_of([0, 2], [0, 1], shift=5)]
    plain = load_parts(folder_of(tmp_path / "plain", *parts), 2)
    parts.insert(place, EMPTY)
    other = load_parts(folder_of(tmp_path / "other", *parts), 3)
    for field in fields(plain):
        if field.name != "choices":
            one, two = getattr(plain, field.name), getattr(other, field.name)
            np.testing.assert_array_equal(one, two)
    assert other.choices["a"].tolist() == plain.choices["a"].tolist()


def test_one_file_that_holds_all(tmp_path: Path) -> None:
    save_part(tmp_path / "validation.npz", part_of([2, 0, 1], [0, 0, 0]))
    whole = load_part(tmp_path / "validation.npz")
    assert whole.prediction[:, 0].tolist() == [0, 1, 2]
    assert whole.fold.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([[0, 1], [1, 2]], "all parts have 4, of which 3 differ, up to 2"),
        ([[0, 1], [3]], "all parts have 3, of which 3 differ, up to 3"),
        ([[0, -1], [1]], "all parts have 3, of which 3 differ, up to 1"),
        ([[], []], "all parts have 0, of which 0 differ"),
    ],
)
def test_rows_must_be_there_once(tmp_path: Path, rows: list[list[int]], problem: str) -> None:
    folder_of(tmp_path, *(part_of(each, list(range(len(each)))) for each in rows))
    with pytest.raises(InputError) as caught:
        load_parts(tmp_path, len(rows))
    assert caught.value.file == str(tmp_path)
    assert (caught.value.place, caught.value.problem) == ("rows", problem)


def test_fewer_parts_than_there_are(tmp_path: Path) -> None:
    folder_of(tmp_path, part_of([1], [0]), part_of([0], [0]))
    with pytest.raises(InputError, match="all parts have 1"):
        load_parts(tmp_path, 1)
    with pytest.raises(FileNotFoundError, match=r"2\.npz"):
        load_parts(tmp_path, 3)


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    np.savez(tmp_path / "0.npz", rows=np.arange(3))
    with pytest.raises(InputError, match="cannot read rows, fold"):
        load_part(tmp_path / "0.npz")


def test_the_rows_of_a_split(tmp_path: Path) -> None:
    folder_of(tmp_path, part_of([7, 2], [0, 1]), part_of([4], [0], shift=10))
    whole = load_parts(tmp_path, 2, some=True)
    assert whole.rows.tolist() == [2, 4, 7]
    assert whole.prediction[:, 0].tolist() == [2, 4, 7]
    assert whole.fold.tolist() == [1, 2, 0]
    with pytest.raises(InputError, match="up to 7"):
        load_parts(tmp_path, 2)
    kept = whole.restrict(np.array([4, 7]))
    assert kept.rows.tolist() == [4, 7]
    assert kept.prediction[:, 0].tolist() == [4, 7]
    assert kept.spread[:, 0].tolist() == [0.4, 0.7]
    assert kept.centre[kept.fold, 0].tolist() == [10, 0]
    assert whole.restrict(np.array([2, 4, 7])) is whole
    with pytest.raises(ValueError, match="not predicted"):
        whole.restrict(np.array([2, 3]))


@pytest.mark.parametrize("rows", [[[7, 2], [2]], [[-1, 2], [3]], [[], []]])
def test_rows_of_a_split_must_be_there_once(tmp_path: Path, rows: list[list[int]]) -> None:
    folder_of(tmp_path, *(part_of(each, list(range(len(each)))) for each in rows))
    with pytest.raises(InputError, match="rows from 0 on, each once"):
        load_parts(tmp_path, len(rows), some=True)


def test_rows_that_experiments_have_in_common(tmp_path: Path) -> None:
    one = folder_of(tmp_path / "one", part_of([7, 2], [0, 1]), part_of([4], [0]))
    two = folder_of(tmp_path / "two", part_of([3, 4, 2], [0, 1, 2]))
    three = folder_of(tmp_path / "three", part_of([3], [0]))
    assert common_rows({}, 3).tolist() == [0, 1, 2]
    assert common_rows({one: 2}, 9).tolist() == [2, 4, 7]
    assert common_rows({one: 2, two: 1}, 9).tolist() == [2, 4]
    with pytest.raises(InputError, match="no perturbation is predicted by all"):
        common_rows({one: 2, three: 1}, 9)


def test_all_rows_are_no_copy() -> None:
    one, two = np.arange(3.0), np.eye(3)
    same, also = take_rows(np.arange(3), one, two)
    assert same is one
    assert also is two
    assert take_rows(np.array([2, 0]), one)[0].tolist() == [2, 0]
    assert take_rows(np.array([0, 1]), one)[0].tolist() == [0, 1]

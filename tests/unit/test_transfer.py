"""An unseen cell line: what is learnt from other cells, and nothing of what is predicted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tasks
from echoes.models.baselines import mean
from echoes.models.echo import echo
from echoes.models.transfer import (
    align_responses,
    load_aligned,
    save_aligned,
    transfer,
    unseen_task,
)

SETTINGS = tasks.SETTINGS
KNOWN = np.array([0, 2, 3, 5, 7, 8])


def unseen(task: tasks.Task, *, validation: bool = False) -> tasks.Task:
    deltas = np.random.default_rng(5).normal(size=(len(KNOWN), task.deltas.shape[1]))
    return unseen_task(task, KNOWN, deltas, validation=validation)


def test_responses_are_aligned_by_hand() -> None:
    nan = np.nan
    rows = np.array([[1.0, 2, 3], [nan, nan, nan], [5.0, nan, 7]])
    known, deltas = align_responses(rows, np.array([1, -1, 0, 2]))
    assert known.tolist() == [0, 2]
    # The gap has the mean of the others, and a gene that the other cells lack is 0.
    np.testing.assert_array_equal(deltas, [[2, 0, 1, 3], [2, 0, 5, 7]])


def test_aligned_responses_are_stored(tmp_path: Path) -> None:
    save_aligned(tmp_path / "a.npz", KNOWN, np.ones((6, 3)))
    known, deltas = load_aligned(tmp_path / "a.npz")
    assert known.tolist() == KNOWN.tolist()
    assert deltas.shape == (6, 3)


@pytest.mark.parametrize("model", [mean, transfer, echo])
@pytest.mark.parametrize("validation", [False, True])
def test_nothing_of_the_unseen_cells_is_used(model: object, validation: bool) -> None:
    task = tasks.example_task()
    noise = np.random.default_rng(9).normal(size=task.deltas.shape)
    other = replace(task, deltas=noise, weights=np.abs(noise))
    first, second = (
        model(unseen(each, validation=validation), SETTINGS)  # type: ignore[operator]
        for each in (task, other)
    )
    np.testing.assert_array_equal(first.deltas, second.deltas)
    assert len(first.deltas) == (3 if validation else 12)


def test_the_response_of_other_cells_is_shrunk_to_their_mean() -> None:
    part = unseen(tasks.example_task())
    predicted = transfer(part, SETTINGS).deltas
    centre = part.deltas.mean(axis=0)
    np.testing.assert_allclose(predicted[KNOWN], (part.deltas + centre) / 2)
    others = np.delete(predicted, KNOWN, axis=0)
    np.testing.assert_allclose(others, np.tile(centre, (len(others), 1)))


def test_where_genes_are_held_out_it_is_the_mean() -> None:
    part = tasks.example_task().split(np.array([0, 4]))
    np.testing.assert_array_equal(transfer(part, SETTINGS).deltas, mean(part, SETTINGS).deltas)

"""Objectives: the errors that candidates are weighed by, and the medians of the base."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from echoes.models.inner_loop import (
    error_sums,
    score_sums,
    single_precision,
    weigh_candidates,
    weigh_errors,
)
from echoes.models.medians import INNER_TOLERANCE, Medians
from echoes.models.objective import OBJECTIVES, Objective

Array = npt.NDArray[np.float64]

M, G, C = 8, 12, 3
RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.normal(size=(M, G))
WEIGHTS = RANDOM.gamma(1.0, size=(M, G))
#: Of each row, three predictions: ever farther from the truth.
PREDICTED = TRUTH[:, None] + np.array([0.5, 0.6, 2.0])[:, None] * RANDOM.normal(size=(M, C, G))


@pytest.mark.parametrize("power", [1, 2])
def test_sums_of_errors(power: int) -> None:
    ours = error_sums(TRUTH, lambda p: single_precision(PREDICTED[p]), C, power)
    expected = (np.abs(PREDICTED - TRUTH[:, None]) ** power).sum(axis=2)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_weights_from_errors_by_hand() -> None:
    sums = np.array([[1.0, 2.0], [1.0, 3.0], [1.0, 4.0]])
    # d = 6; its standard error is √(3 / 2 · 2).
    weight = np.exp(-6 / np.sqrt(3))
    np.testing.assert_allclose(weigh_errors(sums), np.array([1, weight]) / (1 + weight))
    np.testing.assert_allclose(weigh_errors(np.zeros((4, 2))), 0.5)
    np.testing.assert_allclose(weigh_errors(np.ones((4, 2))), 0.5)
    # Always better, by the same: no doubt.
    np.testing.assert_allclose(weigh_errors(np.array([[1.0, 1.1]] * 4)), [1, 0], atol=1e-12)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_rows_may_be_judged_in_any_order(name: str) -> None:
    objective = Objective(name, TRUTH, WEIGHTS)
    for rows in (np.array([5, 1, 2]), np.array([0, 7, 6, 3, 4])):
        part = single_precision(PREDICTED[rows])
        objective.judge(rows, part.__getitem__, C)
    counts = np.array([1.0, 3.0, 2.0])

    def predictions(p: int) -> npt.NDArray[np.float32]:
        return single_precision(PREDICTED[p])

    power = OBJECTIVES[name]
    alike = (
        weigh_candidates(score_sums(TRUTH, WEIGHTS, predictions, C))[0]
        if power is None
        else weigh_errors(error_sums(TRUTH, predictions, C, power))
    )
    expected = counts * alike / (counts * alike).sum()
    np.testing.assert_allclose(objective.weigh(counts), expected, rtol=1e-4, atol=1e-9)
    assert alike[2] < 0.1


def test_the_median_of_each_objective() -> None:
    out = np.array([0, 3])
    rest = np.delete(TRUTH, out, axis=0)
    score, absolute, squared = (Objective(name, TRUTH, WEIGHTS) for name in OBJECTIVES)
    medians = Medians(TRUTH, WEIGHTS)
    np.testing.assert_array_equal(score.median, medians.reweighted())
    np.testing.assert_array_equal(
        score.medians_without([out])[0], medians.without(out).reweighted(INNER_TOLERANCE)
    )
    np.testing.assert_array_equal(absolute.median, np.sort(TRUTH, axis=0)[3])
    np.testing.assert_array_equal(absolute.medians_without([out])[0], np.sort(rest, axis=0)[2])
    np.testing.assert_array_equal(squared.median, TRUTH.mean(axis=0))
    np.testing.assert_array_equal(squared.medians_without([out])[0], rest.mean(axis=0))
    assert squared.blends([0.2, 1.0]) == (0.0,)
    assert absolute.blends([0.2, 1.0]) == (0.2, 1.0)

"""Expected errors: whether so many fresh errors stay below them as they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import halfnorm

from echoes.models.task import Task
from echoes.models.uncertainty import PRIOR_ROWS, _quantiles, expected_error
from echoes.scoring.coverage import LEVELS, coverage
from tasks import example_task

Array = npt.NDArray[np.float64]


def noisy(m: int, *, to_predict: int = 3, genes: int = 200) -> tuple[Task, Array, Array]:
    """Make a task, inner predictions with Gaussian errors, and each gene's deviation."""
    task = example_task(m, to_predict=to_predict, genes=genes)
    deviation = np.geomspace(0.02, 0.5, genes)
    error = deviation * np.random.default_rng(1).normal(size=(m, genes))
    return task, task.deltas - error, deviation


def test_quantiles_of_gaussian_errors() -> None:
    task, inner, deviation = noisy(400)
    task = replace(task, silenced=np.full(403, -1))
    spread, quantiles = expected_error(task, inner)
    assert spread.shape == (3, 200)
    # A Gaussian's mean absolute error is √(2/π) of its deviation.
    mean = halfnorm.mean()
    np.testing.assert_allclose(spread, np.tile(mean * deviation, (3, 1)), rtol=0.15)
    np.testing.assert_allclose(quantiles, halfnorm.ppf(LEVELS) / mean, rtol=0.02)


@pytest.mark.parametrize("m", [12, 30])
def test_coverage_of_fresh_rows(m: int) -> None:
    task, inner, deviation = noisy(m, to_predict=1000)
    task = replace(task, silenced=np.full(m + 1000, -1))
    spread, quantiles = expected_error(task, inner)
    error = np.abs(deviation * np.random.default_rng(2).normal(size=(1000, 200)))
    none, fold = np.zeros_like(error), np.zeros(len(error), dtype=np.intp)
    shares = coverage(error, none, spread, quantiles[None], fold)
    np.testing.assert_allclose(shares.mean(axis=0), LEVELS, atol=0.02)
    # Scales are those of genes: intervals of one width would cover some always, others hardly.
    widths = quantiles[2] * spread, np.quantile(error, LEVELS[2])
    off, one_width = (
        np.mean(np.abs(np.mean(error <= width, axis=0) - LEVELS[2])) for width in widths
    )
    assert off < 0.75 * one_width


def test_scale_is_shrunk_by_hand() -> None:
    task = replace(example_task(m=4, to_predict=1, genes=2), silenced=np.full(5, -1))
    inner = task.deltas + np.array([[1, 0], [-1, 0], [2, 0], [0, 4]])
    spread, _ = expected_error(task, inner)
    # Over all genes the mean is 1; over rows it is 1 and 1, as the sum of either gene is 4.
    np.testing.assert_allclose(spread, [[1, 1]])
    inner[3, 1] = task.deltas[3, 1] + 12
    spread, _ = expected_error(task, inner)
    weight = PRIOR_ROWS * 2
    np.testing.assert_allclose(
        spread, [[(4 + weight) / (4 + PRIOR_ROWS), (12 + weight) / (4 + PRIOR_ROWS)]]
    )


def test_errors_are_measured_in_spreads_without_their_row() -> None:
    task = replace(example_task(m=3, to_predict=1, genes=1), silenced=np.full(4, -1))
    error = np.array([1.0, 2.0, 6.0])
    _, quantiles = expected_error(task, task.deltas + error[:, None])
    without = (9 + PRIOR_ROWS * 3 - error) / (2 + PRIOR_ROWS)
    np.testing.assert_allclose(quantiles, np.quantile(error / without, LEVELS))


def test_own_genes_have_a_scale_of_their_own() -> None:
    task, inner, _ = noisy(40, to_predict=4, genes=60)
    own = task.silenced_entries()
    assert len(own[0]) == 20
    without, quantiles = expected_error(task, inner)
    inner[own] = task.deltas[own] + 3.0
    spread, same = expected_error(task, inner)
    own_to_predict = np.zeros_like(spread, dtype=bool)
    own_to_predict[task.silenced_entries_to_predict()] = True
    assert own_to_predict.sum() == 2
    np.testing.assert_allclose(spread[own_to_predict], 3)
    # They change nothing in other entries.
    np.testing.assert_array_equal(spread[~own_to_predict], without[~own_to_predict])
    np.testing.assert_array_equal(same, quantiles)


def test_own_genes_without_any_measured_have_the_scale_of_others() -> None:
    task, inner, _ = noisy(10, to_predict=1, genes=20)
    task = replace(task, silenced=np.array([-1] * 10 + [7]))
    spread, _ = expected_error(task, inner)
    elsewhere, _ = expected_error(replace(task, silenced=np.full(11, -1)), inner)
    np.testing.assert_array_equal(spread, elsewhere)


def test_inputs_are_left_alone_and_perfect_predictions_are_certain() -> None:
    task, inner, _ = noisy(10, genes=20)
    copies = task.deltas.copy(), inner.copy()
    expected_error(task, inner)
    np.testing.assert_array_equal(task.deltas, copies[0])
    np.testing.assert_array_equal(inner, copies[1])
    spread, quantiles = expected_error(task, task.deltas)
    assert not spread.any()
    assert not quantiles.any()


@pytest.mark.parametrize("count", [1, 2, 7, 1000])
def test_quantiles_are_those_of_numpy(count: int) -> None:
    values = np.random.default_rng(count).gamma(1.0, size=count)
    expected = np.quantile(values, LEVELS)
    np.testing.assert_allclose(_quantiles(values), expected, rtol=1e-14)

"""Expected errors: whether so many fresh errors stay below them as they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import halfnorm

from echoes.models.task import Problem
from echoes.models.uncertainty import PRIOR_ROWS, expected_error
from echoes.scoring.coverage import LEVELS, coverage
from problems import example

Array = npt.NDArray[np.float64]


def noisy(m: int, *, asked: int = 3, genes: int = 200) -> tuple[Problem, Array, Array]:
    """Make a problem, inner predictions with Gaussian errors, and each gene's deviation."""
    problem = example(m, asked=asked, genes=genes)
    deviation = np.geomspace(0.02, 0.5, genes)
    error = deviation * np.random.default_rng(1).normal(size=(m, genes))
    return problem, problem.deltas - error, deviation


def test_quantiles_of_gaussian_errors() -> None:
    problem, inner, deviation = noisy(400)
    problem = replace(problem, silenced=np.full(403, -1))
    spread, quantiles = expected_error(problem, inner)
    assert spread.shape == (3, 200)
    # A Gaussian's mean absolute error is √(2/π) of its deviation.
    mean = halfnorm.mean()
    np.testing.assert_allclose(spread, np.tile(mean * deviation, (3, 1)), rtol=0.15)
    np.testing.assert_allclose(quantiles, halfnorm.ppf(LEVELS) / mean, rtol=0.02)


@pytest.mark.parametrize("m", [12, 30])
def test_coverage_of_fresh_rows(m: int) -> None:
    problem, inner, deviation = noisy(m, asked=1000)
    problem = replace(problem, silenced=np.full(m + 1000, -1))
    spread, quantiles = expected_error(problem, inner)
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
    problem = replace(example(m=4, asked=1, genes=2), silenced=np.full(5, -1))
    inner = problem.deltas + np.array([[1, 0], [-1, 0], [2, 0], [0, 4]])
    spread, _ = expected_error(problem, inner)
    # Over all genes the mean is 1; over rows it is 1 and 1, as the sum of either gene is 4.
    np.testing.assert_allclose(spread, [[1, 1]])
    inner[3, 1] = problem.deltas[3, 1] + 12
    spread, _ = expected_error(problem, inner)
    weight = PRIOR_ROWS * 2
    np.testing.assert_allclose(
        spread, [[(4 + weight) / (4 + PRIOR_ROWS), (12 + weight) / (4 + PRIOR_ROWS)]]
    )


def test_errors_are_measured_in_spreads_without_their_row() -> None:
    problem = replace(example(m=3, asked=1, genes=1), silenced=np.full(4, -1))
    error = np.array([1.0, 2.0, 6.0])
    _, quantiles = expected_error(problem, problem.deltas + error[:, None])
    without = (9 + PRIOR_ROWS * 3 - error) / (2 + PRIOR_ROWS)
    np.testing.assert_allclose(quantiles, np.quantile(error / without, LEVELS))


def test_own_genes_have_a_scale_of_their_own() -> None:
    problem, inner, _ = noisy(40, asked=4, genes=60)
    own = problem.own()
    assert len(own[0]) == 20
    without, quantiles = expected_error(problem, inner)
    inner[own] = problem.deltas[own] + 3.0
    spread, same = expected_error(problem, inner)
    asked = np.zeros_like(spread, dtype=bool)
    asked[problem.own_asked()] = True
    assert asked.sum() == 2
    np.testing.assert_allclose(spread[asked], 3)
    # They leave no trace in other entries.
    np.testing.assert_array_equal(spread[~asked], without[~asked])
    np.testing.assert_array_equal(same, quantiles)


def test_own_genes_without_any_measured_have_the_scale_of_others() -> None:
    problem, inner, _ = noisy(10, asked=1, genes=20)
    problem = replace(problem, silenced=np.array([-1] * 10 + [7]))
    spread, _ = expected_error(problem, inner)
    elsewhere, _ = expected_error(replace(problem, silenced=np.full(11, -1)), inner)
    np.testing.assert_array_equal(spread, elsewhere)


def test_inputs_are_left_alone_and_perfect_predictions_are_certain() -> None:
    problem, inner, _ = noisy(10, genes=20)
    copies = problem.deltas.copy(), inner.copy()
    expected_error(problem, inner)
    np.testing.assert_array_equal(problem.deltas, copies[0])
    np.testing.assert_array_equal(inner, copies[1])
    spread, quantiles = expected_error(problem, problem.deltas)
    assert not spread.any()
    assert not quantiles.any()

"""Weighted medians by their definition, and the constant that the score favours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from echoes.models.medians import EPSILON, Medians

Array = npt.NDArray[np.float64]


def example(seed: int = 0, m: int = 9, genes: int = 30) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    weights = random.gamma(1.0, size=(m, genes)) * (random.random((m, genes)) < 0.8)
    return random.standard_t(3, size=(m, genes)), weights


def log_errors(values: Array, weights: Array, constant: Array) -> float:
    error = np.mean(weights * np.abs(values - constant), axis=1)
    return float(np.log(np.maximum(error, EPSILON)).sum())


def test_by_hand() -> None:
    values = np.array([[3.0, 1.0, 5.0, 2.0], [1.0, 2.0, 6.0, 2.0], [2.0, 3.0, 7.0, 9.0]])
    values = np.vstack([values, [4.0, 4.0, 8.0, 1.0]])
    weights = np.array([[1.0, 4, 0, 1], [1, 1, 0, 1], [1, 1, 0, 7], [1, 1, 0, 1]])
    # Of an even number the lower one; more than half at the start; no weight; more at the end.
    np.testing.assert_array_equal(Medians(values, weights).weighted(), [2, 1, 6, 9])


def test_half_of_the_weight_is_enough() -> None:
    values = np.array([[1.0, 1], [2, 2], [3, 3]])
    weights = np.array([[2.0, 2], [1, 1], [1, 1.5]])
    np.testing.assert_array_equal(Medians(values, weights).weighted(), [1, 2])


def test_of_odd_numbers_without_weights_it_is_the_median() -> None:
    values, weights = example()
    for same in (np.ones_like(weights), np.zeros_like(weights)):
        np.testing.assert_array_equal(Medians(values, same).weighted(), np.median(values, axis=0))


def test_factors_are_of_rows() -> None:
    values, weights = example()
    factors = np.random.default_rng(1).gamma(1.0, size=9)
    expected = Medians(values, weights * factors[:, None]).weighted()
    ours = Medians(values, weights).weighted(factors)
    np.testing.assert_array_equal(ours, expected)
    assert (ours != Medians(values, weights).weighted()).any()


@pytest.mark.parametrize("rows", [[0], [8], [3, 5], [7, 0, 4], list(range(8))])
def test_without_rows_equals_a_table_that_lacks_them(rows: list[int]) -> None:
    values, weights = example()
    # One column has a weight in one row only, which may be left out.
    weights[:, 0] = np.arange(9) == 3
    left = np.delete(np.arange(9), rows)
    fresh = Medians(values[left], weights[left])
    fewer = Medians(values, weights).without(np.array(rows))
    np.testing.assert_array_equal(fewer.weighted(), fresh.weighted())
    np.testing.assert_array_equal(fewer.reweighted(), fresh.reweighted())
    factors = np.random.default_rng(2).gamma(1.0, size=len(left))
    np.testing.assert_array_equal(fewer.weighted(factors), fresh.weighted(factors))


@pytest.mark.parametrize("entries", [1, 25, 64])
def test_how_much_is_worked_on_at_a_time_changes_nothing(
    entries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    values, weights = example()
    whole = Medians(values, weights)
    expected = whole.reweighted(), whole.without(np.array([2, 6])).reweighted()
    monkeypatch.setattr("echoes.io.arrays._SMALL_BLOCK", entries)
    parts = Medians(values, weights)
    np.testing.assert_array_equal(parts.reweighted(), expected[0])
    np.testing.assert_array_equal(parts.without(np.array([2, 6])).reweighted(), expected[1])


def test_without_twice_is_without_both() -> None:
    values, weights = example()
    once = Medians(values, weights).without(np.array([1, 5, 8]))
    twice = Medians(values, weights).without(np.array([5])).without(np.array([1, 7]))
    factors = np.random.default_rng(3).gamma(1.0, size=6)
    np.testing.assert_array_equal(twice.weighted(factors), once.weighted(factors))
    np.testing.assert_array_equal(twice.reweighted(), once.reweighted())


def test_left_out_rows_have_no_say_in_where_it_stands() -> None:
    values, weights = example()
    expected = Medians(values, weights).without(np.array([2, 6])).reweighted()
    values[[2, 6]], weights[[2, 6]] = 1.0, 1.0
    changed = Medians(values, weights)
    np.testing.assert_array_equal(changed.without(np.array([2, 6])).reweighted(), expected)
    assert (changed.reweighted() != expected).any()


def test_inputs_are_left_alone() -> None:
    values, weights = example()
    weights[:, 3] = 0
    copies = values.copy(), weights.copy()
    medians = Medians(values, weights)
    medians.without(np.array([1])).reweighted()
    np.testing.assert_array_equal(medians.weighted(), Medians(*copies).weighted())
    np.testing.assert_array_equal(values, copies[0])
    np.testing.assert_array_equal(weights, copies[1])


@pytest.mark.parametrize("seed", range(8))
def test_reweighted_equals_a_plain_loop(seed: int) -> None:
    values, weights = example(seed)
    centre = np.median(values, axis=0)
    for _ in range(100):
        error = (weights * np.abs(values - centre)).mean(axis=1)
        factors = 1 / np.maximum(error, EPSILON)
        centre = Medians(values, weights * factors[:, None]).weighted()
    np.testing.assert_array_equal(Medians(values, weights).reweighted(), centre)


@pytest.mark.parametrize("seed", range(8))
def test_reweighted_has_less_log_error_than_other_constants(seed: int) -> None:
    values, weights = example(seed, m=40, genes=100)
    # Rows whose errors differ, which a sum of errors and one of their logarithms weigh otherwise.
    values = values * np.geomspace(0.1, 10, 40)[:, None] + 1
    medians = Medians(values, weights)
    ours = log_errors(values, weights, medians.reweighted())
    others = (np.zeros(100), values.mean(axis=0), np.median(values, axis=0), medians.weighted())
    assert all(ours < log_errors(values, weights, other) for other in others)


def test_a_small_step_of_any_gene_makes_the_log_error_larger() -> None:
    values, weights = example(m=12)
    centre = Medians(values, weights).reweighted()
    least = log_errors(values, weights, centre)
    for gene in np.flatnonzero(weights.any(axis=0)):
        gaps = np.abs(values[:, gene] - centre[gene])
        for step in (-0.01, 0.01):
            moved = centre.copy()
            # No further than a part of the way to the next value.
            moved[gene] += step * gaps[gaps > 0].min()
            assert log_errors(values, weights, moved) > least

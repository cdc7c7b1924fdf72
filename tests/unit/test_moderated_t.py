"""Moderated t: values by hand, the equations that define it, and what it finds in drawn data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from cell_files import slow_prior
from echoes.screen.moderated_t import (
    VariancePrior,
    estimate_prior,
    inverse_trigamma,
    moderate,
    t_statistics,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.pi**2 / 6, 1.0),
        (math.pi**2 / 2, 0.5),
        (math.pi**2 / 6 - 1, 2.0),
        (math.pi**2 / 2 - 4, 1.5),
    ],
)
def test_inverse_trigamma_by_hand(value: float, expected: float) -> None:
    assert inverse_trigamma(value) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("y", [1e-8, 1e-3, 0.1, 1.0, 7.3, 1e3, 1e7])
def test_inverse_trigamma_of_any_size(y: float) -> None:
    assert inverse_trigamma(float(special.polygamma(1, y))) == pytest.approx(y, rel=1e-8)


def test_prior_by_hand() -> None:
    # With d = 2, e = log s² + γ. The logarithms lie π/√6 on either side of log 3, so that
    # their variance is π²/3 and trigamma(d₀/2) is π²/3 − π²/6, whose solution is d₀/2 = 1.
    h = math.pi / math.sqrt(6)
    variances = np.array([3 * math.exp(-h), 3 * math.exp(h)])
    prior = estimate_prior(variances, 2)
    assert prior.degrees == pytest.approx(2, rel=1e-13)
    assert prior.variance == pytest.approx(3, rel=1e-13)
    np.testing.assert_allclose(moderate(variances, 2, prior), (3 + variances) / 2, rtol=1e-13)


@pytest.mark.parametrize(("seed", "degrees"), [(0, 3), (1, 20), (2, 5000)])
def test_prior_is_that_of_the_formula(seed: int, degrees: float) -> None:
    rng = np.random.default_rng(seed)
    variances = rng.lognormal(0, 1, 200)
    expected = slow_prior(variances.tolist(), degrees)
    prior = estimate_prior(variances, degrees)
    assert (prior.degrees, prior.variance) == pytest.approx(expected, rel=1e-12)


def test_prior_of_drawn_variances_is_the_one_they_were_drawn_from() -> None:
    rng = np.random.default_rng(3)
    true = 2.0 * 6 / rng.chisquare(6, 50_000)
    variances = true * rng.chisquare(10, 50_000) / 10
    prior = estimate_prior(variances, 10)
    assert prior.degrees == pytest.approx(6, rel=0.05)
    assert prior.variance == pytest.approx(2, rel=0.02)
    moderated = moderate(variances, 10, prior)
    assert np.square(np.log(moderated / true)).mean() < np.square(np.log(variances / true)).mean()


def test_genes_that_vary_alike_have_one_variance() -> None:
    variances = np.array([1.9, 2.0, 2.1])
    prior = estimate_prior(variances, 5)
    assert prior.degrees == math.inf
    centre = np.log(variances).mean() - special.digamma(2.5) + math.log(2.5)
    assert prior.variance == pytest.approx(math.exp(centre), rel=1e-14)
    assert moderate(variances, 5, prior).tolist() == [prior.variance] * 3


def test_genes_without_variance_do_not_count_for_the_prior() -> None:
    variances = np.random.default_rng(4).lognormal(0, 1, 50)
    with_zero = np.append(variances, 0.0)
    prior = estimate_prior(with_zero, 4)
    assert prior == estimate_prior(variances, 4)
    shrunk = prior.degrees * prior.variance / (prior.degrees + 4)
    assert moderate(with_zero, 4, prior)[-1] == pytest.approx(shrunk)
    assert estimate_prior(np.zeros(3), 4) == VariancePrior(0.0, 0.0)
    assert estimate_prior(np.array([0.0, 2.0]), 4) == VariancePrior(0.0, 2.0)


def test_t_statistics() -> None:
    t = t_statistics(np.array([1.0, -2.0, 0.0]), np.array([0.5, 4.0, 0.0]))
    assert t.tolist() == [2.0, -0.5, 0.0]

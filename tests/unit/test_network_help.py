"""What the network adds: paired differences, groups by links, and intervals of medians."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from echoes.scoring.network_help import bins_by_degree, correlation_gained, median_interval


@pytest.mark.parametrize("n", [0, 1, 5, 6, 7, 24, 25, 100, 585, 2000])
def test_the_interval_of_a_median_is_that_of_the_binomial_distribution(n: int) -> None:
    values = np.random.default_rng(n).permutation(np.arange(1.0, n + 1))
    lower, upper = median_interval(values)
    # The values are their own ranks: so the ends are k and n + 1 − k.
    possible = [k for k in range(1, n + 1) if binom.cdf(k - 1, n, 0.5) <= 0.025]
    if not possible:
        assert math.isnan(lower)
        assert math.isnan(upper)
        return
    assert (lower, upper) == (possible[-1], n + 1 - possible[-1])
    assert binom.cdf(n - lower, n, 0.5) - binom.cdf(lower - 1, n, 0.5) >= 0.95


def test_the_interval_of_a_median_holds_it_as_often_as_it_says() -> None:
    draws = np.random.default_rng(0).exponential(size=(2000, 15))
    ends = np.array([median_interval(row) for row in draws])
    inside = (ends[:, 0] <= math.log(2)) & (math.log(2) <= ends[:, 1])
    # 1 − 2 · P(Bin(15, ½) ≤ 3) is 0.965.
    assert inside.mean() == pytest.approx(0.965, abs=0.012)


def test_groups_have_alike_numbers_of_links() -> None:
    random = np.random.default_rng(1)
    degree = np.concatenate([np.zeros(7), random.integers(1, 200, 300)]).astype(float)
    values = random.normal(size=307)
    groups = bins_by_degree(degree, values)
    assert sum(group.count for group in groups) == 307
    assert (groups[0].lowest, groups[0].highest, groups[0].count) == (0, 0, 7)
    assert len(groups) == 9
    for one, other in pairwise(groups):
        assert one.highest < other.lowest
    for group in groups:
        inside = (degree >= group.lowest) & (degree <= group.highest)
        assert group.count == inside.sum()
        assert group.median == np.median(values[inside])
        assert (group.lower, group.upper) == median_interval(values[inside])


@pytest.mark.parametrize(
    ("degree", "groups"), [([], 0), ([0, 0], 1), ([3], 1), ([5] * 40, 1), ([0, *[5] * 9], 2)]
)
def test_few_or_equal_numbers_of_links(degree: list[float], groups: int) -> None:
    found = bins_by_degree(np.array(degree, dtype=float), np.zeros(len(degree)))
    assert len(found) == groups
    assert sum(group.count for group in found) == len(degree)


def scores(**values: dict[str, tuple[float | None, float | None]]) -> pd.DataFrame:
    """Correlation and R² of perturbations, by experiment and perturbation."""
    return pd.DataFrame([
        {"experiment": name, "pert_symbol": row, "metric": metric, "value": value}
        for name, rows in values.items()
        for row, pair in rows.items()
        for metric, value in zip(("pearson_mean", "r2_mean"), pair, strict=True)
    ])  # fmt: skip


def test_a_constant_prediction_counts_as_no_correlation() -> None:
    table = scores(
        real={"a": (0.5, 0.2), "b": (0.25, 0.0), "c": (None, 0.0), "d": (None, None)},
        null={"a": (0.25, 0.1), "b": (None, 0.0), "c": (None, 0.0), "d": (None, None)},
    )
    gained = correlation_gained(table, "real", "null")
    # The measured deviations of d are all 0: nobody can predict them.
    assert gained.to_dict() == {"a": 0.25, "b": 0.25, "c": 0.0}

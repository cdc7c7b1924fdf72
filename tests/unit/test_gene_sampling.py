"""Intervals of single perturbations: they hold what they should, by simulation and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from echoes.scoring.gene_sampling import METRICS, Genes, describe_genes, perturbation_bounds
from echoes.scoring.metrics import (
    mean_absolute_error,
    pearson,
    r_squared,
    squared_errors,
    weighted_mae,
)

NOBODY = -1
Array = np.ndarray[Any, Any]


def draw(
    random: np.random.Generator, n: int, G: int, programmes: int, scale: float = 0.0
) -> tuple[Array, Array]:
    """Draw measured and predicted deviations of correlation 0.6 in each of G genes.

    Groups of genes respond together: half of their variance is that of their programme. With a
    scale some genes respond much more than others.
    """
    member = np.arange(G) % programmes
    size = np.exp(scale * random.normal(size=G))

    def one() -> Array:
        shared = random.normal(size=(n, programmes))[:, member]
        return size * (shared + random.normal(size=(n, G))) / np.sqrt(2)

    truth = one()
    return truth, 0.6 * truth + 0.8 * one()


def bounds_of(
    truth: Array, prediction: Array, genes: Genes, weights: Array | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    n = len(truth)
    silenced = np.full(n, NOBODY)
    mean = np.zeros_like(truth)
    weights = np.ones_like(truth) if weights is None else weights
    wmae, of_mean = (weighted_mae(truth, each, weights) for each in (prediction, mean))
    rows = {
        "term": np.log2(of_mean / np.maximum(wmae, 1e-12)),
        "mae": mean_absolute_error(truth, prediction),
        "pearson_control": pearson(truth, prediction),
        "pearson_mean": pearson(truth, prediction, silenced),
        "r2_mean": r_squared(*squared_errors(truth, prediction, silenced)),
    }
    given = truth, prediction, weights, mean, (truth, prediction), silenced
    return rows, perturbation_bounds(rows, *given, genes)


@pytest.mark.parametrize(
    ("programmes", "scale", "weighing"),
    [(20, 0.0, 0.0), (60, 0.0, 1.0), (20, 0.8, 0.0), (600, 0.8, 1.0)],
)
def test_intervals_hold_the_value_that_they_should(
    programmes: int, scale: float, weighing: float
) -> None:
    random = np.random.default_rng(programmes)
    truth, prediction = draw(random, 800, 600, programmes, scale)
    weights = np.exp(weighing * random.normal(size=600)) * np.ones_like(truth)
    genes = describe_genes(truth, np.full(len(truth), NOBODY))
    rows, bounds = bounds_of(truth, prediction, genes, weights)
    # What sums over very many perturbations would give.
    error = np.abs(truth - prediction)
    expected = {
        "term": np.log2(np.mean(weights * np.abs(truth)) / np.mean(weights * error)),
        "mae": np.mean(error),
        "pearson_control": 0.6,
        "pearson_mean": 0.6,
        "r2_mean": 1 - np.mean((truth - prediction) ** 2) / np.mean(truth**2),
    }
    for name, value in expected.items():
        lower, upper = bounds[name]
        inside = np.mean((lower <= value) & (value <= upper))
        assert 0.9 <= inside <= 0.98, (name, inside)
        assert ((lower < rows[name]) & (rows[name] < upper)).all()


def test_genes_that_are_independent_count_in_full_and_those_that_are_not_do_not() -> None:
    random = np.random.default_rng(1)
    free = random.normal(size=(60, 300))
    nobody = np.full(60, NOBODY)
    assert describe_genes(free, nobody).independent == pytest.approx(300, rel=0.15)
    # Each gene ten times over: as many as there were.
    assert describe_genes(np.repeat(free[:, :30], 10, axis=1), nobody).independent == pytest.approx(
        30, rel=0.15
    )


def test_the_fall_of_the_silenced_gene_does_not_count() -> None:
    random = np.random.default_rng(2)
    truth = random.normal(size=(30, 200))
    silenced = np.arange(30)
    expected = describe_genes(truth, silenced).independent
    truth[np.arange(30), silenced] = -1e3
    assert describe_genes(truth, silenced).independent == expected
    assert describe_genes(truth, np.full(30, NOBODY)).independent != pytest.approx(
        expected, rel=0.1
    )
    pairs = np.column_stack([silenced, np.full(30, NOBODY)])
    assert describe_genes(truth, pairs).independent == describe_genes(truth, silenced).independent


def test_a_bootstrap_of_genes_finds_the_same_where_they_are_independent() -> None:
    random = np.random.default_rng(3)
    truth, prediction = draw(random, 8, 500, 500)
    rows, bounds = bounds_of(truth, prediction, Genes(np.ones(500), 0.0))
    counts = random.multinomial(500, np.full(500, 1 / 500), size=4_000).astype(float)
    y, f = truth[0], prediction[0]
    sums = counts @ np.column_stack([y, f, y * y, f * f, y * f, (y - f) ** 2, np.abs(y - f)])
    sy, sf, yy, ff, yf, ee, e = sums.T / 500
    drawn = {
        "pearson_mean": (yf - sy * sf) / np.sqrt((yy - sy**2) * (ff - sf**2)),
        "r2_mean": 1 - ee / yy,
        "mae": e,
    }
    for name, values in drawn.items():
        width = np.subtract(*np.quantile(values, [0.975, 0.025]))
        found = bounds[name][1][0] - bounds[name][0][0]
        assert found == pytest.approx(width, rel=0.08), name
        assert np.median(values) == pytest.approx(rows[name][0], abs=0.05)


def test_gaps_are_left_out() -> None:
    random = np.random.default_rng(4)
    truth, prediction = draw(random, 10, 80, 80)
    gaps = np.concatenate([truth, np.full((10, 40), np.nan)], axis=1)
    wide = np.concatenate([prediction, random.normal(size=(10, 40))], axis=1)
    nobody = np.full(10, NOBODY)
    assert describe_genes(gaps, nobody).independent == pytest.approx(
        describe_genes(truth, nobody).independent
    )
    _, expected = bounds_of(truth, prediction, Genes(np.ones(80), 0.01))
    _, found = bounds_of(gaps, wide, Genes(np.ones(120), 0.01))
    for name in METRICS:
        np.testing.assert_allclose(found[name], expected[name])


def test_where_there_is_no_interval() -> None:
    random = np.random.default_rng(5)
    truth, prediction = draw(random, 8, 50, 50)
    few = describe_genes(truth[:5], np.full(5, NOBODY))
    assert np.isnan(few.likeness)
    assert np.isnan(describe_genes(np.ones((8, 50)), np.full(8, NOBODY)).independent)
    for unknown in (few, Genes(np.ones(50), 0.5)):
        _, bounds = bounds_of(truth, prediction, unknown)
        assert all(np.isnan(bounds[name]).all() for name in METRICS)
    # A constant prediction has no correlation; a perfect one is known without any error.
    prediction[0], prediction[1] = 0.0, truth[1]
    rows, bounds = bounds_of(truth, prediction, Genes(np.ones(50), 0.0))
    assert np.isnan(bounds["pearson_mean"][0][0])
    assert bounds["r2_mean"][0][0] == bounds["r2_mean"][1][0] == rows["r2_mean"][0] == 0
    assert bounds["pearson_mean"][0][1] == rows["pearson_mean"][1]

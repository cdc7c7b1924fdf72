"""What holds for weighted medians of any table."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from echoes.models.medians import EPSILON, Medians

Array = npt.NDArray[np.float64]

always_the_same = settings(derandomize=True, deadline=None, max_examples=120)


@st.composite
def tables(draw: st.DrawFn) -> tuple[Array, Array]:
    """Values and weights with ties and zeros; their sums are exact."""
    shape = draw(st.tuples(st.integers(1, 7), st.integers(1, 4)))
    values = draw(hnp.arrays(np.float64, shape, elements=st.integers(-6, 6).map(float)))
    weights = draw(hnp.arrays(np.float64, shape, elements=st.integers(0, 5).map(float)))
    return values, weights


def by_definition(values: Array, weights: Array) -> float:
    """Find the least value that at least half of the weight does not exceed."""
    if not weights.any():
        weights = np.ones_like(weights)
    return next(
        v for v in sorted(values.tolist()) if 2 * weights[values <= v].sum() >= weights.sum()
    )


@always_the_same
@given(tables())
def test_agrees_with_the_definition(table: tuple[Array, Array]) -> None:
    expected = [by_definition(v, w) for v, w in zip(*(part.T for part in table), strict=True)]
    np.testing.assert_array_equal(Medians(*table).weighted(), expected)


@always_the_same
@given(tables())
def test_minimises_the_weighted_absolute_error(table: tuple[Array, Array]) -> None:
    values, weights = table
    medians = Medians(values, weights).weighted()
    for v, w, median in zip(values.T, weights.T, medians, strict=True):
        weight = w if w.any() else np.ones_like(w)
        # A sum of absolute errors has its minimum at one of the values.
        errors = np.abs(v[:, None] - v).T @ weight
        assert np.abs(v - median) @ weight == errors.min()
        # Of several such values it is the least.
        assert median == v[errors == errors.min()].min()


@always_the_same
@given(tables(), st.data())
def test_without_rows(table: tuple[Array, Array], data: st.DataObject) -> None:
    values, weights = table
    m = len(values)
    rows = data.draw(st.lists(st.integers(0, m - 1), unique=True, max_size=m - 1))
    left = np.delete(np.arange(m), rows)
    fewer = Medians(values, weights).without(np.array(rows, dtype=np.intp))
    fresh = Medians(values[left], weights[left])
    np.testing.assert_array_equal(fewer.weighted(), fresh.weighted())
    factors = 2.0 ** np.arange(len(left))
    np.testing.assert_array_equal(fewer.weighted(factors), fresh.weighted(factors))


@always_the_same
@given(tables())
def test_reweighted_stands(table: tuple[Array, Array]) -> None:
    values, weights = table
    medians = Medians(values, weights)
    centre = medians.reweighted()
    error = (weights * np.abs(values - centre)).mean(axis=1)
    factors = 1 / np.maximum(error, EPSILON)
    pull = weights * factors[:, None]
    # The slope of Σ log WMAE to either side of each gene's constant; where no row has a weight
    # there is none.
    slack = 1e-9 * pull.sum(axis=0)
    assert (np.where(values <= centre, pull, -pull).sum(axis=0) >= -slack).all()
    assert (np.where(values < centre, pull, -pull).sum(axis=0) <= slack).all()


@always_the_same
@given(tables())
def test_reweighted_is_no_worse_than_the_median_it_starts_from(
    table: tuple[Array, Array],
) -> None:
    values, weights = table

    def log_errors(constant: Array) -> float:
        error = np.mean(weights * np.abs(values - constant), axis=1)
        return float(np.log(np.maximum(error, EPSILON)).sum())

    ours = log_errors(Medians(values, weights).reweighted())
    assert ours <= log_errors(np.median(values, axis=0)) + 1e-9

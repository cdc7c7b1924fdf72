"""Upper bounds do not depend on the order of perturbations, guides and halves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echoes.scoring.upper_bound import upper_bound_table
from replicates import simulate


@given(seed=st.integers(0, 1000), kind=st.sampled_from(["guides", "cells"]))
@settings(derandomize=True, deadline=None, max_examples=15)
def test_the_order_does_not_matter(seed: int, kind: str) -> None:
    screen = simulate(seed, genes=6, guides=(1, 3), responses=40, noise=0.3)
    order = np.random.default_rng(seed).permutation(len(screen.gene))
    if kind == "guides":
        bounds = screen.guides(), screen.guides(order)
    else:
        bounds = screen.cells(), screen.cells(order, swap=True)
    if bounds[0] is None or bounds[1] is None:
        assert bounds == (None, None)
        return
    one, other = bounds
    assert (one.r, one.n) == (other.r, other.n)
    for name in one.noise:
        assert one.bound(name)[0] == pytest.approx(other.bound(name)[0], rel=1e-9, abs=1e-6)
    for name in one.predicted[0].overall_names:
        means = [np.mean([each.overall(name) for each in bound.predicted]) for bound in bounds]
        # A score has five decimals.
        assert means[0] == pytest.approx(means[1], rel=1e-8, abs=2e-5, nan_ok=True), name
    tables = [upper_bound_table([bound], seed).set_index(["kind", "metric"]) for bound in bounds]
    bounds_of = [table[["lower", "upper"]].to_numpy() for table in tables]
    np.testing.assert_allclose(*bounds_of, rtol=1e-8, atol=2e-5)

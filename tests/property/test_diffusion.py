"""What holds for random walks with restart on any graph."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from echoes.network.diffusion import diffuse
from echoes.network.graph import degree, random_walk_laplacian

Array = npt.NDArray[np.float64]

SETTINGS = {"tolerance": 1e-10, "memory_gb": 4.0, "workers": 1}

always_the_same = settings(derandomize=True, deadline=None, max_examples=60)
alphas = st.sampled_from([0.01, 0.25, 0.5, 0.75, 0.9, 0.99])
backends = st.sampled_from(["iterative", "dense", "direct"])


@st.composite
def graphs(draw: st.DrawFn) -> Array:
    """Symmetric weights with self-loops; the degrees may lie decades apart."""
    n = draw(st.integers(1, 8))
    weight = st.one_of(st.just(0.0), st.floats(1e-3, 1e3))
    upper = np.triu(draw(hnp.arrays(np.float64, (n, n), elements=weight)), 1)
    loops = draw(hnp.arrays(np.float64, n, elements=st.floats(0.1, 10)))
    return np.asarray(upper + upper.T + np.diag(loops))


@always_the_same
@given(graphs(), alphas, backends, st.data())
def test_solves_the_system(dense: Array, alpha: float, backend: str, data: st.DataObject) -> None:
    n = len(dense)
    start = data.draw(st.lists(st.integers(0, n - 1), max_size=n + 2))
    adjacency = sp.csr_array(dense)
    result = diffuse(
        adjacency, random_walk_laplacian(adjacency), start, alpha, backend=backend, **SETTINGS
    )
    slack = 1e-10 / (1 - alpha)
    matrix = np.eye(n) - alpha * dense / dense.sum(axis=0)
    right = (1 - alpha) * np.eye(n)[:, start]
    np.testing.assert_allclose(result.x.T, np.linalg.solve(matrix, right), atol=2 * slack)
    residual = np.abs(matrix @ result.x.T - right).sum(axis=0)
    np.testing.assert_allclose(result.residual, residual, atol=1e-14)
    assert (result.x >= -slack).all()
    np.testing.assert_allclose(result.x.sum(axis=1), 1, atol=slack)


@always_the_same
@given(graphs(), alphas, backends, st.data())
def test_equivariant_under_a_permutation(
    dense: Array, alpha: float, backend: str, data: st.DataObject
) -> None:
    n = len(dense)
    order = data.draw(st.permutations(range(n)))
    adjacency, permuted = sp.csr_array(dense), sp.csr_array(dense[np.ix_(order, order)])
    one = diffuse(
        adjacency, random_walk_laplacian(adjacency), order, alpha, backend=backend, **SETTINGS
    )
    other = diffuse(
        permuted, random_walk_laplacian(permuted), range(n), alpha, backend=backend, **SETTINGS
    )
    np.testing.assert_allclose(one.x[:, order], other.x, atol=2e-10 / (1 - alpha))


@always_the_same
@given(graphs(), alphas)
def test_reversible(dense: Array, alpha: float) -> None:
    # Detailed balance: d_g · x_g(h) = d_h · x_h(g), by degree d.
    n = len(dense)
    adjacency = sp.csr_array(dense)
    x = diffuse(
        adjacency, random_walk_laplacian(adjacency), range(n), alpha, backend="auto", **SETTINGS
    ).x
    flow = degree(adjacency)[:, None] * x
    np.testing.assert_allclose(flow, flow.T, atol=2e-10 / (1 - alpha) * dense.sum(axis=0).max())

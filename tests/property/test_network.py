"""What holds for a rewired network, whatever the network."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from echoes.network.diffusion import diffuse
from echoes.network.graph import random_walk_laplacian
from echoes.network.null import rewire

Array = npt.NDArray[np.float64]

SETTINGS = {"tolerance": 1e-10, "backend": "auto", "memory_gb": 4.0, "workers": 1}

always_the_same = settings(derandomize=True, deadline=None, max_examples=60)
seeds = st.integers(0, 2**64)


@st.composite
def graphs(draw: st.DrawFn, least: int = 0) -> Array:
    """Symmetric weights of any density; some genes have a self-loop."""
    n = draw(st.integers(least, 12))
    density = draw(st.sampled_from([0.1, 0.3, 0.6, 1.0]))
    linked = draw(hnp.arrays(np.float64, (n, n), elements=st.floats(0, 1))) <= density
    weights = draw(hnp.arrays(np.float64, (n, n), elements=st.floats(1e-3, 1e3)))
    loops = draw(hnp.arrays(np.float64, n, elements=st.sampled_from([0.0, 0.5, 2.0])))
    upper = np.triu(linked * weights, 1)
    return np.asarray(upper + upper.T + np.diag(loops))


@always_the_same
@given(graphs(), seeds)
def test_rewiring_keeps_links_weights_and_self_loops(dense: Array, seed: int) -> None:
    adjacency = sp.csr_array(dense)
    rewired = rewire(adjacency, seed)
    after = rewired.toarray()
    np.testing.assert_array_equal(after, after.T)
    np.testing.assert_array_equal(np.diag(after), np.diag(dense))
    np.testing.assert_array_equal((after != 0).sum(axis=0), (dense != 0).sum(axis=0))
    np.testing.assert_array_equal(np.sort(after, axis=None), np.sort(dense, axis=None))
    # No link is stored twice, and none of weight 0.
    assert rewired.nnz == np.count_nonzero(after)
    again = rewire(adjacency, seed)
    np.testing.assert_array_equal(again.data, rewired.data)
    np.testing.assert_array_equal(again.indices, rewired.indices)


@always_the_same
@given(graphs(least=1), seeds, st.sampled_from([0.25, 0.9]))
def test_a_rewired_network_can_be_diffused_in(dense: Array, seed: int, alpha: float) -> None:
    n = len(dense)
    rewired = rewire(sp.csr_array(dense + np.eye(n)), seed)
    x = diffuse(rewired, random_walk_laplacian(rewired), range(n), alpha, **SETTINGS).x
    np.testing.assert_allclose(x.sum(axis=1), 1, atol=1e-10 / (1 - alpha))
    alone = np.count_nonzero(dense - np.diag(np.diag(dense)), axis=1) == 0
    np.testing.assert_array_equal(x[alone], np.eye(n)[alone])

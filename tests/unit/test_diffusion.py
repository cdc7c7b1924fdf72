"""Random walks with restart against dense solutions and against what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.sparse as sp

from echoes.io.errors import NotConvergedError
from echoes.network import diffusion
from echoes.network.diffusion import (
    Diffusion,
    Diffusions,
    choose_backend,
    load_diffusions,
    save_diffusions,
)
from echoes.network.diffusion import diffuse as solve
from echoes.network.graph import random_walk_laplacian

Array = npt.NDArray[np.float64]

BACKENDS = ["iterative", "dense", "direct"]
SETTINGS: dict[str, Any] = {
    "tolerance": 1e-10,
    "backend": "iterative",
    "memory_gb": 4.0,
    "workers": 1,
}
ALPHAS = [0.01, 0.3, 0.5, 0.75, 0.9, 0.99]


def graph(seed: int, n: int, *, density: float = 0.2, decades: float = 0, alone: int = 0) -> Array:
    """Make a symmetric weight matrix; the last `alone` genes have no links but a self-loop."""
    random = np.random.default_rng(seed)
    linked = np.triu(random.random((n, n)) < density, 1)
    upper = (
        linked * random.uniform(0.5, 1, (n, n)) * 10 ** random.uniform(-decades, decades, (n, n))
    )
    upper[:, n - alone :] = 0
    upper[n - alone :] = 0
    weights: Array = upper + upper.T + np.eye(n)
    return weights


def diffuse(
    dense: Array,
    start: Sequence[int],
    alpha: float,
    *,
    backend: str = "iterative",
    tolerance: float = 1e-10,
) -> Diffusion:
    adjacency = sp.csr_array(dense)
    laplacian = random_walk_laplacian(adjacency)
    given = {"backend": backend, "tolerance": tolerance}
    return solve(adjacency, laplacian, start, alpha, **SETTINGS | given)


def system(dense: Array, alpha: float) -> Array:
    return np.asarray(np.eye(len(dense)) - alpha * dense / dense.sum(axis=0))


def dense_solution(dense: Array, start: Sequence[int], alpha: float) -> Array:
    unit = np.eye(len(dense))[:, start]
    return np.asarray((1 - alpha) * np.linalg.solve(system(dense, alpha), unit)).T


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("alpha", ALPHAS)
def test_agrees_with_a_dense_solution(alpha: float, backend: str) -> None:
    dense = graph(0, 40, alone=3)
    # Start genes repeat, are isolated, and come in no order.
    start = [5, 39, 0, 5, 21, 37]
    result = diffuse(dense, start, alpha, backend=backend)
    assert result.x.shape == (6, 40)
    assert result.x.flags.c_contiguous
    # The inverse of the system is at most 1 / (1 − α) in this norm.
    error = np.abs(result.x - dense_solution(dense, start, alpha)).sum(axis=1)
    assert error.max() <= 1e-10 / (1 - alpha)
    np.testing.assert_array_equal(result.x[0], result.x[3])


def test_by_hand() -> None:
    # Two genes, one link of weight 3, self-loops of 1: stay with 1/4, go with 3/4.
    dense = np.array([[1.0, 3.0], [3.0, 1.0]])
    # x0 = 1/2 + (x0/4 + 3·x1/4)/2 and x1 = (3·x0/4 + x1/4)/2 give x0 = 7/10.
    result = diffuse(dense, [0, 1], 0.5)
    np.testing.assert_allclose(result.x, [[0.7, 0.3], [0.3, 0.7]], rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", range(3))
def test_degrees_over_many_decades(seed: int, backend: str) -> None:
    dense = graph(seed, 30, decades=5)
    assert np.ptp(np.log10(dense.sum(axis=0))) > 4
    start = range(30)
    for alpha in (0.3, 0.9):
        result = diffuse(dense, start, alpha, backend=backend)
        error = np.abs(result.x - dense_solution(dense, start, alpha)).sum(axis=1)
        assert error.max() <= 2e-10 / (1 - alpha)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("alpha", ALPHAS)
def test_is_a_distribution(alpha: float, backend: str) -> None:
    x = diffuse(graph(1, 40, alone=2), range(40), alpha, backend=backend).x
    # What a residual of 1e-10 leaves of sign and sum.
    slack = 1e-10 / (1 - alpha)
    assert x.min() >= -slack
    np.testing.assert_allclose(x.sum(axis=1), 1, atol=slack)
    # The walker is at its start with 1 − α at least, and never leaves its part of the graph.
    assert (np.diag(x) >= 1 - alpha - slack).all()
    np.testing.assert_array_equal(x[:38, 38:], 0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_small_alpha_stays_at_the_start(backend: str) -> None:
    dense = graph(2, 25)
    for alpha in (1e-3, 1e-6, 1e-9):
        x = diffuse(dense, range(25), alpha, backend=backend).x
        # Only a share α ever takes a step.
        assert np.abs(x - np.eye(25)).sum(axis=1).max() <= 2 * alpha
        np.testing.assert_allclose(
            (x - np.eye(25)) / alpha,
            (dense / dense.sum(axis=0)).T - np.eye(25),
            atol=2 * alpha + 1e-6,
        )


@pytest.mark.parametrize("backend", BACKENDS)
def test_isolated_gene_stays_exactly_where_it_is(backend: str) -> None:
    x = diffuse(graph(3, 12, alone=2), [0, 11, 10, 11], 0.75, backend=backend).x
    expected = np.zeros((3, 12))
    expected[[0, 1, 2], [11, 10, 11]] = 1
    np.testing.assert_array_equal(x[1:], expected)


@pytest.mark.parametrize("loop", [1.0, 0.3, 2.5])
@pytest.mark.parametrize(
    "backend",
    [
        *BACKENDS,
    ],
)
def test_isolated_gene_stays_exactly_for_every_alpha(backend: str, loop: float) -> None:
    dense = graph(3, 12, alone=1)
    dense[11, 11] = loop
    for alpha in np.arange(0.01, 1, 0.07).tolist():
        x = diffuse(dense, [11, 4], alpha, backend=backend).x
        np.testing.assert_array_equal(x[0], np.eye(12)[11], err_msg=f"alpha {alpha}")


@pytest.mark.parametrize("alpha", ALPHAS)
def test_isolated_gene_never_leaks(alpha: float) -> None:
    x = diffuse(graph(3, 12, alone=1), [4, 11, 7], alpha).x
    np.testing.assert_array_equal(x[1, :11], 0)
    np.testing.assert_allclose(x[1, 11], 1, rtol=1e-13)
    np.testing.assert_array_equal(x[[0, 2], 11], 0)
    assert np.isfinite(x).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_gene_only(backend: str) -> None:
    result = diffuse(np.array([[1.0]]), [0], 0.75, backend=backend)
    np.testing.assert_array_equal(result.x, [[1]])
    np.testing.assert_array_equal(result.residual, [0])


@pytest.mark.parametrize("backend", BACKENDS)
def test_only_isolated_genes(backend: str) -> None:
    result = diffuse(np.eye(4), [2, 0, 3], 0.75, backend=backend)
    np.testing.assert_array_equal(result.x, np.eye(4)[[2, 0, 3]])
    assert result.iterations <= 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_start_genes(backend: str) -> None:
    result = diffuse(graph(0, 7), [], 0.75, backend=backend)
    assert result.x.shape == (0, 7)
    assert result.residual.shape == (0,)
    assert result.iterations == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_columns_are_solved_independently(backend: str) -> None:
    dense = graph(4, 30, alone=1)
    together = diffuse(dense, [3, 29, 14], 0.9, backend=backend).x
    for row, gene in zip(together, [3, 29, 14], strict=True):
        alone = diffuse(dense, [gene], 0.9, backend=backend).x[0]
        np.testing.assert_allclose(row, alone, atol=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
def test_records_the_residual_of_the_original_system(backend: str) -> None:
    dense = graph(5, 40, decades=1)
    # A loose tolerance, so that the residual is far above rounding.
    result = diffuse(dense, range(10), 0.9, backend=backend, tolerance=1e-3)
    expected = np.abs(system(dense, 0.9) @ result.x.T - 0.1 * np.eye(40)[:, :10]).sum(axis=0)
    np.testing.assert_allclose(result.residual, expected, rtol=1e-6, atol=1e-14)
    assert result.residual.max() <= 1e-3
    if backend == "iterative":
        assert result.residual.max() > 1e-6
        tight = diffuse(dense, range(10), 0.9, tolerance=1e-12)
        assert tight.residual.max() <= 1e-12
        assert tight.iterations > result.iterations > 0
    else:
        assert result.iterations == 0


def test_residual_is_taken_with_the_given_laplacian() -> None:
    adjacency = sp.csr_array(graph(6, 10))
    other = random_walk_laplacian(sp.csr_array(graph(7, 10)))
    with pytest.raises(NotConvergedError, match="residual of"):
        solve(adjacency, other, [0], 0.75, **SETTINGS)


@pytest.mark.parametrize("backend", BACKENDS)
def test_raises_when_the_tolerance_cannot_be_met(backend: str) -> None:
    with pytest.raises(NotConvergedError, match=rf"α = 0\.75: the {backend} solver .* 1e-18"):
        diffuse(graph(8, 30), range(30), 0.75, backend=backend, tolerance=1e-18)


def test_iterations_stay_within_the_bound_of_the_condition_number() -> None:
    dense = graph(9, 60, density=0.1, decades=1)
    root = np.sqrt(dense.sum(axis=0))
    for alpha in (0.5, 0.75, 0.95):
        kappa = (1 + alpha) / (1 - alpha)
        bound = np.sqrt(kappa) / 2 * np.log(2 * kappa * root.max() / root.min() / 2.5e-11)
        assert diffuse(dense, range(60), alpha).iterations <= bound + 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_blocks_of_columns_change_nothing(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dense = graph(4, 30, alone=1)
    whole = diffuse(dense, range(30), 0.75, backend=backend)
    monkeypatch.setattr(diffusion, "_BLOCK", 4)
    parts = diffuse(dense, range(30), 0.75, backend=backend)
    np.testing.assert_allclose(parts.x, whole.x, rtol=0, atol=1e-14)
    np.testing.assert_allclose(parts.residual, whole.residual, rtol=0, atol=1e-14)
    assert parts.iterations == whole.iterations


def test_workers_change_no_digit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffusion, "_BLOCKS_PER_WORKER", 2)
    started = []
    pool = diffusion.ProcessPoolExecutor
    monkeypatch.setattr(
        diffusion, "ProcessPoolExecutor", lambda n, **how: started.append(n) or pool(n, **how)
    )
    adjacency = sp.csr_array(graph(5, 200))
    laplacian = random_walk_laplacian(adjacency)
    one = solve(adjacency, laplacian, range(200), 0.75, **SETTINGS)
    assert started == []
    two = solve(adjacency, laplacian, range(200), 0.75, **SETTINGS | {"workers": 2})
    assert started == [2]
    np.testing.assert_array_equal(two.x, one.x)
    np.testing.assert_array_equal(two.residual, one.residual)


def test_few_genes_or_little_memory_are_solved_iteratively() -> None:
    sparse = sp.csr_array(sp.random_array((3000, 3000), density=1e-3, rng=1))
    adjacency = sp.csr_array(sparse + sparse.T + sp.eye_array(3000))
    full = sp.csr_array(np.ones((3000, 3000)))

    def chosen(matrix: sp.csr_array[np.float64], starts: int, memory_gb: float = 1.0) -> str:
        return choose_backend(matrix, starts, 0.75, tolerance=1e-10, memory_gb=memory_gb)

    assert chosen(adjacency, 50) == "iterative"
    assert chosen(full, 3000) == "dense"
    # 8 · 3000² bytes
    assert chosen(full, 3000, memory_gb=0.0721) == "dense"
    assert chosen(full, 3000, memory_gb=0.0719) == "iterative"


def test_auto_takes_what_is_chosen() -> None:
    result = diffuse(graph(6, 20, density=1), range(20), 0.99, backend="auto")
    assert result.backend in {"iterative", "dense"}
    assert result.backend == choose_backend(
        sp.csr_array(graph(6, 20, density=1)), 20, 0.99, tolerance=1e-10, memory_gb=4.0
    )


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(KeyError, match="drect"):
        diffuse(graph(6, 20), [0], 0.5, backend="drect")


def test_save_and_load(tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((5, 7))
    diffusions = Diffusions(x[:3], x[3:], x[:, 0], 12, "iterative")
    save_diffusions(tmp_path / "d.npz", diffusions)
    loaded = load_diffusions(tmp_path / "d.npz")
    assert (loaded.iterations, loaded.backend) == (12, "iterative")
    for name in ("train", "validation", "residual"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(diffusions, name))
    before = (tmp_path / "d.npz").read_bytes()
    save_diffusions(tmp_path / "d.npz", loaded)
    assert (tmp_path / "d.npz").read_bytes() == before

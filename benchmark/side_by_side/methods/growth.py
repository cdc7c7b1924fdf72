"""Networks and diffusions of growing size."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

from echoes.example.parameters import SCORE_THRESHOLD, Parameters
from echoes.example.simulate import simulate
from echoes.network.graph import load_matrix, random_walk_laplacian, save_matrix
from side_by_side.methods.diffusion import Problem, solve_by_echoes
from side_by_side.process import Record, memory_so_far


def network(genes: int, output: str) -> Iterator[Record]:
    """Make a network of so many genes, as dense as STRING's at 0.5."""
    simulated = simulate(
        Parameters(
            network_genes=genes, network_links=26 * genes, perturbations=20, response_genes=100
        )
    ).network
    kept = simulated.scores >= 1000 * SCORE_THRESHOLD
    n = len(simulated.proteins)
    links = sp.coo_array(
        (simulated.scores[kept] / 1000, tuple(simulated.pairs[kept].T)), shape=(n, n)
    )
    adjacency = sp.csr_array(2 * (links + links.T) + sp.eye_array(n))
    save_matrix(output, adjacency)
    yield {"genes": n, "entries": int(adjacency.nnz)}


def diffusion(adjacency: str, starts: int, alphas: list[float], repeats: int) -> Iterator[Record]:
    """Diffuse from randomly chosen genes, for each restart parameter after the other."""
    matrix = load_matrix(adjacency)
    n = matrix.shape[0]
    genes = np.random.default_rng(0).choice(n, starts, replace=False)
    problem = Problem(matrix, random_walk_laplacian(matrix), genes)
    seconds = []
    iterations = 0
    for _ in range(repeats):
        start = time.perf_counter()
        for alpha in alphas:
            iterations = max(iterations, solve_by_echoes(problem, alpha, "iterative").iterations)
        seconds.append(time.perf_counter() - start)
    yield {
        "genes": n,
        "entries": int(matrix.nnz),
        "starts": starts,
        "alphas": len(alphas),
        "seconds": float(np.median(seconds)),
        "iterations": iterations,
        **memory_so_far(),
    }

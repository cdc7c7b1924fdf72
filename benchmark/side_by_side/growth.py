"""How time and memory grow with genes, perturbations and restart parameters."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from echoes.example.parameters import SCORE_THRESHOLD, Plan
from echoes.example.simulate import simulate
from echoes.io.arrays import load_arrays, load_matrix
from echoes.models.components import decompose
from echoes.models.elastic_net import fit_elastic_net
from echoes.models.linear import standardise
from echoes.models.ridge import fit_ridge
from echoes.network.diffusion import diffuse
from echoes.network.graph import random_walk_laplacian
from side_by_side.elastic_net import GAP, INNER_FOLDS, L1_RATIO, PENALTIES
from side_by_side.process import memory_so_far


def network(genes: int, output: str) -> Iterator[dict[str, Any]]:
    """Make a network of so many genes, as dense as STRING's at 0.5."""
    made = simulate(
        Plan(network_genes=genes, network_links=26 * genes, perturbations=20, response_genes=100)
    ).network
    kept = made.scores >= 1000 * SCORE_THRESHOLD
    n = len(made.proteins)
    links = sp.coo_array((made.scores[kept] / 1000, tuple(made.pairs[kept].T)), shape=(n, n))
    adjacency = sp.csr_array(2 * (links + links.T) + sp.eye_array(n))
    with Path(output).open("wb") as stream:
        sp.save_npz(stream, adjacency)
    yield {"genes": n, "entries": int(adjacency.nnz)}


def diffusion(
    adjacency: str, starts: int, alphas: list[float], repeats: int
) -> Iterator[dict[str, Any]]:
    """Diffuse from randomly chosen genes, for each restart parameter after the other."""
    matrix = load_matrix(adjacency)
    laplacian = random_walk_laplacian(matrix)
    n = matrix.shape[0]
    genes = np.random.default_rng(0).choice(n, starts, replace=False)
    seconds = []
    iterations = 0
    for _ in range(repeats):
        start = time.perf_counter()
        for alpha in alphas:
            found = diffuse(
                matrix,
                laplacian,
                genes,
                alpha,
                tolerance=1e-10,
                backend="iterative",
                memory_gb=4.0,
                workers=1,
            )
            iterations = max(iterations, found.iterations)
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


def fold(features: str, perturbations: str, rows: int, components: int) -> Iterator[dict[str, Any]]:
    """Fit both models on the first `rows` perturbations but one, features and all."""
    train, responses = load_arrays(features, "train")[0], load_arrays(perturbations, "responses")[0]
    train, responses = train[:rows], responses[:rows]
    targets = decompose(responses, components).scores
    start = time.perf_counter()
    X, _ = standardise(train[1:], train[:1])
    ridge = time.perf_counter()
    fit_ridge(X, targets[1:], PENALTIES, INNER_FOLDS, tolerance=GAP)
    net = time.perf_counter()
    found = fit_elastic_net(
        X, targets[1:], PENALTIES, INNER_FOLDS, l1_ratio=L1_RATIO, tolerance=GAP
    )
    ended = time.perf_counter()
    yield {
        "rows": rows,
        "features": X.shape[1],
        "components": components,
        "seconds": ended - start,
        "standardise_seconds": ridge - start,
        "ridge_seconds": net - ridge,
        "elastic_net_seconds": ended - net,
        "penalty": found.penalty,
        **memory_so_far(),
    }

"""Diffusion from many genes: echoes beside a sparse LU, single solves and graph libraries."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.linalg import cg, splu

from echoes.io.arrays import load_arrays, load_matrix
from echoes.network.diffusion import diffuse
from echoes.network.graph import random_walk_laplacian, read_positions
from side_by_side import names
from side_by_side.process import memory_so_far

Array = npt.NDArray[np.float64]
Sparse = sp.csr_array[np.float64]

ALPHA = 0.75
#: The ℓ₁ residual that every method is asked for.
ACCURACY = 1e-10


@dataclass(frozen=True)
class Problem:
    """The random walk with restart on a network, from each of k genes.

    Parameters
    ----------
    adjacency
        (N, N) symmetric weights with self-loops.
    laplacian
        (N, N) I − A·D⁻¹.
    genes
        (k,) positions of the start genes.
    """

    adjacency: Sparse
    laplacian: Sparse
    genes: npt.NDArray[np.intp]

    def sampled(self, count: int) -> Problem:
        """Take evenly spaced start genes only."""
        places = np.unique(np.linspace(0, len(self.genes) - 1, count).astype(np.intp))
        return Problem(self.adjacency, self.laplacian, self.genes[places])

    def walk(self) -> Sparse:
        """A·D⁻¹."""
        return sp.csr_array(self.adjacency @ sp.diags_array(1 / self.adjacency.sum(axis=0)))

    def start(self) -> Array:
        """(1 − α)·e of each start gene, (N, k)."""
        right = np.zeros((self.adjacency.shape[0], len(self.genes)))
        right[self.genes, np.arange(len(self.genes))] = 1 - ALPHA
        return right

    def residual(self, x: Array) -> Array:
        """(1 − α)·e − (I − α·A·D⁻¹)·x, by no line of echoes."""
        residual: Array = self.start() - x + ALPHA * (self.walk() @ x)
        return residual


@dataclass(frozen=True)
class Solution:
    """What a method found, (N, k), what is worth a note, and seconds of its parts."""

    x: Array
    note: str = ""
    parts: dict[str, float] = field(default_factory=dict)


Solve = Callable[[], Solution]


def read_problem(folder: str, count: int | None = None) -> Problem:
    """Read a network and the genes that were silenced, training ones first."""
    network = Path(folder) / "network"
    adjacency = load_matrix(network / "adjacency.npz")
    silenced = load_arrays(
        Path(folder) / "perturbations" / "perturbations.npz", "silenced", "validation_silenced"
    )
    symbols = list(dict.fromkeys(np.concatenate(silenced).tolist()))[:count]
    genes = read_positions(network / "genes.tsv", symbols)
    return Problem(adjacency, random_walk_laplacian(adjacency), genes)


def _echoes(backend: str) -> Callable[[Problem], Solve]:
    def prepare(problem: Problem) -> Solve:
        def solve() -> Solution:
            found = diffuse(
                problem.adjacency,
                problem.laplacian,
                problem.genes,
                ALPHA,
                tolerance=ACCURACY,
                backend=backend,
                memory_gb=4.0,
                workers=1,
            )
            return Solution(found.x.T, f"{found.iterations} iterations")

        return solve

    return prepare


def _superlu(problem: Problem) -> Solve:
    """Factorise and solve with default options, the published way."""

    def solve() -> Solution:
        start = time.perf_counter()
        n = problem.adjacency.shape[0]
        factors = splu(sp.csc_array(sp.eye_array(n) - ALPHA * problem.walk()))
        factored = time.perf_counter()
        x = factors.solve(problem.start())
        parts = {
            "factor_seconds": factored - start,
            "solve_seconds": time.perf_counter() - factored,
        }
        note = "factorisation {factor_seconds:.1f} s, solves {solve_seconds:.2f} s"
        return Solution(x, note.format(**parts), parts)

    return solve


def _cg(problem: Problem) -> Solve:
    """Symmetric form, one column after another, at the loosest tolerance that reaches it."""

    def solve_to(rtol: float) -> Array:
        root = np.sqrt(problem.adjacency.sum(axis=0))
        scale = sp.diags_array(1 / root)
        n = problem.adjacency.shape[0]
        matrix = sp.csr_array(sp.eye_array(n) - ALPHA * (scale @ problem.adjacency @ scale))
        right = problem.start() / root[:, None]
        columns = [cg(matrix, column, rtol=rtol, atol=0)[0] for column in right.T]
        return np.stack(columns, axis=1) * root[:, None]

    tolerances = (1e-10, 3e-11, 1e-11, 3e-12, 1e-12, 1e-13, 1e-14)
    enough = next(
        rtol
        for rtol in tolerances
        if np.abs(problem.residual(solve_to(rtol))).sum(axis=0).max() <= ACCURACY
        or rtol == tolerances[-1]
    )
    return lambda: Solution(solve_to(enough), f"rtol {enough:g}")


def _scikit_network(problem: Problem) -> Solve:
    """Power iteration: the library's other solvers are in single precision or fix rtol at 1e-5."""
    from sknetwork.ranking import PageRank

    adjacency = sp.csr_matrix(problem.adjacency)
    rank = PageRank(damping_factor=ALPHA, solver="piteration", n_iter=1000, tol=ACCURACY)

    def solve() -> Solution:
        columns = [rank.fit_predict(adjacency, {int(gene): 1.0}) for gene in problem.genes]
        return Solution(np.stack(columns, axis=1), "piteration")

    return solve


def _igraph(problem: Problem) -> Solve:
    """Links in both directions: an undirected igraph counts a self-loop twice."""
    import igraph

    links = sp.coo_array(problem.adjacency)
    ends = np.stack(links.coords, axis=1).tolist()
    graph = igraph.Graph(n=links.shape[0], edges=ends, directed=True)
    weights = links.data.tolist()

    def solve() -> Solution:
        columns = [
            graph.personalized_pagerank(
                damping=ALPHA,
                reset_vertices=[int(gene)],
                weights=weights,
                implementation="prpack",
            )
            for gene in problem.genes
        ]
        return Solution(np.array(columns).T, "PRPACK, tolerance fixed in the library")

    return solve


def _networkx(problem: Problem) -> Solve:
    """Links in both directions; its tolerance is a share of the number of nodes."""
    import networkx as nx

    graph = nx.from_scipy_sparse_array(sp.csr_matrix(problem.adjacency), create_using=nx.DiGraph)
    tolerance = ACCURACY / problem.adjacency.shape[0]

    def solve() -> Solution:
        columns = []
        for gene in problem.genes:
            found = nx.pagerank(
                graph, ALPHA, personalization={int(gene): 1.0}, max_iter=1000, tol=tolerance
            )
            columns.append([found[i] for i in range(len(found))])
        return Solution(
            np.array(columns).T, "its matrix built anew for each gene, as its API has it"
        )

    return solve


#: Method → what it does before the clock starts.
METHODS: dict[str, Callable[[Problem], Solve]] = dict(
    zip(
        names.DIFFUSION,
        (
            *(_echoes("iterative"), _echoes("auto"), _echoes("dense")),
            *(_cg, _scikit_network, _igraph, _networkx, _superlu),
        ),
        strict=True,
    )
)


def backends() -> Iterator[dict[str, Any]]:
    """Tell which backends of echoes there are, by trying them on two genes."""
    adjacency = sp.csr_array(np.array([[1.0, 0.5], [0.5, 1.0]]))
    found = []
    for name in ("iterative", "auto", "dense"):
        try:
            diffuse(
                adjacency,
                random_walk_laplacian(adjacency),
                [0],
                ALPHA,
                tolerance=ACCURACY,
                backend=name,
                memory_gb=4.0,
                workers=1,
            )
        except (KeyError, ValueError):
            continue
        found.append(f"echoes, {name}")
    yield {"found": found}


def reference(folder: str, count: int, output: str) -> Iterator[dict[str, Any]]:
    """Keep a solution to compare with: power iteration until only rounding is left.

    A step shrinks the error by α; after 150 of them, α = 0.75 has made 10⁻¹⁸ of it.
    """
    problem = read_problem(folder, count)
    walk, start = problem.walk(), problem.start()
    x = start.copy()
    for _ in range(150):
        x = ALPHA * (walk @ x) + start
    np.save(output, x)
    yield {
        "genes": problem.adjacency.shape[0],
        "entries": int(problem.adjacency.nnz),
        "starts": len(problem.genes),
        "residual": float(np.abs(problem.residual(x)).sum(axis=0).max()),
    }


def measure(
    method: str, folder: str, count: int, sample: int, solution: str
) -> Iterator[dict[str, Any]]:
    """Time one method once and compare its solution with the reference.

    Parameters
    ----------
    method
        Key of `METHODS`.
    folder
        Results of a data set.
    count
        Start genes.
    sample
        Start genes that a sampled method is measured on; its time is scaled up.
    solution
        File of the reference solution.
    """
    whole = read_problem(folder, count)
    problem = whole.sampled(sample) if names.DIFFUSION[method] == "sampled" else whole
    share = len(whole.genes) / len(problem.genes)
    start = time.perf_counter()
    solve = METHODS[method](problem)
    prepared = time.perf_counter()
    found = solve()
    seconds = time.perf_counter() - prepared
    memory = memory_so_far()
    places = [int(np.flatnonzero(whole.genes == gene)[0]) for gene in problem.genes]
    expected = np.load(solution)[:, places]
    yield {
        "method": method,
        "starts": len(whole.genes),
        "measured_on": len(problem.genes),
        "seconds": seconds * share,
        "prepare_seconds": prepared - start,
        **memory,
        "residual": float(np.abs(problem.residual(found.x)).sum(axis=0).max()),
        "error": float(np.abs(found.x - expected).max()),
        "note": found.note,
        **found.parts,
    }

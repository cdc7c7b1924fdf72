"""Diffusion from many genes: echoes beside a sparse LU, single solves and graph libraries."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import cg, splu

from echoes.io.arrays import Floats, Ints
from echoes.network.diffusion import Diffusion, diffuse
from echoes.network.graph import load_matrix, random_walk_laplacian, read_positions
from echoes.screen.record import load_fields
from side_by_side import methods
from side_by_side.process import Record, memory_so_far
from side_by_side.workspace import NETWORK

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
    genes: Ints

    def sampled(self, count: int) -> Problem:
        """Take evenly spaced start genes only."""
        places = np.unique(np.linspace(0, len(self.genes) - 1, count).astype(np.intp))
        return Problem(self.adjacency, self.laplacian, self.genes[places])

    def walk(self) -> Sparse:
        """A·D⁻¹."""
        return sp.csr_array(self.adjacency @ sp.diags_array(1 / self.adjacency.sum(axis=0)))

    def start(self) -> Floats:
        """(1 − α)·e of each start gene, (N, k)."""
        right = np.zeros((self.adjacency.shape[0], len(self.genes)))
        right[self.genes, np.arange(len(self.genes))] = 1 - ALPHA
        return right

    def residual(self, x: Floats) -> Floats:
        """(1 − α)·e − (I − α·A·D⁻¹)·x, by no line of echoes."""
        residual: Floats = self.start() - x + ALPHA * (self.walk() @ x)
        return residual


@dataclass(frozen=True)
class Solution:
    """The solution of a method, (N, k), a note on it, and seconds of its parts."""

    x: Floats
    note: str = ""
    parts: dict[str, float] = field(default_factory=dict)


Solve = Callable[[], Solution]
Prepare = Callable[[Problem], Solve]


def read_problem(folder: str, count: int | None = None) -> Problem:
    """Read a network and the genes that were silenced, training ones first."""
    network = Path(folder) / NETWORK
    adjacency = load_matrix(network / "adjacency.npz")
    silenced = load_fields(
        Path(folder) / "perturbations" / "perturbations.npz", "silenced", "validation_silenced"
    )
    symbols = list(dict.fromkeys(np.concatenate(silenced).tolist()))[:count]
    genes = read_positions(network / "genes.tsv", symbols, adjacency.shape[0])
    return Problem(adjacency, random_walk_laplacian(adjacency), genes)


def solve_by_echoes(problem: Problem, alpha: float, backend: str) -> Diffusion:
    """Diffuse in one process, as a job of one core does."""
    return diffuse(
        problem.adjacency,
        problem.laplacian,
        problem.genes,
        alpha,
        tolerance=ACCURACY,
        backend=backend,
        memory_gb=4.0,
        workers=1,
    )


def _echoes(backend: str) -> Prepare:
    def solve(problem: Problem) -> Solution:
        diffusion = solve_by_echoes(problem, ALPHA, backend)
        return Solution(diffusion.x.T, f"{diffusion.iterations} iterations")

    return lambda problem: partial(solve, problem)


def _superlu(problem: Problem) -> Solution:
    """Factorise and solve with default options, the published way."""
    start = time.perf_counter()
    n = problem.adjacency.shape[0]
    factors = splu(sp.csc_array(sp.eye_array(n) - ALPHA * problem.walk()))
    factored = time.perf_counter()
    x = factors.solve(problem.start())
    solved = time.perf_counter()
    parts = {"factor_seconds": factored - start, "solve_seconds": solved - factored}
    note = "factorisation {factor_seconds:.1f} s, solves {solve_seconds:.2f} s"
    return Solution(x, note.format(**parts), parts)


def _cg(problem: Problem) -> Solve:
    """Symmetric form, one column after another, at the loosest tolerance that reaches it."""

    def solve_to(rtol: float) -> Floats:
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


def _gene_by_gene(
    prepare: Callable[[Problem], Callable[[int], Sequence[float]]], note: str
) -> Prepare:
    """Call a library's PageRank for each start gene."""

    def solve(problem: Problem, rank: Callable[[int], Sequence[float]]) -> Solution:
        return Solution(np.array([rank(int(gene)) for gene in problem.genes]).T, note)

    return lambda problem: partial(solve, problem, prepare(problem))


def _scikit_network(problem: Problem) -> Callable[[int], Sequence[float]]:
    """Power iteration: the library's other solvers are in single precision or fix rtol at 1e-5."""
    from sknetwork.ranking import PageRank

    adjacency = sp.csr_matrix(problem.adjacency)
    model = PageRank(damping_factor=ALPHA, solver="piteration", n_iter=1000, tol=ACCURACY)
    return lambda gene: model.fit_predict(adjacency, {gene: 1.0})


def _igraph(problem: Problem) -> Callable[[int], Sequence[float]]:
    """Links in both directions: an undirected igraph counts a self-loop twice."""
    import igraph

    links = sp.coo_array(problem.adjacency)
    ends = np.stack(links.coords, axis=1).tolist()
    graph = igraph.Graph(n=links.shape[0], edges=ends, directed=True)
    options = {"damping": ALPHA, "weights": links.data.tolist(), "implementation": "prpack"}
    return lambda gene: graph.personalized_pagerank(reset_vertices=[gene], **options)


def _networkx(problem: Problem) -> Callable[[int], Sequence[float]]:
    """Links in both directions; its tolerance is a share of the number of nodes."""
    import networkx as nx

    graph = nx.from_scipy_sparse_array(sp.csr_matrix(problem.adjacency), create_using=nx.DiGraph)
    n = len(graph)

    def rank(gene: int) -> list[float]:
        ranks = nx.pagerank(
            graph, ALPHA, personalization={gene: 1.0}, max_iter=1000, tol=ACCURACY / n
        )
        return [ranks[i] for i in range(n)]

    return rank


#: Method → what it does before the clock starts.
METHODS: dict[str, Prepare] = dict(
    zip(
        methods.DIFFUSION,
        (
            *(_echoes("iterative"), _echoes("auto"), _echoes("dense"), _cg),
            _gene_by_gene(_scikit_network, "piteration"),
            _gene_by_gene(_igraph, "PRPACK, tolerance fixed in the library"),
            _gene_by_gene(_networkx, "its matrix built anew for each gene, as its API has it"),
            lambda problem: partial(_superlu, problem),
        ),
        strict=True,
    )
)


def reference(folder: str, count: int, output: str) -> Iterator[Record]:
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


def measure(method: str, folder: str, count: int, sample: int, reference: str) -> Iterator[Record]:
    """Time one method once and compare its solution with the reference.

    A sampled method is measured on `sample` of the `count` start genes; its time is scaled up.
    """
    whole = read_problem(folder, count)
    problem = whole.sampled(sample) if methods.DIFFUSION[method] == "sampled" else whole
    share = len(whole.genes) / len(problem.genes)
    solve = METHODS[method](problem)
    start = time.perf_counter()
    solution = solve()
    seconds = time.perf_counter() - start
    memory = memory_so_far()
    places = [int(np.flatnonzero(whole.genes == gene)[0]) for gene in problem.genes]
    expected = np.load(reference)[:, places]
    yield {
        "method": method,
        "starts": len(whole.genes),
        "measured_on": len(problem.genes),
        "seconds": seconds * share,
        **memory,
        "residual": float(np.abs(problem.residual(solution.x)).sum(axis=0).max()),
        "error": float(np.abs(solution.x - expected).max()),
        "note": solution.note,
        **solution.parts,
    }

"""Random walk with restart from each silenced gene, for all of them at once.

A walker starts at gene g. In each step it follows a link with probability α, or returns to g with
probability 1 − α. In the long run it is at each gene with the probabilities
x = (1 − α)(I − α·A·D⁻¹)⁻¹·e_g, with the adjacency matrix A and the degrees D = diag(A·1).
Source: Köhler et al., Am. J. Hum. Genet. 82 (2008), 949–958, doi:10.1016/j.ajhg.2008.02.013.

With y = D^−½·x the system is M·y = (1 − α)·D^−½·e_g, M = I − α·D^−½·A·D^−½: symmetric and
positive definite, with condition number at most (1 + α)/(1 − α).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np
import scipy.sparse as sp

from echoes.io.arrays import Floats, Ints, Singles
from echoes.io.errors import InputError, NotConvergedError
from echoes.io.files import StrPath
from echoes.io.records import Layout
from echoes.network.graph import degree

Positions = Ints
Sparse = sp.csr_array[np.float64]

#: Names of the solvers; ``auto`` chooses between the next two.
BACKENDS = ("auto", "iterative", "dense", "direct")

# Number of right-hand sides that are solved together: their vectors fit in the cache.
_BLOCK = 32
# Factor by which a residual is reduced in single precision before it is computed again in double
# precision. Rounding errors, which grow with the condition number, set a limit to this.
_SINGLE_REDUCTION, _SINGLE_ROUNDING = 1e-6, 1e-7
# A process takes about a second to start: with fewer blocks for each one, it saves no time.
_BLOCKS_PER_WORKER = 16

# Measured seconds per operation on one core: per entry of a sparse product, per entry of a vector
# in a step of conjugate gradients, and per floating-point operation of a dense factorisation and
# solution. Only their ratios matter.
_SPARSE_ENTRY, _VECTOR_ENTRY, _DENSE_FLOP = 2.2e-10, 5.0e-9, 1.6e-11


@dataclass(frozen=True)
class Diffusion:
    """Stationary distributions of k random walks with restart, one row a start gene.

    Parameters
    ----------
    x
        (k, N) probabilities; each row is at least 0 and sums to 1.
    residual
        (k,) ℓ₁ norm of (I − α·A·D⁻¹)·x − (1 − α)·e_g.
    iterations
        Largest number of products with the matrix that a column took; 0 for factorisations.
    backend
        Name of the solver.
    """

    x: Floats
    residual: Floats
    iterations: int
    backend: str


@dataclass(frozen=True)
class Diffusions:
    """Diffusions of n training and v validation perturbations, for one restart parameter.

    Parameters
    ----------
    train
        (n, N) probabilities, one row a training perturbation.
    validation
        (v, N) probabilities, one row a perturbation to predict.
    residual
        (n + v,) ℓ₁ norm of each row's residual, training perturbations first.
    iterations
        Largest number of products with the matrix that a column took; 0 for factorisations.
    backend
        Name of the solver.
    """

    train: Floats
    validation: Floats
    residual: Floats
    iterations: int
    backend: str


_ARRAYS = {"train": "float n N", "validation": "float v N", "residual": "float r"}
_LAYOUT = Layout({**_ARRAYS, "iterations": "int", "backend": "str"}, depth=5)


def save_diffusions(path: StrPath, diffusions: Diffusions) -> None:
    """Write diffusions to an npz file."""
    _LAYOUT.save(path, vars(diffusions))


def load_diffusions(path: StrPath, **sizes: int) -> Diffusions:
    """Read diffusions from an npz file that `save_diffusions` wrote; see `Layout.load`."""
    train, validation, residual, iterations, backend = _LAYOUT.load(path, **sizes)
    return Diffusions(train, validation, residual, int(iterations), str(backend))


def _system(adjacency: Sparse, alpha: float) -> tuple[Sparse, Floats]:
    """Compute the symmetric matrix M (N, N), and the diagonal of D^½ (N,)."""
    root = np.sqrt(degree(adjacency))
    scale = sp.diags_array(1 / root)
    identity = sp.eye_array(adjacency.shape[0])
    return sp.csr_array(identity - alpha * (scale @ adjacency @ scale)), root


def _condition(alpha: float) -> float:
    """Upper bound of the condition number of M."""
    return (1 + alpha) / (1 - alpha)


def _steps(alpha: float, root: Floats, tolerance: float) -> float:
    """Upper bound of the steps of conjugate gradients: √κ/2 for each factor e of the error."""
    kappa = _condition(alpha)
    return float(np.sqrt(kappa) / 2 * np.log(2 * kappa * root.max() / root.min() / tolerance))


def _conjugate_gradients(
    system: sp.csr_array[np.float32],
    right: Singles,
    reduction: Floats,
    limit: int,
) -> tuple[Singles, int]:
    """Solve M·y = b by conjugate gradients, in single precision.

    All right-hand sides of a block, each of norm 1, are solved together. A column no longer
    changes once the norm of its residual is at most `reduction`; a further step would divide 0
    by 0. An isolated gene gets there after one step.

    Source: Hestenes and Stiefel, J. Res. Natl. Bur. Stand. 49 (1952), 409–436,
    doi:10.6028/jres.049.044.

    Returns
    -------
    y, iterations
        (N, k), and the number of steps.
    """
    y, r, p, work = np.zeros_like(right), right.copy(), right.copy(), np.empty_like(right)
    zero = np.zeros(right.shape[1], dtype=right.dtype)
    rho = np.einsum("ij,ij->j", r, r)
    iterations = 0
    while rho.any() and iterations < limit:
        iterations += 1
        q = np.asarray(system @ p)
        moving = rho > 0
        length = np.divide(rho, np.einsum("ij,ij->j", p, q), out=zero.copy(), where=moving)
        y += np.multiply(p, length, out=work)
        r -= np.multiply(q, length, out=work)
        new = np.where(moving, np.einsum("ij,ij->j", r, r), 0)
        new[new <= reduction**2] = 0
        p *= np.divide(new, rho, out=zero.copy(), where=moving)
        p += r
        rho = new
    return y, iterations


def _solve_block(
    system: Sparse,
    root: Floats,
    reduction: float,
    limit: int,
    tolerance: float,
    right: tuple[Positions, Floats],
) -> tuple[Floats, int]:
    """Solve M·y = b for a block of right-hand sides with one entry each.

    Iterative refinement: steps in single precision, which take half the time, start from
    residuals that are computed again and again in double precision.

    Returns
    -------
    x, iterations
        D^½·y, (N, k), and the number of steps.
    """
    genes, entries = right
    columns = np.arange(len(genes))
    single = system.astype(np.float32)
    y = np.zeros((system.shape[0], len(genes)))
    r = np.zeros_like(y)
    r[genes, columns] = entries
    iterations = 0
    while iterations < limit:
        # The residual of the original system is D^½·r.
        size = np.einsum("i,ij->j", root, np.abs(r))
        if (size <= tolerance / 2).all():
            break
        norm = np.sqrt(np.einsum("ij,ij->j", r, r))
        scale = np.where(size > tolerance / 2, norm, 0)
        unit = np.divide(r, norm, out=np.zeros_like(r), where=scale > 0)
        enough = tolerance / 8 / np.maximum(size, tolerance)
        correction, steps = _conjugate_gradients(
            single, unit.astype(np.float32), np.maximum(reduction, enough), limit - iterations
        )
        y += correction * scale
        r = -np.asarray(system @ y)
        r[genes, columns] += entries
        iterations += steps
    y *= root[:, None]
    return y, iterations


def _iterative(
    adjacency: Sparse, genes: Positions, alpha: float, tolerance: float, workers: int
) -> tuple[Floats, int]:
    """Solve by conjugate gradients, a block of columns at a time, on several cores."""
    system, root = _system(adjacency, alpha)
    # Four times the bound of exact arithmetic, because of rounding and refinement.
    limit = 10 + int(4 * _steps(alpha, root, tolerance))
    reduction = min(max(_SINGLE_REDUCTION, _SINGLE_ROUNDING * _condition(alpha)), 0.1)
    solve = partial(_solve_block, system, root, reduction, limit, tolerance)
    entries = (1 - alpha) / root[genes]
    blocks = [slice(i, i + _BLOCK) for i in range(0, len(genes), _BLOCK)]
    right = [(genes[block], entries[block]) for block in blocks]
    x = np.empty((len(genes), adjacency.shape[0]))
    iterations = 0
    for block, (columns, steps) in zip(blocks, _map(solve, right, workers), strict=True):
        x[block] = columns.T
        iterations = max(iterations, steps)
    return x, iterations


def _map(
    solve: partial[tuple[Floats, int]], right: list[tuple[Positions, Floats]], workers: int
) -> Iterator[tuple[Floats, int]]:
    """Solve all blocks, in several processes if there are enough blocks.

    Threads would not help, because SciPy's sparse products hold the interpreter's lock. Blocks
    do not depend on the number of workers, so the results do not either.
    """
    workers = min(workers, len(right) // _BLOCKS_PER_WORKER)
    if workers < 2:
        yield from map(solve, right)
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            yield from pool.map(solve, right)


def _dense(adjacency: Sparse, genes: Positions, alpha: float) -> Floats:
    """Solve by a Cholesky factorisation in place of the dense matrix."""
    from scipy.linalg import lapack
    from threadpoolctl import threadpool_limits

    system, root = _system(adjacency, alpha)
    x = np.empty((len(genes), len(root)))
    # One thread: with several, the last digits would depend on their number.
    with threadpool_limits(1):
        factor, _ = lapack.dpotrf(system.toarray(order="F"), lower=1, overwrite_a=1, clean=0)
        for i in range(0, len(genes), 16 * _BLOCK):
            block = genes[i : i + 16 * _BLOCK]
            right = np.zeros((len(root), len(block)), order="F")
            right[block, np.arange(len(block))] = (1 - alpha) / root[block]
            solution, _ = lapack.dpotrs(factor, right, lower=1, overwrite_b=1)
            x[i : i + len(block)] = (root[:, None] * solution).T
    return x


def _direct(adjacency: Sparse, genes: Positions, alpha: float) -> Floats:
    """Solve the original system by a sparse LU factorisation (SuperLU)."""
    from scipy.sparse.linalg import splu

    n = adjacency.shape[0]
    walk = adjacency @ sp.diags_array(1 / degree(adjacency))
    right = np.zeros((n, len(genes)))
    right[genes, np.arange(len(genes))] = 1 - alpha
    solution = splu(sp.csc_array(sp.eye_array(n) - alpha * walk)).solve(right)
    return np.ascontiguousarray(solution.T)


def choose_backend(
    adjacency: Sparse, starts: int, alpha: float, *, tolerance: float, memory_gb: float
) -> str:
    """Choose the faster solver: conjugate gradients or a dense factorisation.

    Both times are estimated from measured seconds per operation. The factorisation is faster
    for many start genes in a dense network, or if a restart is rare (α near 1). It is never
    chosen if its matrix does not fit in the memory.

    Parameters
    ----------
    adjacency
        (N, N) weights.
    starts
        Number of start genes.
    alpha
        Probability of a step along a link.
    tolerance
        Largest ℓ₁ residual.
    memory_gb
        Memory that the dense matrix may take, 10⁹ bytes.

    Returns
    -------
    str
        ``iterative`` or ``dense``.
    """
    n = adjacency.shape[0]
    step = adjacency.nnz * _SPARSE_ENTRY + n * _VECTOR_ENTRY
    iterative = starts * _steps(alpha, np.sqrt(degree(adjacency)), tolerance) * step
    dense = (n**3 / 3 + 2 * n**2 * starts) * _DENSE_FLOP
    return "dense" if dense < iterative and 8 * n**2 <= memory_gb * 1e9 else "iterative"


def _residuals(laplacian: Sparse, x: Floats, genes: Positions, alpha: float) -> Floats:
    """ℓ₁ norms of (I − α·A·D⁻¹)·x − (1 − α)·e_g = (1 − α)·(x − e_g) + α·L·x, one a row of x."""
    residual = np.empty(len(x))
    for i in range(0, len(x), _BLOCK):
        columns = np.ascontiguousarray(x[i : i + _BLOCK].T)
        defect = (1 - alpha) * columns + alpha * (laplacian @ columns)
        defect[genes[i : i + _BLOCK], np.arange(columns.shape[1])] -= 1 - alpha
        residual[i : i + _BLOCK] = np.abs(defect).sum(axis=0)
    return residual


def diffuse(
    adjacency: Sparse,
    laplacian: Sparse,
    start: Sequence[int] | Positions,
    alpha: float,
    *,
    tolerance: float,
    backend: str,
    memory_gb: float,
    workers: int,
) -> Diffusion:
    """Solve the random walk with restart from each start gene.

    Parameters
    ----------
    adjacency
        (N, N) symmetric weights with self-loops; every gene has a positive degree.
    laplacian
        (N, N) random-walk Laplacian I − A·D⁻¹, used for the residuals.
    start
        Positions of the k start genes.
    alpha
        Probability of a step along a link, between 0 and 1.
    tolerance
        Largest ℓ₁ residual that is allowed for any column.
    backend
        ``iterative`` (conjugate gradients), ``dense`` (Cholesky), ``direct`` (SuperLU),
        or ``auto``, where `choose_backend` chooses.
    memory_gb
        Memory that a dense matrix may take, 10⁹ bytes.
    workers
        Number of processes for conjugate gradients; more than one saves time for hundreds of
        start genes.

    Raises
    ------
    InputError
        When alpha is not between 0 and 1.
    NotConvergedError
        When a residual is above the tolerance.

    Notes
    -----
    The result does not depend on the number of workers, to the last digit.
    """
    if not 0 < alpha < 1:
        raise InputError(
            "configuration",
            "diffusion: alphas",
            str(alpha),
            expected="a number between 0 and 1",
            remedy="Choose another probability.",
        )
    genes = np.asarray(start, dtype=np.intp)
    if backend == "auto":
        backend = choose_backend(
            adjacency, len(genes), alpha, tolerance=tolerance, memory_gb=memory_gb
        )
    iterations = 0
    if backend == "iterative":
        x, iterations = _iterative(adjacency, genes, alpha, tolerance, workers)
    else:
        x = {"dense": _dense, "direct": _direct}[backend](adjacency, genes, alpha)
    # Two values are known exactly: rounding may make a probability of 0 slightly negative, and a
    # walker that starts at a gene without links stays there with probability 1.
    np.maximum(x, 0, out=x)
    stays = np.flatnonzero(np.diff(adjacency.indptr)[genes] == 1)
    x[stays, genes[stays]] = 1
    residual = _residuals(laplacian, x, genes, alpha)
    if not (residual <= tolerance).all():
        raise NotConvergedError(
            f"α = {alpha}: the {backend} solver left a residual of {np.nanmax(residual):.3g} "
            f"after {iterations} iterations; the tolerance is {tolerance:.3g}"
        )
    return Diffusion(x, residual, iterations, backend)

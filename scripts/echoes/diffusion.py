"""Random walk with restart from each silenced gene, for all of them at once.

A walker starts at gene g, follows links with probability α and restarts at g
otherwise; x = (1 − α)(I − α·A·D⁻¹)⁻¹·e_g is where it is found in the long run.
Source: Köhler et al., Am. J. Hum. Genet. 82 (2008), 949–958, doi:10.1016/j.ajhg.2008.02.013.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from echoes.errors import InputError
from echoes.network import degree

Array = npt.NDArray[np.float64]
Sparse = sp.csr_array[np.float64]


@dataclass(frozen=True)
class Diffusion:
    """Stationary distributions of random walks with restart, one row a start gene.

    Parameters
    ----------
    x
        (k, N) probabilities; each row is at least 0 and sums to 1.
    residual
        (k,) ℓ₁ norm of (I − α·A·D⁻¹)·x − (1 − α)·e_g.
    iterations
        Products with the matrix that the solver took; 0 for the direct one.
    """

    x: Array
    residual: Array
    iterations: int


class NotConvergedError(ArithmeticError):
    """A solver that missed its tolerance."""


def _direct(adjacency: Sparse, start: npt.NDArray[np.intp], alpha: float) -> tuple[Array, int]:
    """Solve by a sparse LU factorisation (SuperLU)."""
    from scipy.sparse.linalg import splu

    n = adjacency.shape[0]
    walk = adjacency @ sp.diags_array(1 / degree(adjacency))
    right = np.zeros((n, len(start)))
    right[start, np.arange(len(start))] = 1 - alpha
    return splu(sp.csc_array(sp.eye_array(n) - alpha * walk)).solve(right), 0


def _conjugate_gradients(
    adjacency: Sparse, start: npt.NDArray[np.intp], alpha: float, tolerance: float
) -> tuple[Array, int]:
    """Solve by conjugate gradients on the symmetric form, all columns in step.

    With y = D^−½·x the system is (I − α·S)·y = (1 − α)·D^−½·e_g, S = D^−½·A·D^−½,
    symmetric positive definite with condition number at most (1 + α)/(1 − α).
    A column stops moving once it has converged: going on would divide 0 by 0,
    for an isolated gene after one step already.
    """
    n, k = adjacency.shape[0], len(start)
    root = np.sqrt(degree(adjacency))
    scale = sp.diags_array(1 / root)
    s = sp.csr_array(scale @ adjacency @ scale)
    y = np.zeros((n, k))
    r = np.zeros((n, k))
    r[start, np.arange(k)] = (1 - alpha) / root[start]
    p = r.copy()
    rho = np.einsum("ij,ij->j", r, r)
    # A step shrinks the error by (√κ − 1)/(√κ + 1) at least: √κ/2 steps an e-fold. Four times
    # the steps that this bound asks for leave room for rounding.
    kappa = (1 + alpha) / (1 - alpha)
    folds = np.log(2 * kappa * root.max() / root.min() / tolerance)
    limit = 10 + int(4 * np.sqrt(kappa) / 2 * folds)
    iterations = 0
    while rho.any() and iterations < limit:
        iterations += 1
        q = p - alpha * (s @ p)
        active = rho > 0
        length = np.divide(rho, np.einsum("ij,ij->j", p, q), out=np.zeros(k), where=active)
        y += length * p
        r -= length * q
        # ℓ₁ norm of the residual of the original system: its residual is D^½·r.
        done = root @ np.abs(r) <= tolerance / 4
        new = np.where(done, 0.0, np.einsum("ij,ij->j", r, r))
        p *= np.divide(new, rho, out=np.zeros(k), where=active)
        p += r
        rho = new
    return root[:, None] * y, iterations


def diffuse(
    adjacency: Sparse,
    laplacian: Sparse,
    start: Sequence[int] | npt.NDArray[np.intp],
    alpha: float,
    *,
    tolerance: float = 1e-10,
    backend: str = "iterative",
) -> Diffusion:
    """Solve the random walk with restart from each start gene.

    Parameters
    ----------
    adjacency
        (N, N) symmetric weights with self-loops; every gene has a positive degree.
    laplacian
        (N, N) random-walk Laplacian I − A·D⁻¹, which the residuals are taken with.
    start
        Positions of the k start genes.
    alpha
        Probability of a step along a link, between 0 and 1.
    tolerance
        Largest ℓ₁ residual that any column may have.
    backend
        ``iterative`` (conjugate gradients) or ``direct`` (SuperLU).

    Raises
    ------
    InputError
        When alpha is not between 0 and 1.
    NotConvergedError
        When a residual is above the tolerance.
    """
    if not 0 < alpha < 1:
        raise InputError(
            "configuration",
            "diffusion: alphas",
            str(alpha),
            expected="a number between 0 and 1",
            remedy="Choose another probability.",
        )
    solvers: dict[str, Callable[[Sparse, npt.NDArray[np.intp], float], tuple[Array, int]]] = {
        "direct": _direct,
        "iterative": lambda a, g, alpha: _conjugate_gradients(a, g, alpha, tolerance),
    }
    genes = np.asarray(start, dtype=np.intp)
    if not len(genes):
        return Diffusion(np.zeros((0, adjacency.shape[0])), np.zeros(0), 0)
    x, iterations = solvers[backend](adjacency, genes, alpha)
    # What no walker reaches may come out a rounding below zero, and a walker stays where there
    # is no way out: both are exact.
    np.maximum(x, 0, out=x)
    stays = np.flatnonzero(np.diff(adjacency.indptr)[genes] == 1)
    x[genes[stays], stays] = 1
    # (I − α·A·D⁻¹) = (1 − α)·I + α·L
    defect = (1 - alpha) * x + alpha * (laplacian @ x)
    defect[genes, np.arange(len(genes))] -= 1 - alpha
    residual = np.abs(defect).sum(axis=0)
    if not (residual <= tolerance).all():
        raise NotConvergedError(
            f"the {backend} solver left a residual of {np.nanmax(residual):.3g} at α = {alpha} "
            f"after {iterations} iterations; the tolerance is {tolerance:.3g}"
        )
    return Diffusion(np.ascontiguousarray(x.T), residual, iterations)

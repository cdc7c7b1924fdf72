"""Kernel ridge regressions with one kernel and several penalties, and their left-out predictions.

Predictions by leave-one-out cross-validation have a closed form: with the hat matrix H, which
includes the intercept's 1/m, the error of a row fitted without it is its residual divided by
1 − H_ii.

Closed form: Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning", 2nd edition,
Springer, 2009, section 7.10.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Floats, Ints, Singles
from echoes.models.similarity import FEWEST_SINGLE, is_precise, random_signs


@dataclass(frozen=True)
class Path:
    """Kernel ridge regressions with one kernel and L penalties.

    Parameters
    ----------
    left_out
        (L, m, c) predicted scores of each training row, fitted without its group.
    predicted
        (L, q, c) predicted scores.
    """

    left_out: Floats
    predicted: Floats


def ridge_path(
    kernel: Floats,
    scores: Floats,
    penalties: Sequence[float],
    groups: Ints,
    *,
    fast: bool = False,
) -> Path:
    """Fit scores (m, c) by kernel ridge regressions with an intercept, one for each penalty.

    Parameters
    ----------
    kernel
        (m + q, m + q) kernel, centred on the m training rows.
    scores
        (m, c), columns with mean 0.
    penalties
        L ridge penalties.
    groups
        (m,) number of each row's group; rows of a group are left out together.
    fast
        Whether systems of many rows may be solved in single precision, see `_single_solutions`.
    """
    m = len(scores)
    repeated = [rows for g in np.unique(groups) if len(rows := np.flatnonzero(groups == g)) > 1]
    left_out = np.empty((len(penalties), *scores.shape))
    predicted = np.empty((len(penalties), len(kernel) - m, scores.shape[1]))
    solve = _single_solutions if fast and m >= FEWEST_SINGLE else _exact_solutions
    solutions = solve(kernel[:m, :m], scores, penalties, repeated)
    for number, (penalty, solution) in enumerate(zip(penalties, solutions, strict=True)):
        coefficients, diagonal, blocks = solution
        predicted[number] = kernel[m:, :m] @ coefficients
        # With the penalty λ, the matrix I − H is λ(K + λI)⁻¹, less 1/m for the intercept.
        residuals = penalty * coefficients
        errors = residuals / (penalty * diagonal - 1 / m)[:, None]
        for rows, block in zip(repeated, blocks, strict=True):
            errors[rows] = np.linalg.solve(penalty * block - 1 / m, residuals[rows])
        np.subtract(scores, errors, out=left_out[number])
    return Path(left_out, predicted)


#: With the inverse of K + λI: its product with the scores (m, c), its diagonal (m,), and its blocks
#: for some sets of rows.
_Solution = tuple[Floats, Floats, list[Floats]]


class _Decomposition:
    """Eigenvalues and eigenvectors of a kernel (m, m), and the scores (m, c) in these."""

    def __init__(self, kernel: Floats, scores: Floats) -> None:
        values, self._vectors = np.linalg.eigh(kernel)
        self._values = np.maximum(values, 0.0)
        self._rotated, self._squares = self._vectors.T @ scores, self._vectors**2

    def solve(self, penalty: float, repeated: Sequence[Ints]) -> _Solution:
        """Solve with a penalty."""
        inverse = 1 / (self._values + penalty)
        return (
            self._vectors @ (inverse[:, None] * self._rotated),
            self._squares @ inverse,
            [(self._vectors[rows] * inverse) @ self._vectors[rows].T for rows in repeated],
        )


def _exact_solutions(
    kernel: Floats, scores: Floats, penalties: Sequence[float], repeated: Sequence[Ints]
) -> Iterator[_Solution]:
    """Solve for each penalty, from one decomposition of the kernel (m, m)."""
    decomposition = _Decomposition(kernel, scores)
    for penalty in penalties:
        yield decomposition.solve(penalty, repeated)


def single_factor(kernel: Singles, penalty: float) -> tuple[Singles, int]:
    """Cholesky factor of K + λI in its lower half, and a number that is not 0 if there is none."""
    # It takes a while to import.
    from scipy.linalg import lapack

    system = kernel.copy()
    system[np.diag_indices(len(system))] += np.float32(penalty)
    # Transposed, the matrix is in the order of columns, which needs no copy.
    factor, failed = lapack.spotrf(system.T, lower=1, clean=0, overwrite_a=1)
    return factor, failed


def _single_solutions(
    kernel: Floats, scores: Floats, penalties: Sequence[float], repeated: Sequence[Ints]
) -> Iterator[_Solution]:
    """Compute `_exact_solutions` by inverses in single precision, for as long as that will do.

    A random combination z of the rows tells how precise an inverse is: (K + λI)⁻¹(K + λI)z is to
    be z (see `similarity.is_precise`).
    """
    # They take a while to import.
    from scipy.linalg import blas, lapack

    single, wide = kernel.astype(np.float32), scores.astype(np.float32)
    signs = random_signs(len(kernel))
    combined = kernel @ signs
    decomposition = None
    for penalty in penalties:
        factor, failed = single_factor(single, penalty)
        inverse, _ = lapack.spotri(factor, lower=1, overwrite_c=1)
        right = (combined + penalty * signs).astype(np.float32)
        again = blas.ssymv(1, inverse, right, lower=1).astype(np.float64)
        if failed or not is_precise(again, signs):
            decomposition = decomposition or _Decomposition(kernel, scores)
            yield decomposition.solve(penalty, repeated)
            continue
        blocks = [
            inverse[np.maximum.outer(rows, rows), np.minimum.outer(rows, rows)].astype(np.float64)
            for rows in repeated
        ]
        coefficients = blas.ssymm(1, inverse, wide, lower=1)
        yield coefficients.astype(np.float64), np.diagonal(inverse).astype(np.float64), blocks

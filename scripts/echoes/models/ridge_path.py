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
from echoes.models.precision import is_precise, random_signs


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
    kernel: Floats | Singles,
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
        (m + q, m) kernel, centred on the m training rows.
    scores
        (m, c), columns with mean 0.
    penalties
        L ridge penalties.
    groups
        (m,) number of each row's group; rows of a group are left out together.
    fast
        Whether systems may be solved in single precision, see `_single_solutions`.
    """
    m = len(scores)
    names, counts = np.unique(groups, return_counts=True)
    repeated = [np.flatnonzero(groups == name) for name in names[counts > 1]]
    left_out = np.empty((len(penalties), *scores.shape))
    predicted = np.empty((len(penalties), len(kernel) - m, scores.shape[1]))
    solve = _single_solutions if fast else _exact_solutions
    solutions = solve(kernel[:m], scores, penalties, repeated)
    for number, (penalty, solution) in enumerate(zip(penalties, solutions, strict=True)):
        coefficients, diagonal, blocks = solution
        predicted[number] = kernel[m:] @ coefficients
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
    """Eigenvalues and eigenvectors of a kernel (m, m), and scores (m, c) in these."""

    def __init__(self, values: Floats, vectors: Floats, scores: Floats) -> None:
        self._values, self._vectors = np.maximum(values, 0.0), vectors
        self._rotated, self._squares = vectors.T @ scores, vectors**2

    def solve(self, penalty: float, repeated: Sequence[Ints]) -> _Solution:
        """Solve with a penalty."""
        inverse = 1 / (self._values + penalty)
        return (
            self._vectors @ (inverse[:, None] * self._rotated),
            self._squares @ inverse,
            [(self._vectors[rows] * inverse) @ self._vectors[rows].T for rows in repeated],
        )

    def is_right(self, penalty: float, signs: Floats, combined: Floats) -> bool:
        """Whether K + λI is undone: from K·z + λz, (m,), follows z, random signs (m,)."""
        right = (combined + penalty * signs).astype(self._vectors.dtype)
        again = self._vectors @ ((self._vectors.T @ right) / (self._values + penalty))
        return is_precise(again, signs)


def _exact_solutions(
    kernel: Floats | Singles,
    scores: Floats,
    penalties: Sequence[float],
    repeated: Sequence[Ints],
) -> Iterator[_Solution]:
    """Solve for each penalty, from one decomposition of the kernel (m, m)."""
    decomposition = _Decomposition(*np.linalg.eigh(np.asarray(kernel, np.float64)), scores)
    for penalty in penalties:
        yield decomposition.solve(penalty, repeated)


def _single_solutions(
    kernel: Floats | Singles,
    scores: Floats,
    penalties: Sequence[float],
    repeated: Sequence[Ints],
) -> Iterator[_Solution]:
    """Compute `_exact_solutions` in single precision, as long as that will do.

    A random combination of the rows tells how precise a solution is, see `precision.is_precise`.
    """
    # It takes a while to import.
    from scipy.linalg import eigh

    # This driver takes half the time in single precision; numpy's does not.
    found = eigh(kernel.astype(np.float32), overwrite_a=True, check_finite=False, driver="evd")
    single = _Decomposition(*found, scores.astype(np.float32))
    signs = random_signs(len(kernel))
    combined = kernel @ signs
    exact = None
    for penalty in penalties:
        if single.is_right(penalty, signs, combined):
            coefficients, diagonal, blocks = single.solve(penalty, repeated)
            wide = [block.astype(np.float64) for block in blocks]
            yield coefficients.astype(np.float64), diagonal.astype(np.float64), wide
        else:
            exact = exact or _Decomposition(*np.linalg.eigh(kernel.astype(np.float64)), scores)
            yield exact.solve(penalty, repeated)

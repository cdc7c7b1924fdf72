"""Which training perturbations a prediction leans on, by the network's kernel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints
from echoes.models.similarity import mean_kernel

#: Number of rows without a fold whose weights are computed together.
_ROWS = 1024


def leaning_weights(
    kernels: Floats, known: Bools, fold: Ints, training: Bools, penalty: float
) -> Iterator[tuple[Ints, Floats]]:
    """Weights of kernel ridge regression: a predicted residual is their sum over responses.

    The kernel is centred once, on all training perturbations, so that one inverse G = (K + λI)⁻¹
    serves all folds: of the rows F of a fold and the other rows T, the inverse of a block matrix
    gives K_FT (K_TT + λI)⁻¹ = −G_FF⁻¹ G_FT.

    Parameters
    ----------
    kernels, known
        (k, n + v, n + v) and (n + v,), as in `kernels.Kernels`; v perturbations to predict.
    fold
        (n,) number of the fit that predicts each perturbation; rows of the same number are held
        out together. Negative where a perturbation is not predicted.
    training
        (n,) whether others are predicted from it.
    penalty
        Ridge penalty λ, in units of the kernel's mean diagonal.

    Yields
    ------
    rows, weights
        (r,) some of the n + v rows, and (r, n) weights of the n perturbations in the prediction of
        each; 0 for those that are held out with it. A gene that the network does not know has a row
        of zeros. All rows that have weights are given, once.
    """
    n, count = len(fold), len(known)
    rows = np.flatnonzero(training)
    if not len(rows):
        return
    m = len(rows)
    order = np.concatenate([rows, np.setdiff1d(np.arange(count), rows)])
    if not np.array_equal(order, np.arange(count)):
        kernels = kernels[:, order[:, None], order]
    kernel = mean_kernel(kernels, m, known[order])
    # Each of these is as large as the screen has perturbations squared.
    del kernels
    across = kernel[m:, :m].copy()
    inverse = _inverse(kernel[:m, :m] if m < count else kernel, penalty)
    del kernel
    for first in range(0, count - m, _ROWS):
        some = order[m:][first : first + _ROWS]
        weights = np.zeros((len(some), n))
        weights[:, rows] = across[first : first + _ROWS] @ inverse
        yield some, weights
    fold_of = fold[rows]
    for number in np.unique(fold_of[fold_of >= 0]):
        out = fold_of == number
        weights = np.zeros((int(out.sum()), n))
        weights[:, rows[~out]] = -np.linalg.solve(
            inverse[np.ix_(out, out)], inverse[np.ix_(out, ~out)]
        )
        yield rows[out], weights


def _inverse(kernel: Floats, penalty: float) -> Floats:
    """Inverse of K + λI, in the place of a symmetric K that is the whole of its array."""
    from scipy.linalg import lapack

    m = len(kernel)
    kernel = kernel if kernel.flags.c_contiguous else kernel.copy()
    kernel[np.diag_indices(m)] += penalty
    saved = kernel.diagonal().copy()
    # A symmetric matrix is its own transpose, which is laid out as LAPACK has it. What it leaves of
    # the matrix is the other half, from which it could be had again.
    factor, failed = lapack.dpotrf(kernel.T, lower=1, clean=0, overwrite_a=1)
    if failed:
        # A kernel that rounding leaves with negative eigenvalues beyond the penalty.
        lower = np.tril(kernel, -1)
        return np.asarray(np.linalg.inv(lower + lower.T + np.diag(saved)), dtype=np.float64)
    inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
    found: Floats = inverse.T
    for row in range(m):
        found[row + 1 :, row] = found[row, row + 1 :]
    return found

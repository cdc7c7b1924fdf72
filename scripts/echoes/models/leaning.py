"""Which training perturbations a prediction leans on, by the network's kernel."""

from __future__ import annotations

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints
from echoes.models.similarity import mean_kernel


def leaning_weights(
    kernels: Floats, known: Bools, fold: Ints, training: Bools, penalty: float
) -> Floats:
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

    Returns
    -------
    array
        (n + v, n) weights of the n perturbations in the prediction of each row; 0 for those that
        are held out with it. A gene that the network does not know has a row of zeros.
    """
    n = len(fold)
    weights = np.zeros((len(known), n))
    rows = np.flatnonzero(training)
    if not len(rows):
        return weights
    order = np.concatenate([rows, np.setdiff1d(np.arange(len(known)), rows)])
    m = len(rows)
    kernel = mean_kernel(kernels[:, order[:, None], order], m, known[order])
    inverse = np.linalg.inv(kernel[:m, :m] + penalty * np.eye(m))
    weights[order[m:, None], rows] = kernel[m:, :m] @ inverse
    fold_of = fold[rows]
    for number in np.unique(fold_of[fold_of >= 0]):
        out = fold_of == number
        block = -np.linalg.solve(inverse[np.ix_(out, out)], inverse[np.ix_(out, ~out)])
        weights[rows[out, None], rows] = 0.0
        weights[rows[out, None], rows[~out]] = block
    return weights

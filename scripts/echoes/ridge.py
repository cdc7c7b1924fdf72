"""Ridge regression of many outputs, its penalty chosen by inner cross-validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from echoes.linear import LinearFit, relative_gap

Array = npt.NDArray[np.float64]


def fit_ridge_scikit_learn(
    X: Array, Y: Array, penalties: Sequence[float], inner_folds: int
) -> LinearFit:
    """Fit min ‖Y − XB − b‖² + λ‖B‖² with scikit-learn's ``RidgeCV``.

    Parameters
    ----------
    X, Y
        (m, F) features and (m, T) targets.
    penalties
        Values of λ to choose from, by the mean over contiguous inner folds of R²
        averaged evenly over targets; the first best wins.
    inner_folds
        Number of inner folds.
    """
    from sklearn.linear_model import RidgeCV

    model = RidgeCV(alphas=list(penalties), cv=inner_folds).fit(X, Y)
    # Of a single target scikit-learn gives a vector.
    coefficients = model.coef_.reshape(Y.shape[1], X.shape[1]).T
    penalty = float(model.alpha_)
    gap = relative_gap(
        X - X.mean(axis=0),
        Y - Y.mean(axis=0),
        coefficients,
        group_penalty=0.0,
        squared_penalty=penalty,
    )
    return LinearFit(coefficients, np.asarray(model.intercept_), penalty, gap)

"""Multi-task elastic net, its penalty chosen by inner cross-validation."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from echoes.linear import LinearFit, relative_gap

Array = npt.NDArray[np.float64]


def fit_elastic_net_scikit_learn(
    X: Array,
    Y: Array,
    penalties: Sequence[float],
    inner_folds: int,
    *,
    l1_ratio: float = 0.5,
    max_iter: int = 1000,
    tolerance: float = 1e-4,
) -> LinearFit:
    """Fit the multi-task elastic net with scikit-learn's ``MultiTaskElasticNetCV``.

    The objective is, with m rows, penalty λ and mixing ρ,
    1/(2m)·‖Y − XB − b‖² + λρ·Σ_j‖B_j‖₂ + λ(1 − ρ)/2·‖B‖².

    Parameters
    ----------
    X, Y
        (m, F) features and (m, T) targets.
    penalties
        Values of λ to choose from, by the mean squared error over contiguous inner folds.
    inner_folds
        Number of inner folds.
    l1_ratio
        ρ, more than 0 and less than 1.
    max_iter
        Most passes of coordinate descent over all features.
    tolerance
        Where coordinate descent stops, as scikit-learn defines it.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import MultiTaskElasticNetCV

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = MultiTaskElasticNetCV(
            l1_ratio=l1_ratio,
            alphas=list(penalties),
            cv=inner_folds,
            max_iter=max_iter,
            tol=tolerance,
        ).fit(X, Y)
    coefficients, penalty, rows = model.coef_.T, float(model.alpha_), len(X)
    gap = relative_gap(
        X - X.mean(axis=0),
        Y - Y.mean(axis=0),
        coefficients,
        group_penalty=rows * penalty * l1_ratio,
        squared_penalty=rows * penalty * (1 - l1_ratio),
    )
    return LinearFit(
        coefficients,
        np.asarray(model.intercept_),
        penalty,
        gap,
        unconverged=sum(issubclass(w.category, ConvergenceWarning) for w in caught),
        messages=tuple(dict.fromkeys(str(w.message) for w in caught)),
    )

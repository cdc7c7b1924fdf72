"""The multi-task elastic net with scikit-learn, to check the exact one."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from echoes.io.arrays import Floats
from echoes.models.linear import LinearFit, relative_gap


def fit_elastic_net_scikit_learn(
    X: Floats,
    Y: Floats,
    penalties: Sequence[float],
    inner_folds: int,
    *,
    l1_ratio: float,
    max_iter: int,
    tolerance: float,
) -> LinearFit:
    """Fit the multi-task elastic net with scikit-learn's ``MultiTaskElasticNetCV``.

    The objective is, with m rows, penalty λ and mixing ρ,
    1/(2m)·‖Y − XB − b‖² + λρ·Σ_j‖B_j‖₂ + λ(1 − ρ)/2·‖B‖².

    Parameters
    ----------
    X, Y, penalties, inner_folds, l1_ratio
        As in `fit_elastic_net`.
    max_iter
        Largest number of passes of coordinate descent over all features.
    tolerance
        Tolerance at which coordinate descent stops, as scikit-learn defines it.
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

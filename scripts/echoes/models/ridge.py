"""Ridge regression of many outputs, its penalty chosen by inner cross-validation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from echoes.io.arrays import Floats
from echoes.io.errors import NotConvergedError
from echoes.models.linear import LinearFit, contiguous_folds, relative_gap


def _solve(
    kernel: Floats, Y: Floats, penalties: Sequence[float], tolerance: float
) -> Iterator[tuple[Floats, float]]:
    """Solve (K + λI)·A = Y for each penalty, from one decomposition of K, with its relative gap.

    The gap is that of ½‖Y − KA‖² + λ/2·⟨A, KA⟩, the ridge objective at B = XᵀA, and of its
    dual ⟨Θ, Y⟩ − ½‖Θ‖² − ⟨Θ, KΘ⟩ / (2λ) at Θ = λA; it is ½‖Y − KA − λA‖².
    """
    values, vectors = np.linalg.eigh(kernel)
    rotated = vectors.T @ Y
    for penalty in penalties:
        dual = vectors @ (rotated / (np.maximum(values, 0) + penalty)[:, None])
        fitted = kernel @ dual
        residual = Y - fitted
        primal = 0.5 * np.vdot(residual, residual) + penalty / 2 * np.vdot(dual, fitted)
        off = residual - penalty * dual
        gap = float(0.5 * np.vdot(off, off) / primal) if primal != 0 else 0.0
        if not gap <= tolerance:
            raise NotConvergedError(
                f"penalty {penalty:g}: relative duality gap {gap:.3g}; the tolerance is "
                f"{tolerance:.3g}"
            )
        yield dual, gap


def _r2(truth: Floats, prediction: Floats) -> float:
    """R², averaged over columns; a constant column has 1 if it is predicted exactly, else 0."""
    error = np.sum((truth - prediction) ** 2, axis=0)
    spread = np.sum((truth - truth.mean(axis=0)) ** 2, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = np.where(spread > 0, 1 - error / spread, np.where(error > 0, 0.0, 1.0))
    return float(r2.mean())


def fit_ridge(
    X: Floats,
    Y: Floats,
    penalties: Sequence[float],
    inner_folds: int,
    *,
    tolerance: float,
) -> LinearFit:
    """Fit min ‖Y − XB − b‖² + λ‖B‖² in its dual, all penalties from one decomposition.

    With the centred kernel K = X·Xᵀ the solution is B = Xᵀ·A with (K + λI)·A = Y: an
    m × m system instead of one as large as the number of features.

    Parameters
    ----------
    X, Y
        (m, F) features and (m, T) targets.
    penalties
        Values of λ to choose from, by the mean over contiguous inner folds of R²
        averaged over targets; of equally good ones the first is chosen.
    inner_folds
        Number of inner folds.
    tolerance
        Relative duality gap that every fit must reach, inner ones included.

    Raises
    ------
    NotConvergedError
        When the gap of a fit is above the tolerance, because the penalty is small compared with
        rounding errors of the kernel; the message names penalty and gap.
    """
    x_mean, y_mean = X.mean(axis=0), Y.mean(axis=0)
    X = X - x_mean
    kernel = X @ X.T
    scores = np.zeros((inner_folds, len(penalties)))
    gaps = []
    for i, (held_out, kept) in enumerate(contiguous_folds(len(X), inner_folds)):
        # Centring the features on the kept rows subtracts row and column means from the kernel.
        within, across = kernel[np.ix_(kept, kept)], kernel[held_out, kept]
        column, mean = within.mean(axis=0), Y[kept].mean(axis=0)
        across = across - across.mean(axis=1, keepdims=True) - column + column.mean()
        within = within - column - column[:, None] + column.mean()
        for j, (dual, gap) in enumerate(_solve(within, Y[kept] - mean, penalties, tolerance)):
            scores[i, j] = _r2(Y[held_out], across @ dual + mean)
            gaps.append(gap)
    best = int(np.argmax(scores.mean(axis=0)))
    ((dual, gap),) = _solve(kernel, Y - y_mean, [penalties[best]], tolerance)
    B = X.T @ dual
    return LinearFit(B, y_mean - x_mean @ B, float(penalties[best]), gap, inner_gap=max(gaps))


def fit_ridge_scikit_learn(
    X: Floats, Y: Floats, penalties: Sequence[float], inner_folds: int
) -> LinearFit:
    """Fit min ‖Y − XB − b‖² + λ‖B‖² with scikit-learn's ``RidgeCV``.

    Parameters
    ----------
    X, Y, penalties, inner_folds
        As in `fit_ridge`.
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

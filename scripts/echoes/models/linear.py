"""Common parts of the linear models: scaled features, fitted model, inner folds, duality gap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Floats, Ints
from echoes.io.errors import InputError


@dataclass(frozen=True)
class LinearFit:
    """A fitted linear model Y ≈ X·B + b with T outputs, and its distance from the optimum.

    Parameters
    ----------
    coefficients
        B, (F, T).
    intercept
        b, (T,).
    penalty
        The penalty that the inner cross-validation chose.
    gap
        Relative duality gap of the fit: the optimum is below its objective by at most
        this share of it.
    inner_gap
        The largest gap of the fits of the inner cross-validation; NaN where the solver does not
        compute it.
    unconverged
        Number of fits, inner fits included, that stopped before the solver converged.
    messages
        The solver's warnings, each message once.
    """

    coefficients: Floats
    intercept: Floats
    penalty: float
    gap: float
    inner_gap: float = float("nan")
    unconverged: int = 0
    messages: tuple[str, ...] = ()

    def predict(self, rows: Floats) -> Floats:
        """Predict targets (·, T) from features (·, F)."""
        prediction: Floats = rows @ self.coefficients + self.intercept
        return prediction


def standardise(train: Floats, *others: Floats) -> list[Floats]:
    """Centre and scale columns by the mean and standard deviation of the training rows.

    Columns that are constant over the training rows are dropped: a penalised
    linear model gives them no weight.

    Parameters
    ----------
    train
        (m, F) training rows.
    others
        Further rows (·, F), which do not enter the mean and the standard deviation.

    Returns
    -------
    list of arrays
        `train` and the others with F′ ≤ F columns.

    Raises
    ------
    InputError
        When no column varies.
    """
    m, eps = len(train), np.finfo(np.float64).eps
    mean, variance = train.mean(axis=0), train.var(axis=0)
    # In a constant column, rounding may leave a small variance.
    varies = variance > m * eps * variance + (m * mean * eps) ** 2
    if not varies.any():
        raise InputError(
            "features",
            "",
            f"none of {train.shape[1]} columns varies over {m} training perturbations",
            expected="diffusions that differ between perturbations",
            remedy="Check that the silenced genes are in the network.",
        )
    mean, deviation = mean[varies], np.sqrt(variance[varies])
    return [(rows[:, varies] - mean) / deviation for rows in (train, *others)]


def check_folds(rows: int, folds: int) -> None:
    """Check that inner folds have enough rows each.

    Raises
    ------
    InputError
        When an inner fold would have less than two rows.
    """
    # An inner fold's score needs two held-out rows to vary, and its fit two to learn from.
    if rows < 2 * folds:
        raise InputError(
            "configuration",
            "regression: inner_folds",
            f"{folds} for {rows} training perturbations",
            expected="at least two perturbations an inner fold",
            remedy="Lower it, or add perturbations.",
        )


def contiguous_folds(rows: int, folds: int) -> Iterator[tuple[slice, Ints]]:
    """Cut rows into contiguous folds; where they do not divide evenly, the first have a row more.

    Yields
    ------
    held_out, kept
        The rows of a fold, and the positions of all others.
    """
    ends = np.cumsum([rows // folds + (i < rows % folds) for i in range(folds)])
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        yield slice(int(start), int(end)), np.delete(np.arange(rows), slice(start, end))


def relative_gap(
    X: Floats, Y: Floats, B: Floats, *, group_penalty: float, squared_penalty: float
) -> float:
    """Relative duality gap of min ½‖Y − XB‖² + l₁·Σ_j‖B_j‖₂ + l₂/2·‖B‖².

    The dual is evaluated at the residual Θ = Y − XB:
    ⟨Θ, Y⟩ − ½‖Θ‖² − Σ_j (‖X_jᵀΘ‖ − l₁)₊² / (2·l₂).

    Parameters
    ----------
    X, Y, B
        (m, F) and (m, T), both centred, and (F, T).
    group_penalty, squared_penalty
        l₁ ≥ 0 and l₂ > 0.

    Returns
    -------
    float
        (primal − dual) / primal, at least 0 up to rounding; 0 for a primal of 0.
    """
    residual = Y - X @ B
    loss = 0.5 * np.sum(residual**2)
    norms = np.sqrt(np.sum(B**2, axis=1))
    primal = loss + group_penalty * norms.sum() + squared_penalty / 2 * np.sum(norms**2)
    excess = np.sqrt(np.sum((X.T @ residual) ** 2, axis=1)) - group_penalty
    dual = np.sum(residual * Y) - loss - np.sum(np.maximum(excess, 0) ** 2) / (2 * squared_penalty)
    return float((primal - dual) / primal) if primal != 0 else 0.0

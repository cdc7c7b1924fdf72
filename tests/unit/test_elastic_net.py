"""The multi-task elastic net against scikit-learn, and against a proximal gradient method."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import MultiTaskElasticNetCV

from echoes.elastic_net import fit_elastic_net_scikit_learn as fit
from echoes.linear import contiguous_folds

Array = npt.NDArray[np.float64]

PENALTIES = (0.01, 0.1, 0.3, 1.0, 100.0)
# Driven to convergence.
TIGHT: dict[str, Any] = {"max_iter": 200_000, "tolerance": 1e-12}


def problem(seed: int, m: int = 14, features: int = 20, t: int = 3) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    X = random.normal(size=(m, features))
    signal = X[:, :3] @ random.normal(size=(3, t))
    return X, signal + 0.5 * random.normal(size=(m, t)) + 5


def objective(X: Array, Y: Array, B: Array, b: Array, penalty: float, l1_ratio: float) -> float:
    """Evaluate the objective as it stands in the docstring."""
    loss = np.sum((Y - X @ B - b) ** 2) / (2 * len(X))
    groups = sum(float(np.linalg.norm(row)) for row in B)
    return float(
        loss
        + penalty * l1_ratio * groups
        + penalty * (1 - l1_ratio) / 2 * np.linalg.norm(B, "fro") ** 2
    )


def proximal_gradient(X: Array, Y: Array, penalty: float, l1_ratio: float) -> tuple[Array, Array]:
    """Minimise the objective by proximal gradient steps with momentum and restarts."""
    m = len(X)
    mean, target = X.mean(axis=0), Y.mean(axis=0)
    A, C = X - mean, Y - target
    step = 1 / (np.linalg.norm(A, 2) ** 2 / m + penalty * (1 - l1_ratio))
    B = Z = np.zeros((X.shape[1], Y.shape[1]))
    momentum = 1.0
    for _ in range(20_000):
        gradient = A.T @ (A @ Z - C) / m + penalty * (1 - l1_ratio) * Z
        V = Z - step * gradient
        norms = np.linalg.norm(V, axis=1, keepdims=True)
        new = V * np.maximum(0, 1 - step * penalty * l1_ratio / np.maximum(norms, 1e-300))
        if np.sum((Z - new) * (new - B)) > 0:
            momentum = 1.0
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        Z = new + (momentum - 1) / following * (new - B)
        change = np.abs(new - B).max()
        B, momentum = new, following
        if change < 1e-14:
            break
    return B, target - mean @ B


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("l1_ratio", [0.2, 0.5, 0.9])
def test_equals_scikit_learn_called_directly(seed: int, l1_ratio: float) -> None:
    X, Y = problem(seed)
    ours = fit(X, Y, PENALTIES, 3, l1_ratio=l1_ratio, max_iter=5000, tolerance=1e-6)
    theirs = MultiTaskElasticNetCV(
        l1_ratio=l1_ratio, alphas=PENALTIES, cv=3, max_iter=5000, tol=1e-6
    ).fit(X, Y)
    np.testing.assert_array_equal(ours.coefficients, theirs.coef_.T)
    np.testing.assert_array_equal(ours.intercept, theirs.intercept_)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.penalty == theirs.alpha_
    assert ours.unconverged == 0
    assert ours.messages == ()


@pytest.mark.parametrize("penalty", [0.1, 0.3, 1.0])
@pytest.mark.parametrize("l1_ratio", [0.2, 0.5, 0.9])
def test_minimises_the_stated_objective(penalty: float, l1_ratio: float) -> None:
    X, Y = problem(5)
    ours = fit(X, Y, [penalty], 3, l1_ratio=l1_ratio, **TIGHT)
    B, b = proximal_gradient(X, Y, penalty, l1_ratio)
    np.testing.assert_allclose(ours.coefficients, B, atol=1e-6)
    np.testing.assert_allclose(ours.intercept, b, atol=1e-6)
    # Some features are in and some are out, and the same ones.
    inside = B.any(axis=1)
    assert 0 < np.count_nonzero(inside) < 20
    np.testing.assert_array_equal(ours.coefficients.any(axis=1), inside)
    assert objective(X, Y, ours.coefficients, ours.intercept, penalty, l1_ratio) == pytest.approx(
        objective(X, Y, B, b, penalty, l1_ratio), rel=1e-12
    )
    assert abs(ours.gap) < 1e-10


@pytest.mark.parametrize("seed", range(4))
def test_penalty_is_the_one_of_least_squared_error(seed: int) -> None:
    X, Y = problem(seed)
    penalties = (0.03, 0.3, 3.0)
    errors = []
    for penalty in penalties:
        by_fold = []
        for held_out, kept in contiguous_folds(len(X), 3):
            B, b = proximal_gradient(X[kept], Y[kept], penalty, 0.5)
            by_fold.append(np.mean((Y[held_out] - X[held_out] @ B - b) ** 2))
        # Folds of 5, 5 and 4 rows: weighing them evenly or by rows must not matter here.
        errors.append((np.mean(by_fold), np.average(by_fold, weights=[5, 5, 4])))
    best = np.argmin(errors, axis=0)
    assert best[0] == best[1]
    assert fit(X, Y, penalties, 3, **TIGHT).penalty == penalties[best[0]]


def test_large_penalty_predicts_the_mean() -> None:
    X, Y = problem(1)
    ours = fit(X, Y, [1e4], 3)
    np.testing.assert_array_equal(ours.coefficients, 0)
    np.testing.assert_allclose(ours.predict(X[:2]), [Y.mean(axis=0)] * 2)
    assert abs(ours.gap) < 1e-14


def test_gap_tells_a_loose_fit_from_a_tight_one() -> None:
    X, Y = problem(2)
    loose = fit(X, Y, [0.1], 3, max_iter=10_000, tolerance=1e-1)
    tight = fit(X, Y, [0.1], 3, **TIGHT)
    B, b = loose.coefficients, loose.intercept
    excess = objective(X, Y, B, b, 0.1, 0.5) - objective(
        X, Y, tight.coefficients, tight.intercept, 0.1, 0.5
    )
    assert loose.gap >= excess / objective(X, Y, B, b, 0.1, 0.5) > 1e-9
    assert tight.gap < 1e-10


def test_unconverged_fits_are_counted_and_their_warnings_kept() -> None:
    X, Y = problem(3)
    # A warning that escaped would be an error here.
    ours = fit(X, Y, PENALTIES, 3, max_iter=1, tolerance=1e-9)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        MultiTaskElasticNetCV(l1_ratio=0.5, alphas=PENALTIES, cv=3, max_iter=1, tol=1e-9).fit(X, Y)
    assert {w.category for w in caught} == {ConvergenceWarning}
    assert ours.unconverged == len(caught) > 3
    assert set(ours.messages) == {str(w.message) for w in caught}
    assert len(ours.messages) == len(set(ours.messages))
    assert ours.gap > 1e-3


@pytest.mark.parametrize(("category", "counted"), [(FutureWarning, 0), (ConvergenceWarning, 2)])
def test_equal_warnings_are_kept_once_and_counted_by_their_kind(
    category: type[Warning], counted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, Y = problem(4)
    original = MultiTaskElasticNetCV.fit

    def noisy(self: MultiTaskElasticNetCV, *data: Array) -> MultiTaskElasticNetCV:
        for _ in range(2):
            warnings.warn("this is new", category, stacklevel=1)
        return original(self, *data)

    monkeypatch.setattr(MultiTaskElasticNetCV, "fit", noisy)
    ours = fit(X, Y, [1.0], 3)
    assert ours.unconverged == counted
    assert ours.messages == ("this is new",)


def test_one_target() -> None:
    X, Y = problem(0, t=1)
    ours = fit(X, Y, [0.1], 3, **TIGHT)
    B, b = proximal_gradient(X, Y, 0.1, 0.5)
    assert ours.coefficients.shape == (20, 1)
    assert ours.intercept.shape == (1,)
    np.testing.assert_allclose(ours.predict(X), X @ B + b, atol=1e-6)

"""Ridge regression with a chosen penalty, against scikit-learn called directly and by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import RidgeCV

from echoes.linear import contiguous_folds
from echoes.ridge import fit_ridge_scikit_learn

Array = npt.NDArray[np.float64]

PENALTIES = (0.01, 0.1, 1.0, 100.0)


def problem(seed: int, m: int = 14, features: int = 25, t: int = 3) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    X = random.normal(size=(m, features))
    signal = X[:, :3] @ random.normal(size=(3, t))
    return X, signal + random.normal(size=(m, t)) + 5


def closed_form(X: Array, Y: Array, penalty: float) -> tuple[Array, Array]:
    mean, target = X.mean(axis=0), Y.mean(axis=0)
    centred = X - mean
    gram = centred.T @ centred + penalty * np.eye(X.shape[1])
    B = np.linalg.solve(gram, centred.T @ (Y - target))
    return B, target - mean @ B


def best_penalty(X: Array, Y: Array, penalties: Sequence[float], folds: int) -> float:
    """Choose by R², averaged over targets and then over folds."""
    scores = []
    for penalty in penalties:
        by_fold = []
        for held_out, kept in contiguous_folds(len(X), folds):
            B, b = closed_form(X[kept], Y[kept], penalty)
            truth = Y[held_out]
            lost = np.sum((truth - X[held_out] @ B - b) ** 2, axis=0)
            by_fold.append(np.mean(1 - lost / np.sum((truth - truth.mean(axis=0)) ** 2, axis=0)))
        scores.append(np.mean(by_fold))
    return penalties[int(np.argmax(scores))]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("folds", [2, 3])
def test_equals_scikit_learn_called_directly(seed: int, folds: int) -> None:
    X, Y = problem(seed)
    ours = fit_ridge_scikit_learn(X, Y, PENALTIES, folds)
    theirs = RidgeCV(alphas=PENALTIES, cv=folds).fit(X, Y)
    np.testing.assert_array_equal(ours.coefficients, theirs.coef_.T)
    np.testing.assert_array_equal(ours.intercept, theirs.intercept_)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.penalty == theirs.alpha_
    assert ours.unconverged == 0
    assert ours.messages == ()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("folds", [2, 3])
def test_equals_the_definition(seed: int, folds: int) -> None:
    penalties = (0.1, 1.0, 3.0, 10.0, 30.0, 1000.0)
    X, Y = problem(seed)
    ours = fit_ridge_scikit_learn(X, Y, penalties, folds)
    assert ours.penalty == best_penalty(X, Y, penalties, folds)
    B, b = closed_form(X, Y, ours.penalty)
    np.testing.assert_allclose(ours.coefficients, B, atol=1e-10)
    np.testing.assert_allclose(ours.intercept, b, atol=1e-10)
    assert abs(ours.gap) < 1e-9


def test_choice_depends_on_the_data() -> None:
    # So that the tests above do not compare one constant with another.
    penalties = (0.1, 1.0, 3.0, 10.0, 30.0, 1000.0)
    chosen = {best_penalty(*problem(seed), penalties, 3) for seed in range(6)}
    assert len(chosen) > 1


@pytest.mark.parametrize("penalties", [(1.0, 1e-3), (1e-3, 1.0)])
def test_first_best_penalty_wins(penalties: tuple[float, ...]) -> None:
    # Nothing that varies is left to learn from: every penalty predicts the mean.
    Y = np.random.default_rng(0).normal(size=(9, 2))
    ours = fit_ridge_scikit_learn(np.zeros((9, 4)), Y, penalties, 3)
    assert ours.penalty == penalties[0]
    np.testing.assert_allclose(ours.predict(np.ones((1, 4))), [Y.mean(axis=0)])


def test_one_target() -> None:
    X, Y = problem(0, t=1)
    ours = fit_ridge_scikit_learn(X, Y, PENALTIES, 3)
    assert ours.coefficients.shape == (25, 1)
    assert ours.intercept.shape == (1,)
    B, b = closed_form(X, Y, ours.penalty)
    np.testing.assert_allclose(ours.predict(X), X @ B + b, atol=1e-10)

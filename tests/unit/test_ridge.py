"""Ridge regression with a chosen penalty, against scikit-learn called directly and by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import RidgeCV

from echoes.io.errors import NotConvergedError
from echoes.models import ridge
from echoes.models.linear import LinearFit, contiguous_folds, relative_gap
from echoes.models.ridge import fit_ridge_scikit_learn

Array = npt.NDArray[np.float64]

PENALTIES = (0.01, 0.1, 1.0, 100.0)
Solver = Callable[[Array, Array, Sequence[float], int], LinearFit]
fit_ridge = partial(ridge.fit_ridge, tolerance=1e-8)
both = pytest.mark.parametrize("fit", [fit_ridge, fit_ridge_scikit_learn])


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


@both
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("folds", [2, 3])
def test_equals_the_definition(fit: Solver, seed: int, folds: int) -> None:
    penalties = (0.1, 1.0, 3.0, 10.0, 30.0, 1000.0)
    X, Y = problem(seed)
    ours = fit(X, Y, penalties, folds)
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


@both
@pytest.mark.parametrize("penalties", [(1.0, 1e-3), (1e-3, 1.0)])
def test_first_best_penalty_wins(fit: Solver, penalties: tuple[float, ...]) -> None:
    # Nothing that varies is left to learn from: every penalty predicts the mean.
    Y = np.random.default_rng(0).normal(size=(9, 2))
    ours = fit(np.zeros((9, 4)), Y, penalties, 3)
    assert ours.penalty == penalties[0]
    np.testing.assert_allclose(ours.predict(np.ones((1, 4))), [Y.mean(axis=0)])


@both
def test_one_target(fit: Solver) -> None:
    X, Y = problem(0, t=1)
    ours = fit(X, Y, PENALTIES, 3)
    assert ours.coefficients.shape == (25, 1)
    assert ours.intercept.shape == (1,)
    B, b = closed_form(X, Y, ours.penalty)
    np.testing.assert_allclose(ours.predict(X), X @ B + b, atol=1e-10)


SHAPES = [
    *((14, 25, 3), (30, 5, 4), (13, 60, 1), (40, 3, 1), (9, 4, 20), (7, 9, 8)),
    *((12, 1, 3), (20, 20, 2), (6, 30, 5), (50, 49, 3)),
]


def assert_same_as_scikit_learn(
    X: Array, Y: Array, penalties: Sequence[float], folds: int = 3, tolerance: float = 1e-9
) -> LinearFit:
    ours = fit_ridge(X, Y, penalties, folds)
    theirs = RidgeCV(alphas=penalties, cv=folds).fit(X, Y)
    assert ours.penalty == theirs.alpha_
    rows = np.vstack([X, X[::-1] + X.std(axis=0)])
    expected = theirs.predict(rows).reshape(len(rows), -1)
    difference = np.abs(ours.predict(rows) - expected).max()
    assert difference <= tolerance * np.abs(expected).max()
    for gap in (ours.gap, ours.inner_gap):
        assert -1e-12 <= gap <= 1e-8
    assert ours.unconverged == 0
    assert ours.messages == ()
    return ours


@pytest.mark.parametrize(("m", "features", "t"), SHAPES)
@pytest.mark.parametrize("folds", [2, 3])
def test_exact_equals_scikit_learn(m: int, features: int, t: int, folds: int) -> None:
    random = np.random.default_rng(m)
    chosen = set()
    for noise in (0.01, 1.0, 10.0):
        X = random.normal(size=(m, features)) + 3
        Y = X @ random.normal(size=(features, t)) + noise * random.normal(size=(m, t)) - 5
        penalties = (1e-4, 0.1, 1.0, 10.0, 1e3, 1e5)
        chosen.add(assert_same_as_scikit_learn(X, Y, penalties, folds).penalty)
    assert len(chosen) > 1


@pytest.mark.parametrize("constant", [0.0, 0.5, 0.1, 1 / 3])
@pytest.mark.parametrize("fold", range(3))
def test_target_that_is_constant_in_an_inner_fold(constant: float, fold: int) -> None:
    # Its R² there is 0, as scikit-learn has it, whatever is predicted.
    for seed in range(5):
        X, Y = problem(seed, m=12)
        Y[4 * fold : 4 * fold + 4, 1] = constant
        penalties = (0.1, 1.0, 3.0, 10.0, 30.0, 1000.0)
        assert_same_as_scikit_learn(X, Y, penalties)


def test_target_that_is_constant() -> None:
    X, Y = problem(0)
    Y[:, 2] = 0.5
    ours = assert_same_as_scikit_learn(X, Y, PENALTIES)
    np.testing.assert_array_equal(ours.coefficients[:, 2], 0)
    assert ours.intercept[2] == 0.5
    for target in (0.0, 4.0):
        ours = fit_ridge(X, np.full((14, 3), target), (3.0, 1.0), 3)
        np.testing.assert_array_equal(ours.predict(X), target)
        # Every penalty meets it.
        assert (ours.penalty, ours.gap, ours.inner_gap) == (3.0, 0.0, 0.0)


def test_penalties_may_stand_in_any_order() -> None:
    penalties = (0.1, 1.0, 3.0, 10.0, 30.0, 1000.0)
    for seed in range(4):
        X, Y = problem(seed)
        random = np.random.default_rng(seed)
        expected = fit_ridge(X, Y, penalties, 3)
        for _ in range(5):
            ours = assert_same_as_scikit_learn(X, Y, random.permutation(penalties).tolist())
            assert ours.penalty == expected.penalty
            np.testing.assert_array_equal(ours.coefficients, expected.coefficients)


@pytest.mark.parametrize("decades", [1, 2, 3])
@pytest.mark.parametrize("penalty", [1e-2, 1.0, 1e3])
def test_features_of_very_different_scale(decades: int, penalty: float) -> None:
    random = np.random.default_rng(decades)
    X = random.normal(size=(20, 50)) * 10.0 ** random.uniform(-decades, decades, 50)
    assert_same_as_scikit_learn(X, random.normal(size=(20, 4)), [penalty])


@pytest.mark.parametrize("scale", [1e-100, 1e-20, 1e20, 1e100])
def test_scale_of_the_targets_is_no_matter(scale: float) -> None:
    X, Y = problem(3)
    expected = fit_ridge(X, Y, PENALTIES, 3)
    ours = fit_ridge(X, scale * Y, PENALTIES, 3)
    assert ours.penalty == expected.penalty
    np.testing.assert_allclose(ours.coefficients / scale, expected.coefficients, rtol=1e-9)


def test_duplicated_and_constant_features() -> None:
    X, Y = problem(4)
    X = np.hstack([X, X, np.full((14, 3), 7.0)])
    ours = assert_same_as_scikit_learn(X, Y, PENALTIES)
    np.testing.assert_allclose(ours.coefficients[:25], ours.coefficients[25:50], atol=1e-12)
    np.testing.assert_allclose(ours.coefficients[50:], 0, atol=1e-12)


def test_gap_is_that_of_the_whole_problem() -> None:
    X, Y = problem(5)
    ours = fit_ridge(X, Y, PENALTIES, 3)
    A, C = X - X.mean(axis=0), Y - Y.mean(axis=0)
    gap = relative_gap(A, C, ours.coefficients, group_penalty=0, squared_penalty=ours.penalty)
    assert gap == pytest.approx(ours.gap, abs=1e-12)


@pytest.mark.parametrize(("penalty", "solved"), [(1e-6, True), (1e-14, False)])
def test_penalty_that_drowns_in_rounding(penalty: float, solved: bool) -> None:
    # More rows than features: the kernel is singular but for the penalty.
    X, Y = problem(6, m=60, features=5)
    if solved:
        assert_same_as_scikit_learn(X, Y, [penalty], tolerance=1e-6)
    else:
        with pytest.raises(NotConvergedError, match=r"^penalty 1e-14: relative duality gap \d"):
            fit_ridge(X, Y, [1.0, penalty], 3)


def test_tolerance_that_is_missed() -> None:
    X, Y = problem(7)
    with pytest.raises(NotConvergedError, match=r"^penalty 0\.01: .* gap .* is 1e-60$"):
        fit_ridge(X, Y, PENALTIES, 3, tolerance=1e-60)

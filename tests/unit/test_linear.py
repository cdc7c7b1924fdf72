"""Scaling and inner folds against scikit-learn's, and the duality gap against known optima."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import MultiTaskElasticNet
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

from echoes.io.errors import InputError
from echoes.models.linear import LinearFit, contiguous_folds, relative_gap, standardise

Array = npt.NDArray[np.float64]


def problem(seed: int = 0, m: int = 12, features: int = 20, t: int = 3) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    X, Y = random.normal(size=(m, features)), random.normal(size=(m, t))
    return X - X.mean(axis=0), Y - Y.mean(axis=0)


def objective(X: Array, Y: Array, B: Array, l1: float, l2: float) -> float:
    groups = np.linalg.norm(B, axis=1).sum()
    return float(np.sum((Y - X @ B) ** 2) / 2 + l1 * groups + l2 / 2 * np.sum(B**2))


@pytest.mark.parametrize("folds", [2, 3, 4, 5, 7])
def test_folds_equal_those_of_scikit_learn(folds: int) -> None:
    for rows in range(folds, 32):
        ours = list(contiguous_folds(rows, folds))
        theirs = list(KFold(folds, shuffle=False).split(np.zeros((rows, 1))))
        assert len(ours) == len(theirs) == folds
        for (held_out, kept), (train, test) in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(np.arange(rows)[held_out], test)
            np.testing.assert_array_equal(kept, train)


def test_predict() -> None:
    fit = LinearFit(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, 20.0]), 1.0, 0.0)
    np.testing.assert_array_equal(fit.predict(np.array([[1.0, -1.0]])), [[8, 18]])
    assert fit.predict(np.zeros((0, 2))).shape == (0, 2)
    # Nobody has told the gaps of inner fits.
    assert np.isnan(fit.inner_gap)


def test_gap_by_hand_in_one_dimension() -> None:
    # X = 1 and Y = 5 in one row, l₁ = 1, l₂ = 3; the optimum is b = (5 − 1) / (1 + 3) = 1.
    X, Y = np.array([[1.0]]), np.array([[5.0]])

    def gap(b: float) -> float:
        return relative_gap(X, Y, np.array([[b]]), group_penalty=1, squared_penalty=3)

    assert gap(1.0) == pytest.approx(0, abs=1e-15)
    # b = 0: primal 25/2; Θ = 5: dual 25 − 25/2 − (5 − 1)²/6 = 12.5 − 8/3.
    assert gap(0.0) == pytest.approx((8 / 3) / 12.5)
    # b = 2: primal 9/2 + 2 + 6 = 12.5; Θ = 3: dual 15 − 9/2 − 2²/6 = 10.5 − 2/3.
    assert gap(2.0) == pytest.approx((2 + 2 / 3) / 12.5)
    # b = −1: primal 36/2 + 1 + 3/2 = 20.5; Θ = 6: dual 30 − 18 − 5²/6 = 12 − 25/6.
    assert gap(-1.0) == pytest.approx((8.5 + 25 / 6) / 20.5)


def test_gap_is_zero_where_the_penalty_keeps_everything_out() -> None:
    X, Y = problem()
    most = np.linalg.norm(X.T @ Y, axis=1).max()
    zero = np.zeros((20, 3))
    at, below = (
        relative_gap(X, Y, zero, group_penalty=share * most, squared_penalty=1.0)
        for share in (1.0, 0.9)
    )
    assert at == pytest.approx(0, abs=1e-15)
    assert below > 1e-4


def test_gap_of_nothing_to_explain() -> None:
    assert relative_gap(
        np.ones((2, 1)), np.zeros((2, 1)), np.zeros((1, 1)), group_penalty=1, squared_penalty=1
    ) == (0.0)


@pytest.mark.parametrize("penalty", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("features", [5, 40])
def test_gap_of_ridge_vanishes_at_the_closed_form(penalty: float, features: int) -> None:
    X, Y = problem(1, features=features)
    B: Array = np.linalg.solve(X.T @ X + penalty * np.eye(features), X.T @ Y).astype(np.float64)
    assert abs(relative_gap(X, Y, B, group_penalty=0, squared_penalty=penalty)) < 1e-9
    moved = relative_gap(X, Y, 1.01 * B, group_penalty=0, squared_penalty=penalty)
    assert moved > 1e-6
    # The optimum of another penalty is none of this one.
    assert relative_gap(X, Y, B, group_penalty=0, squared_penalty=2 * penalty) > 1e-3


@pytest.mark.parametrize("penalty", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("l1_ratio", [0.2, 0.5, 0.9])
def test_gap_of_elastic_net_vanishes_at_convergence(penalty: float, l1_ratio: float) -> None:
    X, Y = problem(2)
    l1, l2 = 12 * penalty * l1_ratio, 12 * penalty * (1 - l1_ratio)
    net = MultiTaskElasticNet(
        alpha=penalty, l1_ratio=l1_ratio, fit_intercept=False, max_iter=100_000, tol=1e-12
    )
    B = net.fit(X, Y).coef_.T
    assert 0 < np.count_nonzero(B.any(axis=1)) < 20
    assert -1e-14 < relative_gap(X, Y, B, group_penalty=l1, squared_penalty=l2) < 1e-10
    optimum = objective(X, Y, B, l1, l2)
    random = np.random.default_rng(3)
    for size in (1e-3, 1e-2, 0.1, 1.0):
        away = B + size * random.normal(size=B.shape)
        gap = relative_gap(X, Y, away, group_penalty=l1, squared_penalty=l2)
        primal = objective(X, Y, away, l1, l2)
        # A certificate: no more than the gap is left to gain.
        assert gap >= (primal - optimum) / primal > 0


@pytest.mark.parametrize("l1", [0.0, 1.0, 10.0])
def test_gap_is_never_negative(l1: float) -> None:
    X, Y = problem(4)
    random = np.random.default_rng(5)
    for size in 10.0 ** np.arange(-6, 3):
        B = size * random.normal(size=(20, 3))
        assert relative_gap(X, Y, B, group_penalty=l1, squared_penalty=0.5) >= 0


def test_gap_knows_no_scale_of_the_targets() -> None:
    X, Y = problem(6)
    B = 0.1 * np.random.default_rng(7).normal(size=(20, 3))
    one = relative_gap(X, Y, B, group_penalty=2.0, squared_penalty=0.5)
    other = relative_gap(X, 1e3 * Y, 1e3 * B, group_penalty=2e3, squared_penalty=0.5)
    assert other == pytest.approx(one, rel=1e-12)


def test_standardise_agrees_with_scikit_learn() -> None:
    random = np.random.default_rng(1)
    scale = 10.0 ** random.uniform(-8, 4, 30)
    train = random.normal(size=(9, 30)) * scale + random.normal(size=30)
    validation = random.normal(size=(3, 30))
    scaler = StandardScaler().fit(train)
    ours, unseen, none = standardise(train, validation, validation[:0])
    np.testing.assert_allclose(ours, scaler.transform(train), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(unseen, scaler.transform(validation), rtol=1e-6)
    assert none.shape == (0, 30)
    np.testing.assert_allclose(ours.mean(axis=0), 0, atol=1e-7)
    np.testing.assert_allclose(ours.std(axis=0), 1, rtol=1e-12)


def test_standardise_drops_what_is_constant_over_training_rows() -> None:
    train = np.array([[1.0, 5, 0, 2], [2, 5, 0, 1], [4, 5, 0, 2]])
    validation = np.array([[7.0, 8, 9, 10]])
    ours, unseen = standardise(train, validation)
    scaler = StandardScaler().fit(train[:, [0, 3]])
    np.testing.assert_allclose(ours, scaler.transform(train[:, [0, 3]]))
    # Columns 1 and 2 vary over all rows, but not over those the model learns from.
    np.testing.assert_allclose(unseen, scaler.transform(validation[:, [0, 3]]))


def test_standardise_draws_the_line_where_scikit_learn_does() -> None:
    random = np.random.default_rng(2)
    rows = 31
    # Columns of 0.1 and the like whose variance is what rounding leaves, and ever larger jitter.
    constant = np.repeat(random.uniform(0.01, 10, (1, 50)), rows, axis=0)
    jitter = 10.0 ** random.uniform(-18, -10, 200)
    near = random.uniform(0.5, 2, 200) + jitter * random.normal(size=(rows, 200))
    train = np.hstack([constant, near, random.normal(size=(rows, 3))])
    assert np.count_nonzero(train.var(axis=0)[:50]) > 10

    (ours,) = standardise(train)
    scaler = StandardScaler().fit(train)
    # scikit-learn gives the columns that it holds to be constant a scale of exactly 1.
    varies = scaler.scale_ != 1
    assert not varies[:50].any()
    assert 10 < np.count_nonzero(varies[50:250]) < 190
    np.testing.assert_array_equal(ours.shape, (rows, np.count_nonzero(varies)))


def test_standardise_keeps_tiny_columns_that_vary() -> None:
    # Diffusions far from the start are this small.
    train = 1e-30 * np.array([[1.0], [2.0], [4.0]])
    (ours,) = standardise(train)
    np.testing.assert_allclose(ours, StandardScaler().fit_transform(train * 1e30), rtol=1e-12)


def test_standardise_leaves_its_input_alone() -> None:
    train = np.arange(6.0).reshape(3, 2)
    standardise(train, train)
    np.testing.assert_array_equal(train, np.arange(6.0).reshape(3, 2))


@pytest.mark.parametrize("value", [0.0, 0.1, 1e8])
def test_standardise_raises_when_nothing_varies(value: float) -> None:
    with pytest.raises(InputError, match="none of 4 columns varies over 7 training perturbations"):
        standardise(np.full((7, 4), value), np.arange(4.0)[None])

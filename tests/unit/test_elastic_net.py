"""The multi-task elastic net against scikit-learn, and against a proximal gradient method."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import MultiTaskElasticNetCV

from echoes.io.errors import NotConvergedError
from echoes.models import elastic_net
from echoes.models.elastic_net import Optimum, solve_elastic_net
from echoes.models.elastic_net_scikit_learn import fit_elastic_net_scikit_learn
from echoes.models.linear import contiguous_folds, relative_gap

Array = npt.NDArray[np.float64]

PENALTIES = (0.01, 0.1, 0.3, 1.0, 100.0)
fit_elastic_net = partial(elastic_net.fit_elastic_net, l1_ratio=0.5, tolerance=1e-8)
fit = partial(fit_elastic_net_scikit_learn, l1_ratio=0.5, max_iter=1000, tolerance=1e-4)
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


EPS = np.finfo(np.float64).eps
# Rows, features, targets: wide and tall, one target and more targets than rows, one feature.
SHAPES = [(14, 20, 3), (30, 6, 4), (12, 30, 1), (8, 10, 12), (13, 1, 2), (25, 4, 1), (40, 60, 2)]
RATIOS = (0.01, 0.5, 0.99)


def shaped(seed: int, m: int, features: int, t: int) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    X = random.normal(size=(m, features)) + 2
    few = X[:, : min(features, 3)]
    Y = few @ random.normal(size=(few.shape[1], t)) + 0.5 * random.normal(size=(m, t)) + 5
    return X, Y


def centred(A: Array) -> Array:
    moved: Array = A - A.mean(axis=0)
    return moved


def solve(
    X: Array,
    Y: Array,
    penalty: float,
    l1_ratio: float = 0.5,
    tolerance: float = 1e-8,
    start: Array | None = None,
) -> Optimum:
    """Solve for centred data."""
    l1, l2 = len(X) * penalty * l1_ratio, len(X) * penalty * (1 - l1_ratio)
    theta = Y if start is None else start
    return solve_elastic_net(np.ascontiguousarray(X.T), Y, l1, l2, theta, tolerance)


def dense(optimum: Optimum, features: int) -> Array:
    B = np.zeros((features, optimum.dual.shape[1]))
    B[optimum.active] = optimum.coefficients
    return B


def bounds(
    X: Array, Y: Array, optimum: Optimum, group_penalty: float, squared_penalty: float
) -> tuple[float, float]:
    """Evaluate the primal at B and the dual at Θ on all features, screened ones too."""
    B, dual = dense(optimum, X.shape[1]), optimum.dual
    sizes = np.linalg.norm(B, axis=1)
    primal = np.sum((Y - X @ B) ** 2) / 2 + group_penalty * sizes.sum()
    primal += squared_penalty / 2 * np.sum(sizes**2)
    excess = np.maximum(np.linalg.norm(X.T @ dual, axis=1) - group_penalty, 0)
    value = np.sum(dual * Y) - np.sum(dual**2) / 2 - np.sum(excess**2) / (2 * squared_penalty)
    return float(primal), float(value)


def assert_optimal(
    X: Array, Y: Array, optimum: Optimum, penalty: float, l1_ratio: float, tolerance: float
) -> None:
    """Check the optimality conditions and the recorded gap on all features, screened ones too."""
    l1, l2 = len(X) * penalty * l1_ratio, len(X) * penalty * (1 - l1_ratio)
    B, dual = dense(optimum, X.shape[1]), optimum.dual
    primal, value = bounds(X, Y, optimum, l1, l2)
    residual = Y - X @ B
    sizes = np.linalg.norm(B, axis=1)
    # Of the terms that cancel in the difference.
    rounding = 1e-13 * (primal + np.sum(np.abs(dual * Y)))
    assert primal - value == pytest.approx(optimum.gap * primal, rel=1e-6, abs=rounding)
    assert primal - value <= tolerance * primal + rounding

    # The gap bounds how far the dual point is from the residual, and from the optimum.
    lengths = np.linalg.norm(X, axis=0)
    slack = 2 * lengths * np.sqrt(2 * (max(optimum.gap, 0) + 4 * EPS) * primal)
    slack += 1e3 * EPS * lengths * (np.linalg.norm(Y) + lengths @ sizes)
    correlation = X.T @ residual
    inside = sizes > 0
    direction = B[inside] / sizes[inside, None]
    off = correlation[inside] - l1 * direction - l2 * B[inside]
    assert (np.linalg.norm(off, axis=1) <= slack[inside]).all()
    assert (np.linalg.norm(correlation[~inside], axis=1) <= l1 + slack[~inside]).all()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_exact_equals_converged_scikit_learn(shape: tuple[int, int, int], l1_ratio: float) -> None:
    X, Y = shaped(0, *shape)
    penalties = (0.01, 0.1, 1.0, 1e3)
    ours = fit_elastic_net(X, Y, penalties, 3, l1_ratio=l1_ratio, tolerance=1e-14)
    theirs = fit(X, Y, penalties, 3, l1_ratio=l1_ratio, max_iter=10**6, tolerance=1e-14)
    assert ours.penalty == theirs.penalty
    assert ours.coefficients.shape == theirs.coefficients.shape
    rows = np.vstack([X, X + 1])
    np.testing.assert_allclose(ours.predict(rows), theirs.predict(rows), rtol=0, atol=1e-6)
    # That it has converged is proved on the whole problem, not by what it reports.
    gaps = (
        relative_gap(
            centred(X),
            centred(Y),
            one.coefficients,
            group_penalty=shape[0] * one.penalty * l1_ratio,
            squared_penalty=shape[0] * one.penalty * (1 - l1_ratio),
        )
        for one in (ours, theirs)
    )
    assert max(gaps) < 1e-9


@pytest.mark.parametrize("penalty", [1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 1e3])
@pytest.mark.parametrize("l1_ratio", [0.05, 0.9])
def test_exact_equals_converged_scikit_learn_at_every_penalty(
    penalty: float, l1_ratio: float
) -> None:
    for shape in ((15, 6, 3), (10, 14, 2)):
        X, Y = shaped(1, *shape)
        ours = fit_elastic_net(X, Y, [penalty], 3, l1_ratio=l1_ratio, tolerance=1e-14)
        theirs = fit(X, Y, [penalty], 3, l1_ratio=l1_ratio, max_iter=10**7, tolerance=1e-14)
        assert theirs.unconverged == 0
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=0, atol=1e-6)


def test_choice_depends_on_the_data() -> None:
    penalties = (0.01, 0.1, 0.3, 1.0, 1e3)
    chosen = {fit_elastic_net(*shaped(seed, 14, 20, 3), penalties, 3).penalty for seed in range(8)}
    assert len(chosen) > 2


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("l1_ratio", RATIOS)
@pytest.mark.parametrize("tolerance", [1e-2, 1e-5, 1e-8, 1e-13])
def test_conditions_of_optimality(
    shape: tuple[int, int, int], l1_ratio: float, tolerance: float
) -> None:
    X, Y = map(centred, shaped(2, *shape))
    for penalty in (1e-4, 1e-2, 0.1, 1.0, 1e3):
        optimum = solve(X, Y, penalty, l1_ratio, tolerance)
        assert_optimal(X, Y, optimum, penalty, l1_ratio, tolerance)


@pytest.mark.parametrize("l1_ratio", [0.5, 0.9])
def test_screening_is_safe(l1_ratio: float, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = []
    plain: Callable[..., Array] = elastic_net._Bounds.__call__

    def bounds_of_the_kept(self: elastic_net._Bounds, theta: Array) -> Array:
        looked_at.append(len(self.single))
        return plain(self, theta)

    monkeypatch.setattr(elastic_net._Bounds, "__call__", bounds_of_the_kept)
    for seed in range(3):
        X, Y = map(centred, shaped(seed, 20, 300, 3))
        for penalty in (0.3, 1.0):
            looked_at.clear()
            optimum = solve(X, Y, penalty, l1_ratio, 1e-14)
            # Features were dropped.
            assert min(looked_at) < 200
            assert_optimal(X, Y, optimum, penalty, l1_ratio, 1e-14)
            B, _ = proximal_gradient(X, Y, penalty, l1_ratio)
            np.testing.assert_allclose(dense(optimum, 300), B, atol=1e-6)
            np.testing.assert_array_equal(optimum.active, np.flatnonzero(B.any(axis=1)))


def test_gap_of_a_fit_holds_on_the_whole_problem() -> None:
    X, Y = shaped(3, 20, 200, 3)
    ours = fit_elastic_net(X, Y, PENALTIES, 3, l1_ratio=0.9, tolerance=1e-14)
    scale = 20 * ours.penalty
    gap = relative_gap(
        centred(X),
        centred(Y),
        ours.coefficients,
        group_penalty=0.9 * scale,
        squared_penalty=0.1 * scale,
    )
    assert -1e-13 < gap < 1e-9
    assert 0 < np.count_nonzero(ours.coefficients.any(axis=1)) < 200


@pytest.mark.parametrize("tolerance", [1e-2, 1e-8])
def test_gaps_of_all_fits_are_recorded(tolerance: float, monkeypatch: pytest.MonkeyPatch) -> None:
    gaps: list[float] = []

    def recorded(Xt: Array, Y: Array, l1: float, l2: float, *rest: Any, **options: Any) -> Optimum:
        optimum = solve_elastic_net(Xt, Y, l1, l2, *rest, **options)
        primal, value = bounds(Xt.T, Y, optimum, l1, l2)
        gaps.append((primal - value) / primal)
        return optimum

    monkeypatch.setattr(elastic_net, "solve_elastic_net", recorded)
    X, Y = shaped(4, 14, 20, 3)
    ours = fit_elastic_net(X, Y, PENALTIES, 3, tolerance=tolerance)
    inner = 3 * len(PENALTIES)
    # These are gaps by their definition, and not what the solver says of itself.
    assert ours.inner_gap == pytest.approx(max(gaps[:inner]), rel=1e-4, abs=1e-13)
    assert ours.gap == pytest.approx(gaps[-1], rel=1e-4, abs=1e-13)
    assert 0 < max(gaps[:inner]) <= tolerance
    # Between them stand only starts for the last one, which takes a step more than it must.
    assert max(gaps[inner:-1]) <= max(tolerance, 1e-3)
    assert gaps[-1] <= 0.1 * tolerance
    # The last path ends at the penalty that was chosen.
    assert len(gaps) - inner == sorted(PENALTIES, reverse=True).index(ours.penalty) + 1


@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_large_penalty_leaves_exactly_nothing(l1_ratio: float) -> None:
    X, Y = shaped(5, 14, 20, 3)
    ours = fit_elastic_net(X, Y, [1e5], 3, l1_ratio=l1_ratio)
    np.testing.assert_array_equal(ours.coefficients, 0)
    np.testing.assert_array_equal(ours.intercept, Y.mean(axis=0))
    assert ours.gap == ours.inner_gap == 0
    # Just below and just above the penalty at which the first feature comes in.
    A, C = centred(X), centred(Y)
    most = np.linalg.norm(A.T @ C, axis=1).max() / (14 * l1_ratio)
    assert len(solve(A, C, most * (1 + 1e-9), l1_ratio).active) == 0
    assert len(solve(A, C, most * 0.99, l1_ratio, 1e-13).active) >= 1


@pytest.mark.parametrize("target", [0.0, 3.0, 0.1])
def test_constant_targets(target: float) -> None:
    X, _ = shaped(6, 14, 20, 3)
    ours = fit_elastic_net(X, np.full((14, 3), target), [0.1, 1.0], 3)
    np.testing.assert_allclose(ours.predict(X), target, rtol=1e-12)
    if target in (0.0, 3.0):
        np.testing.assert_array_equal(ours.coefficients, 0)
        # Both penalties meet them: the larger one is taken.
        assert (ours.penalty, ours.gap, ours.inner_gap) == (1.0, 0.0, 0.0)


def test_one_constant_target_among_others() -> None:
    X, Y = shaped(7, 14, 20, 3)
    Y[:, 1] = 4
    ours = fit_elastic_net(X, Y, [0.1], 3)
    np.testing.assert_array_equal(ours.coefficients[:, 1], 0)
    assert ours.coefficients[:, 0].any()


def test_duplicated_features_share_their_coefficient() -> None:
    X, Y = map(centred, shaped(8, 14, 10, 3))
    twice = np.hstack([X, X])
    B = dense(solve(twice, Y, 0.1, 0.5, 1e-14), 20)
    assert B.any()
    np.testing.assert_allclose(B[:10], B[10:], atol=1e-12)
    # Two halves have the group penalty of the whole and half its squared penalty.
    one = solve_elastic_net(np.ascontiguousarray(X.T), Y, 0.7, 0.35, Y, 1e-14)
    np.testing.assert_allclose(2 * B[:10], dense(one, 10), atol=1e-6)


@pytest.mark.parametrize("l1_ratio", RATIOS)
@pytest.mark.parametrize("penalty", [1e-3, 0.1, 1.0])
def test_features_that_depend_on_each_other(l1_ratio: float, penalty: float) -> None:
    X, Y = map(centred, shaped(9, 14, 6, 3))
    random = np.random.default_rng(9)
    X = np.hstack([X, X @ random.normal(size=(6, 12)), -X, np.zeros((14, 2)), X[:, :1] + 1e-9])
    optimum = solve(X, Y, penalty, l1_ratio)
    assert_optimal(X, Y, optimum, penalty, l1_ratio, 1e-8)
    assert not {24, 25} & set(optimum.active.tolist())


def test_features_without_any_variation() -> None:
    _, Y = shaped(10, 14, 20, 3)
    ours = fit_elastic_net(np.full((14, 20), 2.0), Y, [1e-3], 3)
    np.testing.assert_array_equal(ours.coefficients, 0)
    np.testing.assert_allclose(ours.predict(np.zeros((1, 20))), [Y.mean(axis=0)])


@pytest.mark.parametrize(("decades", "l1_ratio"), [(1, 0.99), (3, 0.5), (3, 0.99), (6, 0.01)])
def test_features_of_very_different_scale(decades: int, l1_ratio: float) -> None:
    for seed in range(3):
        random = np.random.default_rng(seed)
        scale = 10.0 ** random.uniform(-decades, decades, 50)
        X, Y = centred(random.normal(size=(20, 50)) * scale), centred(random.normal(size=(20, 4)))
        # From cold, where a step of full length is far too long.
        for penalty in (1e3, 1.0, 1e-2):
            optimum = solve(X, Y, penalty, l1_ratio)
            assert_optimal(X, Y, optimum, penalty, l1_ratio, 1e-8)


@pytest.mark.parametrize("of_features", [1e-30, 1e-12, 1.0, 1e12, 1e30])
@pytest.mark.parametrize("of_targets", [1e-30, 1.0, 1e30])
def test_scale_is_no_matter(of_features: float, of_targets: float) -> None:
    X, Y = map(centred, shaped(11, 14, 30, 3))
    expected = dense(solve_elastic_net(np.ascontiguousarray(X.T), Y, 2.0, 0.5, Y, 1e-14), 30)
    A, C = of_features * X, of_targets * Y
    l1, l2 = 2 * of_features * of_targets, 0.5 * of_features**2
    optimum = solve_elastic_net(np.ascontiguousarray(A.T), C, l1, l2, C, 1e-14)
    found = dense(optimum, 30) * (of_features / of_targets)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("l1_ratio", RATIOS)
@pytest.mark.parametrize("penalty", [1e-6, 1e-8])
def test_nearly_interpolating(l1_ratio: float, penalty: float) -> None:
    for shape in ((10, 60, 3), (30, 5, 3), (60, 20, 3)):
        X, Y = map(centred, shaped(12, *shape))
        optimum = solve(X, Y, penalty, l1_ratio)
        assert_optimal(X, Y, optimum, penalty, l1_ratio, 1e-8)
        B = dense(optimum, shape[1])
        left = np.linalg.norm(Y - X @ B)
        least = np.linalg.norm(Y - X @ np.linalg.lstsq(X, Y, rcond=None)[0])
        assert left - least < 1e-2 * np.linalg.norm(Y)


def test_rotation_of_the_targets() -> None:
    X, Y = shaped(13, 14, 30, 4)
    Q, _ = np.linalg.qr(np.random.default_rng(13).normal(size=(4, 4)))
    plain, turned = (
        fit_elastic_net(X, targets, PENALTIES, 3, tolerance=1e-14) for targets in (Y, Y @ Q)
    )
    assert plain.penalty == turned.penalty < 100
    np.testing.assert_allclose(turned.coefficients, plain.coefficients @ Q, atol=1e-6)


def test_order_of_the_features_and_of_the_penalties() -> None:
    X, Y = shaped(14, 14, 30, 3)
    random = np.random.default_rng(14)
    expected = fit_elastic_net(X, Y, PENALTIES, 3, tolerance=1e-14)
    assert expected.coefficients.any()
    for _ in range(3):
        order = random.permutation(30)
        penalties = random.permutation(PENALTIES).tolist()
        found = fit_elastic_net(X[:, order], Y, penalties, 3, tolerance=1e-14)
        assert found.penalty == expected.penalty
        np.testing.assert_allclose(found.coefficients, expected.coefficients[order], atol=1e-6)


@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_start_does_not_change_the_result(l1_ratio: float) -> None:
    X, Y = map(centred, shaped(15, 14, 30, 3))
    random = np.random.default_rng(15)
    for penalty in (1e-3, 0.1, 1.0):
        cold = solve(X, Y, penalty, l1_ratio, 1e-14)
        starts = [solve(X, Y, penalty * factor, l1_ratio).dual for factor in (10.0, 0.1)]
        starts += [centred(random.normal(size=Y.shape)), np.zeros_like(Y), -Y]
        for start in starts:
            warm = solve(X, Y, penalty, l1_ratio, 1e-14, start)
            np.testing.assert_allclose(dense(warm, 30), dense(cold, 30), atol=1e-6)


def test_path_of_penalties_does_not_change_the_result() -> None:
    X, Y = shaped(16, 14, 30, 3)
    path = fit_elastic_net(X, Y, (0.01, 0.03, 0.1, 0.3, 1.0, 10.0), 3, tolerance=1e-14)
    alone = fit_elastic_net(X, Y, [path.penalty], 3, tolerance=1e-14)
    assert path.penalty < 1
    np.testing.assert_allclose(path.coefficients, alone.coefficients, atol=1e-6)


def test_steps_that_do_not_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    X, Y = shaped(17, 14, 30, 3)
    assert solve(centred(X), centred(Y), 0.05).steps > 1
    monkeypatch.setattr(elastic_net, "_NEWTON_STEPS", 1)
    message = (
        r"^penalty 0\.05: relative duality gap \d\S+ after 1 Newton steps; "
        r"the tolerance is 1e-08$"
    )
    with pytest.raises(NotConvergedError, match=message):
        # The largest penalty is solved without a step.
        fit_elastic_net(X, Y, [0.05, 1e4], 3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_data_that_are_not_finite(value: float) -> None:
    for part in (0, 1):
        data = shaped(18, 14, 20, 3)
        data[part][3, 1] = value
        with np.errstate(invalid="ignore"), pytest.raises(NotConvergedError, match="gap nan"):
            fit_elastic_net(*data, PENALTIES, 3)


@pytest.mark.parametrize("of_features", [1e-30, 1.0, 1e30])
@pytest.mark.parametrize("of_targets", [0.0, 1e-30, 1.0, 1e30])
def test_bounds_are_above_the_norms_and_near_them(of_features: float, of_targets: float) -> None:
    random = np.random.default_rng(19)
    Xt = random.normal(size=(400, 30)) * 10.0 ** random.uniform(-6, 0, (400, 1)) * of_features
    Xt[0] = 0
    # Sums that cancel, of which single precision leaves nothing but rounding errors.
    theta = random.normal(size=(30, 5))
    Xt[1:50] -= (Xt[1:50] @ theta) @ np.linalg.pinv(theta)
    theta *= of_targets
    found = elastic_net._Bounds(Xt)(theta)
    exact = np.linalg.norm(Xt @ theta, axis=1)
    lengths = np.linalg.norm(Xt, axis=1)
    assert (found >= exact).all()
    slack = 1e-5 * lengths + 1e-17 * lengths.max()
    assert (found - exact <= slack * (np.linalg.norm(theta) or 1.0)).all()
    some = lengths > np.median(lengths)
    np.testing.assert_allclose(elastic_net._Bounds(Xt).only(some)(theta), found[some], rtol=1e-6)


def test_bounds_of_data_that_are_not_finite_are_not_below_anything() -> None:
    Xt, theta = np.ones((3, 4)), np.ones((4, 2))
    Xt[1, 2] = np.nan
    with np.errstate(invalid="ignore"):
        assert not (elastic_net._Bounds(Xt)(theta) <= 1e300)[1]


@pytest.mark.parametrize("penalty", [0.003, 0.03, 0.1])
def test_a_coarse_start_does_not_change_the_result(
    penalty: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, Y = map(centred, shaped(20, 8, 1500, 3))
    features = []

    def counted(Xt: Array, *rest: Any, **options: Any) -> Optimum:
        features.append(len(Xt))
        return solve_elastic_net(Xt, *rest, **options)

    monkeypatch.setattr(elastic_net, "solve_elastic_net", counted)
    warm = solve(X, Y, penalty, tolerance=1e-14)
    assert features == [500, 1500]
    assert_optimal(X, Y, warm, penalty, 0.5, 1e-14)
    l1 = l2 = 8 * penalty * 0.5
    Xt = np.ascontiguousarray(X.T)
    cold = solve_elastic_net(Xt, Y, l1, l2, Y, 1e-14, coarse=False)
    assert len(cold.active) >= 3
    np.testing.assert_array_equal(warm.active, cold.active)
    np.testing.assert_allclose(dense(warm, 1500), dense(cold, 1500), rtol=0, atol=1e-8)


def test_the_last_fit_is_exact_to_many_digits() -> None:
    for seed in range(5):
        X, Y = shaped(seed, 20, 300, 4)
        for l1_ratio in RATIOS:
            loose, tight = (
                fit_elastic_net(X, Y, [0.05], 3, l1_ratio=l1_ratio, tolerance=tolerance)
                for tolerance in (1e-6, 1e-15)
            )
            assert loose.gap < 1e-9
            scale = np.abs(tight.coefficients).max()
            np.testing.assert_allclose(
                loose.coefficients, tight.coefficients, rtol=0, atol=1e-4 * scale
            )

"""What holds for the exact elastic net and ridge on any data, degenerate ones above all."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from echoes.models.elastic_net import Optimum, fit_elastic_net, solve_elastic_net
from echoes.models.ridge import fit_ridge

Array = npt.NDArray[np.float64]

always_the_same = settings(derandomize=True, deadline=None, max_examples=60)
ratios = st.sampled_from([0.01, 0.5, 0.9, 0.99])
penalties = st.sampled_from([1e-4, 1e-2, 0.1, 1.0, 10.0])
TOLERANCE = 1e-10


@st.composite
def problems(draw: st.DrawFn, least: int = 1) -> tuple[Array, Array]:
    """Small integers: columns that are zero, equal, or sums of others come by themselves."""
    m, features, t = draw(st.integers(least, 8)), draw(st.integers(1, 10)), draw(st.integers(1, 4))
    numbers = st.integers(-3, 3).map(float)
    X = draw(hnp.arrays(np.float64, (m, features), elements=numbers))
    Y = draw(hnp.arrays(np.float64, (m, t), elements=numbers))
    return X, Y


def centred(A: Array) -> Array:
    return np.asarray(A - A.mean(axis=0))


def solve(X: Array, Y: Array, penalty: float, ratio: float) -> tuple[Optimum, Array]:
    l1, l2 = len(X) * penalty * ratio, len(X) * penalty * (1 - ratio)
    optimum = solve_elastic_net(np.ascontiguousarray(X.T), Y, l1, l2, Y, TOLERANCE)
    B = np.zeros((X.shape[1], Y.shape[1]))
    B[optimum.active] = optimum.coefficients
    return optimum, B


def objective(X: Array, Y: Array, B: Array, penalty: float, ratio: float) -> float:
    l1, l2 = len(X) * penalty * ratio, len(X) * penalty * (1 - ratio)
    groups = np.linalg.norm(B, axis=1).sum()
    return float(np.sum((Y - X @ B) ** 2) / 2 + l1 * groups + l2 / 2 * np.sum(B**2))


@always_the_same
@given(problems(), penalties, ratios)
def test_gap_holds_on_all_features(data: tuple[Array, Array], penalty: float, ratio: float) -> None:
    X, Y = map(centred, data)
    optimum, B = solve(X, Y, penalty, ratio)
    l1, l2 = len(X) * penalty * ratio, len(X) * penalty * (1 - ratio)
    dual = optimum.dual
    excess = np.maximum(np.linalg.norm(X.T @ dual, axis=1) - l1, 0)
    bound = np.sum(dual * Y) - np.sum(dual**2) / 2 - np.sum(excess**2) / (2 * l2)
    primal = objective(X, Y, B, penalty, ratio)
    assert optimum.gap <= TOLERANCE
    assert primal - bound <= TOLERANCE * primal + 1e-12


@always_the_same
@given(problems(), penalties, ratios, st.data())
def test_nothing_else_is_better(
    data: tuple[Array, Array], penalty: float, ratio: float, more: st.DataObject
) -> None:
    X, Y = map(centred, data)
    _, B = solve(X, Y, penalty, ratio)
    primal = objective(X, Y, B, penalty, ratio)
    numbers = st.floats(-1, 1)
    step = more.draw(hnp.arrays(np.float64, B.shape, elements=numbers))
    for size in (1.0, 1e-2, 1e-4):
        for other in (B + size * step, (1 - size) * B, B * (1 + size * step)):
            assert objective(X, Y, other, penalty, ratio) >= primal * (1 - 2 * TOLERANCE) - 1e-12


@always_the_same
@given(problems(), penalties, ratios, st.data())
def test_equivariant_under_a_permutation(
    data: tuple[Array, Array], penalty: float, ratio: float, more: st.DataObject
) -> None:
    X, Y = map(centred, data)
    features = more.draw(st.permutations(range(X.shape[1])))
    rows = more.draw(st.permutations(range(len(X))))
    _, B = solve(X, Y, penalty, ratio)
    _, moved = solve(X[np.ix_(rows, features)], Y[rows], penalty, ratio)
    # The squared penalty makes the optimum one, by this much.
    l2 = len(X) * penalty * (1 - ratio)
    gap = TOLERANCE * objective(X, Y, B, penalty, ratio) + 1e-14
    assert np.sum((moved - B[features]) ** 2) <= 8 * gap / l2


@always_the_same
@given(problems(least=6), ratios)
def test_fits_keep_what_they_promise(data: tuple[Array, Array], ratio: float) -> None:
    X, Y = data
    choice = (0.1, 1.0, 10.0)
    fits = (
        fit_elastic_net(X, Y, choice, 3, l1_ratio=ratio, tolerance=TOLERANCE),
        fit_ridge(X, Y, choice, 3, tolerance=1e-8),
    )
    for fit in fits:
        assert fit.penalty in choice
        assert -1e-12 <= fit.gap <= 1e-8
        assert -1e-12 <= fit.inner_gap <= 1e-8
        # The intercept is not penalised: residuals add up to nothing.
        np.testing.assert_allclose((Y - fit.predict(X)).sum(axis=0), 0, atol=1e-10)
        # Shrinking towards the mean, they are never worse than it.
        assert np.sum((Y - fit.predict(X)) ** 2) <= np.sum(centred(Y) ** 2) * (1 + 1e-12)

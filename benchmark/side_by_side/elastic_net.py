"""A fold and single fits: echoes' exact solvers beside scikit-learn and skglm."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from echoes.io.arrays import load_arrays
from echoes.models.elastic_net import (
    fit_elastic_net,
    fit_elastic_net_scikit_learn,
    solve_elastic_net,
)
from echoes.models.linear import relative_gap, standardise
from echoes.models.ridge import fit_ridge, fit_ridge_scikit_learn
from side_by_side import names
from side_by_side.process import memory_so_far

Array = npt.NDArray[np.float64]

PENALTIES = (0.01, 0.1, 1.0, 100.0)
INNER_FOLDS = 3
L1_RATIO = 0.5
GAP = 1e-8
MAX_ITER = 1000
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Rows:
    """A fold's features and targets.

    Parameters
    ----------
    X, Y
        (m, F) standardised features and (m, T) targets that it learns from.
    left_out
        (1, F) features of the left-out perturbation.
    """

    X: Array
    Y: Array
    left_out: Array


def read_rows(folder: str, fold: int) -> Rows:
    """Read what a fold of an experiment learns from."""
    train, targets = (
        load_arrays(Path(folder) / file, name)[0]
        for file, name in (("features.npz", "train"), ("components.npz", "scores"))
    )
    others = np.delete(np.arange(len(train)), fold)
    X, left_out = standardise(train[others], train[[fold]])
    return Rows(X, targets[others], left_out)


def fold(method: str, folder: str, number: int) -> Iterator[dict[str, Any]]:
    """Fit both models with their inner cross-validation, as a fold does."""
    rows = read_rows(folder, number)
    exact = method == names.ECHOES_FOLD
    if not exact:  # imports are not timed
        import sklearn.linear_model  # noqa: F401
    start = time.perf_counter()
    if exact:
        ridge = fit_ridge(rows.X, rows.Y, PENALTIES, INNER_FOLDS, tolerance=GAP)
    else:
        ridge = fit_ridge_scikit_learn(rows.X, rows.Y, PENALTIES, INNER_FOLDS)
    between = time.perf_counter()
    if exact:
        net = fit_elastic_net(
            rows.X, rows.Y, PENALTIES, INNER_FOLDS, l1_ratio=L1_RATIO, tolerance=GAP
        )
    else:
        net = fit_elastic_net_scikit_learn(
            rows.X,
            rows.Y,
            PENALTIES,
            INNER_FOLDS,
            l1_ratio=L1_RATIO,
            max_iter=MAX_ITER,
            tolerance=TOLERANCE,
        )
    ended = time.perf_counter()
    yield {
        "method": method,
        "rows": rows.X.shape[0],
        "features": rows.X.shape[1],
        "components": rows.Y.shape[1],
        "seconds": ended - start,
        "ridge_seconds": between - start,
        "elastic_net_seconds": ended - between,
        "ridge_penalty": ridge.penalty,
        "ridge_gap": ridge.gap,
        "elastic_net_penalty": net.penalty,
        "elastic_net_gap": net.gap,
        "inner_gap": net.inner_gap if exact else None,
        "unconverged": net.unconverged,
        "ridge_prediction": ridge.predict(rows.left_out)[0].tolist(),
        "elastic_net_prediction": net.predict(rows.left_out)[0].tolist(),
        **memory_so_far(),
    }


@dataclass(frozen=True)
class Single:
    """One elastic net without intercept on centred rows."""

    X: Array
    Y: Array
    left_out: Array
    penalty: float

    @property
    def group(self) -> float:
        """λρ."""
        return self.penalty * L1_RATIO

    @property
    def squared(self) -> float:
        """λ(1 − ρ)."""
        return self.penalty * (1 - L1_RATIO)

    def record(self, B: Array, seconds: float, gap: float = 1.0) -> dict[str, Any]:
        """Judge coefficients by the objective and the duality gap, the same for all methods.

        The residual is a dual point for any coefficients; a solver may know a better one, and
        hence a smaller `gap`.
        """
        m = len(self.X)
        loss = np.sum((self.Y - self.X @ B) ** 2) / (2 * m)
        sizes = np.sqrt(np.sum(B**2, axis=1))
        objective = float(loss + self.group * sizes.sum() + self.squared / 2 * sizes @ sizes)
        own = relative_gap(
            self.X, self.Y, B, group_penalty=m * self.group, squared_penalty=m * self.squared
        )
        return {
            "seconds": seconds,
            "objective": objective,
            "gap": min(own, gap),
            "gap_at_residual": own,
            "bound": objective * (1 - min(own, gap)),
            "active": int(np.count_nonzero(sizes)),
            "prediction": (self.left_out @ B)[0].tolist(),
        }


def _echoes(problem: Single) -> Iterator[dict[str, Any]]:
    m = len(problem.X)
    features = np.ascontiguousarray(problem.X.T)
    start = time.perf_counter()
    found = solve_elastic_net(
        features, problem.Y, m * problem.group, m * problem.squared, problem.Y, GAP
    )
    seconds = time.perf_counter() - start
    B = np.zeros((problem.X.shape[1], problem.Y.shape[1]))
    B[found.active] = found.coefficients
    yield problem.record(B, seconds, found.gap)


def _scikit_learn(problem: Single) -> Iterator[dict[str, Any]]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import MultiTaskElasticNet

    model = MultiTaskElasticNet(
        alpha=problem.penalty, l1_ratio=L1_RATIO, fit_intercept=False, max_iter=1000, tol=1e-4
    )
    X, Y = np.asfortranarray(problem.X), np.asfortranarray(problem.Y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.perf_counter()
        model.fit(X, Y)
        seconds = time.perf_counter() - start
    yield problem.record(model.coef_.T, seconds)


def _skglm(problem: Single) -> Iterator[dict[str, Any]]:
    """Solve to ever tighter tolerances, each from the one before, until the gap is reached."""
    from skglm.datafits import QuadraticMultiTask
    from skglm.solvers import MultiTaskBCD
    from skglm.utils.jit_compilation import compiled_clone

    from side_by_side.skglm_penalty import MultiTaskElasticNet

    penalty = compiled_clone(MultiTaskElasticNet(problem.group, problem.squared))
    datafit = compiled_clone(QuadraticMultiTask())

    def solve(X: Array, Y: Array, W: Array, XW: Array, tolerance: float) -> None:
        solver = MultiTaskBCD(max_iter=1000, tol=tolerance, fit_intercept=False)
        solver._solve(X, Y, datafit, penalty, W, XW)  # solve() would compile anew

    def empty(X: Array, Y: Array) -> tuple[Array, Array]:
        return np.zeros((X.shape[1], Y.shape[1])), np.zeros(Y.shape, order="F")

    # numba compiles on the first call, which is not timed.
    rng = np.random.default_rng(0)
    tiny = np.asfortranarray(rng.standard_normal((9, 30)))
    aim = np.asfortranarray(rng.standard_normal((9, problem.Y.shape[1])))
    solve(tiny, aim, *empty(tiny, aim), 1e-3)

    X, Y = np.asfortranarray(problem.X), np.asfortranarray(problem.Y)
    W, XW = empty(X, Y)
    seconds = 0.0
    # The violation of the optimality conditions is measured in units of the penalty.
    for digits in np.arange(2, 14, 0.5):
        start = time.perf_counter()
        solve(X, Y, W, XW, problem.group * 10.0**-digits)
        seconds += time.perf_counter() - start
        record = problem.record(W, seconds)
        yield record
        if record["gap"] <= GAP:
            return


FITS: dict[str, Callable[[Single], Iterator[dict[str, Any]]]] = {
    names.ECHOES_FOLD: _echoes,
    names.SCIKIT_LEARN: _scikit_learn,
    names.SKGLM: _skglm,
}


def single(method: str, folder: str, number: int, penalty: float) -> Iterator[dict[str, Any]]:
    """Fit one elastic net of a fold from a cold start."""
    rows = read_rows(folder, number)
    means = rows.X.mean(axis=0)
    problem = Single(rows.X - means, rows.Y - rows.Y.mean(axis=0), rows.left_out - means, penalty)
    for record in FITS[method](problem):
        yield {"method": method, "penalty": penalty, **record}


def fitted(folder: str) -> Iterator[dict[str, Any]]:
    """Sum what the folds of a finished run noted of their fits."""
    seconds, gaps = [], []
    for file in sorted(Path(folder).glob("*.npz")):
        spent, gap, inner = load_arrays(file, "seconds", "gap", "inner_gap")
        seconds.append(spent)
        gaps.append(np.concatenate([gap, inner]))
    spent = np.array(seconds).sum(axis=0)
    yield {
        "ridge_seconds": float(spent[0]),
        "elastic_net_seconds": float(spent[-1]),
        "largest_gap": float(np.max(gaps)),
    }

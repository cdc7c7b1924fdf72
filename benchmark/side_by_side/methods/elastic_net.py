"""Folds and single fits: echoes' exact solvers beside scikit-learn and skglm."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from echoes.io.arrays import Floats
from echoes.models.components import decompose
from echoes.models.elastic_net import solve_elastic_net
from echoes.models.linear import relative_gap, standardise
from echoes.models.published import leave_one_out, load_fold
from echoes.models.regression import Regression
from echoes.network.features import load_groups
from echoes.screen.record import load_fields
from side_by_side import methods
from side_by_side.process import Record, memory_so_far

L1_RATIO = 0.5
GAP = 1e-8
MAX_ITER = 1000
TOLERANCE = 1e-4
#: Method → the backend of a fold.
_BACKENDS = {methods.EXACT: "exact", methods.SCIKIT_LEARN: "scikit-learn"}


def _read(folder: str, experiment: str, rows: int, components: int) -> tuple[Floats, Floats]:
    """Read the features of the first `rows` perturbations, and decompose their responses."""
    train, _ = load_groups(Path(folder) / experiment / "features.npz")
    (responses,) = load_fields(Path(folder) / "perturbations" / "perturbations.npz", "responses")
    return train[:rows], decompose(responses[:rows], components).scores


def fold(
    method: str, folder: str, experiment: str, rows: int, components: int, number: int
) -> Iterator[Record]:
    """Fit both models with their inner cross-validation on all rows but one, as a fold does."""
    train, targets = _read(folder, experiment, rows, components)
    settings = Regression(
        penalties=(0.01, 0.1, 1.0, 100.0),
        inner_folds=3,
        l1_ratio=L1_RATIO,
        backend=_BACKENDS[method],
        gap=GAP,
        max_iter=MAX_ITER,
        tolerance=TOLERANCE,
    )
    if method == methods.SCIKIT_LEARN:  # imports are not timed
        import sklearn.linear_model  # noqa: F401
    start = time.perf_counter()
    fitted = leave_one_out(train, train[:0], targets, number, ["ridge", "elastic_net"], settings)
    seconds = time.perf_counter() - start
    memory = memory_so_far()
    _, left_out = standardise(np.delete(train, number, axis=0), train[[number]])
    ridge, net = fitted.fits
    yield {
        "method": method,
        "rows": rows - 1,
        "features": left_out.shape[1],
        "components": components,
        "seconds": sum(fitted.seconds),
        "whole_seconds": seconds,
        "ridge_seconds": fitted.seconds[0],
        "elastic_net_seconds": fitted.seconds[1],
        "ridge_penalty": ridge.penalty,
        "elastic_net_penalty": net.penalty,
        "elastic_net_gap": net.gap,
        "unconverged": net.unconverged,
        "ridge_prediction": ridge.predict(left_out)[0].tolist(),
        "elastic_net_prediction": net.predict(left_out)[0].tolist(),
        **memory,
    }


@dataclass(frozen=True)
class Single:
    """One elastic net without intercept on centred rows."""

    X: Floats
    Y: Floats
    left_out: Floats
    penalty: float

    @property
    def group(self) -> float:
        """λρ."""
        return self.penalty * L1_RATIO

    @property
    def squared(self) -> float:
        """λ(1 − ρ)."""
        return self.penalty * (1 - L1_RATIO)

    def record(self, B: Floats, seconds: float, gap: float = 1.0) -> Record:
        """Judge coefficients by the objective and the duality gap, the same for all methods.

        The residual is a dual point for any coefficients; a solver may know a better one, and
        hence a smaller `gap`.
        """
        m = len(self.X)
        loss = np.sum((self.Y - self.X @ B) ** 2) / (2 * m)
        sizes = np.sqrt(np.sum(B**2, axis=1))
        objective = float(loss + self.group * sizes.sum() + self.squared / 2 * sizes @ sizes)
        at_residual = relative_gap(
            self.X, self.Y, B, group_penalty=m * self.group, squared_penalty=m * self.squared
        )
        return {
            "seconds": seconds,
            "objective": objective,
            "gap": min(at_residual, gap),
            "bound": objective * (1 - min(at_residual, gap)),
            "active": int(np.count_nonzero(sizes)),
            "prediction": (self.left_out @ B)[0].tolist(),
        }


def _echoes(problem: Single) -> Iterator[Record]:
    m = len(problem.X)
    features = np.ascontiguousarray(problem.X.T)
    start = time.perf_counter()
    optimum = solve_elastic_net(
        features, problem.Y, m * problem.group, m * problem.squared, problem.Y, GAP
    )
    seconds = time.perf_counter() - start
    B = np.zeros((problem.X.shape[1], problem.Y.shape[1]))
    B[optimum.active] = optimum.coefficients
    yield problem.record(B, seconds, optimum.gap)


def _scikit_learn(problem: Single) -> Iterator[Record]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import MultiTaskElasticNet

    model = MultiTaskElasticNet(
        alpha=problem.penalty,
        l1_ratio=L1_RATIO,
        fit_intercept=False,
        max_iter=MAX_ITER,
        tol=TOLERANCE,
    )
    X, Y = np.asfortranarray(problem.X), np.asfortranarray(problem.Y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.perf_counter()
        model.fit(X, Y)
        seconds = time.perf_counter() - start
    yield problem.record(model.coef_.T, seconds)


def _skglm(problem: Single) -> Iterator[Record]:
    """Solve to ever tighter tolerances, each from the one before, until the gap is reached."""
    from skglm.datafits import QuadraticMultiTask
    from skglm.solvers import MultiTaskBCD
    from skglm.utils.jit_compilation import compiled_clone

    from side_by_side.methods.skglm_penalty import MultiTaskElasticNet

    penalty = compiled_clone(MultiTaskElasticNet(problem.group, problem.squared))
    datafit = compiled_clone(QuadraticMultiTask())

    def solve(X: Floats, Y: Floats, W: Floats, XW: Floats, tolerance: float) -> None:
        solver = MultiTaskBCD(max_iter=1000, tol=tolerance, fit_intercept=False)
        solver._solve(X, Y, datafit, penalty, W, XW)  # solve() would compile anew

    def empty(X: Floats, Y: Floats) -> tuple[Floats, Floats]:
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


FITS: dict[str, Callable[[Single], Iterator[Record]]] = {
    methods.EXACT: _echoes,
    methods.SCIKIT_LEARN: _scikit_learn,
    methods.SKGLM: _skglm,
}


def single(
    method: str, folder: str, experiment: str, rows: int, components: int, penalty: float
) -> Iterator[Record]:
    """Fit one elastic net of fold 0 from a cold start."""
    train, targets = _read(folder, experiment, rows, components)
    X, left_out = standardise(train[1:], train[:1])
    Y, means = targets[1:], X.mean(axis=0)
    problem = Single(X - means, Y - Y.mean(axis=0), left_out - means, penalty)
    for record in FITS[method](problem):
        yield {"method": method, "penalty": penalty, **record}


def fitted(folder: str) -> Iterator[Record]:
    """Sum the times of the fits in the folds of a finished run, and find their largest gap."""
    folds = [load_fold(path) for path in sorted(Path(folder).glob("*.npz"))]
    seconds = np.sum([fold.seconds for fold in folds], axis=0)
    gaps = [np.concatenate([fold.gap, fold.inner_gap]) for fold in folds]
    yield {
        "ridge_seconds": float(seconds[0]),
        "elastic_net_seconds": float(seconds[-1]),
        "largest_gap": float(np.max(gaps)),
    }

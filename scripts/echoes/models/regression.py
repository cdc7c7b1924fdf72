"""The models that an experiment may name, behind one interface: fit on rows, predict rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from echoes.io.arrays import Floats
from echoes.models.elastic_net import fit_elastic_net, fit_elastic_net_scikit_learn
from echoes.models.linear import LinearFit
from echoes.models.ridge import fit_ridge, fit_ridge_scikit_learn


@dataclass(frozen=True)
class Regression:
    """How the linear models are fitted.

    Parameters
    ----------
    penalties
        Penalties to choose from, in order.
    inner_folds
        Contiguous folds of the inner cross-validation.
    l1_ratio
        Share of the group penalty in the elastic net's.
    backend
        What solves: ``exact``, or ``scikit-learn`` to check it.
    gap
        Relative duality gap that every fit of the exact backend must reach.
    max_iter, tolerance
        Where scikit-learn's coordinate descent stops.
    """

    penalties: tuple[float, ...] = (0.01, 0.1, 1.0, 100.0)
    inner_folds: int = 3
    l1_ratio: float = 0.5
    backend: str = "exact"
    gap: float = 1e-8
    max_iter: int = 1000
    tolerance: float = 1e-4


Fit = Callable[[Floats, Floats, Regression], LinearFit]

#: Backend and name in the configuration → fit on features (m, F) and targets (m, T).
MODELS: dict[tuple[str, str], Fit] = {
    ("exact", "ridge"): lambda X, Y, how: fit_ridge(
        X, Y, how.penalties, how.inner_folds, tolerance=how.gap
    ),
    ("exact", "elastic_net"): lambda X, Y, how: fit_elastic_net(
        X, Y, how.penalties, how.inner_folds, l1_ratio=how.l1_ratio, tolerance=how.gap
    ),
    ("scikit-learn", "ridge"): lambda X, Y, how: fit_ridge_scikit_learn(
        X, Y, how.penalties, how.inner_folds
    ),
    ("scikit-learn", "elastic_net"): lambda X, Y, how: fit_elastic_net_scikit_learn(
        X,
        Y,
        how.penalties,
        how.inner_folds,
        l1_ratio=how.l1_ratio,
        max_iter=how.max_iter,
        tolerance=how.tolerance,
    ),
}

#: Backends and names that there are.
BACKENDS = tuple(dict.fromkeys(backend for backend, _ in MODELS))
NAMES = tuple(dict.fromkeys(name for _, name in MODELS))


def fit(name: str, X: Floats, Y: Floats, how: Regression) -> LinearFit:
    """Fit the named model on features X (m, F) and targets Y (m, T)."""
    return MODELS[how.backend, name](X, Y, how)

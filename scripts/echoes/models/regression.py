"""The linear models of the published method, for both protocols: ridge and elastic net.

They predict principal components of the response from network features of the silenced gene.
Sources: ridge, Hoerl and Kennard, Technometrics 12 (1970), 55–67,
doi:10.1080/00401706.1970.10488634; elastic net, Zou and Hastie, J. R. Stat. Soc. B 67 (2005),
301–320, doi:10.1111/j.1467-9868.2005.00503.x.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from echoes.io.arrays import Floats
from echoes.io.errors import NotConvergedError
from echoes.models.components import decompose, reconstruct
from echoes.models.elastic_net import fit_elastic_net
from echoes.models.elastic_net_scikit_learn import fit_elastic_net_scikit_learn
from echoes.models.linear import LinearFit, standardise
from echoes.models.ridge import fit_ridge, fit_ridge_scikit_learn

if TYPE_CHECKING:
    from echoes.models.task import Prediction, Settings, Task


@dataclass(frozen=True)
class Regression:
    """Settings of the linear models, the section ``regression`` of the configuration.

    Parameters
    ----------
    penalties
        Penalties to choose from, in order.
    inner_folds
        Number of contiguous folds of the inner cross-validation.
    l1_ratio
        Share of the group penalty in the elastic net's penalty, more than 0 and less than 1.
    backend
        Name of the solver, from `BACKENDS`. ``scikit-learn`` serves to check ``exact``.
    gap
        Relative duality gap that every fit of the exact backend must reach.
    max_iter
        Largest number of passes of scikit-learn's coordinate descent over all features.
    tolerance
        Tolerance at which scikit-learn's coordinate descent stops.
    """

    penalties: tuple[float, ...]
    inner_folds: int
    l1_ratio: float
    backend: str
    gap: float
    max_iter: int
    tolerance: float

    @classmethod
    def from_settings(cls, section: Mapping[str, Any]) -> Regression:
        """Read the section ``regression`` of an experiment's settings."""
        return cls(**{**section, "penalties": tuple(section["penalties"])})


Fit = Callable[[Floats, Floats, Regression], LinearFit]

_FITS: dict[tuple[str, str], Fit] = {
    ("exact", "ridge"): lambda X, Y, settings: fit_ridge(
        X, Y, settings.penalties, settings.inner_folds, tolerance=settings.gap
    ),
    ("exact", "elastic_net"): lambda X, Y, settings: fit_elastic_net(
        X,
        Y,
        settings.penalties,
        settings.inner_folds,
        l1_ratio=settings.l1_ratio,
        tolerance=settings.gap,
    ),
    ("scikit-learn", "ridge"): lambda X, Y, settings: fit_ridge_scikit_learn(
        X, Y, settings.penalties, settings.inner_folds
    ),
    ("scikit-learn", "elastic_net"): lambda X, Y, settings: fit_elastic_net_scikit_learn(
        X,
        Y,
        settings.penalties,
        settings.inner_folds,
        l1_ratio=settings.l1_ratio,
        max_iter=settings.max_iter,
        tolerance=settings.tolerance,
    ),
}

#: Solvers, and names of the linear models.
BACKENDS = tuple(dict.fromkeys(backend for backend, _ in _FITS))
NAMES = tuple(dict.fromkeys(name for _, name in _FITS))


def fit(name: str, X: Floats, Y: Floats, settings: Regression) -> LinearFit:
    """Fit the linear model with this name on features X (m, F) and targets Y (m, T).

    Raises
    ------
    NotConvergedError
        When the duality gap of a fit is above its limit; the message names model, penalty and gap.
    """
    try:
        return _FITS[settings.backend, name](X, Y, settings)
    except NotConvergedError as error:
        raise NotConvergedError(f"{name}, {error}") from error


def ridge(task: Task, settings: Settings) -> Prediction:
    """Predict q responses (q, G) by a ridge regression on training perturbations."""
    return _predict("ridge", task, settings)


def elastic_net(task: Task, settings: Settings) -> Prediction:
    """Predict q responses (q, G) by a multi-task elastic net on training perturbations."""
    return _predict("elastic_net", task, settings)


def _predict(name: str, task: Task, settings: Settings) -> Prediction:
    """Fit a linear model; components, scaling and penalty come from training rows only.

    With few training rows, the numbers of components and of inner folds are lowered to the
    largest possible ones; an inner fold needs two rows.
    """
    # The folds of the published protocol, which know no tasks, start sooner without.
    from echoes.models.task import Prediction

    m, genes = task.deltas.shape
    regression = Regression.from_settings(settings["regression"])
    n_components = min(settings["response"]["n_components"], m - 1, genes)
    components = decompose(task.deltas, n_components)
    # The score of an inner fold needs two rows to vary.
    inner_folds = max(2, min(regression.inner_folds, m // 2))
    training, to_predict = standardise(task.features[:m], task.features[m:])
    # The inner folds are contiguous: sorted by name, they do not depend on the order of a table.
    rows = np.argsort(task.training_groups, kind="stable")
    settled = replace(regression, inner_folds=inner_folds)
    fitted = fit(name, training[rows], components.scores[rows], settled)
    ends = min(regression.penalties), max(regression.penalties)
    return Prediction(
        reconstruct(fitted.predict(to_predict), components.axes, components.mean),
        # The mean fitted response of a linear model with an intercept is the mean response.
        components.mean,
        choices={
            "penalty": fitted.penalty,
            "gap": fitted.gap,
            "at_edge": float(fitted.penalty in ends),
        },
    )

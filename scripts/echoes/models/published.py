"""The published protocol: leave one perturbation out, fit on all others, and predict it.

The validation perturbations are predicted by the same fits.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Floats, Ints
from echoes.io.errors import InputError, NotConvergedError
from echoes.io.files import StrPath
from echoes.io.records import Layout
from echoes.models import regression
from echoes.models.linear import LinearFit, check_folds, standardise


@dataclass(frozen=True)
class FittedFold:
    """Predictions of one fold for principal components of the response, and its fits.

    Parameters
    ----------
    held_out
        (T,) prediction for the perturbation that is left out.
    validation
        (v, T) predictions for the validation perturbations.
    fits
        The fitted models, in the order of the experiment.
    seconds
        Duration of each fit in seconds.
    """

    held_out: Floats
    validation: Floats
    fits: tuple[LinearFit, ...]
    seconds: tuple[float, ...]


@dataclass(frozen=True)
class Fold:
    """Predictions of one fold, and the quality of the fits of its k models.

    Components are all that it keeps of a response: they are a hundredth of its size.

    Parameters
    ----------
    held_out
        (T,) predicted components of the response of the perturbation that is left out.
    validation
        (v, T) predicted components of the responses of the validation perturbations.
    penalty
        (k,) penalty that each model's inner cross-validation chose.
    gap, inner_gap
        (k,) relative duality gap of each model's fit, and the largest of its inner fits; NaN
        where the solver does not compute it.
    unconverged
        (k,) number of fits, inner fits included, that stopped before the solver converged.
    seconds
        (k,) duration of each fit in seconds, inner fits included.
    """

    held_out: Floats
    validation: Floats
    penalty: Floats
    gap: Floats
    inner_gap: Floats
    unconverged: Ints
    seconds: Floats


_LAYOUT = Layout(
    {
        "held_out": "float T",
        "validation": "float v T",
        "penalty": "float k",
        "gap": "number k",
        "inner_gap": "number k",
        "unconverged": "int k",
        "seconds": "float k",
    },
    # Data set, experiment, folds, file.
    depth=4,
)


def save_fold(path: StrPath, fold: Fold) -> None:
    """Write a fold to an npz file."""
    _LAYOUT.save(path, vars(fold))


def load_fold(path: StrPath, **sizes: int) -> Fold:
    """Read a fold that `save_fold` wrote; see `Layout.load`."""
    return Fold(*_LAYOUT.load(path, **sizes))


def leave_one_out(
    train: Floats,
    validation: Floats,
    targets: Floats,
    fold: int,
    names: Sequence[str],
    settings: regression.Regression,
) -> FittedFold:
    """Fit linear models without one row, and average their predictions for it.

    Parameters
    ----------
    train, validation
        (n, F) and (v, F) features.
    targets
        (n, T) targets: principal components of the responses. Row `fold` is never read.
    fold
        The row to leave out.
    names
        Names of the models whose predictions are averaged, from `regression.NAMES`.
    settings
        Settings of the fits.

    Raises
    ------
    InputError
        When there is no such row, or too few rows for the inner folds.
    NotConvergedError
        When the duality gap of a fit is above its limit; the message names fold, model, penalty
        and gap.
    """
    if not 0 <= fold < len(train):
        raise InputError(
            "configuration",
            "fold",
            str(fold),
            expected=f"0 to {len(train) - 1}, one of {len(train)} perturbations",
            remedy="Choose one of these.",
        )
    kept = np.delete(np.arange(len(train)), fold)
    check_folds(len(kept), settings.inner_folds)
    X, X_held_out, X_validation = standardise(train[kept], train[[fold]], validation)
    Y = targets[kept]
    fits, seconds = [], []
    for name in names:
        start = time.perf_counter()
        try:
            fits.append(regression.fit(name, X, Y, settings))
        except NotConvergedError as error:
            raise NotConvergedError(f"fold {fold}, {error}") from error
        seconds.append(time.perf_counter() - start)
    return FittedFold(
        held_out=np.mean([fitted.predict(X_held_out)[0] for fitted in fits], axis=0),
        validation=np.mean([fitted.predict(X_validation) for fitted in fits], axis=0),
        fits=tuple(fits),
        seconds=tuple(seconds),
    )


def summarise_fold(fitted: FittedFold) -> Fold:
    """Keep the predictions of a fold and the figures of its fits, but not their coefficients."""
    return Fold(
        held_out=fitted.held_out,
        validation=fitted.validation,
        penalty=np.array([fit.penalty for fit in fitted.fits]),
        gap=np.array([fit.gap for fit in fitted.fits]),
        inner_gap=np.array([fit.inner_gap for fit in fitted.fits]),
        unconverged=np.array([fit.unconverged for fit in fitted.fits], dtype=np.intp),
        seconds=np.array(fitted.seconds),
    )

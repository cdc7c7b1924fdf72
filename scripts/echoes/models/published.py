"""Leave one perturbation out: fit on all others, predict it and the validation genes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Floats, Ints, load_arrays
from echoes.io.errors import InputError, NotConvergedError
from echoes.io.files import StrPath
from echoes.models import regression as models
from echoes.models.linear import LinearFit, check_folds
from echoes.network.features import standardise


@dataclass(frozen=True)
class Fold:
    """What one fold predicts, in the space of the targets.

    Parameters
    ----------
    held_out
        (T,) prediction of the left-out perturbation.
    validation
        (v, T) predictions of the validation perturbations.
    fits
        The fitted models, in the order of the experiment.
    seconds
        Time each fit took.
    """

    held_out: Floats
    validation: Floats
    fits: tuple[LinearFit, ...]
    seconds: tuple[float, ...]


def leave_one_out(
    train: Floats,
    validation: Floats,
    targets: Floats,
    fold: int,
    names: Sequence[str],
    how: models.Regression,
) -> Fold:
    """Fit the named models without one row and average what they predict for it.

    Parameters
    ----------
    train, validation
        (n, F) and (v, F) features.
    targets
        (n, T) targets. Row `fold` of them is never read.
    fold
        The row to leave out.
    names
        Models to fit and to average.
    how
        How they are fitted.

    Raises
    ------
    InputError
        When there is no such row, or too few for the inner folds.
    NotConvergedError
        When a fit misses its gap; it names the fold, the model, the penalty and the gap.
    """
    if not 0 <= fold < len(train):
        raise InputError(
            "configuration",
            "fold",
            str(fold),
            expected=f"0 to {len(train) - 1}, one of {len(train)} perturbations",
            remedy="Choose one of these.",
        )
    others = np.delete(np.arange(len(train)), fold)
    check_folds(len(others), how.inner_folds)
    X, left_out, unseen = standardise(train[others], train[[fold]], validation)
    Y = targets[others]
    fits, seconds = [], []
    for name in names:
        start = time.perf_counter()
        try:
            fits.append(models.fit(name, X, Y, how))
        except NotConvergedError as error:
            raise NotConvergedError(f"fold {fold}, {name}, {error}") from error
        seconds.append(time.perf_counter() - start)
    return Fold(
        held_out=np.mean([model.predict(left_out)[0] for model in fits], axis=0),
        validation=np.mean([model.predict(unseen) for model in fits], axis=0),
        fits=tuple(fits),
        seconds=tuple(seconds),
    )


@dataclass(frozen=True)
class SavedFold:
    """What the file of a fold holds; the models are in the order of the experiment."""

    held_out: Floats
    validation: Floats
    penalty: Floats
    gap: Floats
    inner_gap: Floats
    unconverged: Ints
    seconds: Floats


def load(path: StrPath) -> SavedFold:
    """Read the file of a fold."""
    names = ("held_out", "validation", "penalty", "gap", "inner_gap", "unconverged", "seconds")
    return SavedFold(*load_arrays(path, *names))

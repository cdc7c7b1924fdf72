"""Held-out predictions: one file for each part of the perturbations, and all parts together."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from echoes.io.arrays import Floats, Ints, Strings, save_arrays
from echoes.io.files import StrPath


@dataclass(frozen=True)
class HeldOutPart:
    """Predictions of r perturbations by F fitted models, none of which has seen its response.

    Parameters
    ----------
    rows
        (r,) numbers of the perturbations, from 0 on.
    fold
        (r,) number of the fit that predicts each of them, 0 … F − 1.
    prediction
        (r, G) predicted responses.
    spread
        (r, G) scale of the error to expect; (r, 0) where the models give none.
    centre, mean
        (F, G) mean prediction and mean response of each fit's training perturbations.
    quantiles
        (F, levels) half width of the intervals in units of the spread (`coverage.LEVELS`);
        (F, 0) where the models give none.
    inner_score
        (F,) score of the inner cross-validation; NaN where there is none.
    seconds
        (F,) how long each fit took.
    choice_names
        (C,) names of what the inner cross-validation chooses and of what a fit reports.
    choices
        (F, C) their values.
    """

    rows: Ints
    fold: Ints
    prediction: Floats
    spread: Floats
    centre: Floats
    mean: Floats
    quantiles: Floats
    inner_score: Floats
    seconds: Floats
    choice_names: Strings
    choices: Floats


_FIELDS = tuple(field.name for field in dataclasses.fields(HeldOutPart))


def save_part(path: StrPath, part: HeldOutPart) -> None:
    """Write a part to an npz file."""
    save_arrays(path, {name: getattr(part, name) for name in _FIELDS})

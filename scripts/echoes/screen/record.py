"""A screen as one record: the silenced genes and the responses of all measured genes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from echoes.io.arrays import Floats, Strings, load_arrays, save_arrays
from echoes.io.files import StrPath


@dataclass(frozen=True)
class Screen:
    """n perturbations, G response genes, v further perturbations to predict.

    Parameters
    ----------
    perturbations
        (n,) names of the perturbations as the tables have them, in their order.
    silenced
        (n,) gene that each perturbation silences. Two guides may silence one gene.
    genes
        (G,) response genes.
    control
        (G,) expression of the control cells.
    responses
        (n, G) expression minus that of the control.
    truth
        (n, G) the measured responses that predictions are scored against.
    weights
        (n, G) weights of the score, at least 0.
    baseline
        (n,) weighted mean absolute error of the baseline prediction.
    validation_ids, validation_silenced
        (v,) ids and silenced genes of the perturbations to predict.
    scale
        Scale of all expression values and differences; always ``log2`` once a screen is read.
    """

    perturbations: Strings
    silenced: Strings
    genes: Strings
    control: Floats
    responses: Floats
    truth: Floats
    weights: Floats
    baseline: Floats
    validation_ids: Strings
    validation_silenced: Strings
    scale: str = "log2"


_FIELDS = tuple(field.name for field in dataclasses.fields(Screen))


def save(path: StrPath, screen: Screen) -> None:
    """Write a screen to an npz file."""
    save_arrays(path, {name: getattr(screen, name) for name in _FIELDS})


def load(path: StrPath) -> Screen:
    """Read the whole screen that `save` wrote."""
    fields = dict(zip(_FIELDS, load_arrays(path, *_FIELDS), strict=True))
    scale = str(fields.pop("scale"))
    return Screen(**fields, scale=scale)


def load_fields(path: StrPath, *names: str) -> list[npt.NDArray[Any]]:
    """Read the named fields of a screen, for jobs that need little memory."""
    unknown = set(names) - set(_FIELDS)
    if unknown:
        raise AttributeError(f"Screen has no field {', '.join(sorted(unknown))}")
    return load_arrays(path, *names)

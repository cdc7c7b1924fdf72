"""A screen as one record: the silenced genes and the responses of all measured genes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from echoes.io.arrays import Floats, Strings, load_arrays, save_arrays
from echoes.io.errors import InputError
from echoes.io.files import StrPath


@dataclass(frozen=True)
class Screen:
    """n perturbations, G response genes, v further perturbations to predict.

    Parameters
    ----------
    perturbations
        (n,) names of the perturbations, as in the tables and in their order.
    silenced
        (n,) gene that each perturbation silences. Two guides may silence one gene.
    genes
        (G,) response genes.
    control
        (G,) mean expression of the control cells, log2(1 + 10⁴·UMI/total); NaN if not known.
    responses
        (n, G) mean expression minus that of the control, log2 units. NaN where not measured,
        here and in `truth`, which models do not take yet: see `require_complete`.
    truth
        (n, G) the measured responses that predictions are scored against, log2 units.
    weights
        (n, G) weights of the score, at least 0; each row sums to about G.
    baseline
        (n,) weighted mean absolute error of the baseline prediction, log2 units.
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
    """Read the whole screen that `save` wrote.

    Raises
    ------
    InputError
        If the file is damaged, or is not such a file.
    """
    fields = dict(zip(_FIELDS, load_arrays(path, *_FIELDS), strict=True))
    scale = str(fields.pop("scale"))
    return Screen(**fields, scale=scale)


def load_fields(path: StrPath, *names: str) -> list[npt.NDArray[Any]]:
    """Read only the named fields of a screen, in this order, to save memory.

    Raises
    ------
    AttributeError
        If a screen has no field of this name.
    InputError
        If the file is damaged, or is not such a file.
    """
    unknown = set(names) - set(_FIELDS)
    if unknown:
        raise AttributeError(f"Screen has no field {', '.join(sorted(unknown))}")
    return load_arrays(path, *names)


def require_complete(screen: Screen, path: StrPath) -> None:
    """Check that each response was measured, for models that cannot learn from gaps.

    Parameters
    ----------
    screen
        The screen; a missing response is NaN.
    path
        The file of the responses, for the error message.

    Raises
    ------
    InputError
        If pairs of a perturbation and a gene are missing; the message says how many.
    """
    missing = np.isnan(screen.responses) | np.isnan(screen.truth)
    if missing.any():
        count = np.count_nonzero(missing)
        i, j = np.argwhere(missing)[0]
        complete = np.count_nonzero(~missing.any(axis=0))
        raise InputError(
            path,
            f"perturbation {screen.perturbations[i]}, gene {screen.genes[j]}",
            f"not measured, as {count:,} of {missing.size:,} pairs of perturbation and gene",
            expected="each gene measured in each perturbation, as long as no model can learn from "
            "tables with gaps (such models are planned)",
            remedy="Set `dataset: incomplete_genes: drop` to keep only the genes that each "
            f"perturbation has ({complete:,} of {missing.shape[1]:,}), or leave out the "
            "perturbations with gaps. Do not fill gaps with 0: not measured is not unchanged.",
        )

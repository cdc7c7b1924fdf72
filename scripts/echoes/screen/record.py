"""A screen as one record: the silenced genes and the responses of all measured genes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from echoes.io.arrays import (
    Bools,
    Floats,
    Ints,
    Strings,
    array_names,
    positions,
)
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.io.records import Layout


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
        here and in `truth`, which not all models take: see `require_complete`.
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
    test
        (n,) which perturbations a given split holds out; None if folds are made instead.
    separator
        Text between the genes in `silenced` and `validation_silenced` where a perturbation
        silences several, sorted; None in a screen of single genes.
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
    test: Bools | None = None
    separator: str | None = None


#: Arrays that only files of screens with a given split, or with pairs, have.
_OPTIONAL = ("test", "separator")
_FIELDS = tuple(each.name for each in dataclasses.fields(Screen) if each.name not in _OPTIONAL)
_LAYOUT = Layout(
    {
        "perturbations": "str n",
        "silenced": "str n",
        "genes": "str G",
        "control": "gap G",
        "responses": "gap n G",
        "truth": "gap n G",
        "weights": "gap n G",
        "baseline": "gap n",
        "validation_ids": "str v",
        "validation_silenced": "str v",
        "scale": "str",
        "test": "bool n",
        "separator": "str",
    },
    # Data set, perturbations, file; of a prior its folders.
    depth=3,
)


def save(path: StrPath, screen: Screen) -> None:
    """Write a screen to an npz file; a split and a separator only if there is one."""
    optional = {name: getattr(screen, name) for name in _OPTIONAL}
    given = {name: np.asarray(value) for name, value in optional.items() if value is not None}
    _LAYOUT.save(path, {name: getattr(screen, name) for name in _FIELDS} | given)


def load(path: StrPath) -> Screen:
    """Read the whole screen that `save` wrote.

    Raises
    ------
    InputError
        If the file is damaged, or is not such a file.
    """
    fields = dict(zip(_FIELDS, _LAYOUT.load(path, *_FIELDS), strict=True))
    scale = str(fields.pop("scale"))
    separator = _load_separator(path)
    test = load_test(path, n=len(fields["perturbations"]))
    return Screen(**fields, scale=scale, test=test, separator=separator)


def load_test(path: StrPath, **sizes: int) -> Bools | None:
    """Read which perturbations a given split holds out; None if there is no split.

    Raises
    ------
    InputError
        If the file is damaged, or is not such a file.
    """
    return _LAYOUT.load(path, "test", **sizes)[0] if "test" in array_names(path) else None


def _load_separator(path: StrPath) -> str | None:
    return str(_LAYOUT.load(path, "separator")[0]) if "separator" in array_names(path) else None


def gene_sets(silenced: Strings, separator: str | None) -> list[tuple[str, ...]]:
    """List the genes of each perturbation, from the names of `Screen.silenced`."""
    names = silenced.tolist()
    return [tuple(name.split(separator)) if separator else (name,) for name in names]


def load_sets(path: StrPath) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Read the genes of each perturbation, and of each perturbation to predict."""
    separator = _load_separator(path)
    training, validation = load_fields(path, "silenced", "validation_silenced")
    return gene_sets(training, separator), gene_sets(validation, separator)


def own_positions(sets: Sequence[Sequence[str]], genes: Sequence[str]) -> Ints:
    """Find the silenced genes of each perturbation among the response genes.

    Returns
    -------
    array
        (r,) positions, or (r, s) if a perturbation silences up to s > 1 genes; −1 for none.
    """
    width = max(map(len, sets), default=1)
    columns = [[one[k] if k < len(one) else "" for one in sets] for k in range(width)]
    found = [positions(column, genes) for column in columns]
    return found[0] if width == 1 else np.column_stack(found)


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
    return _LAYOUT.load(path, *names)


def require_complete(screen: Screen, path: StrPath) -> None:
    """Check that each response was measured, unless the configuration keeps gaps.

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
            expected="each gene measured in each perturbation",
            remedy="Set `dataset: incomplete_genes: keep` to learn each gene from the "
            "perturbations that have it, which some models can, or `incomplete_genes: drop` to "
            f"keep only the genes that each perturbation has ({complete:,} of "
            f"{missing.shape[1]:,}). Do not fill gaps with 0: not measured is not unchanged.",
        )


def require_some(screen: Screen, path: StrPath) -> None:
    """Check that each perturbation has a measured response, for a screen with gaps.

    Raises
    ------
    InputError
        If one has none.
    """
    empty = np.isnan(screen.truth).all(axis=1)
    if empty.any():
        named = abbreviate(screen.perturbations[empty].tolist())
        raise InputError(
            path,
            f"perturbation {named}",
            "no response gene is measured",
            expected="at least one measured gene for each perturbation",
            remedy="Leave out these perturbations.",
        )

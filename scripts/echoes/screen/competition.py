"""Perturbations and their responses: three tables, aligned and checked, as one record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from echoes.io.arrays import Floats, Ints
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.io.tables import (
    read_columns,
    read_matrix,
    repeated,
    require_columns,
    require_names,
    require_unique,
)
from echoes.scoring.metrics import weighted_mae
from echoes.screen.record import Screen

#: How far a row of weights may be from its sum G, as a share of G: files are rounded.
WEIGHT_SUM_TOLERANCE = 1e-2


def _positions(path: StrPath, what: str, wanted: Sequence[str], found: Sequence[str]) -> Ints:
    """Tell where each wanted name stands among the found ones, which must be the same set."""
    where = {name: i for i, name in enumerate(found)}
    expected = set(wanted)
    missing = [name for name in wanted if name not in where]
    extra = [name for name in found if name not in expected]
    if missing or extra:
        lines = [f"{abbreviate(missing)} missing"] if missing else []
        lines += [f"{abbreviate(extra)} too many"] if extra else []
        raise InputError(
            path,
            what,
            " and ".join(lines),
            expected="the same names as in the table of means",
            remedy="Use tables that belong together.",
        )
    return np.array([where[name] for name in wanted], dtype=np.intp)


def read_means(
    path: StrPath, control: str
) -> tuple[tuple[str, ...], tuple[str, ...], Floats, Floats]:
    """Read the mean expression of each perturbation and take the control off.

    Parameters
    ----------
    path
        Table with the column ``pert_symbol`` and one column a response gene.
    control
        Name of the control row, wherever it stands.

    Returns
    -------
    symbols, genes, control, responses
        The n silenced genes, the G response genes, (G,) and (n, G).

    Raises
    ------
    InputError
        When the table is bad, or has no control row or nothing but it.
    """
    table = read_matrix(path, "pert_symbol")
    if control not in table.rows:
        raise InputError(
            path,
            "column pert_symbol",
            f"no row is named {control!r}",
            expected="the row of the control cells",
            remedy="Add it, or set `dataset: control:` to the name that it has.",
        )
    at = table.rows.index(control)
    if len(table.rows) < 2:
        raise InputError(
            path,
            "",
            "there is no row beside the control",
            expected="one row a perturbation",
            remedy="Check that the table is complete.",
        )
    responses = np.delete(table.values, at, axis=0) - table.values[at]
    symbols = table.rows[:at] + table.rows[at + 1 :]
    return symbols, table.columns, table.values[at], responses


def read_truth(
    path: StrPath, symbols: Sequence[str], genes: Sequence[str]
) -> tuple[Floats, Floats, Floats]:
    """Read deltas, weights and baselines, brought into the order of the table of means.

    Parameters
    ----------
    path
        Table with the column ``pert_id`` (silenced genes), one column of deltas a
        gene, one of weights named ``w_<gene>``, and ``baseline_wmae``.
    symbols, genes
        The order to bring rows and columns into.

    Returns
    -------
    truth, weights, baseline
        (n, G), (n, G) and (n,).

    Raises
    ------
    InputError
        When rows or genes are not those of the means, a weight or baseline is
        negative, or a row of weights does not sum to the number of genes.
    """
    table = read_matrix(path, "pert_id")
    require_columns(path, table.columns, ["baseline_wmae"])
    rows = _positions(path, "column pert_id", symbols, table.rows)
    wanted = [*genes, *(f"w_{gene}" for gene in genes), "baseline_wmae"]
    if twice := repeated(wanted):
        raise InputError(
            path,
            "line 1",
            f"column {abbreviate(twice)} would be both a gene's and a weight's or the baseline's",
            expected="no response gene named like another column of this table",
            remedy="Rename the gene in both tables.",
        )
    values = table.values[rows][:, _positions(path, "line 1", wanted, table.columns)]
    truth, weights, baseline = np.split(values, [len(genes), 2 * len(genes)], axis=1)
    for array, columns in ((weights, wanted[len(genes) :]), (baseline, wanted[-1:])):
        if (array < 0).any():
            i, j = np.argwhere(array < 0)[0]
            raise InputError(
                path,
                f"column {columns[j]}, row {symbols[i]}",
                f"{array[i, j]} is negative",
                expected="at least 0",
                remedy="Correct the cell.",
            )
    sums = weights.sum(axis=1)
    off = np.abs(sums / len(genes) - 1) > WEIGHT_SUM_TOLERANCE
    if off.any():
        i = int(np.argmax(off))
        raise InputError(
            path,
            f"row {symbols[i]}",
            f"the weights sum to {sums[i]:.6g}",
            expected=f"{len(genes)}, the number of genes",
            remedy="Scale each row of weights to that sum.",
        )
    return truth, weights, baseline[:, 0]


def read_validation(path: StrPath) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Read the perturbations to predict: columns ``pert_id`` and ``pert`` (silenced gene).

    Raises
    ------
    InputError
        When there is none, or an id is empty or stands twice.
    """
    table = read_columns(path, {"pert_id": pa.string(), "pert": pa.string()})
    ids = tuple(table.column("pert_id").to_pylist())
    symbols = tuple(table.column("pert").to_pylist())
    if not ids:
        raise InputError(
            path,
            "",
            "there are no rows",
            expected="one row a perturbation to predict",
            remedy="Fill the table, or set `dataset: validation: null`.",
        )
    require_unique(path, "pert_id", ids)
    require_names(path, "pert", symbols, ids)
    return ids, symbols


def silenced_gene(name: str, guide_separator: str | None) -> str:
    """Gene that a perturbation silences: what stands before the last separator, if there is one."""
    return (name.rpartition(guide_separator)[0] or name) if guide_separator else name


def read_perturbations(
    means: StrPath,
    truth: StrPath | None,
    validation: StrPath | None,
    control: str,
    guide_separator: str | None = None,
) -> Screen:
    """Read the tables of a data set and align them.

    Parameters
    ----------
    means, truth, validation
        Paths of the tables. Without truth, the deltas are the responses, all
        weights are 1 and the baseline is that of the mean of all responses.
    control
        Name of the control row in the table of means.
    guide_separator
        What stands between a silenced gene and the name of its guide; None where a
        perturbation is named by its gene alone.

    Raises
    ------
    InputError
        When a table is bad or two do not belong together.
    """
    names, genes, control_row, responses = read_means(means, control)
    if truth is None:
        deltas, weights = responses, np.ones_like(responses)
        baseline = weighted_mae(responses, responses.mean(axis=0), weights)
    else:
        deltas, weights, baseline = read_truth(truth, names, genes)
    ids, silenced = read_validation(validation) if validation is not None else ((), ())
    return Screen(
        perturbations=np.array(names, dtype=np.str_),
        silenced=np.array([silenced_gene(name, guide_separator) for name in names], dtype=np.str_),
        genes=np.array(genes, dtype=np.str_),
        control=control_row,
        responses=responses,
        truth=deltas,
        weights=weights,
        baseline=baseline,
        validation_ids=np.array(ids, dtype=np.str_),
        validation_silenced=np.array(silenced, dtype=np.str_),
    )

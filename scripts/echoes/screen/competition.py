"""Read a screen from the competition's three tables: align them, check them, convert to log2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from echoes.io.arrays import Floats, Ints, positions
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
from echoes.screen.scale import to_log2

#: Largest deviation of the sum of a row of weights from G, as a share of G: files are rounded.
WEIGHT_SUM_TOLERANCE = 1e-2


def _same_names(path: StrPath, place: str, expected: Sequence[str], names: Sequence[str]) -> Ints:
    """Find the position of each expected name among the names; both must be the same set."""
    position = positions(expected, names)
    missing = [name for name, i in zip(expected, position.tolist(), strict=True) if i < 0]
    known = set(expected)
    extra = [name for name in names if name not in known]
    if missing or extra:
        lines = [f"{abbreviate(missing)} missing"] if missing else []
        lines += [f"{abbreviate(extra)} too many"] if extra else []
        raise InputError(
            path,
            place,
            " and ".join(lines),
            expected="the same names as in the table of means",
            remedy="Use tables that belong together.",
        )
    return position


def read_means(
    path: StrPath, control: str
) -> tuple[tuple[str, ...], tuple[str, ...], Floats, Floats]:
    """Read the mean expression of each perturbation and subtract that of the control.

    Parameters
    ----------
    path
        Table with the column ``pert_symbol`` and one column a response gene.
    control
        Name of the control row, which may be any row.

    Returns
    -------
    perturbations, genes, control, responses
        Names of the n perturbations and of the G response genes; expression of the control,
        (G,), and the difference of each perturbation to it, (n, G), on the scale of the table.

    Raises
    ------
    InputError
        When the table cannot be read, has no control row, or has no other row.
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
    control_row = table.rows.index(control)
    if len(table.rows) < 2:
        raise InputError(
            path,
            "",
            "the control is the only row",
            expected="one row a perturbation",
            remedy="Check that the table is complete.",
        )
    expression = table.values[control_row]
    responses = np.delete(table.values, control_row, axis=0) - expression
    symbols = table.rows[:control_row] + table.rows[control_row + 1 :]
    return symbols, table.columns, expression, responses


def read_truth(
    path: StrPath, symbols: Sequence[str], genes: Sequence[str]
) -> tuple[Floats, Floats, Floats]:
    """Read deltas, weights and baselines, in the order of the table of means.

    Parameters
    ----------
    path
        Table with the column ``pert_id`` (names of the perturbations), for each gene a column
        of deltas and one of weights named ``w_<gene>``, and ``baseline_wmae``.
    symbols, genes
        Names of the n perturbations and of the G genes in the table of means.

    Returns
    -------
    truth, weights, baseline
        (n, G), (n, G) and (n,). Truth and baseline are on the scale of the table.

    Raises
    ------
    InputError
        When rows or genes are not those of the means, a weight or baseline is
        negative, or a row of weights does not sum to the number of genes.
    """
    table = read_matrix(path, "pert_id")
    require_columns(path, table.columns, ["baseline_wmae"])
    rows = _same_names(path, "column pert_id", symbols, table.rows)
    wanted = [*genes, *(f"w_{gene}" for gene in genes), "baseline_wmae"]
    if twice := repeated(wanted):
        raise InputError(
            path,
            "line 1",
            f"column {abbreviate(twice)} is both a response gene and a weight or the baseline",
            expected="no response gene named like another column of this table",
            remedy="Rename the gene in both tables.",
        )
    values = table.values[rows][:, _same_names(path, "line 1", wanted, table.columns)]
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
        When the table has no rows, or an id is empty or is in two rows.
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
    """Gene that a perturbation silences: the part of its name before the last separator, if any."""
    return (name.rpartition(guide_separator)[0] or name) if guide_separator else name


def read_perturbations(
    means: StrPath,
    truth: StrPath | None,
    validation: StrPath | None,
    control: str,
    guide_separator: str | None,
    *,
    scale: str,
) -> Screen:
    """Read the tables of a data set, align them and convert them to log2.

    Parameters
    ----------
    means, truth, validation
        Paths of the tables. Without a table of truth, the truth is the responses, all weights
        are 1 and the baseline is the error of predicting the mean of all responses.
    control
        Name of the control row in the table of means.
    guide_separator
        Text between the silenced gene and the guide in the name of a perturbation; None if a
        perturbation has the name of its gene alone.
    scale
        Scale of expression, deltas and baselines in the tables: ``log2``, ``ln`` or ``log10``.

    Returns
    -------
    Screen
        All values in log2 units.

    Raises
    ------
    InputError
        When a table cannot be used, or two tables do not belong together.
    """
    names, genes, control_row, responses = read_means(means, control)
    control_row, responses = to_log2(control_row, scale), to_log2(responses, scale)
    if truth is None:
        deltas, weights = responses, np.ones_like(responses)
        baseline = weighted_mae(responses, responses.mean(axis=0), weights)
    else:
        deltas, weights, baseline = read_truth(truth, names, genes)
        deltas, baseline = to_log2(deltas, scale), to_log2(baseline, scale)
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

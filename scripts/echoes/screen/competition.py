"""Tables of the competition: true deltas with weights and baselines, and genes to predict."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from echoes.io.arrays import Floats, Ints, positions
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.io.tables import (
    read_columns,
    read_header,
    read_matrix,
    repeated,
    require_columns,
    require_names,
    require_unique,
)
from echoes.io.text import separator_in
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
    separator = separator_in(path, ",")
    header = read_header(path, delimiter=separator)
    require_columns(path, header, ["pert_id", "baseline_wmae"])
    wanted = [*genes, *(f"w_{gene}" for gene in genes), "baseline_wmae"]
    if twice := repeated(wanted):
        raise InputError(
            path,
            "line 1",
            f"column {abbreviate(twice)} is both a response gene and a weight or the baseline",
            expected="no response gene named like another column of this table",
            remedy="Rename the gene in both tables.",
        )
    _same_names(path, "line 1", wanted, [name for name in header if name != "pert_id"])
    table = read_matrix(path, "pert_id", wanted, delimiter=separator)
    rows = _same_names(path, "column pert_id", symbols, table.rows)
    # Without a copy if the order is that of the table.
    same = np.array_equal(rows, np.arange(len(rows)))
    values = table.values if same else table.values[rows]
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
    types = {"pert_id": pa.string(), "pert": pa.string()}
    table = read_columns(path, types, delimiter=separator_in(path, ","))
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


def with_truth(screen: Screen, path: StrPath, *, scale: str) -> Screen:
    """Replace truth, weights and baseline of a screen by those of the table of truth.

    Parameters
    ----------
    screen
        The screen.
    path
        The table; see `read_truth`.
    scale
        Scale of its deltas and baselines: ``log2``, ``ln`` or ``log10``.

    Raises
    ------
    InputError
        When the table cannot be used, or does not belong to the screen.
    """
    names, genes = screen.perturbations.tolist(), screen.genes.tolist()
    truth, weights, baseline = read_truth(path, names, genes)
    return dataclasses.replace(
        screen,
        truth=to_log2(truth, scale),
        weights=weights,
        baseline=to_log2(baseline, scale),
    )

"""Numbers that are known of genes, a row for each: responses of a prior, or any table of genes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from echoes.io.arrays import Floats, Strings, positions
from echoes.io.errors import InputError
from echoes.io.files import StrPath
from echoes.io.tables import Matrix
from echoes.io.wide import layout_with_row_names, name_position, read_numbers

#: The sum of the squares of as large numbers can still be computed.
_LARGEST = 1e100


def rows_of_prior(silenced: Strings, genes: Strings, responses: Floats) -> Matrix:
    """Average the responses of a prior over the perturbations of each gene.

    Parameters
    ----------
    silenced
        (n,) silenced genes of the prior.
    genes
        (G,) its response genes.
    responses
        (n, G) its responses; NaN where not measured.

    Returns
    -------
    Matrix
        A row for each silenced gene, sorted; NaN where no perturbation of it was measured.
    """
    names, row = np.unique(silenced, return_inverse=True)
    measured = ~np.isnan(responses)
    sums = np.zeros((len(names), len(genes)))
    counts = np.zeros((len(names), len(genes)))
    np.add.at(sums, row, np.where(measured, responses, 0.0))
    np.add.at(counts, row, measured)
    mean = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return Matrix(tuple(names.tolist()), tuple(genes.tolist()), mean)


def read_gene_table(path: StrPath, *, genes_in: str, name_column: str | None) -> Matrix:
    """Read a table of genes and numbers.

    Parameters
    ----------
    path
        CSV, TSV or Parquet; see `echoes.io.wide`.
    genes_in
        Whether the genes are the ``rows`` or the ``columns``.
    name_column
        Column with the names of the rows; None for the first one.

    Returns
    -------
    Matrix
        Its rows are genes. Missing numbers are NaN.

    Raises
    ------
    InputError
        When the table cannot be read, or a column has anything but numbers, or numbers whose
        squares cannot be added up.
    """
    layout = layout_with_row_names(path)
    names = name_position(layout, name_column)
    columns = [i for i in range(len(layout.columns)) if i != names]
    matrix = read_numbers(layout, names, columns)
    huge = np.abs(matrix.values) > _LARGEST
    if huge.any():
        i, j = np.argwhere(huge)[0]
        raise InputError(
            path,
            f"column {matrix.columns[j]}, row {matrix.rows[i]}",
            f"{matrix.values[i, j]:.6g} ({np.count_nonzero(huge):,} numbers are as large)",
            expected=f"numbers from {-_LARGEST:g} to {_LARGEST:g}",
            remedy="Correct the cell, or leave out the column.",
        )
    if genes_in == "rows":
        return matrix
    return Matrix(matrix.columns, matrix.rows, np.ascontiguousarray(matrix.values.T))


def choose_rows(matrix: Matrix, row_of: Mapping[str, str], genes: Sequence[str]) -> Floats:
    """Choose the rows of genes.

    Parameters
    ----------
    matrix
        The numbers; its rows are genes.
    row_of
        For each gene the name that it has in the matrix.
    genes
        r genes; a gene may be repeated.

    Returns
    -------
    array
        (r, F) numbers; NaN in the row of a gene that the matrix does not have.
    """
    place = positions([row_of[gene] for gene in genes], matrix.rows)
    return np.where(place[:, None] < 0, np.nan, matrix.values[place])

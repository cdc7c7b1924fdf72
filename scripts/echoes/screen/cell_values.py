"""Values of cells: one entry at each place, and each on the scale that is promised."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints
from echoes.io.errors import InputError
from echoes.io.h5ad import read_names
from echoes.io.h5ad_matrix import StoredMatrix, matrix_names
from echoes.screen.scale import BASES, TOTAL

#: The scale of raw molecule counts; others are those of `echoes.screen.scale`.
COUNTS = "counts"
#: No cell has as many molecules; nor has a mean of cells, or their sum in a pseudobulk.
MOST_MOLECULES = 1e12


class WrongValueError(Exception):
    """A value that is not on the scale, with the positions of its cell and gene in the matrix."""

    def __init__(self, cell: int, gene: int, value: float) -> None:
        super().__init__(f"cell {cell}, gene {gene}: {value}")
        self.cell, self.gene, self.value = cell, gene, value


def wrong_value(matrix: StoredMatrix, error: WrongValueError, scale: str) -> InputError:
    """Describe a value that is not on the scale to the person who can correct it."""
    h5ad = matrix.h5ad
    cell = read_names(h5ad, "obs", None)[error.cell]
    gene = read_names(h5ad, matrix.var, None)[error.gene]
    others = [name for name in matrix_names(h5ad) if name != matrix.name]
    if scale == COUNTS:
        problem = f"{error.value:.6g} is no count of molecules"
        expected = "whole numbers, 0 or more: raw counts"
        remedy = (
            "If these are logarithms of 1 + 10⁴·share, say so by the scale: log2, ln or log10"
            + (f". The file also has {', '.join(others)}: counts there?" if others else ".")
        )
    else:
        problem = f"{error.value:.6g} is no {scale} of 1 + 10⁴·share"
        limit = math.log1p(TOTAL) / math.log(BASES[scale])
        expected = f"numbers from 0 to {limit:.2f}"
        remedy = "Correct the scale, or name the matrix with the raw counts" + (
            f"; the file also has {', '.join(others)}." if others else "."
        )
    place = f"{matrix.name}, cell {cell}, gene {gene}"
    return InputError(h5ad.path, place, problem, expected=expected, remedy=remedy)


def canonical(piece: Any) -> Any:
    """Give a matrix in which each place has one entry, and none is a stored 0."""
    if not piece.has_canonical_format:
        piece = piece.copy()
        piece.sum_duplicates()
    if len(piece.data) and not piece.data.all():
        piece = piece.copy()
        piece.eliminate_zeros()
    return piece


def used_only(piece: Any, used: Bools) -> Any:
    """Remove the entries of cells that are not used from columns."""
    if used.all():
        return piece
    from scipy.sparse import csc_array

    keep = used[piece.indices]
    pointers = np.append(0, np.cumsum(keep))[piece.indptr].astype(piece.indices.dtype)
    return csc_array((piece.data[keep], piece.indices[keep], pointers), shape=piece.shape)


def check_scale(piece: Any, scale: str, lines: Ints, *, by: Literal["rows", "columns"]) -> None:
    """Refuse values that are not on the scale.

    Parameters
    ----------
    piece
        `scipy.sparse.csr_array` of cells, or `csc_array` of genes.
    scale
        ``counts``, or ``log2``, ``ln`` or ``log10``.
    lines
        Position of each of these cells, or genes, in the matrix.
    by
        Whether they are the rows (cells) or the columns (genes).

    Raises
    ------
    WrongValueError
        When a value is not a number, or not one of the scale.
    """
    data = piece.data
    if not len(data):
        return
    limit = MOST_MOLECULES
    if scale != COUNTS:
        limit = math.log1p(TOTAL) / math.log(BASES[scale]) + 1e-4
    # Comparisons with NaN are false.
    within = data.min() >= 0 and data.max() <= limit
    if within and (scale != COUNTS or (data == np.rint(data)).all()):
        return
    fine = (data >= 0) & (data <= limit)
    if scale == COUNTS:
        fine &= data == np.rint(data)
    wrong = int(np.argmin(fine))
    line = int(lines[int(np.searchsorted(piece.indptr, wrong, side="right")) - 1])
    other = int(piece.indices[wrong])
    cell, gene = (line, other) if by == "rows" else (other, line)
    raise WrongValueError(cell, gene, float(data[wrong]))


def add_rows(sums: Floats, rows: Ints, added: Floats) -> None:
    """Add to some rows, which are sorted and different."""
    if rows[-1] - rows[0] == len(rows) - 1:  # without a copy
        sums[rows[0] : rows[-1] + 1] += added
    else:
        sums[rows] += added


def row_sums(
    values: Floats, columns: Any, pointers: Any, width: int, memory: Floats | None = None
) -> Floats:
    """Add up the values of each row at their columns; a column may come several times."""
    from scipy.sparse import csr_array

    pointers = pointers.astype(columns.dtype)
    rows: Any = csr_array((values, columns, pointers), shape=(len(pointers) - 1, width))
    sums: Floats = rows.toarray(out=memory)
    return sums

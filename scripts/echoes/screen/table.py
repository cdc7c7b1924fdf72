"""Read matrices of perturbations and genes, in the layouts that other programs write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np

from echoes.io.delimited import Layout
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.io.tables import Matrix
from echoes.io.wide import layout_with_row_names, name_position, read_numbers

#: Column of the perturbations in the competition's tables.
PERTURBATION_COLUMN = "pert_symbol"

# Columns of numbers that programs write beside genes: counts of cells and molecules, scores.
_NO_GENES = re.compile(
    r"(?:n|num|number_of|total)_?(?:cells?|counts?|umis?|genes?)(?:_.*)?|cell_?counts?|"
    r"pct_(?:counts|mito).*|percent[._]mt|umi_counts?|library_size|size_factors?|"
    r"baseline_wmae|index|row|unnamed: [0-9]+",
    re.IGNORECASE,
)
# Columns of a long table: the effects of one gene in one perturbation.
_EFFECTS = {"effect", "log2FoldChange", "logFC", "avg_log2FC", "logfoldchanges"}
# Columns of numbers that describe genes, in tables with a row a gene.
_ABOUT_GENES = re.compile(r"chr|start|end|strand|length|basemean|aveexpr|logcpm", re.IGNORECASE)


def read_wide(
    path: StrPath,
    *,
    genes_in: Literal["columns", "rows"],
    name_column: str | None,
    allow_missing: bool,
) -> Matrix:
    """Read a matrix of perturbations and genes.

    Parameters
    ----------
    path
        A parquet file, or text with commas, semicolons or tabs between the columns, plain or
        gzip-compressed. With semicolons, numbers may have decimal commas.
    genes_in
        Whether the genes are the columns or the rows of the table.
    name_column
        Column with the names of the rows. None for ``pert_symbol`` if there is such a column, for
        the index that pandas stored in a parquet file, or else for the first column, which needs
        no name.
    allow_missing
        Whether cells may be empty or NA; they are NaN then.

    Returns
    -------
    Matrix
        Rows are perturbations (and controls, if any), columns are genes.

    Raises
    ------
    InputError
        When the table cannot be read, a column is neither that of the names nor one of numbers
        that belong there, a cell is missing, or a name is missing or stands twice.
    """
    layout = layout_with_row_names(path)
    if name_column is None and PERTURBATION_COLUMN in layout.columns:
        name_column = PERTURBATION_COLUMN
    names = name_position(layout, name_column)
    columns = [i for i in range(len(layout.columns)) if i != names]
    _refuse_titles(layout, columns, genes_in)
    matrix = read_numbers(layout, names, columns)
    _refuse_row_numbers(layout, names, matrix)
    if genes_in == "rows":
        _refuse_gene_names(path, matrix.rows)
        matrix = Matrix(matrix.columns, matrix.rows, np.ascontiguousarray(matrix.values.T))
    missing = np.isnan(matrix.values)
    if missing.any() and not allow_missing:
        i, j = np.argwhere(missing)[0]
        raise InputError(
            path,
            f"gene {matrix.columns[j]}, perturbation {matrix.rows[i]}",
            f"the cell is empty or NA, as {np.count_nonzero(missing):,} of {missing.size:,} are",
            expected="a number in each cell",
            remedy="Learn each gene from the perturbations that have it by `dataset: "
            "incomplete_genes: keep`, which some models can, or leave out genes with gaps by "
            "`incomplete_genes: drop`. Do not fill gaps with 0: not measured is not unchanged.",
        )
    return matrix


def _no_gene(file: StrPath, place: str, problem: str) -> InputError:
    return InputError(
        file,
        place,
        problem,
        expected="names, and numbers of one kind: a gene or a perturbation in each column",
        remedy="Remove it from the table, or name it as the column with the names of the rows if "
        "it has them.",
    )


def _refuse_titles(layout: Layout, columns: Sequence[int], genes_in: str) -> None:
    """Refuse columns whose titles say that they are no genes, or no perturbations."""
    place = "line 1" if layout.separator else ""
    titles = [layout.columns[i] for i in columns]
    if {"gene", "gene_symbol", "symbol", "names"} & {*titles} and (effect := _EFFECTS & {*titles}):
        raise InputError(
            layout.path,
            place,
            f"the columns {abbreviate(layout.columns)} are those of a long table of effects",
            expected="a matrix of perturbations and genes",
            remedy=f"Name it by `dataset: effects:`; its effects are in {min(effect)}.",
        )
    for i, title in zip(columns, titles, strict=True):
        if not title or title.startswith("__index_level_"):
            raise _no_gene(
                layout.path, place, f"column {i + 1} has no name: row names or row numbers?"
            )
        if _NO_GENES.fullmatch(title) or (genes_in == "rows" and _ABOUT_GENES.fullmatch(title)):
            kind = "gene" if genes_in == "columns" else "perturbation"
            raise _no_gene(layout.path, place, f"column {title} is no {kind}")
    present = set(titles)
    weights = [title for title in titles if title.startswith("w_") and title[2:] in present]
    if weights:
        raise _no_gene(
            layout.path,
            place,
            f"column {abbreviate(weights)} has weights of a score, as in the competition's table "
            "of true deltas",
        )


def _refuse_gene_names(file: StrPath, genes: Sequence[str]) -> None:
    wrong = [gene for gene in genes if _NO_GENES.fullmatch(gene)]
    if wrong:
        raise _no_gene(file, f"row {wrong[0]}", f"{abbreviate(wrong)} is no gene")


def _refuse_row_numbers(layout: Layout, names: int, matrix: Matrix) -> None:
    """Refuse row numbers, as names of the rows and as a column of numbers."""
    count = len(matrix.rows)
    for first in (0, 1):
        if count > 2 and list(matrix.rows) == [str(first + i) for i in range(count)]:
            raise InputError(
                layout.path,
                f"column {layout.columns[names] or names + 1}",
                f"the names of the rows are the numbers {first}, {first + 1}, {first + 2} …",
                expected="names of perturbations or genes",
                remedy="Name the column with the names of the rows, and remove that of the "
                "numbers (pandas writes it unless `index=False` is given).",
            )
        numbers = np.arange(first, first + count)[:, None]
        if count > 2 and (same := (matrix.values == numbers).all(axis=0)).any():
            title = matrix.columns[int(np.argmax(same))]
            raise _no_gene(layout.path, f"column {title}", f"it has the row numbers {first} …")
    if all(re.fullmatch(r"-?[0-9]*[.,][0-9]+(?:[eE][-+]?[0-9]+)?", name) for name in matrix.rows):
        raise InputError(
            layout.path,
            f"column {layout.columns[names] or names + 1}",
            f"the names of the rows are numbers: {abbreviate(matrix.rows)}",
            expected="names of perturbations or genes",
            remedy="Name the column with the names of the rows, or add it to the table.",
        )

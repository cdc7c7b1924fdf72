"""Screens from matrices of means or of deltas, in the layouts that other programs write."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Literal

import numpy as np

from echoes.io.arrays import Bools, Floats, positions
from echoes.io.delimited import Layout, column_of
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.io.tables import Matrix
from echoes.io.wide import layout_with_row_names, name_position, read_numbers
from echoes.scoring.metrics import weighted_mae
from echoes.screen.guides import Guides, guide_genes, pool_controls
from echoes.screen.record import Screen
from echoes.screen.scale import to_log2

#: Column of the perturbations in the competition's tables.
PERTURBATION_COLUMN = "pert_symbol"

# Columns of numbers that programs write beside genes: counts of cells and molecules, scores.
_NO_GENES = re.compile(
    r"(?:n|num|number_of|total)_?(?:cells?|counts?|umis?|genes?)(?:_.*)?|cell_?counts?|"
    r"pct_(?:counts|mito).*|percent[._]mt|umi_counts?|library_size|size_factors?|"
    r"baseline_wmae|index|row|unnamed: [0-9]+",
    re.IGNORECASE,
)
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
            remedy="Fill in measured values, or leave out genes with gaps by `dataset: "
            "incomplete_genes: drop`. Do not fill gaps with 0: not measured is not unchanged.",
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


def complete_genes(responses: Floats, genes: Sequence[str], file: StrPath) -> Bools:
    """Find the response genes that are measured in all perturbations.

    Parameters
    ----------
    responses
        (n, G) numbers; NaN where not measured.
    genes
        (G,) response genes.
    file
        The file of the responses, for the error message.

    Returns
    -------
    array
        (G,) whether a gene is measured in each of the n rows.

    Raises
    ------
    InputError
        When there is no such gene.
    """
    complete = np.asarray(~np.isnan(responses).any(axis=0))
    if not complete.any():
        raise InputError(
            file,
            "",
            f"none of {len(genes):,} response genes is measured in all {len(responses)} rows",
            expected="genes that are measured in each perturbation",
            remedy="Leave out the perturbations with the most gaps.",
        )
    return complete


def baseline_of_mean(responses: Floats, weights: Floats) -> Floats:
    """Error of predicting each response by the mean of all, as a yardstick for the score.

    Parameters
    ----------
    responses
        (n, G) responses, log2 units; NaN where not measured.
    weights
        (n, G) weights, 0 where not measured.

    Returns
    -------
    array
        (n,) weighted mean absolute error over the measured genes of each perturbation. The mean
        of a gene is that of the perturbations in which it is measured.
    """
    missing = np.isnan(responses)
    if not missing.any():
        return weighted_mae(responses, responses.mean(axis=0), weights)
    measured = ~missing
    filled = np.where(missing, 0.0, responses)
    mean = filled.sum(axis=0) / np.maximum(measured.sum(axis=0), 1)
    error: Floats = (weights * np.where(missing, 0.0, np.abs(filled - mean))).sum(axis=1)
    error /= np.maximum(measured.sum(axis=1), 1)
    return error


def screen_of_means(
    matrix: Matrix, controls: Sequence[str], *, guides: Guides, scale: str, file: StrPath
) -> Screen:
    """Make a screen of mean expression.

    Several control rows are pooled to their mean, in which each row counts the same: a table
    of means does not say how many cells a row has. Responses are also the truth, all weights
    are 1, and the baseline is the error of predicting the mean of all responses.

    Parameters
    ----------
    matrix
        Mean expression of each perturbation and control, on the scale `scale`.
    controls
        Labels of the controls; see `pool_controls`. At least one.
    guides
        How the silenced gene follows from the name of a perturbation.
    scale
        ``log2``, ``ln`` or ``log10``.
    file
        The file of the table, for error messages.

    Returns
    -------
    Screen
        In log2 units, without perturbations to predict; see `with_validation`.

    Raises
    ------
    InputError
        When no label is given or one fits no row, a control has gaps, or a name does not lead
        to a gene.
    """
    is_control = pool_controls(matrix.rows, controls, file=file)
    if not is_control.any():
        raise InputError(
            file,
            "",
            "no label of a control is given",
            expected="the controls of a table of means",
            remedy="Give the labels of the controls, or say that the table has deltas.",
        )
    control = matrix.values[is_control].mean(axis=0)
    if np.isnan(control).any():
        raise InputError(
            file,
            f"gene {matrix.columns[int(np.argmax(np.isnan(control)))]}",
            "not measured in a control",
            expected="a number for each gene in each control",
            remedy="Remove the gene, or the control.",
        )
    names = [matrix.rows[i] for i in np.flatnonzero(~is_control)]
    responses = matrix.values[~is_control] - control
    return _screen(names, matrix.columns, control, responses, guides, scale, file)


def screen_of_deltas(
    matrix: Matrix, controls: Sequence[str], *, guides: Guides, scale: str, file: StrPath
) -> Screen:
    """Make a screen of differences to the control, such as log fold changes.

    The expression of the control is not known: `Screen.control` is NaN. All else is as in
    `screen_of_means`.

    Parameters
    ----------
    matrix
        Deltas of each perturbation, on the scale `scale`.
    controls
        Labels of rows of controls, which are left out; usually there are none.
    guides, scale, file
        As in `screen_of_means`.

    Raises
    ------
    InputError
        When a label fits no row, or a name does not lead to a gene.
    """
    keep = ~pool_controls(matrix.rows, controls, file=file)
    names = [matrix.rows[i] for i in np.flatnonzero(keep)]
    values = matrix.values if keep.all() else matrix.values[keep]
    control = np.full(len(matrix.columns), np.nan)
    return _screen(names, matrix.columns, control, values, guides, scale, file)


def with_control(screen: Screen, path: StrPath, *, scale: str) -> Screen:
    """Add the expression of the control to a screen of differences.

    Parameters
    ----------
    screen
        The screen.
    path
        Table with the columns ``gene`` and ``expression``: a row for each gene, in any order. It
        may have further genes and columns, and genes may be missing: theirs stays unknown (NaN).
    scale
        Scale of the expression: ``log2``, ``ln`` or ``log10``.

    Raises
    ------
    InputError
        When the table cannot be read, a gene is in it twice, or it has no gene of the screen.
    """
    layout = layout_with_row_names(path)
    columns = [column_of(layout, name) for name in ("gene", "expression")]
    table = read_numbers(layout, columns[0], columns[1:])
    position = positions(screen.genes.tolist(), table.rows)
    if (position < 0).all():
        raise InputError(
            path,
            "column gene",
            f"none of the {len(screen.genes):,} response genes is there, but "
            f"{abbreviate(table.rows)}",
            expected="the names of the response genes",
            remedy="Use a table of the same data set.",
        )
    control = np.where(position < 0, np.nan, table.values[position, 0])
    return dataclasses.replace(screen, control=to_log2(control, scale))


def with_validation(
    screen: Screen, ids: Sequence[str], names: Sequence[str], *, guides: Guides, file: StrPath
) -> Screen:
    """Add perturbations to predict to a screen.

    Parameters
    ----------
    screen
        The screen; perturbations to predict that it has already are replaced.
    ids
        (v,) names of these perturbations in the submission.
    names
        (v,) names of their genes or guides, which are read like those of the screen.
    guides
        How the silenced gene follows from a name.
    file
        The file with the names, for error messages.

    Raises
    ------
    InputError
        When a name does not lead to a gene.
    """
    return dataclasses.replace(
        screen,
        validation_ids=np.array(ids, dtype=np.str_),
        validation_silenced=np.array(guide_genes(names, guides, file=file), dtype=np.str_),
    )


def _screen(
    names: Sequence[str],
    genes: Sequence[str],
    control: Floats,
    responses: Floats,
    guides: Guides,
    scale: str,
    file: StrPath,
) -> Screen:
    responses = to_log2(responses, scale)
    weights = np.where(np.isnan(responses), 0.0, 1.0)
    none = np.array([], dtype=np.str_)
    return Screen(
        perturbations=np.array(names, dtype=np.str_),
        silenced=np.array(guide_genes(names, guides, file=file), dtype=np.str_),
        genes=np.array(genes, dtype=np.str_),
        control=to_log2(control, scale),
        responses=responses,
        truth=responses,
        weights=weights,
        baseline=baseline_of_mean(responses, weights),
        validation_ids=none,
        validation_silenced=none,
    )

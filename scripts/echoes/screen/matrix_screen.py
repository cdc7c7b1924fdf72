"""Screens from matrices of means or of deltas; `echoes.screen.table` reads the matrices."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from echoes.io.arrays import Bools, Floats, positions
from echoes.io.delimited import column_of
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.io.tables import Matrix
from echoes.io.wide import layout_with_row_names, read_numbers
from echoes.scoring.metrics import weighted_mae
from echoes.screen.guides import Guides, guide_genes, pool_controls
from echoes.screen.record import Screen
from echoes.screen.scale import to_log2


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
    is_control = pool_controls(matrix.rows, controls, file=file, genes=matrix.columns)
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
    responses = matrix.values[~is_control]
    responses -= control
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
    keep = ~pool_controls(matrix.rows, controls, file=file, genes=matrix.columns)
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

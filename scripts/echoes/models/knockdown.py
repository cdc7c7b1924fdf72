"""The response of the silenced gene itself, its knockdown, apart from all other responses."""

from __future__ import annotations

import numpy as np

from echoes.io.arrays import Floats, Ints
from echoes.models.task import Task


def fill_silenced_entries(task: Task) -> Floats:
    """Training responses (m, G) without knockdowns, in log2 units.

    The entry of a silenced gene itself is replaced by its mean over the perturbations of other
    genes: a knockdown does not show how the gene responds to other perturbations. In a task with
    gaps it becomes a gap.
    """
    rows, genes = task.silenced_entries()
    m, count = task.deltas.shape
    responses = task.deltas.copy()
    if task.has_gaps:
        responses[rows, genes] = np.nan
        return responses
    responses[rows, genes] = 0.0
    others = m - np.bincount(genes, minlength=count)
    responses[rows, genes] = (responses.sum(axis=0) / np.maximum(others, 1))[genes]
    return responses


def remaining_expression(task: Task) -> float:
    """Median share of their expression that silenced genes keep, at least 0.

    It is 1 if no silenced gene was measured. Expression is 2^x − 1 where x is log2(1 + expression),
    the scale of the control.
    """
    rows, genes = task.silenced_entries()
    control = task.control[genes]
    rows, genes, control = rows[control > 0], genes[control > 0], control[control > 0]
    if not len(rows):
        return 1.0
    left = np.expm1((control + task.deltas[rows, genes]) * np.log(2))
    return max(float(np.median(left / np.expm1(control * np.log(2)))), 0.0)


def knockdown_responses(task: Task, share: float) -> Floats:
    """Responses (q,) of the silenced genes themselves, log2 units; NaN where not measured.

    Where the expression of the control is not known, as in tables of differences, it is the median
    of the silenced genes' own responses in the training perturbations; NaN if there are none.

    Parameters
    ----------
    task
        Gives the control and the silenced genes.
    share
        Share of its expression that a silenced gene keeps, from `remaining_expression`.
    """
    rows, genes = task.silenced_entries_to_predict()
    control = np.maximum(task.control[genes], 0.0)
    knockdowns = np.full(task.n_to_predict, np.nan)
    knockdowns[rows] = np.log2(1 + share * np.expm1(control * np.log(2))) - control
    measured = task.deltas[task.silenced_entries()]
    if len(measured):
        knockdowns[rows] = np.where(np.isnan(control), np.median(measured), knockdowns[rows])
    return knockdowns


def set_silenced_entries(predicted: Floats, knockdowns: Floats, silenced: Ints) -> None:
    """Write the responses of the silenced genes themselves into predictions (rows, G), in place."""
    rows = np.flatnonzero(~np.isnan(knockdowns))
    predicted[rows, silenced[rows]] = knockdowns[rows]

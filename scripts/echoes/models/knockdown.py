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
    return _remaining_share(task.control[genes], task.deltas[rows, genes])


def _remaining_share(control: Floats, responses: Floats) -> float:
    """Compute `remaining_expression` from expression in the control and own responses, (k,)."""
    expressed = control > 0
    control, responses = control[expressed], responses[expressed]
    if not len(control):
        return 1.0
    left = np.expm1((control + responses) * np.log(2))
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
    knockdowns = np.full(task.n_to_predict, np.nan)
    rows, silenced = task.silenced_entries_to_predict()
    own = task.deltas[task.silenced_entries()]
    knockdowns[rows] = _knockdowns(task.control[silenced], own, share)
    return knockdowns


def knockdowns_without(task: Task, held_out: Ints, training: Ints) -> Floats:
    """Compute `knockdown_responses` of an inner fold, (q,), that learns from some rows alone.

    Parameters
    ----------
    task
        Each of its perturbations is of one gene, and none has gaps.
    held_out, training
        (q,) rows to predict, and those to learn from.
    """
    rows = training[task.silenced[training] >= 0]
    genes, silenced = task.silenced[rows], task.silenced[held_out]
    own = task.deltas[rows, genes]
    share = _remaining_share(task.control[genes], own)
    control = task.control[silenced]
    return np.where(silenced >= 0, _knockdowns(control, own, share), np.nan)


def _knockdowns(control: Floats, responses: Floats, share: float) -> Floats:
    """Own responses of silenced genes with this expression, and those of other genes."""
    before = np.maximum(control, 0.0)
    knockdowns: Floats = np.log2(1 + share * np.expm1(before * np.log(2))) - before
    if len(responses):
        knockdowns = np.where(np.isnan(before), np.median(responses), knockdowns)
    return knockdowns


def set_silenced_entries(predicted: Floats, knockdowns: Floats, silenced: Ints) -> None:
    """Write the responses of the silenced genes themselves into predictions (rows, G), in place."""
    rows = np.flatnonzero(~np.isnan(knockdowns))
    predicted[rows, silenced[rows]] = knockdowns[rows]

"""Perturbations of several genes: the sum of the single effects, and what is beyond it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from echoes.io.arrays import Floats, Ints
from echoes.io.errors import InputError
from echoes.models.task import GeneSets, Prediction, Settings, Task

#: Smallest number of training pairs that say anything on what is beyond the sum.
FEWEST_PAIRS = 3
#: Smallest number of training perturbations of one gene.
FEWEST_SINGLES = 3

Fit = Callable[[Task], Prediction]


def _gene_sets(task: Task) -> GeneSets:
    """Genes of each perturbation, also where each has one."""
    return task.sets or GeneSets(task.groups[:, None], task.silenced[:, None])


def single_responses(task: Task) -> dict[int, Floats]:
    """Mean training response (G,) of each gene that was silenced alone, by its number."""
    sets, m = _gene_sets(task), task.n_training
    single = np.flatnonzero(sets.sizes[:m] == 1)
    genes = sets.genes[single, 0]
    return {
        int(gene): task.deltas[single[genes == gene]].mean(axis=0)
        for gene in np.unique(genes).tolist()
    }


def sums(task: Task, rows: Ints, single: dict[int, Floats], otherwise: Floats) -> Floats:
    """Add the single responses of each perturbation's genes, (rows, G).

    Parameters
    ----------
    task
        Gives the genes of its m + q perturbations.
    rows
        Positions among them.
    single
        Response of a gene by its number.
    otherwise
        (G,) response of a gene that `single` does not have.
    """
    total = np.zeros((len(rows), len(otherwise)))
    for i, genes in enumerate(_gene_sets(task).genes[rows].tolist()):
        for gene in genes:
            if gene >= 0:
                total[i] += single.get(gene, otherwise)
    return total


def additive(task: Task, settings: Settings) -> Prediction:
    """Predict the sum of the responses to each gene alone.

    A gene that no training perturbation silences alone has the mean of those that are. Published
    models hardly beat it on pairs: Ahlmann-Eltze, Huber and Anders, Nature Methods, 2025,
    doi:10.1038/s41592-025-02772-6.
    """
    sets, m = _gene_sets(task), task.n_training
    _check_singles(sets.sizes[:m])
    mean = task.deltas[sets.sizes[:m] == 1].mean(axis=0)
    single = single_responses(task)
    several = np.flatnonzero(sets.sizes[:m] > 1)
    fitted = np.tile(mean, (m, 1))
    fitted[several] = sums(task, several, single, mean)
    return Prediction(
        deltas=sums(task, np.arange(m, len(sets.genes)), single, mean), centre=fitted.mean(axis=0)
    )


def fit_pairs(task: Task, fit: Fit, fit_residual: Fit) -> Prediction:
    """Predict single genes by one fit, and pairs by the sum of single responses and a second fit.

    Of a gene that was silenced alone in training, the measured response is summed; of one that is
    to be predicted alone in the same task, its prediction; of any other, the mean prediction. The
    second fit learns from the training pairs what their responses have beyond the sum.

    Parameters
    ----------
    task
        Perturbations of one gene and of several.
    fit
        Fits a model on perturbations of one gene.
    fit_residual
        Fits a model on what pairs have beyond the sum. It sees no silenced gene: how far each one
        falls is in the sum.

    Raises
    ------
    InputError
        When there are fewer than `FEWEST_SINGLES` training perturbations of one gene.
    """
    sets, m = _gene_sets(task), task.n_training
    single = sets.sizes == 1
    training, to_predict = np.flatnonzero(single[:m]), m + np.flatnonzero(single[m:])
    _check_singles(sets.sizes[:m])
    alone = fit(_without_sets(task.take(training, to_predict)))
    known = single_responses(task)
    predicted = dict(zip(sets.genes[to_predict, 0].tolist(), alone.deltas, strict=True))
    responses = {**predicted, **known}
    deltas = np.empty((task.n_to_predict, task.deltas.shape[1]))
    inner = np.empty_like(task.deltas)
    fitted = np.tile(alone.centre, (m, 1))
    deltas[to_predict - m] = alone.deltas
    if alone.inner is not None:
        inner[training] = alone.inner

    pairs, wanted = np.flatnonzero(~single[:m]), m + np.flatnonzero(~single[m:])
    inner[pairs] = fitted[pairs] = sums(task, pairs, responses, alone.centre)
    deltas[wanted - m] = sums(task, wanted, responses, alone.centre)
    earned = 0.0
    if len(pairs) >= FEWEST_PAIRS:
        rest = task.take(pairs, wanted)
        none = np.full(len(rest.silenced), -1)
        rest = replace(rest, deltas=rest.deltas - fitted[pairs], silenced=none, sets=None)
        beyond = fit_residual(rest)
        deltas[wanted - m] += beyond.deltas
        fitted[pairs] += beyond.centre
        inner[pairs] += 0.0 if beyond.inner is None else beyond.inner
        earned = 1.0 - beyond.choices.get("no_residual", 0.0)
    return Prediction(
        deltas=deltas,
        centre=fitted.mean(axis=0),
        inner=inner if alone.inner is not None else None,
        choices={**alone.choices, "interaction": earned},
    )


def _without_sets(task: Task) -> Task:
    """Make a task of single genes of one whose perturbations all have one."""
    return replace(task, sets=None, silenced=task.own[:, 0])


def _check_singles(sizes: Ints) -> None:
    count = int((sizes == 1).sum())
    if count < FEWEST_SINGLES:
        raise InputError(
            "crossval",
            "genes_seen",
            f"a fold learns from {count} perturbations of one gene",
            expected=f"at least {FEWEST_SINGLES}",
            remedy="Use more folds, or add perturbations of single genes.",
        )

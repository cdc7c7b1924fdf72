"""How large an error to expect of each predicted entry, from the errors of held-out rows."""

from __future__ import annotations

import numpy as np

from echoes.io.arrays import Floats
from echoes.models.task import Task
from echoes.scoring.coverage import LEVELS

#: A gene's scale is averaged with that of all genes as if that came from so many perturbations.
PRIOR_ROWS = 5.0


def expected_error(task: Task, inner: Floats) -> tuple[Floats, Floats]:
    """Estimate the size of the error of each entry to predict, and quantiles in units of it.

    Parameters
    ----------
    task
        The training responses, and the perturbations to predict.
    inner
        (m, G) predictions of the training responses, each by a model fitted without it.

    Returns
    -------
    spread, quantiles
        (q, G) mean absolute error of the gene over the training perturbations, shrunk towards
        that of all genes; for a silenced gene itself, that of all silenced genes. And
        (levels,) for each of `scoring.coverage.LEVELS` the factor of the spread that this share
        of the training entries' errors does not exceed; there each spread is computed without
        the entry's own row.
    """
    error = np.abs(task.deltas - inner)
    rows, genes = task.own_entries()
    own_error = error[rows, genes].mean() if len(rows) else np.nan
    error[rows, genes] = np.nan
    counted = ~np.isnan(error)
    error = np.where(counted, error, 0.0)
    prior = error.sum() / max(int(counted.sum()), 1)
    sums = error.sum(axis=0) + PRIOR_ROWS * prior
    counts = counted.sum(axis=0) + PRIOR_ROWS
    scale = sums / counts
    without_row = (sums - error) / np.maximum(counts - counted, 1.0)
    tiny = np.finfo(np.float64).tiny
    quantiles = np.quantile(error[counted] / np.maximum(without_row[counted], tiny), LEVELS)
    spread = np.tile(scale, (task.n_to_predict, 1))
    if len(rows):
        spread[task.own_entries_to_predict()] = own_error
    return spread, quantiles

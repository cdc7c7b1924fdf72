"""How large an error to expect of each predicted entry, from errors where rows were held out."""

from __future__ import annotations

import numpy as np

from echoes.io.arrays import Floats
from echoes.models.task import Problem
from echoes.scoring.coverage import LEVELS

#: A gene's scale is averaged with that of all genes as if that came from so many perturbations.
PRIOR_ROWS = 5.0


def expected_error(problem: Problem, inner: Floats) -> tuple[Floats, Floats]:
    """Scale of the error of each entry that is to be predicted, and quantiles in units of it.

    Parameters
    ----------
    problem
        The training responses, and what is to be predicted.
    inner
        (m, G) predictions of the training responses by models that have not seen them.

    Returns
    -------
    spread, quantiles
        (q, G) mean absolute error of the gene over the training perturbations, shrunk towards
        that of all genes; for a silenced gene itself that of all silenced genes. And for each
        of `LEVELS` the factor of it that so large a share of the training entries' errors was
        below, each in units of a spread that was made without its row.
    """
    error = np.abs(problem.deltas - inner)
    rows, genes = problem.own()
    own = error[rows, genes].mean() if len(rows) else np.nan
    error[rows, genes] = np.nan
    seen = ~np.isnan(error)
    error = np.where(seen, error, 0.0)
    prior = error.sum() / max(int(seen.sum()), 1)
    sums = error.sum(axis=0) + PRIOR_ROWS * prior
    counts = seen.sum(axis=0) + PRIOR_ROWS
    scale = sums / counts
    without = (sums - error) / np.maximum(counts - seen, 1.0)
    tiny = np.finfo(np.float64).tiny
    quantiles = np.quantile(error[seen] / np.maximum(without[seen], tiny), LEVELS)
    spread = np.tile(scale, (problem.asked, 1))
    asked, asked_genes = problem.own_asked()
    if len(rows):
        spread[asked, asked_genes] = own
    return spread, quantiles

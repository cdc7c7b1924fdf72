"""The expected size of the error of each predicted entry, from the errors of held-out rows."""

from __future__ import annotations

import numpy as np

from echoes.io.arrays import Floats, row_blocks
from echoes.models.task import Task
from echoes.scoring.coverage import LEVELS

#: Number of perturbations that the mean error of all genes counts for in the error of one gene.
PRIOR_ROWS = 5.0


def expected_error(task: Task, inner: Floats) -> tuple[Floats, Floats]:
    """Estimate the size of the error of each entry to predict, and quantiles in units of it.

    Intervals of a factor times a local spread are those of locally weighted conformal inference:
    Lei et al., J. Am. Stat. Assoc. 113 (2018), 1094–1111, doi:10.1080/01621459.2017.1307116. The
    errors here come from cross-validation, so that the coverage is not guaranteed.

    Parameters
    ----------
    task
        The training responses, and the perturbations to predict.
    inner
        (m, G) predictions of the training responses, each by a model fitted without it.

    Returns
    -------
    spread, quantiles
        The spread (q, G) is the mean absolute error of the gene over the training perturbations,
        in log2 units, shrunk towards that of all genes. For the silenced gene itself it is the
        mean absolute error of all silenced genes. The quantiles (levels,) are quantiles of the
        errors of the training entries divided by their spreads, one for each level in
        `scoring.coverage.LEVELS`; each of these spreads is computed without the row of the entry.
    """
    error = task.deltas - inner
    np.abs(error, out=error)
    rows, genes = task.silenced_entries()
    knockdown_error = error[rows, genes].mean() if len(rows) else np.nan
    error[rows, genes] = np.nan
    counted = ~np.isnan(error)
    error[~counted] = 0.0
    prior = error.sum() / max(int(counted.sum()), 1)
    sums = error.sum(axis=0) + PRIOR_ROWS * prior
    counts = counted.sum(axis=0) + PRIOR_ROWS
    scale = sums / counts
    # In place and block after block: tables of all entries would take longer.
    for block in row_blocks(*error.shape):
        without_row = sums - error[block]
        without_row /= np.maximum(counts - counted[block], 1.0)
        error[block] /= np.maximum(without_row, np.finfo(np.float64).tiny)
    quantiles = _quantiles(error[counted])
    spread = np.tile(scale, (task.n_to_predict, 1))
    if len(rows):
        spread[task.silenced_entries_to_predict()] = knockdown_error
    return spread, quantiles


def _quantiles(values: Floats) -> Floats:
    """Quantiles (levels,) of values, which are sorted in place.

    They are those of `np.quantile`, to rounding; it takes several times as long.
    """
    values.sort()
    places = np.array(LEVELS) * (len(values) - 1)
    lower = places.astype(np.intp)
    upper = np.minimum(lower + 1, len(values) - 1)
    found: Floats = values[lower] + (places - lower) * (values[upper] - values[lower])
    return found

"""Metrics of single perturbations that no other perturbation has a say in."""

from __future__ import annotations

import numpy as np

from echoes.io.arrays import Floats, Ints, row_blocks
from echoes.scoring.coverage import LEVELS, coverage, coverage_name
from echoes.scoring.gaps import mean_of_measured, measured_pairs
from echoes.scoring.gene_sampling import Bounds, Genes, perturbation_bounds
from echoes.scoring.metrics import (
    largest_genes,
    mean_absolute_error,
    mean_absolute_percentage_error,
    pearson,
    r_squared,
    squared_errors,
)
from echoes.scoring.out_of_fold import OutOfFold

#: Sizes of the sets of most responding genes that are compared.
LARGEST = (20, 50, 100)
#: Names of the shares of responses inside the intervals.
COVERAGES = tuple(map(coverage_name, LEVELS))


class Deviations:
    """Deviations of truth and prediction from the means of each fit, made some at a time.

    Parameters
    ----------
    truth
        (n, G) measured responses; NaN where not measured.
    predictions
        The out-of-fold predictions of them.
    silenced
        (n,) position of each silenced gene among the G, −1 for none; or (n, s) of sets of genes,
        where all but the first count as deviations of 0 in truth and prediction.
    """

    def __init__(self, truth: Floats, predictions: OutOfFold, silenced: Ints) -> None:
        self._truth, self._predictions = truth, predictions
        self.first, *self._further = np.atleast_2d(silenced.T)
        self._middle: Floats = mean_of_measured(truth, measured_pairs(truth), axis=0)

    def predicted(self, rows: slice) -> Floats:
        """Predicted deviations (r, G) of some rows."""
        found = self._predictions
        return self._without_further(found.prediction[rows] - found.centre[found.fold[rows]], rows)

    def measured(self, rows: slice) -> Floats:
        """Measured deviations (r, G) of some rows."""
        found = self._predictions
        return self._without_further(self._truth[rows] - found.mean[found.fold[rows]], rows)

    def centred(self, rows: slice) -> Floats:
        """Truth (r, G) less the mean of all rows; NaN where there is no measured deviation."""
        found = self._predictions
        missing = np.isnan(found.mean[found.fold[rows]])
        values = self._truth[rows] - self._middle
        values[missing] = np.nan
        return self._without_further(values, rows)

    def of_genes(self, genes: slice) -> tuple[Floats, Floats]:
        """Measured and predicted deviations (n, g) of some genes.

        Those of the silenced gene of a row are 0: they are no response to another perturbation.
        """
        found = self._predictions
        measured = self._truth[:, genes] - found.mean[:, genes][found.fold]
        predicted = found.prediction[:, genes] - found.centre[:, genes][found.fold]
        for column in self._further:
            at = _inside(column, genes)
            measured[at] = predicted[at] = 0.0
        at = _inside(self.first, genes)
        measured[at] = np.where(np.isnan(measured[at]), np.nan, 0.0)
        predicted[at] = 0.0
        return measured, predicted

    def _without_further(self, values: Floats, rows: slice) -> Floats:
        for column in self._further:
            places = np.flatnonzero(column[rows] >= 0)
            values[places, column[rows][places]] = 0.0
        return values


def _inside(column: Ints, genes: slice) -> tuple[Ints, Ints]:
    """Rows whose position is in a range of genes, and the place in this range."""
    rows = np.flatnonzero((column >= genes.start) & (column < genes.stop))
    return rows, column[rows] - genes.start


def row_metrics(
    truth: Floats,
    weights: Floats,
    terms: Floats,
    deviations: Deviations,
    predictions: OutOfFold,
    sampled: Genes | None,
) -> tuple[dict[str, Floats], dict[str, Bounds]]:
    """Compute metrics of each row, and ``error`` and ``square`` of `squared_errors`.

    They are computed block after block of rows: what they are made of is several times as large as
    the rows themselves.

    Parameters
    ----------
    truth, weights, predictions, sampled
        As in `held_out.compute_metrics`.
    terms
        (n,) terms of the score.
    deviations
        Measured and predicted deviations.

    Returns
    -------
    metrics, bounds
        (n,) values by name, and two (n,) bounds by name; no bounds without `sampled`.
    """
    blocks = [
        _of_block(
            *(truth[block], weights[block], terms[block], deviations.first[block]),
            *(deviations.measured(block), deviations.predicted(block)),
            *(predictions.block(block), sampled),
        )
        for block in row_blocks(*truth.shape)
    ]
    rows, bounds = blocks[0]
    return (
        {name: np.concatenate([each[name] for each, _ in blocks]) for name in rows},
        {
            name: (
                np.concatenate([each[name][0] for _, each in blocks]),
                np.concatenate([each[name][1] for _, each in blocks]),
            )
            for name in bounds
        },
    )


def _of_block(
    truth: Floats,
    weights: Floats,
    terms: Floats,
    silenced: Ints,
    deviation: Floats,
    predicted: Floats,
    predictions: OutOfFold,
    sampled: Genes | None,
) -> tuple[dict[str, Floats], dict[str, Bounds]]:
    """Compute `row_metrics` of a few rows."""
    prediction, fold = predictions.prediction, predictions.fold
    error, square = squared_errors(deviation, predicted, silenced)
    rows = {
        "mae": mean_absolute_error(truth, prediction),
        "mape": mean_absolute_percentage_error(truth, prediction, skip_zeros=True),
        "pearson_control": pearson(truth, prediction),
        "pearson_mean": pearson(deviation, predicted, silenced),
        "r2_mean": r_squared(error, square),
        "error": error,
        "square": square,
    }
    for k, overlap, sign in zip(LARGEST, *largest_genes(truth, prediction, LARGEST), strict=True):
        rows |= {f"overlap_{k}": overlap, f"sign_accuracy_{k}": sign}
    if predictions.quantiles.shape[1]:
        shares = coverage(truth, prediction, predictions.spread, predictions.quantiles, fold)
        rows |= dict(zip(COVERAGES, shares.T, strict=True))
    if sampled is None:
        return rows, {}
    mean, deviations = predictions.mean[fold], (deviation, predicted)
    return rows, perturbation_bounds(
        *(rows | {"term": terms}, truth, prediction, weights, mean, deviations, silenced, sampled)
    )

"""Metrics of single perturbations that no other perturbation has a say in."""

from __future__ import annotations

import numpy as np

from echoes.io.arrays import Floats, Ints, row_blocks
from echoes.scoring.coverage import LEVELS, coverage, coverage_name
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


def without_entries(values: Floats, columns: Ints) -> Floats:
    """Set entries to 0, in place, and give the values back.

    Parameters
    ----------
    values
        (n, G) numbers.
    columns
        (k, n) positions of the entries of each row; −1 for none.
    """
    for column in columns:
        rows = np.flatnonzero(column >= 0)
        values[rows, column[rows]] = 0.0
    return values


def less_of_fold(values: Floats, of_fits: Floats, fold: Ints) -> Floats:
    """Differences (n, G) of values and what the fit of each row has, (F, G)."""
    differences = np.empty_like(values)
    for number, row in enumerate(of_fits):
        rows = np.flatnonzero(fold == number)
        differences[rows] = values[rows] - row
    return differences


def row_metrics(
    truth: Floats,
    weights: Floats,
    terms: Floats,
    silenced: Ints,
    deviations: tuple[Floats, Floats],
    predictions: OutOfFold,
    sampled: Genes | None,
) -> tuple[dict[str, Floats], dict[str, Bounds]]:
    """Compute metrics of each row, and ``error`` and ``square`` of `squared_errors`.

    They are computed block after block of rows: what they are made of is several times as large as
    the rows themselves.

    Parameters
    ----------
    truth, weights, silenced, predictions, sampled
        As in `held_out.compute_metrics`, with one silenced gene a row.
    terms
        (n,) terms of the score.
    deviations
        Two (n, G): measured and predicted deviations.

    Returns
    -------
    metrics, bounds
        (n,) values by name, and two (n,) bounds by name; no bounds without `sampled`.
    """
    blocks = [
        _of_block(
            *(truth[block], weights[block], terms[block], silenced[block]),
            *(deviations[0][block], deviations[1][block], predictions.block(block), sampled),
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

"""Learning curves: metrics of the same held-out rows by the number of training perturbations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from echoes.io.arrays import Floats, Ints
from echoes.scoring.bootstrap import Counts, interval
from echoes.scoring.held_out import compute_metrics
from echoes.scoring.out_of_fold import OutOfFold, take_rows

#: Metrics of a learning curve, with the words of its figure.
METRICS = {
    "score": "Score",
    "pearson_mean": "Pearson correlation of deviations",
    "r2_mean": "R² of deviations",
    "discrimination_l1": "Discrimination (L1)",
    "discrimination_cosine": "Discrimination (cosine)",
}


def learning_curve(
    runs: Mapping[int, OutOfFold],
    full: OutOfFold,
    truth: Floats,
    weights: Floats,
    baseline: Floats,
    silenced: Ints,
    counts: Counts,
) -> pd.DataFrame:
    """Compute the metrics of each number of training perturbations, with 95 % intervals.

    The measured deviations of all sizes are from the mean of the full training set, so that all
    predictions are compared with the same numbers.

    Parameters
    ----------
    runs
        Number of training perturbations → out-of-fold predictions, in the order of the rows.
    full
        Out-of-fold predictions of the same rows by the full training sets, for the last row.
    truth, weights
        (n, G) measured responses of the whole screen and their weights in the score.
    baseline
        (n,) WMAE of the baseline.
    silenced
        (n,) position of each silenced gene among the G; −1 where it is not measured.
    counts
        (draws, r) how many times each bootstrap draw contains each of the predicted perturbations.

    Returns
    -------
    pandas.DataFrame
        One row for each size; ``training`` of the last one is the largest training set of a fold.
    """
    n = len(truth)
    truth, weights, baseline, silenced = take_rows(full.rows, truth, weights, baseline, silenced)
    # Number of rows of each fold, by its number.
    held_out = pd.Series(full.fold).value_counts()
    rows = []
    for size, predictions in [*runs.items(), (n - int(held_out.min()), full)]:
        same_mean = replace(predictions, mean=full.mean)
        metrics = compute_metrics(truth, weights, baseline, silenced, same_mean)
        row: dict[str, float | str] = {"training": size}
        for name in METRICS:
            lower, upper = interval(metrics.draws(name, counts))
            row |= {name: metrics.overall(name), f"{name}_lower": lower, f"{name}_upper": upper}
        rows.append(row)
    table = pd.DataFrame(rows)
    table["note"] = [""] * len(runs) + ["all training perturbations"]
    return table

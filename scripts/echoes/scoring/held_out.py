"""The held-out protocol: metrics of predictions, and the tables and summary of an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from echoes.io.arrays import Floats, Ints, row_blocks
from echoes.io.files import StrPath
from echoes.scoring.bootstrap import Counts
from echoes.scoring.coverage import LEVELS, ONE_DEVIATION, coverage, coverage_name
from echoes.scoring.discrimination import discriminations_of_rows
from echoes.scoring.gaps import mean_of_measured, measured_pairs
from echoes.scoring.gene_sampling import Genes
from echoes.scoring.metrics import gene_correlation, mean_absolute_error, score
from echoes.scoring.out_of_fold import OutOfFold
from echoes.scoring.overall import Metrics
from echoes.scoring.ranking import rank_metrics
from echoes.scoring.row_metrics import COVERAGES, Deviations, row_metrics
from echoes.scoring.tables import save_numbers, save_parquet

#: Number of entries that are written together in a table of expected errors.
_ROW_GROUP = 1 << 23


def compute_metrics(
    truth: Floats,
    weights: Floats,
    baseline: Floats,
    silenced: Ints,
    predictions: OutOfFold,
    *,
    ranking: float | None = None,
    sampled: Genes | None = None,
    threads: int = 1,
) -> Metrics:
    """Compute all metrics of a set of out-of-fold predictions.

    The deviation of a response is its difference from the mean response of the training
    perturbations. The deviation of a prediction is its difference from the mean prediction of
    the same model for them. A constant prediction has deviations of 0, so that a metric of
    deviations gives it no credit. A pair that was not measured counts nowhere, and one whose gene
    no training perturbation has, in no metric of deviations.

    Parameters
    ----------
    truth, weights
        (n, G) measured responses, NaN where not measured, and their weights in the score.
    baseline
        (n,) WMAE of the baseline.
    silenced
        (n,) position of each silenced gene among the G, −1 where it is not measured; or (n, s) of
        sets of genes, where all but the first count as deviations of 0 in truth and prediction.
    predictions
        The out-of-fold predictions.
    ranking
        Threshold of differential expression for the metrics of `rank_metrics`; None for none.
    sampled
        How genes respond together, from `gene_sampling.describe_genes`, for intervals of the
        metrics of each perturbation; None for none.
    threads
        How many threads compute the discrimination.
    """
    deviations = Deviations(truth, predictions, silenced)
    prediction = predictions.prediction
    total = score(truth, prediction, weights, baseline)
    of_rows, bounds = row_metrics(truth, weights, total.terms, deviations, predictions, sampled)
    squares = of_rows.pop("error"), of_rows.pop("square")
    of_intervals = {name: of_rows.pop(name) for name in list(of_rows) if name in COVERAGES}
    rows = {
        "wmae": total.wmae,
        "term": total.terms,
        "better_than_baseline": np.where(np.isnan(total.terms), np.nan, total.terms > 0),
        **of_rows,
        **discriminations_of_rows(
            deviations.centred, deviations.predicted, deviations.first, threads=threads
        ),
        **of_intervals,
    }
    ranked_genes: dict[str, Floats] = {}
    if ranking is not None:
        centre, fold = predictions.centre, predictions.fold
        ranked_rows, ranked_genes = rank_metrics(
            truth, prediction, centre, deviations.first, ranking, fold
        )
        rows |= ranked_rows
    genes = {"pearson": np.empty(truth.shape[1]), "mae": np.empty(truth.shape[1])}
    for block in row_blocks(*truth.shape[::-1]):
        genes["pearson"][block] = gene_correlation(*deviations.of_genes(block))
        genes["mae"][block] = mean_absolute_error(truth[:, block], prediction[:, block], axis=0)
    return Metrics(total, squares, rows, genes | ranked_genes, bounds)


def add_coverage(metrics: Metrics, predictions: OutOfFold, truth: Floats) -> Metrics:
    """Add to metrics how much of each row is inside the intervals, if there are any.

    Parameters
    ----------
    metrics
        Metrics of the predictions without expected errors (`out_of_fold.load_parts`).
    predictions
        The same predictions with expected errors.
    truth
        (n, G) measured responses.
    """
    if not predictions.quantiles.shape[1]:
        return metrics
    shares = np.concatenate([
        coverage(truth[rows], part.prediction, part.spread, part.quantiles, part.fold)
        for rows in row_blocks(*truth.shape)
        for part in [predictions.block(rows)]
    ])  # fmt: skip
    found = dict(zip(COVERAGES, shares.T, strict=True))
    ranked = {name: metrics.perturbations[name] for name in metrics.ranked}
    plain = {name: each for name, each in metrics.perturbations.items() if name not in ranked}
    return replace(metrics, perturbations=plain | found | ranked)


def fold_table(
    perturbations: Sequence[str], baseline: Floats, metrics: Metrics, predictions: OutOfFold
) -> pd.DataFrame:
    """Make a table of each perturbation's metrics and of the choices of the fit that predicts it.

    Parameters
    ----------
    perturbations
        Names of the n perturbations.
    baseline
        (n,) WMAE of the baseline.
    metrics, predictions
        Out-of-fold predictions and their metrics.
    """
    fold = predictions.fold
    return pd.DataFrame(
        {"fold": fold, "pert_symbol": perturbations, "baseline_wmae": baseline}
        | metrics.perturbations
        | {name: values[fold] for name, values in predictions.choices.items()}
        | {"inner_score": predictions.inner_score[fold]}
    )


def calibration_table(metrics: Metrics, predictions: OutOfFold, truth: Floats) -> pd.DataFrame:
    """Make a table of how many measured responses lie inside the prediction intervals.

    Parameters
    ----------
    metrics, predictions
        Out-of-fold predictions and their metrics.
    truth
        (n, G) measured responses.

    Returns
    -------
    pandas.DataFrame
        One row for each level: the mean over perturbations of the share of their measured
        entries, the 10th and the 90th percentile of these shares, and the mean half width of
        the intervals in log2 units. It has no rows if the models give no intervals.
    """
    columns = ["level", "coverage", "coverage_p10", "coverage_p90", "mean_half_width"]
    if not predictions.quantiles.shape[1]:
        return pd.DataFrame(columns=columns)
    shares = np.column_stack([metrics.perturbations[coverage_name(level)] for level in LEVELS])
    scored = ~np.isnan(truth).all(axis=1)
    shares = shares[scored]
    low, high = np.quantile(shares, [0.1, 0.9], axis=0)
    quantiles = predictions.quantiles[predictions.fold][scored]
    blocks = row_blocks(*truth.shape)
    means = [
        mean_of_measured(predictions.spread[rows], measured_pairs(truth[rows])) for rows in blocks
    ]
    width = np.concatenate(means)[scored] @ quantiles / len(shares)
    return pd.DataFrame(
        dict(zip(columns, (LEVELS, shares.mean(axis=0), low, high, width), strict=True))
    )


def save_uncertainty(
    path: StrPath, predictions: Sequence[tuple[Sequence[str], OutOfFold]], genes: Sequence[str]
) -> None:
    """Write a table of the expected error of each prediction, log2 units, as Parquet.

    It has one row for each perturbation, one column for each gene: half the width of the 68 %
    interval, which corresponds to one standard deviation of a normal distribution. It is empty
    if a model gives no intervals.

    Parameters
    ----------
    path
        Where it is written.
    predictions
        Sets of predictions, each with the names of its rows.
    genes
        Names of the G genes.
    """
    if not all(part.quantiles.shape[1] for _, part in predictions):
        save_parquet(path, pd.DataFrame({"perturbation": []}))
        return
    level = LEVELS.index(ONE_DEVIATION)
    step = max(1, _ROW_GROUP // max(len(genes), 1))
    blocks = (
        (names[rows], part.spread[rows] * part.quantiles[part.fold[rows], level, None])
        for names, part in predictions
        for rows in (slice(first, first + step) for first in range(0, len(names), step))
    )
    save_numbers(path, "perturbation", genes, blocks)


def models_at_edge(predictions: OutOfFold) -> list[str]:
    """List the models whose chosen penalty is the smallest or largest of the list in most folds."""
    return [
        name.removesuffix("_at_edge")
        for name, values in predictions.choices.items()
        if name.endswith("at_edge") and values.mean() > 0.5
    ]


def summarise(
    metrics: Metrics, predictions: OutOfFold, calibration: pd.DataFrame, counts: Counts
) -> dict[str, Any]:
    """Summarise a held-out experiment, as JSON has it: undefined values are None.

    Parameters
    ----------
    metrics, predictions
        Out-of-fold predictions and their metrics.
    calibration
        Their `calibration_table`.
    counts
        (draws, n) how many times each bootstrap draw contains each perturbation.
    """
    intervals = {
        name: dict(zip(("value", "lower", "upper"), map(_or_none, values), strict=True))
        for name, values in metrics.intervals(counts).items()
    }
    return {
        "held_out": {
            "truth": "measured deltas, one score for all rows; nothing of a row was seen",
            "perturbations": len(predictions.prediction),
            **intervals,
        },
        "calibration": {
            f"{level:g}": share
            for level, share in zip(calibration["level"], calibration["coverage"], strict=True)
        },
        "choices": {name: _or_none(values.mean()) for name, values in predictions.choices.items()},
        "inner_score": _or_none(predictions.inner_score.mean()),
        "seconds": float(predictions.seconds.sum()),
    }


def _or_none(value: float) -> float | None:
    """Replace an undefined value by None, which JSON has."""
    return float(value) if np.isfinite(value) else None

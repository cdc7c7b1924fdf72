"""Figures of out-of-fold predictions: of each perturbation, of each gene, and of all together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from echoes.io.arrays import Floats, Ints, load_arrays
from echoes.io.errors import InputError
from echoes.io.files import StrPath
from echoes.scoring import metrics
from echoes.scoring.bootstrap import interval, mean_draws, score_draws
from echoes.scoring.coverage import LEVELS

#: Sizes of the sets of most responding genes that are compared.
LARGEST = (20, 50, 100)
#: Figures of all rows that stand for a held-out experiment; two of them are compared by these.
DIFFERENCES = ("score", "wmae_ratio", "discrimination_l1")


@dataclass(frozen=True)
class OutOfFold:
    """Out-of-fold predictions of n perturbations, each by a model that has not seen it.

    Parameters
    ----------
    prediction
        (n, G) predicted responses.
    fold
        (n,) which of the F fitted models each is from.
    centre, mean
        (F, G) mean prediction and mean response of each model's training perturbations.
    spread, quantiles
        (n, G) scale of the error to expect, and (F, levels) factors of it that make the half
        width of an interval (`models.uncertainty`); without columns where a model tells none.
    inner_score, seconds
        (F,) score of the inner loop, and how long the model took.
    choices
        (F,) values of each choice by its name.
    """

    prediction: Floats
    fold: Ints
    centre: Floats
    mean: Floats
    spread: Floats
    quantiles: Floats
    inner_score: Floats
    seconds: Floats
    choices: dict[str, Floats]


def load(paths: Sequence[StrPath]) -> OutOfFold:
    """Read the parts that predictions were made in, and bring their rows into order.

    Raises
    ------
    InputError
        When a part is missing, damaged or there twice.
    """
    names = ("rows", "fold", "prediction", "spread")
    of_folds = ("centre", "mean", "quantiles", "inner_score", "seconds", "choices")
    parts = []
    before = 0
    for path in paths:
        rows, fold, prediction, spread = load_arrays(path, *names)
        folds = load_arrays(path, *of_folds)
        if len(rows):
            parts.append((rows, fold + before, prediction, spread, *folds))
        before += len(folds[-1])
    rows, fold, prediction, spread, *folds = map(np.concatenate, zip(*parts, strict=True))
    order = np.argsort(rows)
    if not np.array_equal(rows[order], np.arange(len(rows))):
        raise InputError(
            paths[0],
            "rows",
            f"all parts have {len(rows)}, of which {len(set(rows))} differ, up to {rows.max()}",
            expected="all rows from 0 on, each once",
            remedy="Name all parts of one experiment, each once.",
        )
    centre, mean, quantiles, inner_score, seconds, choices = folds
    (labels,) = load_arrays(paths[0], "choice_names")
    return OutOfFold(
        prediction=prediction[order],
        fold=fold[order],
        centre=centre,
        mean=mean,
        spread=spread[order],
        quantiles=quantiles,
        inner_score=inner_score,
        seconds=seconds,
        choices=dict(zip(labels.tolist(), choices.T, strict=True)),
    )


@dataclass(frozen=True)
class Figures:
    """Figures of a set of out-of-fold predictions.

    Parameters
    ----------
    score
        The competition's score with its parts.
    rows
        (n,) figures of each perturbation, by name; NaN where undefined.
    genes
        (G,) figures of each gene, by name; NaN where undefined.
    """

    score: metrics.Score
    rows: dict[str, Floats]
    genes: dict[str, Floats]


def figures(
    truth: Floats, weights: Floats, baseline: Floats, silenced: Ints, made: OutOfFold
) -> Figures:
    """Take all figures of a set of out-of-fold predictions.

    A deviation is what a response differs by from the mean response of the model's training
    perturbations, and what a prediction differs by from the model's mean prediction for them:
    a constant prediction has none, and gets no credit from a figure on deviations.

    Parameters
    ----------
    truth, weights
        (n, G) measured responses and their weights in the score.
    baseline
        (n,) WMAE of the baseline.
    silenced
        (n,) position of each silenced gene among the G; −1 where it is not measured.
    made
        The predictions.
    """
    prediction = made.prediction
    score = metrics.score(truth, prediction, weights, baseline)
    deviation = truth - made.mean[made.fold]
    predicted = prediction - made.centre[made.fold]
    rows = {
        "wmae": score.wmae,
        "term": score.terms,
        "better_than_baseline": (score.terms > 0).astype(np.float64),
        "mae": metrics.mean_absolute_error(truth, prediction),
        "mape": metrics.mean_absolute_percentage_error(truth, prediction, skip_zeros=True),
        "pearson_control": metrics.pearson(truth, prediction),
        "pearson_mean": metrics.pearson(deviation, predicted, silenced),
    }
    for k in LARGEST:
        rows[f"overlap_{k}"] = metrics.top_overlap(truth, prediction, k)
        rows[f"sign_accuracy_{k}"] = metrics.sign_accuracy(truth, prediction, k)
    for distance in ("l1", "cosine"):
        rows[f"discrimination_{distance}"] = metrics.discrimination(
            truth - truth.mean(axis=0), predicted, silenced, distance
        )
    if made.quantiles.shape[1]:
        covered = coverage(truth, made)
        for level, each in zip(LEVELS, covered.T, strict=True):
            rows[coverage_name(level)] = each
    # A silenced gene falls whatever the model: that is no correlation of the gene's responses.
    own = np.flatnonzero(silenced >= 0)
    deviation[own, silenced[own]] = 0.0
    predicted[own, silenced[own]] = 0.0
    return Figures(
        score,
        rows,
        {
            "pearson": metrics.gene_correlation(deviation, predicted),
            "mae": np.mean(np.abs(truth - prediction), axis=0),
        },
    )


def summarise(
    found: Figures, counts: npt.NDArray[np.int64]
) -> dict[str, tuple[float, float, float]]:
    """Give each figure of all perturbations with its 95 % bootstrap interval.

    Parameters
    ----------
    found
        The figures.
    counts
        (draws, n) how often each draw holds each perturbation.

    Returns
    -------
    dict
        Name of a figure → value, lower and upper bound; NaN where undefined. Bounds of the
        figures over genes are NaN: perturbations were drawn, and a correlation over a draw that
        holds some of them twice is not one over as many.
    """
    parts, n = found.score.parts, len(found.score.wmae)
    summary = {
        "score": (found.score.total, *interval(score_draws(parts, counts))),
        "sum_of_terms": _of(float(parts.terms.sum()), n * mean_draws(parts.terms, counts)),
        "weighted_cosine": _of(found.score.cosine, _cosine_draws(parts, counts)),
        "wmae_ratio": _of(
            float(np.exp2(-parts.terms.mean())), np.exp2(-mean_draws(parts.terms, counts))
        ),
    }
    for name, values in found.rows.items():
        if name == "better_than_baseline":
            summary[name] = _of(float(values.sum()), n * mean_draws(values, counts))
        elif name != "term":
            summary[name] = _of(_mean(values), mean_draws(values, counts))
    summary["gene_pearson"] = (_mean(found.genes["pearson"]), np.nan, np.nan)
    return summary


def draws(found: Figures, name: str, counts: npt.NDArray[np.int64]) -> Floats:
    """Draws of one of `DIFFERENCES`: two experiments' differ by what the same draws differ by."""
    if name == "score":
        return score_draws(found.score.parts, counts)
    if name == "wmae_ratio":
        return np.asarray(np.exp2(-mean_draws(found.score.terms, counts)))
    return mean_draws(found.rows[name], counts)


def _of(value: float, drawn: Floats) -> tuple[float, float, float]:
    return (value, *interval(drawn))


def _mean(values: Floats) -> float:
    """Mean of the defined values; NaN where there is none."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")


def _cosine_draws(parts: metrics.ScoreParts, counts: npt.NDArray[np.int64]) -> Floats:
    rows = np.column_stack([parts.product, parts.truth_square, parts.prediction_square])
    drawn: Floats = metrics.cosine_of_sums(*(counts @ rows).T)
    return drawn


def coverage_name(level: float) -> str:
    """Name of the figure that tells how many entries the intervals of a level cover."""
    return f"coverage_{100 * level:g}"


def coverage(truth: Floats, made: OutOfFold) -> Floats:
    """Share of entries that lie within each interval of the predictions, (n, levels)."""
    error = np.abs(truth - made.prediction)
    ratio = error / np.maximum(made.spread, np.finfo(np.float64).tiny)
    limits = made.quantiles[made.fold]
    return np.column_stack(
        [np.mean(ratio <= limits[:, [level]], axis=1) for level in range(limits.shape[1])]
    )

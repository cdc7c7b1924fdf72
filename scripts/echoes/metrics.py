"""The competition's score and the figures beside it.

The score is that of the competition "Echoes of silenced genes": a sum over
perturbations of log ratios of errors, times one weighted cosine over all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

#: Errors and norms below this count as this.
EPSILON = 1e-12
#: No perturbation adds more than this to the score.
MAXIMAL_TERM = 5.0
#: Deltas of at least this size count in full in the weighted cosine, log2 units.
FULL_EFFECT = 0.2


@dataclass(frozen=True)
class Score:
    """The score of a set of predictions and its parts.

    Parameters
    ----------
    wmae
        (n,) weighted mean absolute error of each row.
    terms
        (n,) log2 of the baseline's error over the prediction's, at most 5.
    cosine
        Weighted cosine over all rows and genes at once, −1 … 1.
    total
        Sum of the terms times the cosine (0 where it is negative), 5 decimals.
    """

    wmae: Array
    terms: Array
    cosine: float
    total: float


def weighted_mae(truth: Array, prediction: Array, weights: Array) -> Array:
    """Mean over genes of weight times absolute error, one value a row; inputs (n, G)."""
    error: Array = np.mean(weights * np.abs(truth - prediction), axis=-1)
    return error


def weighted_cosine(truth: Array, prediction: Array) -> float:
    """Cosine of truth and prediction over all entries, where small deltas count little.

    An entry counts with the square of a smoothstep that goes from 0 at no effect
    to 1 at `FULL_EFFECT`, by the larger of the true and the predicted delta.
    It is 0 where truth or prediction has no length.
    """
    t = np.clip(np.maximum(np.abs(truth), np.abs(prediction)) / FULL_EFFECT, 0, 1)
    h2 = (t * t * (3 - 2 * t)) ** 2
    length = np.sqrt(np.sum(h2 * truth**2)) * np.sqrt(np.sum(h2 * prediction**2))
    if length < EPSILON:
        return 0.0
    return float(np.clip(np.sum(h2 * truth * prediction) / length, -1, 1))


def score(truth: Array, prediction: Array, weights: Array, baseline: Array) -> Score:
    """Score predictions as the competition does.

    Parameters
    ----------
    truth, prediction, weights
        (n, G) deltas in log2 units, and their weights.
    baseline
        (n,) weighted mean absolute error of the baseline.

    Notes
    -----
    The total is a sum over rows: totals of sets of different size, and means of
    single rows' totals, are different scales.
    """
    wmae = weighted_mae(truth, prediction, weights)
    ratio = np.maximum(baseline, EPSILON) / np.maximum(wmae, EPSILON)
    terms = np.minimum(np.log2(ratio), MAXIMAL_TERM)
    cosine = weighted_cosine(truth, prediction)
    # Adding zero: a negative sum times a cosine of 0 shall not be written as -0.0.
    total = round(float(terms.sum()) * max(0.0, cosine), 5) + 0.0
    return Score(wmae, terms, cosine, total)


def mean_absolute_percentage_error(truth: Array, prediction: Array) -> Array:
    """Mean over genes of the absolute error over the absolute truth, a ratio, one value a row.

    Deltas near zero make it large; it stands here because the published method prints it.
    """
    floor = np.finfo(np.float64).eps
    ratio: Array = np.mean(np.abs(truth - prediction) / np.maximum(np.abs(truth), floor), axis=-1)
    return ratio


def gene_correlation(truth: Array, prediction: Array) -> Array:
    """Pearson correlation over perturbations, one value a gene; NaN where one side is constant."""
    x = truth - truth.mean(axis=0)
    y = prediction - prediction.mean(axis=0)
    xx, yy = np.sum(x * x, axis=0), np.sum(y * y, axis=0)
    # What rounding leaves of a constant column is not variation.
    noise = (np.finfo(np.float64).eps * len(truth)) ** 2
    flat = (xx <= noise * np.sum(truth**2, axis=0)) | (yy <= noise * np.sum(prediction**2, axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        r: Array = np.clip(np.sum(x * y, axis=0) / (np.sqrt(xx) * np.sqrt(yy)), -1, 1)
    return np.where(flat, np.nan, r)

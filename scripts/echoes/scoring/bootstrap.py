"""Percentile bootstrap over perturbations.

Perturbations are drawn with replacement, and a metric is computed over the drawn ones.
Quantiles over many draws are the bounds of an interval [1]_. No model is fitted again:
an interval shows how much a metric depends on which perturbations were measured, not
how much the fitted models depend on it.

A draw is a row of counts: how many times it contains each perturbation. Two sets of
predictions are compared on the same draws, so that the variation they share cancels::

    counts = resample(n, 10_000, seed=0)
    lower, upper = interval(score_draws(one, counts) - score_draws(other, counts))

References
----------
.. [1] B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall, 1993.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from echoes.io.arrays import Floats, Strings
from echoes.scoring.metrics import ScoreParts, cosine_of_sums

#: Whole numbers in double precision: they are multiplied with metrics, time and again.
Counts = Floats

#: Draws behind each interval that the workflow reports.
DRAWS = 10_000
#: Number of entries that are drawn at a time.
_ENTRIES = 1 << 22


def resample(n: int, draws: int, seed: int, names: Sequence[str] | Strings | None = None) -> Counts:
    """Draw n of n perturbations with replacement, many times over.

    Parameters
    ----------
    n
        Number of perturbations.
    draws
        Number of draws.
    seed
        Seed of the random numbers (PCG64): the same seed gives the same draws.
    names
        (n,) names of the perturbations, so that draws do not depend on the order of the rows. None:
        draws are of rows.

    Returns
    -------
    Counts
        (draws, n) how many times each draw contains each perturbation; each row sums to n.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    counts = np.empty((draws, n))
    step = max(1, _ENTRIES // max(n, 1))
    for first in range(0, draws, step):
        some = min(step, draws - first)
        drawn = random.integers(n, size=(some, n), dtype=np.int64)
        # Draw i counts in the bins from i·n on.
        drawn += n * np.arange(some)[:, None]
        counts[first : first + some] = np.bincount(drawn.ravel(), minlength=some * n).reshape(
            some, n
        )
    if names is None:
        return counts
    by_name = np.argsort(np.asarray(names, dtype=np.str_), kind="stable")
    # Rows in the order of their names, as most tables have them, are not copied.
    rank = np.argsort(by_name, kind="stable")
    return counts if (rank == np.arange(n)).all() else counts[:, rank]


def score_draws(parts: ScoreParts, counts: Counts) -> Floats:
    """Score of each draw, not rounded, from what each row adds to it.

    Parameters
    ----------
    parts
        What each of n rows adds to the score. A row whose term is undefined, because none of its
        genes was measured, adds nothing.
    counts
        (draws, n) how many times each draw contains each row.

    Returns
    -------
    Floats
        (draws,) sum of terms times the weighted cosine, 0 where that is negative. On draws of
        n of n rows it is on the scale of the score of these rows.
    """
    return score_of_sums(*(counts @ np.column_stack(score_columns(parts))).T)


def score_columns(parts: ScoreParts) -> list[Floats]:
    """List what each row adds to the four sums that the score follows from, (n,) each."""
    terms = np.where(np.isnan(parts.terms), 0.0, parts.terms)
    return [terms, parts.product, parts.truth_square, parts.prediction_square]


def score_of_sums(terms: Floats, *sums: Floats) -> Floats:
    """Score of each draw from its sums of `score_columns`."""
    return np.asarray(terms * np.maximum(0.0, cosine_of_sums(*sums)))


def mean_draws(values: Floats, counts: Counts) -> Floats:
    """Mean of each draw over the rows whose value is defined.

    Parameters
    ----------
    values
        (n,) a metric of each row; NaN where it is undefined.
    counts
        (draws, n) how many times each draw contains each row.

    Returns
    -------
    Floats
        (draws,) means; NaN for a draw without a defined row. In a paired difference both
        metrics should be undefined in the same rows, or else they are means over
        different perturbations.
    """
    return mean_of_sums(*(counts @ np.column_stack(mean_columns(values))).T)


def mean_columns(values: Floats) -> list[Floats]:
    """List what each row adds to the two sums that a mean follows from, (n,) each."""
    defined = ~np.isnan(values)
    return [np.where(defined, values, 0.0), defined.astype(np.float64)]


def mean_of_sums(sums: Floats, number: Floats) -> Floats:
    """Mean of each draw from its sums of `mean_columns`; NaN without a defined row."""
    return np.where(number > 0, sums / np.maximum(number, 1), np.nan)


def interval(draws: Floats, level: float = 0.95) -> tuple[float, float]:
    """Bound the middle `level` of the draws that are defined, by quantiles.

    Parameters
    ----------
    draws
        (draws,) a metric of each draw, or a paired difference of two; NaN is left out.
    level
        Share of the draws inside, 0 … 1.

    Returns
    -------
    tuple of float
        Lower and upper bound, interpolated between draws; NaN where no draw is defined.
    """
    defined = draws[~np.isnan(draws)]
    if not len(defined):
        return np.nan, np.nan
    lower, upper = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(lower), float(upper)

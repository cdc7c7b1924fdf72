"""Prediction intervals: their levels, and how many measured values lie inside them.

A model that gives intervals names for each entry a scale of its error, the spread, and for each
of its fits one factor a level. Spread times factor is half the width of the interval.
"""

from __future__ import annotations

import numpy as np

from echoes.io.arrays import Floats, Ints

#: Share of a normal distribution that lies within one standard deviation of its mean.
ONE_DEVIATION = 0.6827
#: Shares of entries that intervals shall cover.
LEVELS = (0.5, ONE_DEVIATION, 0.8, 0.9, 0.95)


def coverage(
    truth: Floats, prediction: Floats, spread: Floats, quantiles: Floats, fold: Ints
) -> Floats:
    """Share of each perturbation's genes whose measured response lies inside the interval.

    Parameters
    ----------
    truth, prediction, spread
        (n, G) measured responses, predicted ones, and the scale of the error of each.
    quantiles
        (F, levels) half width of the intervals in units of the spread, for each of F fits.
    fold
        (n,) the fit that each row is predicted by.

    Returns
    -------
    Floats
        (n, levels) shares, 0 … 1.
    """
    error = np.abs(truth - prediction)
    ratio = error / np.maximum(spread, np.finfo(np.float64).tiny)
    limits = quantiles[fold]
    return np.column_stack(
        [np.mean(ratio <= limits[:, [level]], axis=1) for level in range(limits.shape[1])]
    )


def coverage_name(level: float) -> str:
    """Name of the metric that is the coverage of the intervals of a level, such as coverage_95."""
    return f"coverage_{100 * level:g}"

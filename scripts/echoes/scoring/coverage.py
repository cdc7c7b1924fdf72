"""Prediction intervals: their levels, and how many measured values lie inside them.

A model that gives intervals estimates the spread of each entry, which is the expected size of its
error in log2 units, and for each fit one factor for each level. Half the width of an interval is
the spread times the factor.
"""

from __future__ import annotations

import numpy as np

from echoes.io.arrays import Floats, Ints
from echoes.scoring.gaps import mean_of_measured, measured_pairs

#: Share of a normal distribution that lies within one standard deviation of its mean.
ONE_DEVIATION = 0.6827
#: Levels of the intervals: the share of entries that each interval should cover.
LEVELS = (0.5, ONE_DEVIATION, 0.8, 0.9, 0.95)


def coverage(
    truth: Floats, prediction: Floats, spread: Floats, quantiles: Floats, fold: Ints
) -> Floats:
    """Share of each perturbation's measured responses that lie inside the interval.

    Parameters
    ----------
    truth, prediction, spread
        (n, G) measured responses, predicted responses, and the expected size of each error; log2
        units.
    quantiles
        (F, levels) half width of the intervals in units of the spread, for each of F fits.
    fold
        (n,) number of the fit that predicts each row, 0 … F − 1.

    Returns
    -------
    Floats
        (n, levels) shares, 0 … 1, of the genes whose truth is not NaN; NaN where there is none.
    """
    error = np.abs(truth - prediction)
    ratio = error / np.maximum(spread, np.finfo(np.float64).tiny)
    limits = quantiles[fold]
    measured = measured_pairs(truth)
    return np.column_stack(
        [
            mean_of_measured(ratio <= limits[:, [level]], measured)
            for level in range(limits.shape[1])
        ]
    )


def coverage_name(level: float) -> str:
    """Name of the coverage of the intervals of a level, such as ``coverage_95`` for 0.95."""
    return f"coverage_{100 * level:g}"

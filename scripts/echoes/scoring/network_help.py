"""What the network adds to a perturbation: an experiment minus its twin on a shuffled network."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from echoes.io.arrays import Floats

#: Most groups of perturbations with alike numbers of links.
MOST_BINS = 8
#: Fewest perturbations of a group, on average.
FEWEST = 8


@dataclass(frozen=True)
class Bin:
    """Perturbations whose silenced genes have about as many links.

    Parameters
    ----------
    lowest, highest
        Smallest and largest number of links in the group.
    centre
        Median number of links.
    count
        Number of perturbations.
    median, lower, upper
        Median of the values, with its 95 % interval; NaN where there are fewer than 6.
    """

    lowest: float
    highest: float
    centre: float
    count: int
    median: float
    lower: float
    upper: float


def correlation_gained(scores: pd.DataFrame, experiment: str, twin: str) -> pd.Series[float]:
    """Correlation of deviations of each perturbation, in an experiment minus its twin.

    A prediction that is the same for every perturbation has no correlation, and counts as 0: it
    tells nothing apart.

    Parameters
    ----------
    scores
        The table ``perturbation_scores.parquet``.
    experiment, twin
        Names of the two.

    Returns
    -------
    pandas.Series
        Differences by perturbation, from −2 to 2; without those whose measured deviations are
        constant or missing.
    """
    parts = []
    for name in (experiment, twin):
        rows = scores[scores["experiment"] == name]
        by_metric = {
            metric: rows[rows["metric"] == metric].set_index("pert_symbol")["value"]
            for metric in ("pearson_mean", "r2_mean")
        }
        # R² is defined wherever the measured deviations are not all 0.
        defined = by_metric["r2_mean"].notna()
        parts.append(by_metric["pearson_mean"].fillna(0.0)[defined])
    gained = parts[0] - parts[1]
    return gained.dropna()


def bins_by_degree(degree: Floats, values: Floats) -> list[Bin]:
    """Sort values into groups of about one size by a number of links, and take their medians.

    Parameters
    ----------
    degree, values
        (n,) number of links and value of each perturbation. Equal numbers are in one group, and
        genes without a link in a group of their own.
    """
    linked = degree[degree > 0]
    count = int(np.clip(len(linked) // FEWEST, 1, MOST_BINS))
    # The smallest number of links of each group.
    shares = np.arange(count) / count
    edges = np.unique(np.quantile(linked, shares, method="higher")) if len(linked) else linked
    group = np.searchsorted(edges, degree, side="right")
    found = []
    for number in np.unique(group):
        chosen = group == number
        links, inside = degree[chosen], values[chosen]
        lower, upper = median_interval(inside)
        found.append(
            Bin(
                lowest=float(links.min()),
                highest=float(links.max()),
                centre=float(np.median(links)),
                count=len(links),
                median=float(np.median(inside)),
                lower=lower,
                upper=upper,
            )
        )
    return found


def median_interval(values: Floats, level: float = 0.95) -> tuple[float, float]:
    """Interval of a median from the order of the values, whatever their distribution.

    The k-th smallest and the k-th largest value are its ends, for the largest k with which the
    probability that a binomial number of n halves is below k is at most (1 − level)/2 [1]_.

    Parameters
    ----------
    values
        (n,) independent values.
    level
        Smallest probability that the interval holds the median.

    Returns
    -------
    tuple
        Lower and upper end; NaN where n is too small, below 6 for 95 %.

    References
    ----------
    .. [1] W. J. Conover, "Practical Nonparametric Statistics", Wiley, 1999, section 3.2.
    """
    n = len(values)
    # In whole numbers: 2^-n is no number a computer has where n is above 1,074.
    allowed = (1 - level) / 2
    most = int(allowed * 2**53) * 2**n >> 53
    below, k = 0, 0
    while k < n and below + math.comb(n, k) <= most:
        below += math.comb(n, k)
        k += 1
    if not k:
        return math.nan, math.nan
    ordered = np.sort(values)
    return float(ordered[k - 1]), float(ordered[n - k])

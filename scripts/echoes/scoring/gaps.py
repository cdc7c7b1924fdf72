"""Means over the pairs of a perturbation and a gene that were measured.

The truth is NaN where a pair was not measured. Such a pair counts nowhere: neither in a sum nor in
the number that it is divided by. A prediction that is NaN is no gap, and stays visible as NaN.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from echoes.io.arrays import Bools, Floats

#: Which entries count, in the form of numpy's argument `where`; True for all of them.
Where = Bools | Literal[True]


def measured_pairs(truth: Floats) -> Where:
    """Find the entries that are not NaN.

    Returns
    -------
    array or True
        Of the shape of `truth`; True if there is no gap, so that complete tables are summed
        as without any mask, to the last bit.
    """
    missing = np.isnan(truth)
    return ~missing if missing.any() else True


def fill_gaps(values: Floats, measured: Where) -> Floats:
    """Replace values that do not count by 0."""
    return values if measured is True else np.where(measured, values, 0.0)


def mean_of_measured(values: Floats | Bools, measured: Where, axis: int = -1) -> Floats:
    """Mean along an axis over the entries that count; NaN where there is none."""
    if measured is True:
        complete: Floats = np.mean(values, axis=axis)
        return complete
    count = np.sum(measured, axis=axis)
    sums = np.sum(values, axis=axis, where=measured)
    return np.where(count > 0, sums / np.maximum(count, 1), np.nan)


def defined_mean(values: Floats) -> float:
    """Mean of the values that are not NaN; NaN where there is none."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")

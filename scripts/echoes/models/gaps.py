"""Means over the pairs of a perturbation and a gene that were measured; others are NaN."""

from __future__ import annotations

import numpy as np

from echoes.io.arrays import Bools, Floats


def mean_response(deltas: Floats) -> Floats:
    """Mean response of each gene (G,) over the rows of deltas (m, G) that have it; 0 without any.

    Without gaps it is the mean of all rows, to the last bit.
    """
    missing = np.isnan(deltas)
    if not missing.any():
        complete: Floats = deltas.mean(axis=0)
        return complete
    counts = len(deltas) - missing.sum(axis=0)
    mean: Floats = np.where(missing, 0.0, deltas).sum(axis=0) / np.maximum(counts, 1)
    return mean


def fill_gaps(values: Floats, deltas: Floats) -> Floats:
    """Replace values by 0 where deltas of the same shape have gaps: their weight is 0."""
    missing: Bools = np.isnan(deltas)
    return np.where(missing, 0.0, values) if missing.any() else values

"""Mean responses over the perturbations that have a gene."""

from __future__ import annotations

import numpy as np

from echoes.io.arrays import Floats
from echoes.scoring.gaps import mean_of_measured, measured_pairs


def mean_response(deltas: Floats) -> Floats:
    """Mean response of each gene (G,) over the rows of deltas (m, G) that have it; 0 without any.

    Without gaps it is the mean of all rows, to the last bit.
    """
    measured = measured_pairs(deltas)
    mean = mean_of_measured(deltas, measured, axis=0)
    return mean if measured is True else np.nan_to_num(mean, nan=0.0)

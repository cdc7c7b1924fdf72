"""When single precision will do.

It takes half the time, and is only used to weigh candidates in the inner cross-validation of large
screens. Each result is checked; where it is not precise enough, double precision takes its place.
"""

from __future__ import annotations

import numpy as np

from echoes.io.arrays import Floats

#: Largest relative error of a result in single precision.
PRECISION = 3e-5
#: It is tried from so many training perturbations on: with fewer there is little to save.
FEWEST_SINGLE = 400


def random_signs(count: int) -> Floats:
    """Weights of a random combination of columns, of which some would show an error in any."""
    return np.random.default_rng(0).choice((-1.0, 1.0), count)


def is_precise(combined: Floats, exact: Floats) -> bool:
    """Whether a combination of columns in single precision agrees with the exact one."""
    return bool(np.linalg.norm(combined - exact) <= PRECISION * np.linalg.norm(exact))

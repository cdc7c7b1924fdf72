"""A race of candidates: those that are clearly behind are not judged on the remaining rows.

The weight of a candidate is exp(−t), where t is how far it is behind the best one in units of the
standard error of that difference over rows (`inner_loop.weigh_candidates`). After r of m rows, t is
foreseen for all of them: rows come in no order that matters, so that the difference grows with
their number and its standard error with the root of it, t·√(m/r). The rows that are left move this
by a random number whose standard deviation is √((m − r)/r). A candidate leaves the race where even
six of these deviations less would leave it a weight below exp(−14), a millionth. This certificate
is a statistical one: it holds for rows that are alike, not for every conceivable screen.

Racing candidates of a cross-validation: Maron and Moore, Artificial Intelligence Review 11 (1997),
193–225, doi:10.1023/A:1006556606079.
"""

from __future__ import annotations

import numpy as np

from echoes.io.arrays import Bools, Floats

#: Nothing is dropped before so many rows are judged: with few, standard errors are uncertain. Thus
#: there is no race in small screens.
FEWEST_ROWS = 100
#: A candidate is dropped if its weight is below exp(−`NEGLIGIBLE`) …
NEGLIGIBLE = 14.0
#: … with so many standard deviations in hand.
DEVIATIONS = 6.0


def clearly_behind(behind: Floats, counts: Floats, seen: int, rows: int) -> Bools:
    """Find the candidates that will have no weight once all rows are judged.

    Parameters
    ----------
    behind
        (C,) how far each candidate is behind the best one on the rows seen, in standard errors.
    counts
        (C,) how many candidates each one counts as (see `Objective.weigh`).
    seen, rows
        Number of rows judged so far, and of all rows.

    Returns
    -------
    array
        (C,) which ones; none of them while there are fewer than `FEWEST_ROWS` rows.
    """
    if seen < FEWEST_ROWS:
        return np.zeros(behind.shape, dtype=np.bool_)
    left = (rows - seen) / seen
    foreseen = behind * np.sqrt(rows / seen) - DEVIATIONS * np.sqrt(left)
    # A candidate that counts as several must be behind by more. The best one stays.
    late: Bools = foreseen > NEGLIGIBLE + np.log(counts / counts.min())
    return late

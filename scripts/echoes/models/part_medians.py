"""Re-weighted medians of a table without some of its rows, for several such parts side by side.

A median of a part is close to that of the whole table. The weight of all values below the latter is
a sum that needs no order, and one pass over the table gives it for all parts. From there, sorted
values are gone through until half of the weight is reached.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints, row_blocks
from echoes.models.medians import EPSILON, MAXIMAL_ROUNDS, Medians

#: So many values on each side of the start are gone through, and one more for so many rows; where
#: they do not do, all are.
_SMALLEST_WINDOW, _ROWS_A_VALUE = 8, 32


class _Walk:
    """Weighted medians of the columns of a table (m, G) that are close to some value of each.

    Parameters
    ----------
    medians
        The table.
    start
        (G,) a value of each column.
    weighted
        Whether the weights of the table count; otherwise all values weigh the same.
    """

    def __init__(self, medians: Medians, start: Floats, *, weighted: bool) -> None:
        self.start = start
        self._table, self._order = medians.table, medians.order
        self._weights = medians.sorted_weights if weighted else None
        self._every = np.arange(len(start))
        #: Places of the values that are the start: from the first one on, before the end.
        self._first = np.count_nonzero(self._table < start, axis=0)
        self._end = np.count_nonzero(self._table <= start, axis=0)
        window = _SMALLEST_WINDOW + len(self._table) // _ROWS_A_VALUE
        steps = np.arange(window)[:, None]
        places = np.concatenate([self._first - window + steps, self._end[None], self._end + steps])
        inside = (places >= 0) & (places < len(self._table))
        # In the middle stand all values that are the start, whose weight is known.
        inside[window] = False
        at = np.where(inside, places, 0), self._every
        #: Rows at these places, (2w + 1, G), and their weights, 0 where there is none.
        self._rows = self._order[at]
        self._near = inside if self._weights is None else inside * self._weights[at]

    def counts(self, without: Ints) -> Floats:
        """Count the values below the start, and those up to it, without some rows, (2, G)."""
        gone = self._table[without]
        below = self._first - np.count_nonzero(gone < self.start, axis=0)
        return np.array([below, self._end - np.count_nonzero(gone <= self.start, axis=0)], float)

    def values(self, factor: Floats, below: Floats, target: Floats, equal: Bools) -> Floats:
        """Least values (G,) for which they and all smaller ones have a weight of the target.

        Parameters
        ----------
        factor
            (m,) factors of the rows' weights; 0 for a row that is left out.
        below
            (2, G) weight of the values below the start, and of those up to it.
        target
            (G,) weight to reach.
        equal
            (G,) columns whose values have no weight: there, half of the factors is to be reached.
        """
        window = len(self._rows) // 2
        reached = np.empty(self._rows.shape)
        # The mode is that which needs no copy; no row is out of bounds.
        np.take(factor, self._rows, out=reached, mode="clip")
        reached *= self._near
        reached[window] = below[1] - below[0]
        # Row after row: numpy's own cumulative sum down the columns takes much longer.
        for row, following in itertools.pairwise(reached):
            np.add(row, following, out=following)
        wanted = target - (below[0] - reached[window - 1])
        steps = (reached < wanted).sum(axis=0, dtype=np.int32)
        places = steps - window + np.where(steps > window, self._end - 1, self._first)
        missed = equal | (steps == len(reached)) | ((wanted <= 0) & (self._first > window))
        genes = np.flatnonzero(missed)
        if len(genes):
            places[genes] = self._by_all(genes, factor, target, equal)
        found: Floats = self._table[self._order[places, self._every], self._every]
        return found

    def _by_all(self, genes: Ints, factor: Floats, target: Floats, equal: Bools) -> Ints:
        """Places of the values of some columns, from all their rows."""
        reached = factor[self._order[:, genes]]
        if self._weights is not None:
            reached *= np.where(equal[genes], 1.0, self._weights[:, genes])
        np.cumsum(reached, axis=0, out=reached)
        wanted = np.where(equal[genes], reached[-1] / 2, target[genes])
        places: Ints = np.count_nonzero(reached < wanted, axis=0)
        return places


def reweighted_of_parts(
    medians: Medians, left_out: Sequence[Ints], near: Floats, tolerance: float
) -> Floats:
    """Compute `Medians.reweighted` of all rows but some, for k such sets of rows, (k, G).

    Parameters
    ----------
    medians
        The table.
    left_out
        The sets of rows.
    near
        (G,) values that the medians are close to, such as those of all rows. They change how long
        it takes, and nothing else.
    tolerance
        As in `Medians.reweighted`.
    """
    if medians.has_gaps:
        return np.array([medians.without(rows).reweighted(tolerance) for rows in left_out])
    kept = np.ones((len(left_out), len(medians.table)))
    for of_part, rows in zip(kept, left_out, strict=True):
        of_part[rows] = 0.0
    walk = _Walk(medians, near, weighted=True)
    equal = np.array([medians.counts_without(rows) == 0 for rows in left_out])
    centres = _unweighted(medians, left_out, kept)
    before = np.full(len(kept), np.inf)
    active = np.arange(len(kept))
    for _ in range(MAXIMAL_ROUNDS):
        logs, factors, sums = _pass(medians, walk.start, centres[active], kept[active])
        going = before[active] - logs > tolerance
        before[active] = logs
        for i in np.flatnonzero(going):
            part = active[i]
            following = walk.values(factors[i], sums[:2, i], sums[2, i] / 2, equal[part])
            going[i] = not np.array_equal(following, centres[part])
            centres[part] = following
        active = active[going]
        if not len(active):
            break
    return centres


def _unweighted(medians: Medians, left_out: Sequence[Ints], kept: Floats) -> Floats:
    """Compute `Medians.unweighted` of each part, (k, G)."""
    m, genes = medians.table.shape
    walk = _Walk(medians, medians.table[medians.order[m // 2], np.arange(genes)], weighted=False)
    found = np.empty((len(kept), genes))
    none = np.zeros(genes, dtype=np.bool_)
    for of_part, rows, factor in zip(found, left_out, kept, strict=True):
        counts, n = walk.counts(rows), m - len(rows)
        targets = {(n + 1) // 2, n // 2 + 1}  # one of an odd number of rows
        middle = [walk.values(factor, counts, np.full(genes, each), none) for each in targets]
        of_part[:] = sum(middle) / len(targets)
    return found


def _pass(
    medians: Medians, start: Floats, centres: Floats, kept: Floats
) -> tuple[Floats, Floats, Floats]:
    """Go through the table once, for several constants (k, G) that predict kept rows (k, m).

    Returns
    -------
    logs, factors, sums
        Sum of the logarithms of the errors, (k,); one over each error, 0 for rows that are left
        out, (k, m); and, with these factors, the weight of all values below the start, of those up
        to it and of all, (3, k, G).
    """
    genes = medians.table.shape[1]
    errors, factors = np.empty(kept.shape), np.empty(kept.shape)
    sums = np.zeros((3, *centres.shape))
    # It is used again for each block: a new one would take longer.
    blocks = row_blocks(*medians.table.shape, small=True)
    space = np.empty_like(medians.table[blocks[0]])
    for block in blocks:
        values, weights = medians.table[block], medians.weights[block]
        off = space[: len(values)]
        for centre, error in zip(centres, errors, strict=True):
            np.subtract(values, centre, out=off)
            np.abs(off, out=off)
            error[block] = np.maximum(np.vecdot(off, weights) / genes, EPSILON)
        factors[:, block] = kept[:, block] / errors[:, block]
        for number, counted in enumerate((values < start, values <= start)):
            np.multiply(weights, counted, out=off)
            sums[number] += factors[:, block] @ off
        sums[2] += factors[:, block] @ weights
    logs = [np.log(error[of_part > 0]).sum() for error, of_part in zip(errors, kept, strict=True)]
    return np.array(logs), factors, sums

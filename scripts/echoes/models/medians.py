"""Weighted medians of each gene, and a constant prediction with a high score."""

from __future__ import annotations

import copy

import numpy as np

from echoes.io.arrays import Floats, Ints, row_blocks

#: Most rounds of the re-weighted median; it usually no longer changes after about 40.
MAXIMAL_ROUNDS = 200
#: Tolerance of the re-weighted median in the inner cross-validation, where the score need not be
#: more precise than this.
INNER_TOLERANCE = 1e-3
#: Smaller errors are replaced by this number.
EPSILON = 1e-12


class Medians:
    """Weighted medians of the columns of one table, which is sorted once.

    Parameters
    ----------
    values
        (m, G) table; NaN where there is no value. A column without any value has the median 0.
    weights
        (m, G) weights, at least 0; 0 where there is no value. In a column of zero weights all
        values weigh the same.

    Attributes
    ----------
    table, weights
        Both tables.
    order, sorted_weights
        (m, G) for each column, the rows in the order of their values, and their weights.
    """

    def __init__(self, values: Floats, weights: Floats) -> None:
        self.table, self.weights = values, weights
        self._kept = np.ones(len(values), dtype=np.bool_)
        self.order = np.empty(values.shape, dtype=np.intp)
        missing = np.isnan(values)
        # 1 for each value in that order and 0 for each gap; None without gaps.
        self._present: Floats | None = np.empty(values.shape) if missing.any() else None
        self.sorted_weights = np.empty(values.shape)
        for block in row_blocks(*values.shape[::-1], small=True):
            columns = np.ascontiguousarray(values[:, block].T)
            # In which order equal values stand does not matter.
            order = np.argsort(columns, axis=1).T
            self.order[:, block] = order
            self.sorted_weights[:, block] = np.take_along_axis(weights[:, block], order, axis=0)
            if self._present is not None:
                self._present[:, block] = ~np.take_along_axis(missing[:, block], order, axis=0)
        self._counts = np.count_nonzero(weights, axis=0)
        self._fill_weights()

    def _fill_weights(self) -> None:
        """Give all values of a column the same weight if all their weights are 0."""
        if not self._counts.all():
            equal = 1.0 if self._present is None else self._present
            self.sorted_weights = np.where(self._counts == 0, equal, self.sorted_weights)

    @property
    def has_gaps(self) -> bool:
        """Whether the table has gaps."""
        return self._present is not None

    def counts_without(self, rows: Ints) -> Ints:
        """Count the weights above 0 of each column in all rows but some, (G,)."""
        counts: Ints = self._counts - np.count_nonzero(self.weights[rows], axis=0)
        return counts

    def without(self, rows: Ints) -> Medians:
        """Leave out some of the rows that are left; the result needs no sorting."""
        fewer = copy.copy(self)
        gone = np.flatnonzero(self._kept)[rows]
        fewer._kept = self._kept.copy()
        fewer._kept[gone] = False
        fewer._counts = self.counts_without(gone)
        fewer._fill_weights()
        return fewer

    def _reached(self, factor: Floats, weights: Floats | None) -> Floats:
        """Sum factors of rows, times weights if any, from a gene's smallest value up, (m, G)."""
        reached = np.empty(self.order.shape)
        # Row after row: numpy's own cumulative sum down the columns takes much longer.
        for place, rows in enumerate(self.order):
            # The mode is that which needs no copy; no row is out of bounds.
            np.take(factor, rows, out=reached[place], mode="clip")
            if weights is not None:
                reached[place] *= weights[place]
            if place:
                reached[place] += reached[place - 1]
        return reached

    def _values(self, reached: Floats, target: Floats | float) -> Floats:
        """Value of each gene, (G,), at which its sums (m, G) reach a target; 0 without any."""
        # With small numbers the sum takes a fraction of the time.
        places = (reached < target).sum(axis=0, dtype=np.int32)
        genes = np.arange(len(places))
        if self._present is None:
            values: Floats = self.table[self.order[places, genes], genes]
            return values
        some = reached[-1] > 0
        # A gene without a value may not reach the target in any row.
        places = np.where(some, places, 0)
        return np.where(some, self.table[self.order[places, genes], genes], 0.0)

    def weighted(self, factors: Floats | None = None) -> Floats:
        """Lower weighted median of each column, (G,).

        It is the smallest value for which it and all smaller values have at least half of the
        column's weight; it minimises the column's sum of weighted absolute errors.

        Parameters
        ----------
        factors
            (m,) factors of the rows' weights, above 0.
        """
        # A row that is left out weighs nothing.
        factor = np.zeros(len(self.table))
        factor[self._kept] = 1.0 if factors is None else factors
        reached = self._reached(factor, self.sorted_weights)
        return self._values(reached, reached[-1] / 2)

    def unweighted(self) -> Floats:
        """Median of each column without weights, (G,): of an even number, the mean of two."""
        m: Floats | int = int(self._kept.sum())
        reached = self._reached(self._kept.astype(np.float64), self._present)
        if self._present is not None:
            m = reached[-1]
        median: Floats = self._values(reached, (m + 1) // 2) + self._values(reached, m // 2 + 1)
        return median / 2

    def _error(self, centre: Floats) -> Floats:
        """WMAE of each row, (m,), where `centre` is predicted for all rows."""
        error = np.empty(len(self.table))
        for block in row_blocks(*self.table.shape, small=True):
            off = self.table[block] - centre
            np.abs(off, out=off)
            off *= self.weights[block]
            if self._present is not None:
                # The number of genes that a mean is taken over does not move the minimum.
                off[np.isnan(off)] = 0.0
            np.mean(off, axis=1, out=error[block])
        return error[self._kept]

    def reweighted(self, tolerance: float = 0.0) -> Floats:
        """Find a constant prediction c (G,) that is a local minimum of Σ_p log WMAE_p(c).

        At the minimum, c is the median of each column under the weights w_pg / WMAE_p(c). The
        iteration starts from the median without weights and computes this weighted median until
        it no longer changes; no round makes the sum larger. There are many local minima, so the
        start must not depend on rows that are left out.

        It is a majorise-minimise iteration, as in re-weighted ℓ₁ minimisation: Candès, Wakin and
        Boyd, J. Fourier Anal. Appl. 14 (2008), 877–905, doi:10.1007/s00041-008-9045-x.

        Parameters
        ----------
        tolerance
            Stop when a round lowers the sum by no more than this.
        """
        centre = self.unweighted()
        before = np.inf
        for _ in range(MAXIMAL_ROUNDS):
            error = np.maximum(self._error(centre), EPSILON)
            now = float(np.log(error).sum())
            if before - now <= tolerance:
                break
            following = self.weighted(1 / error)
            if np.array_equal(following, centre):
                break
            centre, before = following, now
        return centre

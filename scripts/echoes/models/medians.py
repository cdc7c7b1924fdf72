"""Weighted medians of each gene, and a constant prediction with a high score."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from echoes.io.arrays import Floats, Ints

#: Most rounds of the re-weighted median; it usually no longer changes after about 40.
MAXIMAL_ROUNDS = 200
#: Tolerance of the re-weighted median in the inner cross-validation, where the score need not be
#: more precise than this.
INNER_TOLERANCE = 1e-3
#: Smaller errors are replaced by this number.
EPSILON = 1e-12
#: Number of entries that are processed together: they fit in the processor's cache.
_BLOCK = 1 << 15


def _blocks(count: int, width: int) -> Iterator[slice]:
    """Cut a number of rows of this width into blocks."""
    step = max(1, _BLOCK // width)
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


class Medians:
    """Weighted medians of the columns of one table, which is sorted once.

    Parameters
    ----------
    values
        (m, G) table.
    weights
        (m, G) weights, at least 0. In a column of zero weights all rows weigh the same.
    """

    def __init__(self, values: Floats, weights: Floats) -> None:
        m, genes = values.shape
        self._table, self._weights = values, weights
        self._rows = np.arange(m)
        # A gene's rows in the order of their values, and their weights.
        self._order = np.empty((genes, m), dtype=np.int32)
        self._sorted = np.empty((genes, m))
        for block in _blocks(genes, m):
            columns = np.ascontiguousarray(values[:, block].T)
            order = np.argsort(columns, axis=1, kind="stable")
            self._order[block] = order
            self._sorted[block] = np.take_along_axis(weights[:, block].T, order, axis=1)
        self._fill_weights()

    def _fill_weights(self) -> None:
        """Give all rows of a column the same weight if all their weights are 0."""
        self._sorted[~self._sorted.any(axis=1)] = 1.0

    def without(self, rows: Ints) -> Medians:
        """Leave out some rows; the result needs no sorting."""
        fewer = Medians.__new__(Medians)
        fewer._table, fewer._weights = self._table, self._weights
        fewer._rows = np.delete(self._rows, rows)
        kept = np.zeros(len(self._table), dtype=np.bool_)
        kept[fewer._rows] = True
        genes, m = len(self._order), len(fewer._rows)
        fewer._order = np.empty((genes, m), dtype=np.int32)
        fewer._sorted = np.empty((genes, m))
        for block in _blocks(genes, m):
            places = kept[self._order[block]]
            fewer._order[block] = self._order[block][places].reshape(-1, m)
            fewer._sorted[block] = self._sorted[block][places].reshape(-1, m)
        fewer._fill_weights()
        return fewer

    def weighted(self, factors: Floats | None = None) -> Floats:
        """Lower weighted median of each column, (G,).

        It is the smallest value for which it and all smaller values have at least half of the
        column's weight; it minimises the column's sum of weighted absolute errors.

        Parameters
        ----------
        factors
            (m,) factors of the rows' weights, above 0.
        """
        genes, m = self._order.shape
        factor = np.zeros(len(self._table))
        factor[self._rows] = 1.0 if factors is None else factors
        median = np.empty(genes)
        for block in _blocks(genes, m):
            order = self._order[block]
            reached = factor[order]
            reached *= self._sorted[block]
            np.cumsum(reached, axis=1, out=reached)
            place = np.count_nonzero(reached < reached[:, -1:] / 2, axis=1)
            row = np.take_along_axis(order, place[:, None], axis=1)[:, 0]
            median[block] = self._table[row, np.arange(block.start, block.stop)]
        return median

    def _error(self, centre: Floats) -> Floats:
        """WMAE of each row, (m,), where `centre` is predicted for all rows."""
        error = np.empty(len(self._table))
        for block in _blocks(*self._table.shape):
            off = self._table[block] - centre
            np.abs(off, out=off)
            off *= self._weights[block]
            np.mean(off, axis=1, out=error[block])
        return error[self._rows]

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
        m = len(self._rows)
        start = self._order[:, [(m - 1) // 2, m // 2]]
        centre: Floats = np.take_along_axis(self._table.T, start, axis=1).sum(axis=1) / 2
        before = np.inf
        for _ in range(MAXIMAL_ROUNDS):
            error = np.maximum(self._error(centre), EPSILON)
            now = float(np.log(error).sum())
            following = self.weighted(1 / error)
            if before - now <= tolerance or np.array_equal(following, centre):
                break
            centre, before = following, now
        return centre

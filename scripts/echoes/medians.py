"""Weighted medians of each gene, and the constant prediction that the score favours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

#: Rounds after which the re-weighted median is taken as it is; it stands after some 40.
MAXIMAL_ROUNDS = 200
#: Errors below this count as this.
EPSILON = 1e-12


class Medians:
    """Weighted medians of the columns of one table, which is sorted once.

    Parameters
    ----------
    values
        (m, G) table.
    weights
        (m, G) weights, at least 0. In a column without any weight all rows count alike.
    """

    def __init__(self, values: Array, weights: Array) -> None:
        # A gene a row: what is sorted and summed then lies together in memory.
        self._table = np.ascontiguousarray(values.T)
        self._weights = np.ascontiguousarray(weights.T)
        order = np.argsort(self._table, axis=1, kind="stable")
        self._sort(order, np.take_along_axis(self._table, order, axis=1))

    def _sort(self, order: npt.NDArray[np.intp], values: Array) -> None:
        """Keep each gene's rows in the order of their values."""
        self._order, self._values = order, values
        weights = np.take_along_axis(self._weights, order, axis=1)
        weights[~self._weights.any(axis=1)] = 1.0
        self._sorted = weights

    def without(self, rows: npt.NDArray[np.intp]) -> Medians:
        """Medians of the table without some rows, without sorting it again."""
        genes, m = self._table.shape
        kept = np.ones(m, dtype=np.bool_)
        kept[rows] = False
        at = np.flatnonzero(kept[self._order])
        fewer = Medians.__new__(Medians)
        fewer._table = self._table[:, kept]
        fewer._weights = self._weights[:, kept]
        number = np.cumsum(kept) - 1
        fewer._sort(
            number[self._order.ravel()[at]].reshape(genes, -1),
            self._values.ravel()[at].reshape(genes, -1),
        )
        return fewer

    def weighted(self, factors: Array | None = None) -> Array:
        """Lower weighted median of each column, (G,).

        It is the least value whose weight, with that of all smaller ones, makes half of the
        total; it minimises the column's sum of weighted absolute errors.

        Parameters
        ----------
        factors
            (m,) factors of the rows' weights, above 0.
        """
        weights = self._sorted if factors is None else self._sorted * factors[self._order]
        reached = np.cumsum(weights, axis=1)
        at = np.argmax(reached >= reached[:, -1:] / 2, axis=1)
        median: Array = self._values[np.arange(len(self._values)), at]
        return median

    def reweighted(self) -> Array:
        """Find a constant prediction c (G,) that is a local minimum of Σ_p log WMAE_p(c).

        There c is the median of each column under the weights w_pg / WMAE_p(c): from the median
        without weights on, the median is repeated until it stands. No round makes the sum
        larger. There are many such minima, so where it starts must not depend on rows that are
        left out.
        """
        centre = np.median(self._table, axis=1)
        for _ in range(MAXIMAL_ROUNDS):
            error = np.abs(self._table - centre[:, None])
            error = np.einsum("gp,gp->p", error, self._weights) / len(error)
            following = self.weighted(1 / np.maximum(error, EPSILON))
            if np.array_equal(following, centre):
                break
            centre = following
        return centre

"""Weighted medians of each gene, and the constant prediction that the score favours."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

#: Rounds after which the re-weighted median is taken as it is; it stands after some 40.
MAXIMAL_ROUNDS = 200
#: Where the inner loop stops: what is left moves the score by about as much.
ROUGH = 1e-3
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
        # Sorting wants a gene's values together, all that follows wants a row's.
        order = np.ascontiguousarray(np.argsort(values.T, axis=1, kind="stable").T)
        self._table, self._weights = values, weights
        self._sort(order, *(np.take_along_axis(of, order, axis=0) for of in (values, weights)))

    def _sort(self, order: npt.NDArray[np.intp], values: Array, weights: Array) -> None:
        """Keep the rows of each gene in the order of their values."""
        self._order, self._values = order, values
        weights[:, ~self._weights.any(axis=0)] = 1.0
        self._sorted = weights
        self._reached = np.empty_like(weights)
        self._by_gene: tuple[npt.NDArray[Any], ...] = ()

    def without(self, rows: npt.NDArray[np.intp]) -> Medians:
        """Medians of the table without some rows, without sorting it again."""
        m, genes = self._table.shape
        kept = np.ones(m, dtype=np.bool_)
        kept[rows] = False
        if not self._by_gene:
            sorted_tables = (self._order, self._values, self._sorted)
            self._by_gene = tuple(np.ascontiguousarray(table.T).ravel() for table in sorted_tables)
        order, values, weights = self._by_gene
        at = np.flatnonzero(kept[order])

        def fewer(table: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return np.ascontiguousarray(table[at].reshape(genes, -1).T)

        number = np.cumsum(kept) - 1
        left = Medians.__new__(Medians)
        left._table, left._weights = self._table[kept], self._weights[kept]
        left._sort(number[fewer(order)], fewer(values), fewer(weights))
        return left

    def weighted(self, factors: Array | None = None) -> Array:
        """Lower weighted median of each column, (G,).

        It is the least value whose weight, with that of all smaller ones, makes half of the
        total; it minimises the column's sum of weighted absolute errors.

        Parameters
        ----------
        factors
            (m,) factors of the rows' weights, above 0.
        """
        # One table for all rounds: to ask the system for a new one takes longer than the sums.
        reached = self._reached
        if factors is None:
            np.cumsum(self._sorted, axis=0, out=reached)
        else:
            np.take(factors, self._order, out=reached, mode="clip")
            reached *= self._sorted
            np.cumsum(reached, axis=0, out=reached)
        at = np.sum(reached < reached[-1] / 2, axis=0)
        median: Array = np.take_along_axis(self._values, at[None], axis=0)[0]
        return median

    def _error(self, centre: Array) -> Array:
        """WMAE of each row, (m,), where `centre` is predicted for all."""
        off = np.subtract(self._table, centre, out=self._reached)
        np.abs(off, out=off)
        off *= self._weights
        error: Array = off.mean(axis=1)
        return error

    def reweighted(self, tolerance: float = 0.0) -> Array:
        """Find a constant prediction c (G,) that is a local minimum of Σ_p log WMAE_p(c).

        There c is the median of each column under the weights w_pg / WMAE_p(c): from the median
        without weights on, the median is repeated until it stands. No round makes the sum
        larger. There are many such minima, so where it starts must not depend on rows that are
        left out.

        Parameters
        ----------
        tolerance
            Stop where a round lowers the sum by no more than this.
        """
        m = len(self._values)
        centre: Array = (self._values[(m - 1) // 2] + self._values[m // 2]) / 2
        before = np.inf
        for _ in range(MAXIMAL_ROUNDS):
            error = np.maximum(self._error(centre), EPSILON)
            now = float(np.log(error).sum())
            following = self.weighted(1 / error)
            if before - now <= tolerance or np.array_equal(following, centre):
                break
            centre, before = following, now
        return centre

"""The candidates of the model `echo` that are still in the race: blends and residuals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints, Singles
from echoes.models.inner_loop import single_precision


@dataclass(frozen=True)
class Candidates:
    """Each blend with each residual, without those that left the race.

    Parameters
    ----------
    shares
        B shares of the median in the base.
    blends
        (B,) which of them are left.
    names
        R names of the residuals: none, one of each operator, and that of all sources if any.
    residuals
        (R,) which of them are left.
    counts
        (R,) how many candidates each counts as (see `Objective.weigh`).
    """

    shares: tuple[float, ...]
    blends: Bools
    names: tuple[str, ...]
    residuals: Bools
    counts: Floats

    @classmethod
    def all_of(cls, shares: Sequence[float], names: Sequence[str], counts: Floats) -> Candidates:
        """Give all candidates."""
        blends = np.ones(len(shares), dtype=np.bool_)
        return cls(tuple(shares), blends, tuple(names), np.ones(len(names), dtype=np.bool_), counts)

    @property
    def n_blends(self) -> int:
        """Number of blends that are left."""
        return int(self.blends.sum())

    @property
    def size(self) -> int:
        """Number of candidates that are left, C."""
        return self.n_blends * int(self.residuals.sum())

    def counts_of_each(self) -> Floats:
        """How many candidates each of those left counts as, (C,)."""
        return np.tile(self.counts[self.residuals], self.n_blends)

    def without(self, late: Bools) -> tuple[Candidates, Ints]:
        """Drop the blends and residuals of which all candidates are late.

        Parameters
        ----------
        late
            (C,) which of the candidates left may be dropped.

        Returns
        -------
        candidates, kept
            What is left, and its places among the candidates left so far.
        """
        late = late.reshape(self.n_blends, -1)
        blends = np.logical_not(late.all(axis=1))
        residuals = np.logical_not(late.all(axis=0))
        fewer = replace(self, blends=self.blends.copy(), residuals=self.residuals.copy())
        fewer.blends[self.blends] = blends
        fewer.residuals[self.residuals] = residuals
        return fewer, np.flatnonzero(np.outer(blends, residuals))

    def dropped(self, fewer: Candidates) -> list[str]:
        """Name the blends and residuals that are no longer left."""
        blends = np.flatnonzero(self.blends & ~fewer.blends).tolist()
        residuals = np.flatnonzero(self.residuals & ~fewer.residuals).tolist()
        return [*(f"blend {self.shares[i]:g}" for i in blends), *(self.names[i] for i in residuals)]

    def spread(self, weights: Floats) -> Floats:
        """Arrange weights (C,) by blend and residual, (B, R); 0 for what has left the race."""
        arranged = np.zeros((len(self.blends), len(self.residuals)))
        arranged[np.ix_(self.blends, self.residuals)] = weights.reshape(self.n_blends, -1)
        return arranged

    def predictions(
        self,
        bases: Floats,
        fitted: Singles,
        of_sources: Singles | None,
        knockdowns: Floats,
        silenced: Ints,
    ) -> Callable[[int], Singles]:
        """Make the function that gives the prediction of each candidate for a row, (C, G).

        Parameters
        ----------
        bases
            (B, G) bases of the blends that are left.
        fitted
            (rows, O, G) residuals of the operators that are left.
        of_sources
            (rows, G) residuals from all sources; None where they are not left.
        knockdowns, silenced
            (rows,) responses of the silenced genes themselves, NaN where not measured, and their
            positions among the genes.
        """
        singles = single_precision(bases)[:, None]
        n_operators, genes = fitted.shape[1:]
        first = int(self.residuals[0])
        # It is used again for each row: a new one would take longer.
        predicted = np.empty((len(bases), self.size // len(bases), genes), dtype=np.float32)

        def candidates(i: int) -> Singles:
            if first:
                predicted[:, :1] = singles
            np.add(singles, fitted[i], out=predicted[:, first : first + n_operators])
            if of_sources is not None:
                np.add(singles[:, 0], of_sources[i], out=predicted[:, -1])
            if not np.isnan(knockdowns[i]):
                predicted[:, :, silenced[i]] = knockdowns[i]
            return predicted.reshape(-1, genes)

        return candidates

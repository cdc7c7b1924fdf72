"""What a model may learn from and what it is to predict: the two sides of a fold."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Problem:
    """m training perturbations with their responses, and q whose responses are not here.

    What a model does not get it cannot look at: a fold's problem has no response of the
    perturbations that are held out.

    Parameters
    ----------
    deltas
        (m, G) responses of the training perturbations, log2 units.
    weights
        (m, G) their weights in the score.
    control
        (G,) expression of the control cells, log2 units.
    silenced
        (m + q,) position of each silenced gene among the G; −1 where it is not measured.
    kernels
        (k, m + q, m + q) inner products of network features, one matrix a diffusion.
    reach
        (m + q, G) share of each response gene in a silenced gene's diffusion.
    known
        (m + q,) silenced genes that have a link.
    features
        (m + q, F) features for linear models; F may be 0 where none is used.
    """

    deltas: Array
    weights: Array
    control: Array
    silenced: Ints
    kernels: Array
    reach: Array
    known: npt.NDArray[np.bool_]
    features: Array

    @property
    def training(self) -> int:
        """Number of training perturbations, m."""
        return len(self.deltas)

    def split(self, held_out: Ints, others: Ints | None = None) -> Problem:
        """Make the problem of predicting some of the training perturbations from the others.

        Parameters
        ----------
        held_out
            Training rows to predict, in this order.
        others
            Training rows to learn from; all the others by default.
        """
        if others is None:
            others = np.delete(np.arange(self.training), held_out)
        rows = np.concatenate([others, held_out])
        return replace(
            self,
            deltas=self.deltas[others],
            weights=self.weights[others],
            silenced=self.silenced[rows],
            kernels=self.kernels[:, rows[:, None], rows],
            reach=self.reach[rows],
            known=self.known[rows],
            features=self.features[rows],
        )

    def own(self) -> tuple[Ints, Ints]:
        """Rows and genes of the training entries that are a silenced gene's own."""
        rows = np.flatnonzero(self.silenced[: self.training] >= 0)
        return rows, self.silenced[rows]

    def own_asked(self) -> tuple[Ints, Ints]:
        """Rows and genes of the entries to predict that are a silenced gene's own."""
        silenced = self.silenced[self.training :]
        rows = np.flatnonzero(silenced >= 0)
        return rows, silenced[rows]


@dataclass(frozen=True)
class Prediction:
    """What a model predicts for the q perturbations of a problem.

    Parameters
    ----------
    deltas
        (q, G) predicted responses.
    centre
        (G,) mean of what the fitted model says of its training perturbations, each gene's own
        silencing left out: a figure that is taken on deviations from it gives a constant
        prediction no credit.
    inner
        (m, G) what the model predicts for its training perturbations where it has not seen
        them, as far as it makes such predictions by itself.
    spread
        (q, G) scale of the error to expect, and None where the model does not tell.
    quantiles
        (levels,) what to multiply `spread` with to get the half width of an interval with each
        of `uncertainty.LEVELS` as its coverage.
    choices
        What an inner loop has chosen, by name, and what it weighed it with.
    """

    deltas: Array
    centre: Array
    inner: Array | None = None
    spread: Array | None = None
    quantiles: Array | None = None
    choices: dict[str, float] | None = None

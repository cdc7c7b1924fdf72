"""What a model may learn from and what it is to predict: the two sides of a fold."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints
from echoes.models.inner_loop import deal


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
    groups
        (m + q,) number of each silenced gene: guides of one gene have the same.
    """

    deltas: Floats
    weights: Floats
    control: Floats
    silenced: Ints
    kernels: Floats
    reach: Floats
    known: Bools
    features: Floats
    groups: Ints

    @property
    def training(self) -> int:
        """Number of training perturbations, m."""
        return len(self.deltas)

    @property
    def asked(self) -> int:
        """Number of perturbations to predict, q."""
        return len(self.silenced) - self.training

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
            groups=self.groups[rows],
        )

    def inner_folds(self, folds: int) -> list[Ints]:
        """Deal the training rows out to inner folds, guides of one gene to the same."""
        return deal(self.groups[: self.training].tolist(), folds)

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
        silencing left out. On deviations from it a constant prediction is 0 everywhere.
    inner
        (m, G) what the model says of its training perturbations where it has not seen them;
        None where its inner loop does not tell.
    choices
        What an inner loop has chosen and how well it fitted, by name.
    """

    deltas: Floats
    centre: Floats
    inner: Floats | None = None
    choices: dict[str, float] = field(default_factory=dict)

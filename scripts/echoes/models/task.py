"""A task: the data that a model may learn from, and the perturbations that it predicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints, positions
from echoes.models.inner_loop import assign_folds
from echoes.models.sources import NETWORK, Source

if TYPE_CHECKING:
    from echoes.models.kernels import Kernels

#: Sections of an experiment's settings by name, as in the configuration.
Settings = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Task:
    """m training perturbations with their responses, and q perturbations to predict.

    A model sees nothing else. The task of a fold does not contain the responses of the
    perturbations that are held out.

    Parameters
    ----------
    deltas
        (m, G) responses of the training perturbations, log2 units; NaN where not measured, which
        only models with `catalogue.Model.gaps` take.
    weights
        (m, G) weights of these responses in the score; 0 where not measured.
    control
        (G,) expression of the control cells, log2 units.
    silenced
        (m + q,) position of each silenced gene among the G response genes, training
        perturbations first; −1 where the silenced gene is no response gene.
    kernels
        (k, m + q, m + q) inner products of network features, one matrix a diffusion;
        k is 0 where no model needs them.
    reach
        (m + q, G) share of each response gene in a silenced gene's diffusion (see
        `kernels.reach`); without columns where no model needs it.
    known
        (m + q,) whether the silenced gene has a link in the network.
    features
        (m + q, F) features for linear models; F is 0 where no model needs them.
    groups
        (m + q,) rank of each silenced gene by name: guides of one gene have the same one.
    others
        Further sources of likeness of the m + q silenced genes: other networks, screens of other
        cells, tables of genes.
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
    others: tuple[Source, ...] = ()

    @property
    def sources(self) -> tuple[Source, ...]:
        """All sources of likeness: the network of `kernels`, if any, and then the others."""
        if not len(self.kernels):
            return self.others
        return Source(NETWORK, self.kernels, self.known), *self.others

    @property
    def has_gaps(self) -> bool:
        """Whether some training responses were not measured."""
        return bool(np.isnan(self.deltas).any())

    @property
    def n_training(self) -> int:
        """Number of training perturbations, m."""
        return len(self.deltas)

    @property
    def n_to_predict(self) -> int:
        """Number of perturbations to predict, q."""
        return len(self.silenced) - self.n_training

    @property
    def training_groups(self) -> list[int]:
        """Number of the silenced gene of each training perturbation."""
        groups: list[int] = self.groups[: self.n_training].tolist()
        return groups

    def split(self, held_out: Ints, training: Ints | None = None) -> Task:
        """Make the task of predicting some training perturbations from others.

        Parameters
        ----------
        held_out
            Training rows to predict, in this order.
        training
            Training rows to learn from. None: all rows that are not held out.
        """
        if training is None:
            training = np.delete(np.arange(self.n_training), held_out)
        rows = np.concatenate([training, held_out])
        return replace(
            self,
            deltas=self.deltas[training],
            weights=self.weights[training],
            silenced=self.silenced[rows],
            kernels=self.kernels[:, rows[:, None], rows],
            reach=self.reach[rows],
            known=self.known[rows],
            features=self.features[rows],
            groups=self.groups[rows],
            others=tuple(source.take(rows) for source in self.others),
        )

    def inner_folds(self, folds: int) -> list[Ints]:
        """Assign the training rows to inner folds, guides of one gene to the same fold."""
        return assign_folds(self.training_groups, folds)

    def silenced_entries(self) -> tuple[Ints, Ints]:
        """Rows and columns of measured `deltas` that are for the silenced gene itself."""
        rows = np.flatnonzero(self.silenced[: self.n_training] >= 0)
        rows = rows[~np.isnan(self.deltas[rows, self.silenced[rows]])]
        return rows, self.silenced[rows]

    def silenced_entries_to_predict(self) -> tuple[Ints, Ints]:
        """Rows and columns of the entries of a prediction that are for the silenced gene itself."""
        silenced = self.silenced[self.n_training :]
        rows = np.flatnonzero(silenced >= 0)
        return rows, silenced[rows]


def build_task(
    deltas: Floats,
    weights: Floats,
    control: Floats,
    genes: Sequence[str],
    silenced: Sequence[str],
    kernels: Kernels | None,
    features: Floats | None,
    others: Sequence[Source] = (),
) -> Task:
    """Put together a task from the arrays of a screen and of a network.

    Parameters
    ----------
    deltas, weights
        (m, G) responses of the training perturbations and their weights in the score.
    control
        (G,) expression of the control cells.
    genes
        The G response genes.
    silenced
        The m + q silenced genes, those of the training perturbations first.
    kernels
        Kernels of the silenced genes, or None where no model needs them.
    features
        (m + q, F) features of the silenced genes, or None where no model needs them.
    others
        Further sources of likeness of the silenced genes.
    """
    rows = len(silenced)
    return Task(
        deltas=deltas,
        weights=weights,
        control=control,
        silenced=positions(silenced, genes),
        kernels=np.empty((0, rows, rows)) if kernels is None else kernels.kernels,
        reach=np.empty((rows, 0)) if kernels is None else kernels.reach,
        known=np.zeros(rows, dtype=np.bool_) if kernels is None else kernels.known,
        features=np.empty((rows, 0)) if features is None else features,
        groups=np.unique(np.asarray(silenced, dtype=np.str_), return_inverse=True)[1],
        others=tuple(others),
    )


@dataclass(frozen=True)
class Prediction:
    """What a model predicts for the q perturbations of a task.

    Parameters
    ----------
    deltas
        (q, G) predicted responses.
    centre
        (G,) mean of what the fitted model predicts for its training perturbations, without the
        knockdown of the silenced genes. A constant prediction equals its centre in every row.
    inner
        (m, G) what the model predicts for each training perturbation when fitted without it;
        None where the model does not compute this.
    choices
        What the inner cross-validation chose and how well the model fitted, by name.
    further
        Predicts the perturbations of another task with the same training perturbations, without
        another fit; None where a model has no such function.
    """

    deltas: Floats
    centre: Floats
    inner: Floats | None = None
    choices: dict[str, float] = field(default_factory=dict)
    further: Callable[[Task], Floats] | None = None

"""A task: the data that a model may learn from, and the perturbations that it predicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints, Singles, positions
from echoes.models.inner_loop import assign_folds
from echoes.models.sources import NETWORK, Source

if TYPE_CHECKING:
    from echoes.models.kernels import Kernels

#: Sections of an experiment's settings by name, as in the configuration.
Settings = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class GeneSets:
    """The genes of r perturbations of up to s genes each.

    Parameters
    ----------
    genes
        (r, s) numbers of the silenced genes; −1 where a perturbation has fewer.
    own
        (r, s) their positions among the G response genes; −1 where a gene is none.
    """

    genes: Ints
    own: Ints

    @property
    def sizes(self) -> Ints:
        """(r,) numbers of genes."""
        sizes: Ints = (self.genes >= 0).sum(axis=1)
        return sizes

    def take(self, rows: Ints) -> GeneSets:
        """Choose perturbations, in this order."""
        return GeneSets(self.genes[rows], self.own[rows])


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
        `kernels.reach`); without columns where no model needs it. Single precision will do where
        candidates are weighed.
    known
        (m + q,) whether the silenced gene has a link in the network.
    features
        (m + q, F) features for linear models; F is 0 where no model needs them.
    groups
        (m + q,) rank of each silenced gene by name: guides of one gene have the same one.
    others
        Further sources of likeness of the m + q silenced genes: other networks, screens of other
        cells, tables of genes.
    sets
        The genes of all perturbations where some silence several; None where each silences one.
    """

    deltas: Floats
    weights: Floats
    control: Floats
    silenced: Ints
    kernels: Floats
    reach: Floats | Singles
    known: Bools
    features: Floats
    groups: Ints
    others: tuple[Source, ...] = ()
    sets: GeneSets | None = None

    @property
    def own(self) -> Ints:
        """(m + q, s) positions of all silenced genes among the response genes; −1 for none."""
        return self.silenced[:, None] if self.sets is None else self.sets.own

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
        return self.take(training, held_out)

    def take(self, training: Ints, to_predict: Ints) -> Task:
        """Make a task of some training rows, and of any of the m + q rows to predict."""
        rows = np.concatenate([training, to_predict])
        return replace(
            self,
            deltas=self.deltas[training],
            weights=self.weights[training],
            silenced=self.silenced[rows],
            kernels=np.take(self.kernels[:, rows], rows, axis=2),
            reach=self.reach[rows],
            known=self.known[rows],
            features=self.features[rows],
            groups=self.groups[rows],
            others=tuple(source.take(rows) for source in self.others),
            sets=None if self.sets is None else self.sets.take(rows),
        )

    def training_alone(self) -> Task:
        """Make the task without the rows to predict; nothing is copied."""
        m = self.n_training
        return replace(
            self,
            silenced=self.silenced[:m],
            kernels=self.kernels[:, :m, :m],
            reach=self.reach[:m],
            known=self.known[:m],
            features=self.features[:m],
            groups=self.groups[:m],
            others=tuple(
                Source(source.name, source.kernels[:, :m, :m], source.known[:m])
                for source in self.others
            ),
            sets=None if self.sets is None else self.sets.take(np.arange(m)),
        )

    def inner_folds(self, folds: int) -> list[Ints]:
        """Assign the training rows to inner folds, guides of one gene to the same fold."""
        return assign_folds(self.training_groups, folds)

    def silenced_entries(self) -> tuple[Ints, Ints]:
        """Rows and columns of measured `deltas` that are for the silenced genes themselves."""
        own = self.own[: self.n_training]
        rows, k = np.nonzero(own >= 0)
        genes = own[rows, k]
        measured = ~np.isnan(self.deltas[rows, genes])
        return rows[measured], genes[measured]

    def silenced_entries_to_predict(self) -> tuple[Ints, Ints]:
        """Rows and columns of the entries of a prediction that are for the silenced gene itself."""
        own = self.own[self.n_training :]
        rows, k = np.nonzero(own >= 0)
        return rows, own[rows, k]


def build_task(
    deltas: Floats,
    weights: Floats,
    control: Floats,
    genes: Sequence[str],
    silenced: Sequence[str],
    kernels: Kernels | None,
    features: Floats | None,
    others: Sequence[Source] = (),
    sets: Sequence[tuple[str, ...]] = (),
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
    sets
        The genes of each perturbation; empty if each silences one, that in `silenced`.
    """
    rows = len(silenced)
    several = _gene_sets(sets, genes) if max(map(len, sets), default=1) > 1 else None
    return Task(
        deltas=deltas,
        weights=weights,
        control=control,
        silenced=positions(silenced, genes) if several is None else several.own[:, 0],
        kernels=np.empty((0, rows, rows)) if kernels is None else kernels.kernels,
        reach=np.empty((rows, 0)) if kernels is None else kernels.reach,
        known=np.zeros(rows, dtype=np.bool_) if kernels is None else kernels.known,
        features=np.empty((rows, 0)) if features is None else features,
        groups=np.unique(np.asarray(silenced, dtype=np.str_), return_inverse=True)[1],
        others=tuple(others),
        sets=several,
    )


def _gene_sets(sets: Sequence[tuple[str, ...]], genes: Sequence[str]) -> GeneSets:
    """Give numbers to the genes of all perturbations, and find them among the response genes."""
    names = sorted({gene for one in sets for gene in one})
    padded = np.full((len(sets), max(map(len, sets))), "", dtype=object)
    for row, one in enumerate(sets):
        padded[row, : len(one)] = one
    flat = padded.ravel().tolist()
    return GeneSets(
        positions(flat, names).reshape(padded.shape), positions(flat, genes).reshape(padded.shape)
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

"""Responses of a large screen, of which each inner fold takes its residuals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from echoes.io.arrays import Floats, Ints, Singles
from echoes.models.inner_loop import single_precision
from echoes.models.residuals import centred_responses
from echoes.models.task import Task


@dataclass(frozen=True)
class FoldResponses:
    """What an inner fold learns from, as `residuals.centred_responses` gives it.

    Parameters
    ----------
    residuals
        (k, G) residuals of its k rows.
    mean
        (G,) mean that they are differences from.
    shift
        (G,) that mean less that of all m rows.
    """

    residuals: Singles
    mean: Floats
    shift: Floats


class InnerResponses:
    """Residuals of all training perturbations, and what those of inner folds follow from.

    The mean of a fold differs from that of all rows by what the fold leaves out, and the residual
    of a silenced gene itself is 0 in both. The product of two rows depends on no other row: what a
    fold leaves out has no say in its products.

    Parameters
    ----------
    task
        m training perturbations, each of one gene, without gaps.
    """

    def __init__(self, task: Task) -> None:
        self.residuals, self.mean = centred_responses(task)
        self._own = task.silenced[: task.n_training]
        self._singles = single_precision(self.residuals)

    @cached_property
    def products(self) -> Floats:
        """Inner products of all residuals, (m, m)."""
        products: Floats = self.residuals @ self.residuals.T
        return products

    def without(self, held_out: Ints, training: Ints) -> FoldResponses:
        """Residuals of the k rows of a fold, whose others are held out."""
        genes = len(self.mean)
        own = self._own[training]
        rows = np.flatnonzero(own >= 0)
        others = len(training) - np.bincount(own[rows], minlength=genes)
        # All residuals of a gene add up to 0.
        shift = -self.residuals[held_out].sum(axis=0) / np.maximum(others, 1)
        residuals = self._singles[training]
        residuals -= single_precision(shift)
        residuals[rows, own[rows]] = 0
        return FoldResponses(residuals, self.mean + shift, shift)

    def products_without(self, training: Ints, shift: Floats) -> Floats:
        """Inner products (k, k) of the residuals of a fold with this shift of its mean."""
        products = self.products[np.ix_(training, training)]
        own = self._own[training]
        rows = np.flatnonzero(own >= 0)
        genes = own[rows]
        # Before the columns are centred, a silenced gene itself differs by the shift from 0.
        filled = shift[genes]
        across = self.residuals[np.ix_(training, genes)] * filled
        across[own[:, None] == genes] = 0.0
        products[:, rows] += across
        products[rows] += across.T
        products[np.ix_(rows, rows)] += np.outer(filled, filled) * (genes[:, None] == genes)
        column = products.mean(axis=0)
        products -= column
        products -= (column - column.mean())[:, None]
        return products

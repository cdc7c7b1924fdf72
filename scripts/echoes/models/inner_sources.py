"""Predictions from sources of likeness in the inner folds of large screens.

What takes long is done once for all folds, and for the final fit: the inner products of responses,
of which each fold takes those of its own, and the decomposition of the kernels of sources. These
hold no response of the screen. Those of a fold are rows and columns of those of all training
perturbations, on which cosines are centred and kernels are scaled.
"""

from __future__ import annotations

import numpy as np

from echoes.io.arrays import Floats, Ints, Singles
from echoes.models.component_ridge import Joined, predict_components
from echoes.models.inner_loop import single_precision
from echoes.models.residuals import Echo
from echoes.models.ridge_path import Path, SharedPaths, ridge_path
from echoes.models.sources import Likeness
from echoes.models.task import Task


class InnerProducts:
    """Inner products of all training responses, from which those of each part's residuals follow.

    So the product of the large matrices is computed once for all inner folds. The product of two
    rows depends on no other row: what is left out of a part has no say in it.

    Parameters
    ----------
    task
        The training perturbations, each of one gene, without gaps.
    """

    def __init__(self, task: Task) -> None:
        self._deltas = task.deltas
        responses = task.deltas.copy()
        # A part has other numbers here: see `residuals.centred_responses`.
        responses[task.silenced_entries()] = 0.0
        self._products = responses @ responses.T

    def of_residuals(self, part: Task, kept: Ints, mean: Floats) -> Floats:
        """Inner products (k, k) of the rows of a part's residuals.

        Parameters
        ----------
        part
            The task of the part.
        kept
            (k,) its training rows among all training rows.
        mean
            (G,) mean that its residuals are differences from; they are 0 for the silenced gene
            itself.
        """
        products = self._products[np.ix_(kept, kept)]
        rows, genes = part.silenced_entries()
        filled = mean[genes]
        across = self._deltas[np.ix_(kept, genes)] * filled
        across[part.silenced[: len(kept), None] == genes] = 0.0
        products[:, rows] += across
        products[rows] += across.T
        products[np.ix_(rows, rows)] += np.outer(filled, filled) * (genes[:, None] == genes)
        column = products.mean(axis=0)
        products -= column
        products -= (column - column.mean())[:, None]
        return products


class InnerSources:
    """Predict residuals from sources, as `component_ridge.predict_components` does, for many parts.

    Parameters
    ----------
    task
        m training perturbations, each of one gene, without gaps; and the sources.
    settings
        Gives rate and penalties.
    """

    def __init__(self, task: Task, settings: Echo) -> None:
        self._products, self._settings = InnerProducts(task), settings
        self._likeness = Likeness(task.sources, task.n_training, settings.rate)
        self._paths: dict[Joined, SharedPaths] = {}

    def of_fold(
        self, part: Task, held_out: Ints, training: Ints, centred: tuple[Floats, Floats]
    ) -> Singles:
        """Predict residuals (q, G) of an inner fold.

        Parameters
        ----------
        part
            The task of the fold.
        held_out, training
            (q,) and (k,) rows that it predicts and that it learns from, together all m.
        centred
            Its residuals (k, G) and mean (G,), from `residuals.centred_responses`.
        """
        residuals, mean = centred

        def fit(candidate: Joined, scores: Floats, groups: Ints) -> Path:
            return self._path(candidate).without(held_out, training, scores, groups)

        predicted = predict_components(
            self._likeness.coverage.split(held_out, training),
            residuals,
            fit,
            part.groups[: len(training)],
            self._products.of_residuals(part, training, mean),
            single_precision(residuals),
        )
        return single_precision(predicted)

    def _path(self, candidate: Joined) -> SharedPaths:
        if candidate not in self._paths:
            kernel = self._likeness.kernel(*candidate)
            self._paths[candidate] = SharedPaths(kernel, self._settings.penalties)
        return self._paths[candidate]

    def of_others(self, task: Task, centred: tuple[Floats, Floats]) -> Floats | Singles:
        """Predict residuals (q, G) of other perturbations from all m.

        Parameters
        ----------
        task
            The same training perturbations, and those to predict.
        centred
            Residuals (m, G) and mean (G,), from `residuals.centred_responses`.
        """
        residuals, mean = centred
        m = task.n_training
        likeness = Likeness(task.sources, m, self._settings.rate)

        def fit(candidate: Joined, scores: Floats, groups: Ints) -> Path:
            kernel, eigen = likeness.kernel(*candidate), self._path(candidate).eigen
            return ridge_path(kernel, scores, self._settings.penalties, groups, eigen)

        return predict_components(
            likeness.coverage,
            residuals,
            fit,
            task.groups[:m],
            self._products.of_residuals(task, np.arange(m), mean),
        )

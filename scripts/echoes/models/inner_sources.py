"""Predictions from sources of likeness in the inner folds of large screens.

What takes long is done once for all folds, and for the final fit: the inner products of responses,
of which each fold takes those of its own, and the decomposition of the kernels of sources. These
hold no response of the screen. Those of a fold are rows and columns of those of all training
perturbations, on which cosines are centred and kernels are scaled.
"""

from __future__ import annotations

from echoes.io.arrays import Floats, Ints, Singles
from echoes.models.component_ridge import Joined, predict_components
from echoes.models.inner_loop import single_precision
from echoes.models.inner_responses import FoldResponses, InnerResponses
from echoes.models.residuals import Echo
from echoes.models.ridge_path import Path, SharedPaths, ridge_path
from echoes.models.sources import Likeness
from echoes.models.task import Task


class InnerSources:
    """Predict residuals from sources, as `component_ridge.predict_components` does, for many parts.

    Parameters
    ----------
    task
        m training perturbations, each of one gene, without gaps; and the sources.
    responses
        Their responses.
    settings
        Gives rate and penalties.
    """

    def __init__(self, task: Task, responses: InnerResponses, settings: Echo) -> None:
        self._responses, self._settings = responses, settings
        self._groups = task.groups[: task.n_training]
        self._likeness = Likeness(task.sources, task.n_training, settings.rate)
        self._paths: dict[Joined, SharedPaths] = {}

    def of_fold(self, held_out: Ints, training: Ints, responses: FoldResponses) -> Singles:
        """Predict residuals (q, G) of an inner fold.

        Parameters
        ----------
        held_out, training
            (q,) and (k,) rows that it predicts and that it learns from, together all m.
        responses
            What it learns from.
        """

        def fit(candidate: Joined, scores: Floats, groups: Ints) -> Path:
            return self._path(candidate).without(held_out, training, scores, groups)

        predicted = predict_components(
            self._likeness.coverage.split(held_out, training),
            responses.residuals,
            fit,
            self._groups[training],
            self._responses.products_without(training, responses.shift),
        )
        return single_precision(predicted)

    def _path(self, candidate: Joined) -> SharedPaths:
        if candidate not in self._paths:
            kernel = self._likeness.kernel(*candidate)
            self._paths[candidate] = SharedPaths(kernel, self._settings.penalties)
        return self._paths[candidate]

    def of_others(self, task: Task) -> Floats | Singles:
        """Predict residuals (q, G) of other perturbations from all m.

        Parameters
        ----------
        task
            The same training perturbations, and those to predict.
        """
        m = task.n_training
        likeness = Likeness(task.sources, m, self._settings.rate)

        def fit(candidate: Joined, scores: Floats, groups: Ints) -> Path:
            kernel, eigen = likeness.kernel(*candidate), self._path(candidate).eigen
            return ridge_path(kernel, scores, self._settings.penalties, groups, eigen)

        responses = self._responses
        return predict_components(
            likeness.coverage, responses.residuals, fit, self._groups, responses.products
        )

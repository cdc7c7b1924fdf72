"""Predict any number of genes by one fit, a block of them at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from echoes.io.arrays import Floats, Ints
from echoes.models.held_out import model_function
from echoes.models.kernels import Kernels
from echoes.models.task import Settings, Task
from echoes.models.uncertainty import expected_error
from echoes.scoring.coverage import LEVELS, ONE_DEVIATION


@dataclass(frozen=True)
class FittedExperiment:
    """An experiment that was fitted on all perturbations of a screen.

    Parameters
    ----------
    task
        The training perturbations; none to predict.
    further
        For each model, the function that predicts the perturbations of another task.
    centre
        (G,) mean of what the models predict for their training perturbations.
    inner
        (m, G) predictions of the training perturbations by fits without them; None where a model
        gives none.
    """

    task: Task
    further: Sequence[Callable[[Task], Floats]]
    centre: Floats
    inner: Floats | None

    def predict(self, kernels: Kernels, silenced: Ints) -> tuple[Floats, Floats]:
        """Predict a block of b genes.

        Parameters
        ----------
        kernels
            Kernels of the m training perturbations and of the genes of the block after them.
        silenced
            (b,) position of each of these genes among the response genes; −1 if it is none.

        Returns
        -------
        predicted, expected_error
            (b, G) responses, and half the width of their 68 % intervals, log2 units; NaN where
            the models give none.
        """
        m, last = self.task.n_training, int(self.task.groups.max())
        # The features of the block are its kernels; no model here learns from others.
        task = replace(
            self.task,
            silenced=np.concatenate([self.task.silenced[:m], silenced]),
            kernels=kernels.kernels,
            reach=kernels.reach,
            known=kernels.known,
            features=np.empty((len(kernels.known), 0)),
            groups=np.concatenate([self.task.groups[:m], last + 1 + np.arange(len(silenced))]),
        )
        predicted: Floats = np.mean([further(task) for further in self.further], axis=0)
        if self.inner is None:
            return predicted, np.full_like(predicted, np.nan)
        spread, quantiles = expected_error(task, self.inner)
        return predicted, spread * quantiles[LEVELS.index(ONE_DEVIATION)]


def fit_experiment(task: Task, models: Sequence[str], settings: Settings) -> FittedExperiment:
    """Fit all models of an experiment on all training perturbations of a task.

    Parameters
    ----------
    task
        The training perturbations; none to predict.
    models
        Names in `catalogue.MODELS`; their predictions are averaged.
    settings
        The sections of the settings that the models read.
    """
    fits = {name: model_function(name)(task, settings) for name in models}
    inner = [fit.inner for fit in fits.values() if fit.inner is not None]
    return FittedExperiment(
        task=task,
        further=[fit.further or partial(_refit, name, settings) for name, fit in fits.items()],
        centre=np.mean([fit.centre for fit in fits.values()], axis=0),
        inner=np.mean(inner, axis=0) if len(inner) == len(fits) else None,
    )


def _refit(name: str, settings: Mapping[str, Mapping[str, object]], task: Task) -> Floats:
    """Fit a model again, which predicts a block of its own."""
    return model_function(name)(task, settings).deltas

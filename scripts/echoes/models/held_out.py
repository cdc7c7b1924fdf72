"""The held-out protocol: every model behind one interface, fitted on training rows only.

A model gets a `Task`, which does not contain the responses of the perturbations to predict, and
returns a `Prediction`. All that depends on responses is computed from the task alone: principal
components, blends, penalties, and the weights of an ensemble.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import combinations

import numpy as np

from echoes.io.arrays import Floats, Ints
from echoes.io.errors import InputError, NotConvergedError
from echoes.models import catalogue
from echoes.models.gaps import mean_response
from echoes.models.inner_loop import assign_folds, score_sums, single_precision, weigh_candidates
from echoes.models.task import Prediction, Settings, Task
from echoes.models.uncertainty import expected_error
from echoes.scoring import metrics
from echoes.scoring.out_of_fold import HeldOutPart

#: The weights of an ensemble are multiples of one over this.
WEIGHT_STEPS = 10
#: Smallest number of training perturbations that an inner cross-validation can work with.
FEWEST_PERTURBATIONS = 3

Model = Callable[[Task, Settings], Prediction]
#: Called after each fold with its number from 1 on, the number of folds, and the seconds that the
#: remaining folds will take.
Progress = Callable[[int, int, float], None]


@dataclass(frozen=True)
class Member:
    """An experiment, which may be a member of an ensemble.

    Parameters
    ----------
    name
        Name of the experiment.
    models
        Names in `catalogue.MODELS`; their predictions are averaged.
    task
        Training perturbations and those to predict, with the experiment's kernels and features.
    settings
        The sections of the settings that the models read.
    """

    name: str
    models: tuple[str, ...]
    task: Task
    settings: Settings


def model_function(name: str) -> Model:
    """Import the function of a model, without the modules of other models."""
    module, _, function = catalogue.MODELS[name].function.partition(":")
    model: Model = getattr(import_module(module), function)
    return model


def predict(
    task: Task, models: Sequence[str], settings: Settings, *, inner: bool = False
) -> Prediction:
    """Fit an experiment's models and average their predictions.

    Parameters
    ----------
    task
        Training perturbations and those to predict.
    models
        Names in `catalogue.MODELS`.
    settings
        The sections of the settings that the models read; where `inner` is set, also
        ``inner_crossval``.
    inner
        Whether to predict each training perturbation by a fit without it, also for models that
        do not do so themselves.

    Raises
    ------
    InputError
        When there are too few training perturbations, or no feature varies over them.
    NotConvergedError
        When the duality gap of a linear model is above its limit; the message names model, penalty
        and gap.
    """
    if task.n_training < FEWEST_PERTURBATIONS:
        raise InputError(
            "configuration",
            "experiments: protocol",
            f"held_out leaves {task.n_training} perturbations to learn from",
            expected=f"at least {FEWEST_PERTURBATIONS}",
            remedy="Add perturbations.",
        )
    _check_inputs(task, models)
    predictions = []
    choices: dict[str, float] = {}
    for name in models:
        model = model_function(name)
        prediction = model(task, settings)
        if inner and prediction.inner is None:
            prediction = replace(prediction, inner=_predict_training_rows(task, settings, model))
        predictions.append(prediction)
        choices |= {f"{name}_{key}": value for key, value in prediction.choices.items()}
    return _average(predictions, np.full(len(predictions), 1 / len(predictions)), choices)


def _check_inputs(task: Task, models: Sequence[str]) -> None:
    """Refuse a model whose kernels or features are not in the task."""
    sizes = {"kernels": len(task.sources), "features": task.features.size}
    for name in models:
        for kind in catalogue.MODELS[name].inputs:
            if not sizes[kind]:
                raise InputError(
                    "settings.json",
                    f"members: {name}",
                    f"there are no {kind}",
                    expected=f"a file of {kind}, which the model {name} learns from",
                    remedy="Delete the file of settings and run the workflow again.",
                )


def _predict_training_rows(task: Task, settings: Settings, model: Model) -> Floats:
    """Predict each training perturbation by a fit without it, (m, G)."""
    inner = np.empty_like(task.deltas)
    for held_out in task.inner_folds(settings["inner_crossval"]["folds"]):
        inner[held_out] = model(task.split(held_out), settings).deltas
    return inner


def _average(
    predictions: Sequence[Prediction], weights: Floats, choices: dict[str, float]
) -> Prediction:
    """Average predictions, and their inner predictions if all of them have these."""
    if len(predictions) == 1:
        return replace(predictions[0], choices=choices)
    inner = [one.inner for one in predictions if one.inner is not None]
    return Prediction(
        np.tensordot(weights, np.array([one.deltas for one in predictions]), 1),
        np.tensordot(weights, np.array([one.centre for one in predictions]), 1),
        np.tensordot(weights, np.array(inner), 1) if len(inner) == len(predictions) else None,
        choices,
    )


def predict_ensemble(members: Sequence[Member]) -> Prediction:
    """Average experiments with weights from an inner cross-validation on the training rows.

    The candidates are all convex combinations in steps of 1/`WEIGHT_STEPS`; they are averaged as
    `inner_loop.weigh_candidates` describes. Weights from predictions of held-out rows are known
    as stacking: Breiman, Machine Learning 24 (1996), 49–64, doi:10.1007/BF00117832.

    Parameters
    ----------
    members
        The experiments. Their tasks have the same perturbations.
    """
    predictions = [
        predict(member.task, member.models, member.settings, inner=True) for member in members
    ]
    candidates = convex_weights(len(members), WEIGHT_STEPS)
    inner = np.array([single_precision(one.inner) for one in predictions if one.inner is not None])
    task = members[0].task
    sums = score_sums(
        task.deltas,
        task.weights,
        lambda p: single_precision(candidates) @ inner[:, p],
        len(candidates),
    )
    weights = weigh_candidates(sums)[0] @ candidates
    names = [f"weight_{member.name}" for member in members]
    return _average(predictions, weights, dict(zip(names, weights.tolist(), strict=True)))


def convex_weights(members: int, steps: int) -> Floats:
    """All weights (C, members) that are multiples of 1/steps and sum to 1."""
    # "Stars and bars": the numbers of stars between the bars are the weights.
    bars = combinations(range(steps + members - 1), members - 1)
    edges = np.array([(-1, *bar, steps + members - 1) for bar in bars])
    weights: Floats = (np.diff(edges, axis=1) - 1) / steps
    return weights


def inner_score(task: Task, prediction: Prediction) -> float:
    """Score of the inner predictions of the training rows, not rounded; NaN without any.

    The baseline is the mean of all training responses.
    """
    if prediction.inner is None:
        return float("nan")
    baseline = metrics.weighted_mae(task.deltas, mean_response(task.deltas), task.weights)
    score = metrics.score(task.deltas, prediction.inner, task.weights, baseline)
    return float(score.terms.sum()) * max(0.0, score.cosine)


def outer_folds(task: Task, folds: int | None) -> list[Ints]:
    """List the rows that each fold holds out; all guides of a gene are in one fold.

    Parameters
    ----------
    task
        All perturbations, as training perturbations.
    folds
        Number of folds, or None for one silenced gene at a time.

    Raises
    ------
    InputError
        When there are fewer silenced genes than folds.
    """
    n_genes = len(set(task.training_groups))
    if folds is not None and not 2 <= folds <= n_genes:
        raise InputError(
            "configuration",
            "crossval: folds",
            f"{folds} for {n_genes} silenced genes",
            expected=f"2 to {n_genes}, the number of silenced genes",
            remedy="Choose another number, or set `scheme: leave_one_out`.",
        )
    return assign_folds(task.training_groups, folds or task.n_training)


def predict_folds(
    members: list[Member],
    folds: Sequence[Ints],
    *,
    inner: bool,
    progress: Progress,
    training: Sequence[Ints] | None = None,
    last_use: bool = False,
) -> HeldOutPart:
    """Predict the perturbations of each fold by a fit on others.

    Parameters
    ----------
    members
        One experiment, or the members of an ensemble. Their tasks have all perturbations as
        training perturbations.
    folds
        Rows to hold out together.
    inner
        Whether to predict training perturbations too (see `predict`); an ensemble always does.
    progress
        Called after each fold.
    training
        Rows that each fold learns from. None: all rows that it does not hold out.
    last_use
        Whether the list of members may be emptied: their memory is free in the last fold then.

    Raises
    ------
    InputError
        When there are too few training perturbations, or no feature varies over them.
    NotConvergedError
        When the duality gap of a linear model is above its limit; the message names
        perturbations, model, penalty and gap.
    """
    fits = []
    genes = members[0].task.deltas.shape[1]
    begin = time.perf_counter()
    for number, rows in enumerate(folds, 1):
        subset = None if training is None else training[number - 1]
        parts = [replace(each, task=each.task.split(rows, subset)) for each in members]
        if last_use and number == len(folds):
            members.clear()
        try:
            fits.append(_fit(parts, inner))
        except NotConvergedError as error:
            raise NotConvergedError(f"perturbations {rows.tolist()}, {error}") from error
        elapsed = time.perf_counter() - begin
        progress(number, len(folds), elapsed / number * (len(folds) - number))
    return _join_fits(folds, fits, genes)


def predict_validation(members: Sequence[Member], *, inner: bool) -> HeldOutPart:
    """Predict the validation perturbations by one fit on all training perturbations.

    Parameters
    ----------
    members, inner
        As in `predict_folds`.
    """
    task = members[0].task
    rows = np.arange(task.n_to_predict)
    return _join_fits([rows], [_fit(members, inner)], task.deltas.shape[1])


@dataclass(frozen=True)
class _Fit:
    """One fit: its predictions, their expected errors, and its duration in seconds."""

    prediction: Prediction
    mean: Floats
    spread: Floats
    quantiles: Floats
    inner_score: float
    seconds: float


def _fit(members: Sequence[Member], inner: bool) -> _Fit:
    """Fit and predict the perturbations to predict of the members' tasks."""
    start = time.perf_counter()
    first = members[0]
    prediction = (
        predict(first.task, first.models, first.settings, inner=inner)
        if len(members) == 1
        else predict_ensemble(members)
    )
    # Sums depend in their last bits on where in a matrix a row stands.
    prediction = replace(prediction, deltas=prediction.deltas[_first_alike(first.task)])
    spread, quantiles = np.empty((len(prediction.deltas), 0)), np.empty(0)
    if prediction.inner is not None:
        spread, quantiles = expected_error(first.task, prediction.inner)
    return _Fit(
        prediction=prediction,
        mean=mean_response(first.task.deltas),
        spread=spread,
        quantiles=quantiles,
        inner_score=inner_score(first.task, prediction),
        seconds=time.perf_counter() - start,
    )


def _first_alike(task: Task) -> Ints:
    """For each perturbation to predict, find the first one of the same genes."""
    genes = task.groups[:, None] if task.sets is None else np.sort(task.sets.genes, axis=1)
    _, first, number = np.unique(
        genes[task.n_training :], axis=0, return_index=True, return_inverse=True
    )
    alike: Ints = first[number.ravel()]
    return alike


def _join_fits(folds: Sequence[Ints], fits: Sequence[_Fit], genes: int) -> HeldOutPart:
    """Put the fits of several folds together; the list of folds may be empty."""
    # A model reports the same choices in every fold.
    names = sorted(fits[0].prediction.choices) if fits else []
    empty = np.empty((0, genes))
    return HeldOutPart(
        rows=np.concatenate([np.empty(0, dtype=np.intp), *folds]),
        fold=np.repeat(np.arange(len(folds)), [len(rows) for rows in folds]),
        prediction=np.concatenate([empty, *(fit.prediction.deltas for fit in fits)]),
        spread=np.concatenate([fit.spread for fit in fits] or [empty]),
        centre=np.array([fit.prediction.centre for fit in fits]),
        mean=np.array([fit.mean for fit in fits]),
        quantiles=np.array([fit.quantiles for fit in fits]),
        inner_score=np.array([fit.inner_score for fit in fits]),
        seconds=np.array([fit.seconds for fit in fits]),
        choice_names=np.array(names, dtype=np.str_),
        choices=np.array([[fit.prediction.choices[name] for name in names] for fit in fits]),
    )

"""The held-out protocol: every model behind one interface, fitted on training rows only.

A model gets a `Problem`, which holds no response of what it is to predict, and gives a
`Prediction`. All that looks at responses happens inside: principal components, blends,
penalties, weights of an ensemble.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from echoes.io.arrays import Floats
from echoes.io.errors import InputError, NotConvergedError
from echoes.models import baselines
from echoes.models.components import decompose, reconstruct
from echoes.models.echo import Echo, fit_echo
from echoes.models.inner_loop import score_sums, single, weigh
from echoes.models.regression import NAMES, Regression, fit
from echoes.models.task import Prediction, Problem
from echoes.network.features import standardise
from echoes.scoring import metrics

#: The weights of an ensemble are multiples of one over this.
STEPS = 10
#: Fewest training perturbations that an inner loop can learn anything from.
FEWEST = 3


@dataclass(frozen=True)
class Settings:
    """How an experiment learns.

    Parameters
    ----------
    models
        Names in `MODELS`, averaged.
    n_components
        Principal components that linear models and the bilinear one work with; as many as
        there can be where training rows are fewer.
    regression
        How linear models are fitted, with fewer inner folds where training rows are fewer than
        two a fold.
    echo
        What the inner loop weighs, and in how many folds.
    """

    models: tuple[str, ...]
    n_components: int = 10
    regression: Regression = field(default_factory=Regression)
    echo: Echo = field(default_factory=Echo)


Model = Callable[[Problem, Settings], Prediction]


def _linear(name: str) -> Model:
    """Make a model of a linear one: components, scaling and penalty from training rows."""

    def model(problem: Problem, settings: Settings) -> Prediction:
        m, genes = problem.deltas.shape
        components = decompose(problem.deltas, min(settings.n_components, m - 1, genes))
        # An inner fold's score needs two rows to vary.
        folds = max(2, min(settings.regression.inner_folds, m // 2))
        how = replace(settings.regression, inner_folds=folds)
        train, asked = standardise(problem.features[:m], problem.features[m:])
        try:
            fitted = fit(name, train, components.scores, how)
        except NotConvergedError as error:
            raise NotConvergedError(f"{name}, {error}") from error
        penalties = settings.regression.penalties
        return Prediction(
            reconstruct(fitted.predict(asked), components.axes, components.mean),
            # Of a linear model with an intercept the mean fitted response is the mean response.
            components.mean,
            choices={
                "penalty": fitted.penalty,
                "gap": fitted.gap,
                "at_edge": float(fitted.penalty in (min(penalties), max(penalties))),
            },
        )

    return model


#: Models that learn from features; the others learn from kernels, or from responses alone.
LINEAR = frozenset(NAMES)

#: Name in the configuration → model.
MODELS: Mapping[str, Model] = {
    "zero": lambda problem, _: baselines.zero(problem),
    "mean": lambda problem, _: baselines.mean(problem),
    "median": lambda problem, _: baselines.median(problem),
    "weighted_median": lambda problem, _: baselines.weighted_median(problem),
    "reweighted_median": lambda problem, _: baselines.reweighted_median(problem),
    "blend": lambda problem, how: baselines.blend(problem, how.echo.blends, how.echo.inner_folds),
    "nearest": lambda problem, how: baselines.nearest(problem, how.echo.inner_folds),
    "bilinear": lambda problem, how: baselines.bilinear(
        problem, how.echo.inner_folds, how.n_components
    ),
    "echo": lambda problem, how: fit_echo(problem, how.echo),
    **{name: _linear(name) for name in NAMES},
}


def _predict_unseen(problem: Problem, settings: Settings, model: Model) -> Floats:
    """Predict each training perturbation by a model that has not seen it, (m, G)."""
    unseen = np.empty_like(problem.deltas)
    for held_out in problem.inner_folds(settings.echo.inner_folds):
        unseen[held_out] = model(problem.split(held_out), settings).deltas
    return unseen


def predict(problem: Problem, settings: Settings, *, inner: bool = False) -> Prediction:
    """Fit an experiment's models and average them.

    Parameters
    ----------
    problem
        What to learn from and to predict.
    settings
        Which models, and how they learn.
    inner
        Whether to predict the training perturbations by models that have not seen them, also
        where a model's own inner loop does not do so.

    Raises
    ------
    InputError
        When there are too few training perturbations, or no feature varies over them.
    NotConvergedError
        When a linear model misses its gap; it names the model, the penalty and the gap.
    """
    if problem.training < FEWEST:
        raise InputError(
            "configuration",
            "experiments: protocol",
            f"held_out leaves {problem.training} perturbations to learn from",
            expected=f"at least {FEWEST}",
            remedy="Add perturbations.",
        )
    parts = []
    choices: dict[str, float] = {}
    for name in settings.models:
        part = MODELS[name](problem, settings)
        if inner and part.inner is None:
            part = replace(part, inner=_predict_unseen(problem, settings, MODELS[name]))
        parts.append(part)
        choices |= {f"{name}_{key}": value for key, value in part.choices.items()}
    return _average(parts, np.full(len(parts), 1 / len(parts)), choices)


def _average(parts: Sequence[Prediction], weights: Floats, choices: dict[str, float]) -> Prediction:
    """Average predictions."""
    if len(parts) == 1:
        return replace(parts[0], choices=choices)
    seen = [part.inner for part in parts if part.inner is not None]
    return Prediction(
        np.tensordot(weights, np.array([part.deltas for part in parts]), 1),
        np.tensordot(weights, np.array([part.centre for part in parts]), 1),
        np.tensordot(weights, np.array(seen), 1) if len(seen) == len(parts) else None,
        choices,
    )


def predict_ensemble(
    problems: Sequence[Problem], settings: Sequence[Settings], names: Sequence[str]
) -> Prediction:
    """Average experiments with weights that an inner loop on the training rows gives them.

    All convex combinations in steps of 1/`STEPS` are weighed, as `inner_loop.weigh` does.

    Parameters
    ----------
    problems
        For each member the same perturbations with its own features.
    settings
        How each member learns.
    names
        Their names.
    """
    parts = [
        predict(problem, how, inner=True) for problem, how in zip(problems, settings, strict=True)
    ]
    grid = convex_weights(len(parts), STEPS)
    inner = np.array([single(part.inner) for part in parts if part.inner is not None])
    sums = score_sums(
        problems[0].deltas,
        problems[0].weights,
        lambda p: single(grid) @ inner[:, p],
        len(grid),
    )
    weights = weigh(sums)[0] @ grid
    return _average(
        parts, weights, {f"weight_{name}": float(w) for name, w in zip(names, weights, strict=True)}
    )


def convex_weights(members: int, steps: int) -> Floats:
    """All weights (C, members) that are multiples of 1/steps and sum to 1."""
    # Bars among stars: the gaps between the bars are the weights.
    bars = combinations(range(steps + members - 1), members - 1)
    edges = np.array([(-1, *bar, steps + members - 1) for bar in bars])
    weights: Floats = (np.diff(edges, axis=1) - 1) / steps
    return weights


def inner_score(problem: Problem, prediction: Prediction) -> float:
    """Score of the training perturbations where they were not seen, not rounded; NaN if unknown.

    The baseline is the mean of all training responses.
    """
    if prediction.inner is None:
        return float("nan")
    baseline = metrics.weighted_mae(problem.deltas, problem.deltas.mean(axis=0), problem.weights)
    score = metrics.score(problem.deltas, prediction.inner, problem.weights, baseline)
    return float(score.terms.sum()) * max(0.0, score.cosine)

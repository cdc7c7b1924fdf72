"""The `echo` model: a constant plus a residual predicted from what is known of the silenced genes.

Prediction = base + residual, except for the silenced gene itself, whose knockdown is predicted from
the knockdowns of other genes. The base is a blend of the mean training response and a median, which
one depends on the objective: the re-weighted median minimises the sum of log WMAE. The residual is
predicted by kernel ridge regression with kernels of the network and of other sources; for a gene
that no source knows it is 0. Blends, kernels and penalties are averaged with weights from an inner
cross-validation on the training perturbations. Where not all responses were measured, each gene is
learnt from the perturbations that have it (see `gap_ridge`).

Kernel ridge regression: Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning",
2nd edition, Springer, 2009, section 5.8.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints, Singles
from echoes.models.component_ridge import predict_components
from echoes.models.gap_ridge import gap_ridge
from echoes.models.gaps import mean_response
from echoes.models.inner_loop import single_precision
from echoes.models.knockdown import (
    fill_silenced_entries,
    knockdown_responses,
    remaining_expression,
    set_silenced_entries,
)
from echoes.models.medians import INNER_TOLERANCE
from echoes.models.objective import Objective
from echoes.models.similarity import network_kernel, profile_kernel
from echoes.models.sources import Likeness
from echoes.models.task import Prediction, Settings, Task

#: Names of kernels in the configuration → shares of the network kernel and the profile kernel.
KERNELS = {"network": (1.0, 0.0), "profile": (0.0, 1.0), "both": (0.5, 0.5)}
#: Name in the configuration of the residual from all sources, with penalties and kernels for each
#: principal component of the responses (see `component_ridge`).
SOURCES = "sources"
#: No residual counts as this share of all residuals when candidates are weighed: a residual must be
#: earned. Otherwise chance makes one of the many look good where there are few perturbations.
NO_RESIDUAL = 0.5


@dataclass(frozen=True)
class Echo:
    """Settings of the model: the candidates that the inner cross-validation weighs.

    Parameters
    ----------
    blends
        Shares of the re-weighted median in the base, 0 … 1.
    kernels
        Names in `KERNELS`, and `SOURCES`; without a kernel there is no residual.
    penalties
        Ridge penalties in units of a kernel's mean diagonal. A residual of 0 is always a
        candidate too.
    inner_folds
        Number of folds of the inner cross-validation.
    objective
        What candidates are weighed by: a name in `objective.OBJECTIVES`.
    rate
        How fast likeness falls with the cosine (see `sources.Likeness`).
    """

    blends: tuple[float, ...]
    kernels: tuple[str, ...]
    penalties: tuple[float, ...]
    inner_folds: int
    objective: str
    rate: float

    @property
    def whole(self) -> tuple[str, ...]:
        """Names in `KERNELS` among the kernels: one penalty for all genes."""
        return tuple(name for name in self.kernels if name != SOURCES)

    @classmethod
    def from_settings(cls, settings: Settings) -> Echo:
        """Read the sections ``echo`` and ``inner_crossval`` of an experiment's settings."""
        section = settings["echo"]
        return cls(
            blends=tuple(section["blends"]),
            kernels=tuple(section["kernels"]),
            penalties=tuple(section["penalties"]),
            inner_folds=settings["inner_crossval"]["folds"],
            objective=section["objective"],
            rate=section["rate"],
        )


def echo(task: Task, settings: Settings) -> Prediction:
    """Predict by the model `echo`, as `fit_echo` and, for pairs, `pairs.fit_pairs` describe it."""
    chosen = Echo.from_settings(settings)
    if task.sets is None:
        return fit_echo(task, chosen)
    from echoes.models.pairs import fit_pairs

    # What pairs leave over has no own fall and no score: the least squared error is best.
    plain = replace(chosen, objective="squared")
    return fit_pairs(task, lambda part: fit_echo(part, chosen), lambda part: fit_echo(part, plain))


def _centred_responses(task: Task) -> tuple[Floats, Floats]:
    """Residuals (m, G) and mean (G,) of training responses without knockdowns, in log2 units."""
    responses = fill_silenced_entries(task)
    mean = mean_response(responses)
    return responses - mean, mean


def whole_kernels(task: Task, responses: Floats, settings: Echo) -> list[Floats]:
    """Kernels (m + q, m) of the names in `Echo.whole`, in their order."""
    m = task.n_training
    if not settings.whole:
        return []
    network = network_kernel(task)
    used = any(KERNELS[name][1] for name in settings.whole)
    profile = profile_kernel(task, responses) if used else np.zeros_like(network)
    return [
        network_share * network[:, :m] + profile_share * profile[:, :m]
        for network_share, profile_share in map(KERNELS.__getitem__, settings.whole)
    ]


def residual_operators(task: Task, responses: Floats, settings: Echo) -> Floats:
    """Kernel ridge regressions as matrices, (O, q, m).

    Each matrix times the residuals (m, G) of the training perturbations gives the predicted
    residuals (q, G). There is one for each kernel and, within a kernel, for each penalty.
    """
    m, q = task.n_training, task.n_to_predict
    penalties = np.array(settings.penalties)[:, None, None]
    operators = np.empty((len(settings.whole), len(penalties), q, m))
    kernels = whole_kernels(task, responses, settings)
    for kernel, of_kernel in zip(kernels, operators, strict=True):
        values, vectors = np.linalg.eigh(kernel[:m])
        across = (kernel[m:] @ vectors) / (np.maximum(values, 0.0) + penalties)
        np.matmul(across.reshape(-1, m), vectors.T, out=of_kernel.reshape(-1, m))
    return operators.reshape(len(settings.whole) * len(penalties), q, m)


def source_residuals(task: Task, residuals: Floats, settings: Echo) -> Floats:
    """Residuals (q, G) predicted from all sources of likeness; zeros without `SOURCES`.

    Parameters
    ----------
    task
        Gives the sources.
    residuals
        (m, G) residuals of the training perturbations, columns with mean 0.
    settings
        Gives rate and penalties.
    """
    if SOURCES not in settings.kernels or not task.sources:
        return np.zeros((task.n_to_predict, residuals.shape[1]))
    likeness = Likeness(task.sources, task.n_training, settings.rate)
    groups = task.groups[: task.n_training]
    return predict_components(likeness, residuals, settings.penalties, groups)


def n_kernels(task: Task, settings: Echo) -> int:
    """Count the kernels with penalties for all genes; with gaps, those of sources too."""
    of_sources = min(len(task.sources), 2) if task.has_gaps and SOURCES in settings.kernels else 0
    return len(settings.whole) + of_sources


def residuals_with_gaps(task: Task, residuals: Floats, settings: Echo) -> Floats:
    """Predict the residuals of a task with gaps with each kernel and penalty, (O, q, G).

    Parameters
    ----------
    task
        Gives the kernels; those of all sources come last.
    residuals
        (m, G) residuals of the training perturbations; NaN where not measured.
    settings
        The candidates.
    """
    kernels = whole_kernels(task, residuals, settings)
    if SOURCES in settings.kernels:
        # Principal components need complete rows: sources are joined for all genes alike.
        names = [source.name for source in task.sources]
        likeness = Likeness(task.sources, task.n_training, settings.rate)
        for join in ("sum", "product")[: len(names)]:
            kernels.append(likeness.kernel(names, join)[:, : task.n_training])
    fits = [gap_ridge(kernel, residuals, settings.penalties) for kernel in kernels]
    none = np.empty((0, task.n_to_predict, residuals.shape[1]))
    return np.concatenate([none, *fits])


def _fit_residuals(
    task: Task, residuals: Floats, settings: Echo, measured: Bools, fitted: Singles
) -> Singles:
    """Predict residuals with each kernel and penalty, and keep what their averages follow from.

    Parameters
    ----------
    task, residuals, settings
        As in `residual_operators` and `residuals_with_gaps`.
    measured
        (q, G) which of the predicted pairs were measured.
    fitted
        (q, O, G) array for the predicted residuals.

    Returns
    -------
    array
        Operators (q, O, m) in single precision: they are much smaller than what they predict. With
        gaps there are none: the predictions of the measured pairs (O, pairs).
    """
    if not measured.all() or task.has_gaps:
        fitted[:] = residuals_with_gaps(task, residuals, settings).swapaxes(0, 1)
        return fitted.swapaxes(0, 1)[:, measured]
    operators: Singles = np.ascontiguousarray(
        residual_operators(task, residuals, settings).swapaxes(0, 1), dtype=np.float32
    )
    # As one product: one for each operator would take longer.
    np.matmul(
        operators.reshape(-1, len(residuals)),
        single_precision(residuals),
        out=fitted.reshape(-1, fitted.shape[-1]),
    )
    return operators


def _kept_residuals(task: Task, rows: Ints, averaged: Floats) -> Floats:
    """Residuals (rows, G) of training rows that were left out; 0 where not measured.

    Parameters
    ----------
    task
        The training perturbations.
    rows
        The rows that were left out.
    averaged
        What `_fit_residuals` kept, averaged over operators.
    """
    if not task.has_gaps:
        return averaged @ _centred_responses(task.split(rows))[0]
    measured = ~np.isnan(task.deltas[rows])
    residuals = np.zeros(measured.shape)
    residuals[measured] = averaged
    return residuals


def fit_echo(task: Task, settings: Echo) -> Prediction:
    """Fit the model on the training perturbations of a task and predict the others.

    Parameters
    ----------
    task
        It has at least 3 training perturbations.
    settings
        The candidates to weigh.
    """
    m, genes = task.deltas.shape
    objective = Objective(settings.objective, task.deltas, task.weights)
    # What is not needed is not copied for each fold.
    task = replace(task, weights=task.weights[:, :0], features=task.features[:, :0])
    shares = objective.blends(settings.blends)
    joined = SOURCES in settings.kernels and not task.has_gaps
    n_operators = n_kernels(task, settings) * len(settings.penalties)
    # No residual, one of each operator, and that of all sources.
    n_residuals = 1 + n_operators + joined
    blends = single_precision(shares)[:, None]
    folds = task.inner_folds(settings.inner_folds)
    # For each training row, from a fit without it: mean and median, residual, and knockdown.
    bases = np.empty((2, m, genes))
    of_sources = np.zeros((m, genes), dtype=np.float32)
    knockdowns = np.empty(m)
    predicted = np.empty((len(shares), n_residuals, genes), dtype=np.float32)
    # By row and operator. It is used again for each fold: a new one would take longer.
    fitted = np.empty((max(map(len, folds)), n_operators, genes), dtype=np.float32)

    def hold_out(rows: Ints) -> Singles:
        """Fit without some rows, judge all candidates on them; return that of `_fit_residuals`."""
        part = task.split(rows)
        residuals, bases[0, rows] = _centred_responses(part)
        bases[1, rows] = objective.median(rows, INNER_TOLERANCE)
        knockdowns[rows] = knockdown_responses(part, remaining_expression(part))
        measured = ~np.isnan(task.deltas[rows])
        kept = _fit_residuals(part, residuals, settings, measured, fitted[: len(rows)])
        if joined:
            of_sources[rows] = source_residuals(part, residuals, settings)

        def candidates(i: int) -> Singles:
            p = rows[i]
            predicted[:, 0] = bases[0, p] + blends * (bases[1, p] - bases[0, p])
            np.add(predicted[:, :1], fitted[i], out=predicted[:, 1 : 1 + n_operators])
            if joined:
                np.add(predicted[:, 0], of_sources[p], out=predicted[:, -1])
            if not np.isnan(knockdowns[p]):
                predicted[:, :, task.silenced[p]] = knockdowns[p]
            return predicted.reshape(-1, genes)

        objective.judge(rows, candidates, len(shares) * n_residuals)
        return kept

    kept = [hold_out(rows) for rows in folds]
    counts = np.ones((len(shares), n_residuals))
    counts[:, 0] = max(NO_RESIDUAL * (n_residuals - 1), 1.0)
    candidate_weights = objective.weigh(counts.ravel()).reshape(counts.shape)
    blend = float(candidate_weights.sum(axis=1) @ shares)
    residual_weights = candidate_weights.sum(axis=0)
    weights = residual_weights[1 : 1 + n_operators]
    share = float(residual_weights[-1]) if joined else 0.0
    inner = bases[0] + blend * (bases[1] - bases[0]) + share * of_sources
    bare = replace(task, kernels=task.kernels[:0], reach=task.reach[:, :0], others=())
    for rows, of_fold in zip(folds, kept, strict=True):
        inner[rows] += _kept_residuals(bare, rows, weights @ of_fold)
    set_silenced_entries(inner, knockdowns, task.silenced[:m])

    mean = _centred_responses(task)[1]
    base = mean + blend * (objective.median(np.arange(0), 0.0) - mean)
    predict = Fitted(settings, base, weights, share)
    return Prediction(
        deltas=predict(task),
        # Kernels are centred on the training rows: their mean fitted residual is 0.
        centre=base,
        inner=inner,
        choices=_choices(settings, candidate_weights, blend),
        further=predict,
    )


@dataclass(frozen=True)
class Fitted:
    """The fitted model, which predicts any perturbations from the same training perturbations.

    Parameters
    ----------
    settings
        Settings of the model.
    base
        (G,) constant part of each prediction.
    weights
        (O,) weights of the operators of `residual_operators`.
    share
        Weight of the residual of all sources.
    """

    settings: Echo
    base: Floats
    weights: Floats
    share: float

    def __call__(self, task: Task) -> Floats:
        """Predict the q perturbations of a task that has the training perturbations of the fit."""
        residuals, _ = _centred_responses(task)
        deltas = self.base + _weighted_residuals(
            task, residuals, self.settings, self.weights, self.share
        )
        knockdowns = knockdown_responses(task, remaining_expression(task))
        set_silenced_entries(deltas, knockdowns, task.silenced[task.n_training :])
        return deltas


def _weighted_residuals(
    task: Task, residuals: Floats, settings: Echo, weights: Floats, share: float
) -> Floats:
    """Add residuals (q, G): of operators with their weights, and of all sources with a share."""
    if task.has_gaps:
        of_each = residuals_with_gaps(task, residuals, settings)
        weighted: Floats = np.tensordot(weights, of_each, 1)
        return weighted
    operators = residual_operators(task, residuals, settings)
    predicted: Floats = np.tensordot(weights, operators, 1) @ residuals
    if share > 0:
        predicted += share * source_residuals(task, residuals, settings)
    return predicted


def _choices(settings: Echo, candidate_weights: Floats, blend: float) -> dict[str, float]:
    """Summarise the weights: blend, weight of no residual, weight of each kernel, mean penalty."""
    weights = candidate_weights.sum(axis=0)
    count = len(settings.whole) * len(settings.penalties)
    by_kernel = weights[1 : 1 + count].reshape(len(settings.whole), len(settings.penalties))
    choices = {"blend": blend, "no_residual": float(weights[0])}
    for name, of_penalties in zip(settings.whole, by_kernel, strict=True):
        choices[name] = float(of_penalties.sum())
    if SOURCES in settings.kernels:
        choices[SOURCES] = float(weights[1 + count :].sum())
    if by_kernel.size and by_kernel.sum() > 0:
        # The geometric mean: penalties differ by factors.
        logs = np.log(settings.penalties)
        choices["penalty"] = float(np.exp(by_kernel.sum(axis=0) @ logs / by_kernel.sum()))
        choices["smallest_penalty"] = float(by_kernel[:, int(np.argmin(logs))].sum())
    return choices

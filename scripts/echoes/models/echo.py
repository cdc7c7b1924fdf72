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

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints, Singles
from echoes.models.candidates import Candidates
from echoes.models.fits import Fits, fit_residuals
from echoes.models.inner_kernels import InnerKernels, inner_operators
from echoes.models.inner_loop import single_precision
from echoes.models.knockdown import (
    knockdown_responses,
    knockdowns_without,
    remaining_expression,
    set_silenced_entries,
)
from echoes.models.objective import Objective
from echoes.models.precision import FEWEST_SINGLE
from echoes.models.race import clearly_behind
from echoes.models.residuals import (
    SOURCES,
    Echo,
    centred_responses,
    n_kernels,
    residual_operators,
    residuals_with_gaps,
    source_residuals,
)
from echoes.models.task import Prediction, Settings, Task

#: No residual counts as this share of all residuals when candidates are weighed: a residual must be
#: earned. Otherwise chance makes one of the many look good where there are few perturbations.
NO_RESIDUAL = 0.5
#: An operator of a smaller weight is not fitted again on all training perturbations.
SMALLEST_WEIGHT = 1e-9
#: Where operators with profiles weigh less together, those in single precision will do for them.
SINGLE_WEIGHT = 1e-4

log = logging.getLogger(__name__)


def echo(task: Task, settings: Settings) -> Prediction:
    """Predict by the model `echo`, as `fit_echo` and, for pairs, `pairs.fit_pairs` describe it."""
    chosen = Echo.from_settings(settings)
    if task.sets is None:
        return fit_echo(task, chosen)
    from echoes.models.pairs import fit_pairs

    # What pairs leave over has no own fall and no score: the least squared error is best.
    plain = replace(chosen, objective="squared")
    return fit_pairs(task, lambda part: fit_echo(part, chosen), lambda part: fit_echo(part, plain))


@dataclass(frozen=True)
class _Fold:
    """What a fold of the inner cross-validation, fitted without its r rows, predicts for them.

    Parameters
    ----------
    rows
        (r,) rows among the m training perturbations.
    bases
        (2, G) mean and median of the other rows.
    knockdowns
        (r,) responses of the silenced genes themselves; NaN where not measured.
    of_sources
        (r, G) residuals from all sources; None where they are no candidate.
    kept, axis
        What averages over operators follow from, and its axis for operators (see `Fits`).
    """

    rows: Ints
    bases: Floats
    knockdowns: Floats
    of_sources: Singles | None
    kept: Singles
    axis: int

    def base(self, share: Floats) -> Floats:
        """Blend mean and median with shares (B, 1) of the latter, (B, G)."""
        blended: Floats = self.bases[0] + share * (self.bases[1] - self.bases[0])
        return blended

    def predict(
        self, task: Task, deltas: Floats | Singles, blend: float, weights: Floats, share: float
    ) -> Floats | Singles:
        """Predict the rows, (r, G), but for the silenced genes themselves.

        Parameters
        ----------
        task
            The training perturbations; only silenced genes and gaps are used.
        deltas
            (m, G) their responses, in single precision where that may do.
        blend
            Share of the median in the base.
        weights
            (O,) weights of the operators that were kept.
        share
            Weight of the residuals from all sources.
        """
        averaged = np.tensordot(weights, self.kept, axes=(0, self.axis))
        predicted = self._residuals(task, deltas, averaged)
        if share > 0 and self.of_sources is not None:
            predicted += share * self.of_sources
        predicted += self.base(np.array([[blend]]))
        return predicted

    def _residuals(
        self, task: Task, deltas: Floats | Singles, averaged: Floats
    ) -> Floats | Singles:
        """Residuals (r, G) from an average over operators; 0 where not measured."""
        if task.has_gaps:
            measured = ~np.isnan(task.deltas[self.rows])
            filled = np.zeros(measured.shape)
            filled[measured] = averaged
            return filled
        operator = np.zeros((len(self.rows), task.n_training), dtype=deltas.dtype)
        operator[:, np.delete(np.arange(task.n_training), self.rows)] = averaged
        residuals: Floats | Singles = operator @ deltas
        residuals -= operator.sum(axis=1)[:, None] * self.bases[0]
        # Nothing is learnt from what silenced genes themselves did: see `centred_responses`.
        own, genes = task.silenced_entries()
        off = operator[:, own] * (deltas[own, genes] - self.bases[0, genes])
        np.subtract.at(residuals.T, genes, off.T)
        return residuals


def _all_candidates(
    shares: Sequence[float], n_operators: int, settings: Echo, *, joined: bool
) -> Candidates:
    """List no residual, one of each operator, and that of all sources if they are joined."""
    penalties = settings.penalties
    operators = [f"{kernel} {penalty:g}" for kernel in settings.whole for penalty in penalties]
    n_others = n_operators - len(operators)
    joins = [
        f"{SOURCES} {join} {penalty:g}" for join in ("sum", "product") for penalty in penalties
    ]
    names = ["no residual", *operators, *joins[:n_others], *([SOURCES] if joined else [])]
    counts = np.ones(len(names))
    counts[0] = max(NO_RESIDUAL * (len(names) - 1), 1.0)
    return Candidates.all_of(shares, names, counts)


def _race(left: Candidates, objective: Objective, seen: int, rows: int) -> Candidates:
    """Drop candidates that are clearly behind after some of the rows, and say which."""
    late = clearly_behind(objective.behind(), left.counts_of_each(), seen, rows)
    fewer, kept = left.without(late)
    if len(kept) < left.size:
        objective.keep(kept)
        dropped = ", ".join(left.dropped(fewer))
        log.info("clearly behind after %d of %d perturbations: %s", seen, rows, dropped)
    return fewer


def _fit_fold(
    task: Task, settings: Echo, rows: Ints, median: Floats, wanted: Bools, with_sources: bool
) -> tuple[_Fold, Fits]:
    """Fit the wanted operators (O,) without some training rows, of which the median is given."""
    part = task.split(rows)
    residuals, mean = centred_responses(part)
    measured = ~np.isnan(task.deltas[rows])
    fits = fit_residuals(part, residuals, settings, measured, wanted)
    of_sources = None
    if with_sources:
        of_sources = single_precision(source_residuals(part, residuals, settings))
    fold = _Fold(
        rows=rows,
        bases=np.array([mean, median]),
        knockdowns=knockdown_responses(part, remaining_expression(part)),
        of_sources=of_sources,
        kept=fits.kept,
        axis=fits.axis,
    )
    return fold, fits


def _fit_large_fold(
    task: Task,
    kernels: InnerKernels,
    settings: Echo,
    rows: Ints,
    median: Floats,
    wanted: Bools,
    with_sources: bool,
) -> tuple[_Fold, Fits]:
    """Do as `_fit_fold` does, for a large screen."""
    training = np.delete(np.arange(task.n_training), rows)
    responses = kernels.responses.without(rows, training)
    operators = inner_operators(kernels, rows, training, settings, wanted)
    fits = Fits(operators, responses.residuals, axis=1)
    of_sources = None
    if with_sources and kernels.sources:
        of_sources = kernels.sources.of_fold(rows, training, responses)
    elif with_sources:
        of_sources = np.zeros((len(rows), len(median)), dtype=np.float32)
    fold = _Fold(
        rows=rows,
        bases=np.array([responses.mean, median]),
        knockdowns=knockdowns_without(task, rows, training),
        of_sources=of_sources,
        kept=fits.kept,
        axis=fits.axis,
    )
    return fold, fits


def _judge(
    task: Task, settings: Echo, objective: Objective, kernels: InnerKernels | None
) -> tuple[Candidates, list[_Fold]]:
    """Judge all candidates by cross-validation, fold after fold.

    Parameters
    ----------
    task, settings
        As in `fit_echo`.
    objective
        Judges the candidates.
    kernels
        What inner folds of a large screen share.

    Returns
    -------
    candidates, folds
        Those that are left at the end of the race, and what each fold predicts.
    """
    m, n_operators = task.n_training, n_kernels(task, settings) * len(settings.penalties)
    joined = SOURCES in settings.kernels and not task.has_gaps
    left = _all_candidates(objective.blends(settings.blends), n_operators, settings, joined=joined)
    each = task.inner_folds(settings.inner_folds)
    folds: list[_Fold] = []
    seen = 0
    for rows, median in zip(each, objective.medians_without(each), strict=True):
        wanted = left.residuals[1 : 1 + n_operators]
        with_sources = joined and bool(left.residuals[-1])
        if kernels is None:
            fold, fits = _fit_fold(task, settings, rows, median, wanted, with_sources)
        else:
            fold, fits = _fit_large_fold(
                task, kernels, settings, rows, median, wanted, with_sources
            )
        bases = fold.base(np.array(left.shares)[left.blends, None])
        for some in fits.blocks():
            predictions = left.predictions(
                bases,
                fits.fitted(some),
                None if fold.of_sources is None else fold.of_sources[some],
                fold.knockdowns[some],
                task.silenced[rows[some]],
            )
            objective.judge(rows[some], predictions, left.size)
        folds.append(fold)
        seen += len(rows)
        if settings.race and seen < m:
            left = _race(left, objective, seen, m)
            still = left.residuals[1 : 1 + n_operators][wanted]
            if not still.all():
                folds = [
                    replace(one, kept=np.compress(still, one.kept, axis=one.axis)) for one in folds
                ]
            if joined and not left.residuals[-1]:
                folds = [replace(one, of_sources=None) for one in folds]
    return left, folds


def fit_echo(task: Task, settings: Echo) -> Prediction:
    """Fit the model on the training perturbations of a task and predict the others.

    Parameters
    ----------
    task
        It has at least 3 training perturbations.
    settings
        The candidates to weigh.
    """
    objective = Objective(settings.objective, task.deltas, task.weights)
    # What is not needed is not copied for each fold.
    task = replace(task, weights=task.weights[:, :0], features=task.features[:, :0])
    large = task.n_training >= FEWEST_SINGLE and not task.has_gaps
    kernels = InnerKernels.of(task, settings) if large else None
    left, folds = _judge(task, settings, objective, kernels)
    candidate_weights = left.spread(objective.weigh(left.counts_of_each()))
    blend = float(candidate_weights.sum(axis=1) @ left.shares)
    of_residuals = candidate_weights.sum(axis=0)
    n_operators = n_kernels(task, settings) * len(settings.penalties)
    weights = of_residuals[1 : 1 + n_operators]
    share = float(of_residuals[1 + n_operators :].sum())
    kept = weights[left.residuals[1 : 1 + n_operators]]
    inner = np.empty(task.deltas.shape)
    # Operators in single precision are applied in it too.
    deltas = single_precision(task.deltas) if large else task.deltas
    for fold in folds:
        predicted = fold.predict(task, deltas, blend, kept, share).astype(np.float64)
        set_silenced_entries(predicted, fold.knockdowns, task.silenced[fold.rows])
        inner[fold.rows] = predicted

    mean = kernels.responses.mean if kernels else centred_responses(task)[1]
    base = mean + blend * (objective.median - mean)
    predict = Fitted(settings, base, weights, share, kernels)
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
    kernels
        What inner folds of a large screen share.
    """

    settings: Echo
    base: Floats
    weights: Floats
    share: float
    kernels: InnerKernels | None

    def __call__(self, task: Task) -> Floats:
        """Predict the q perturbations of a task that has the training perturbations of the fit."""
        deltas = self.base + self._weighted_residuals(task)
        knockdowns = knockdown_responses(task, remaining_expression(task))
        set_silenced_entries(deltas, knockdowns, task.silenced[task.n_training :])
        return deltas

    def _weighted_residuals(self, task: Task) -> Floats:
        """Add residuals (q, G): of operators with their weights, and of all sources."""
        residuals = self.kernels.responses.residuals if self.kernels else centred_responses(task)[0]
        wanted = self.weights > SMALLEST_WEIGHT
        of_wanted = self.weights[wanted]
        if task.has_gaps:
            of_each = residuals_with_gaps(task, residuals, self.settings, wanted)
            weighted: Floats = np.tensordot(of_wanted, of_each, 1)
            return weighted
        light = float(self.weights @ self.settings.with_profiles) < SINGLE_WEIGHT
        of_profiles = self.kernels.profile_kernel if self.kernels and light else None
        operators = residual_operators(task, residuals, self.settings, wanted, of_profiles)
        predicted: Floats = np.tensordot(of_wanted, operators, 1) @ residuals
        if self.share > 0:
            shared = self.kernels and self.kernels.sources
            predicted += self.share * (
                shared.of_others(task)
                if shared
                else source_residuals(task, residuals, self.settings)
            )
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

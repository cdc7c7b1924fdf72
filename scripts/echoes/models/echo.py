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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints, Singles
from echoes.models.candidates import Candidates
from echoes.models.component_ridge import inner_products, predict_components
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
from echoes.models.race import clearly_behind
from echoes.models.similarity import (
    FEWEST_SINGLE,
    is_precise,
    network_kernel,
    profile_kernel,
    random_signs,
)
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
#: An operator of a smaller weight is not fitted again on all training perturbations.
SMALLEST_WEIGHT = 1e-9
#: Most entries of the fitted residuals of all candidates that are in memory at a time.
_MOST_FITTED = 1 << 24
#: For up to so many penalties of a kernel, systems are solved; for more, it is decomposed once.
_FEW_PENALTIES = 4

log = logging.getLogger(__name__)


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
    race
        Whether candidates that are clearly behind are not judged on all rows (see `race`).
    """

    blends: tuple[float, ...]
    kernels: tuple[str, ...]
    penalties: tuple[float, ...]
    inner_folds: int
    objective: str
    rate: float
    race: bool

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
            race=section["race"],
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


def whole_kernels(
    task: Task, responses: Floats, names: Sequence[str], *, inner: bool = False
) -> list[Floats]:
    """Kernels (m + q, m) of names in `KERNELS`, in their order.

    For the inner cross-validation they may be less precise, see `profile_kernel`.
    """
    m = task.n_training
    shares = [KERNELS[name] for name in names]
    none = np.zeros((len(task.silenced), m))
    network = network_kernel(task)[:, :m] if any(of_network for of_network, _ in shares) else none
    profile = (
        profile_kernel(task, responses, fast=inner)[:, :m]
        if any(rest for _, rest in shares)
        else none
    )
    # A share of 1 needs no copy.
    return [
        (
            of_network * network + rest * profile
            if of_network and rest
            else network
            if of_network
            else profile
        )
        for of_network, rest in shares
    ]


def residual_operators(
    task: Task, responses: Floats, settings: Echo, wanted: Bools | None = None
) -> Floats:
    """Kernel ridge regressions as matrices, (O, q, m).

    Each matrix times the residuals (m, G) of the training perturbations gives the predicted
    residuals (q, G). There is one for each kernel and, within a kernel, for each penalty.

    Parameters
    ----------
    task
        Gives the kernels.
    responses
        (m, G) training responses, without knockdowns.
    settings
        The candidates.
    wanted
        (O,) which of them to compute; None for all.
    """
    chosen = _wanted(wanted, len(settings.whole), settings)
    kernels = whole_kernels(task, responses, _names(chosen, settings))
    solved = map(solve_exactly, kernels, _penalties(chosen, settings))
    return np.concatenate([np.empty((0, task.n_to_predict, task.n_training)), *solved])


def inner_operators(task: Task, responses: Floats, settings: Echo, wanted: Bools) -> Singles:
    """Compute `residual_operators` for the inner cross-validation, in single precision.

    Single precision is enough there, but it only saves time where there are many perturbations.
    """
    if task.n_training < FEWEST_SINGLE:
        return single_precision(residual_operators(task, responses, settings, wanted))
    chosen = _wanted(wanted, len(settings.whole), settings)
    kernels = whole_kernels(task, responses, _names(chosen, settings), inner=True)
    solved = map(solve_singly, kernels, _penalties(chosen, settings))
    none = np.empty((0, task.n_to_predict, task.n_training), dtype=np.float32)
    return np.concatenate([none, *solved])


def solve_exactly(kernel: Floats, penalties: Floats) -> Floats:
    """Kernel ridge regressions as matrices (L, q, m) for L penalties.

    Parameters
    ----------
    kernel
        (m + q, m) kernel.
    penalties
        (L,) ridge penalties.
    """
    m = kernel.shape[1]
    if len(penalties) > _FEW_PENALTIES:
        values, vectors = np.linalg.eigh(kernel[:m])
        across = (kernel[m:] @ vectors) / (np.maximum(values, 0.0) + penalties[:, None, None])
        rotated: Floats = (across.reshape(-1, m) @ vectors.T).reshape(across.shape)
        return rotated
    operators = np.empty((len(penalties), len(kernel) - m, m))
    for penalty, operator in zip(penalties, operators, strict=True):
        system = kernel[:m].copy()
        system[np.diag_indices(m)] += penalty
        operator[:] = np.linalg.solve(system, kernel[m:].T).T
    return operators


def solve_singly(kernel: Floats, penalties: Floats) -> Singles:
    """Compute `solve_exactly` by Cholesky decompositions in single precision, if that will do.

    A random combination z of the training perturbations shows how precise an operator A is: with
    the kernel matrix K and the penalty λ, A(K + λI)z is to be the combination of the kernel's
    other rows (see `similarity.is_precise`). Otherwise it is computed in double precision.
    """
    # It takes a while to import.
    from scipy.linalg import lapack

    m = kernel.shape[1]
    single = single_precision(kernel)
    signs = random_signs(m)
    own, across = np.split(kernel @ signs, [m])
    operators = np.empty((len(penalties), len(kernel) - m, m), dtype=np.float32)
    for penalty, operator in zip(penalties, operators, strict=True):
        system = single[:m].copy()
        system[np.diag_indices(m)] += np.float32(penalty)
        # Transposed, the matrix is in the order of columns, which needs no copy.
        factor, failed = lapack.spotrf(system.T, lower=1, clean=0, overwrite_a=1)
        if not failed:
            operator[:] = lapack.spotrs(factor, single[m:].T, lower=1)[0].T
        if failed or not is_precise(operator @ (own + penalty * signs), across):
            operator[:] = solve_exactly(kernel, np.array([penalty]))[0]
    return operators


def _names(chosen: Bools, settings: Echo) -> list[str]:
    """Name the kernels, but those of sources, of which any operator is chosen, (kernels, L)."""
    pairs = zip(settings.whole, chosen, strict=False)
    return [name for name, of_kernel in pairs if of_kernel.any()]


def _wanted(wanted: Bools | None, kernels: int, settings: Echo) -> Bools:
    """Arrange which operators are wanted by kernel and penalty, (kernels, L)."""
    shape = (kernels, len(settings.penalties))
    return np.ones(shape, dtype=np.bool_) if wanted is None else wanted.reshape(shape)


def _penalties(chosen: Bools, settings: Echo) -> list[Floats]:
    """Give the penalties of each kernel of which any is chosen."""
    penalties = np.array(settings.penalties)
    return [penalties[of_kernel] for of_kernel in chosen if of_kernel.any()]


def source_residuals(
    task: Task, residuals: Floats, settings: Echo, products: Floats | None = None
) -> Floats:
    """Residuals (q, G) predicted from all sources of likeness; zeros without `SOURCES`.

    Parameters
    ----------
    task
        Gives the sources.
    residuals
        (m, G) residuals of the training perturbations, columns with mean 0.
    settings
        Gives rate and penalties.
    products
        As in `component_ridge.principal_components`.
    """
    if SOURCES not in settings.kernels or not task.sources:
        return np.zeros((task.n_to_predict, residuals.shape[1]))
    likeness = Likeness(task.sources, task.n_training, settings.rate)
    groups = task.groups[: task.n_training]
    return predict_components(likeness, residuals, settings.penalties, groups, products)


def n_kernels(task: Task, settings: Echo) -> int:
    """Count the kernels with penalties for all genes; with gaps, those of sources too."""
    of_sources = min(len(task.sources), 2) if task.has_gaps and SOURCES in settings.kernels else 0
    return len(settings.whole) + of_sources


def residuals_with_gaps(
    task: Task, residuals: Floats, settings: Echo, wanted: Bools | None = None
) -> Floats:
    """Predict the residuals of a task with gaps with each kernel and penalty, (O, q, G).

    Parameters
    ----------
    task
        Gives the kernels; those of all sources come last.
    residuals
        (m, G) residuals of the training perturbations; NaN where not measured.
    settings
        The candidates.
    wanted
        (O,) which of them to compute; None for all.
    """
    chosen = _wanted(wanted, n_kernels(task, settings), settings)
    used = [bool(of_kernel.any()) for of_kernel in chosen]
    kernels = whole_kernels(task, residuals, _names(chosen, settings))
    if any(used[len(settings.whole) :]):
        # Principal components need complete rows: sources are joined for all genes alike.
        names = [source.name for source in task.sources]
        likeness = Likeness(task.sources, task.n_training, settings.rate)
        joins = zip(("sum", "product"), used[len(settings.whole) :], strict=False)
        for join in (join for join, any_of in joins if any_of):
            kernels.append(likeness.kernel(names, join)[:, : task.n_training])
    fits = [
        gap_ridge(kernel, residuals, penalties.tolist())
        for kernel, penalties in zip(kernels, _penalties(chosen, settings), strict=True)
    ]
    none = np.empty((0, task.n_to_predict, residuals.shape[1]))
    return np.concatenate([none, *fits])


@dataclass(frozen=True)
class _Fits:
    """Predicted residuals of r training rows that were left out, with each of O operators.

    Parameters
    ----------
    kept
        What averages over the operators follow from. Operators (r, O, m) in single precision: they
        are much smaller than what they predict. With gaps there are none: the predictions of the
        measured pairs (O, pairs).
    residuals
        (m, G) residuals that the operators are applied to; with gaps (r, O, G), predicted ones.
    axis
        The axis of `kept` that is for operators.
    """

    kept: Singles
    residuals: Singles
    axis: int

    def blocks(self) -> Iterator[slice]:
        """Cut the rows into blocks of which all fits are in memory together."""
        if self.axis == 0:
            yield slice(0, len(self.residuals))
            return
        rows, n_operators, _ = self.kept.shape
        step = max(1, _MOST_FITTED // max(1, n_operators * self.residuals.shape[1]))
        yield from (slice(first, min(first + step, rows)) for first in range(0, rows, step))

    def fitted(self, rows: slice) -> Singles:
        """Predicted residuals of a block, (rows, O, G)."""
        if self.axis == 0:
            return self.residuals[rows]
        operators = self.kept[rows]
        # As one product: one for each operator would take longer.
        fitted: Singles = operators.reshape(-1, operators.shape[2]) @ self.residuals
        return fitted.reshape(*operators.shape[:2], self.residuals.shape[1])


def _fit_residuals(
    task: Task, residuals: Floats, settings: Echo, measured: Bools, wanted: Bools
) -> _Fits:
    """Fit the wanted operators (O,) on a part of the training rows, and predict the others.

    Parameters
    ----------
    task, residuals, settings, wanted
        As in `residual_operators` and `residuals_with_gaps`.
    measured
        (q, G) which of the predicted pairs were measured.
    """
    if not measured.all() or task.has_gaps:
        fitted = residuals_with_gaps(task, residuals, settings, wanted)
        single = np.ascontiguousarray(fitted.swapaxes(0, 1), dtype=np.float32)
        return _Fits(single.swapaxes(0, 1)[:, measured], single, axis=0)
    operators = inner_operators(task, residuals, settings, wanted).swapaxes(0, 1)
    return _Fits(np.ascontiguousarray(operators), single_precision(residuals), axis=1)


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
    joined = SOURCES in settings.kernels and not task.has_gaps
    n_operators = n_kernels(task, settings) * len(settings.penalties)
    left = _all_candidates(objective.blends(settings.blends), n_operators, settings, joined=joined)
    folds = task.inner_folds(settings.inner_folds)
    # For each training row, from a fit without it: mean and median, residual, and knockdown.
    bases = np.empty((2, m, genes))
    of_sources = np.zeros((m, genes), dtype=np.float32)
    knockdowns = np.empty(m)
    kept: list[Singles] = []
    products_of = inner_products(task, needed=joined)
    seen = 0
    for rows in folds:
        part = task.split(rows)
        residuals, bases[0, rows] = _centred_responses(part)
        bases[1, rows] = objective.median(rows, INNER_TOLERANCE)
        knockdowns[rows] = knockdown_responses(part, remaining_expression(part))
        with_sources = joined and bool(left.residuals[-1])
        if with_sources:
            products = products_of(
                part, np.delete(np.arange(m), rows), residuals, bases[0, rows[0]]
            )
            of_sources[rows] = source_residuals(part, residuals, settings, products)
        wanted = left.residuals[1 : 1 + n_operators]
        fits = _fit_residuals(part, residuals, settings, ~np.isnan(task.deltas[rows]), wanted)
        del part, residuals
        for places in fits.blocks():
            some = rows[places]
            predictions = left.predictions(
                bases[:, some],
                fits.fitted(places),
                of_sources[some] if with_sources else None,
                knockdowns[some],
                task.silenced[some],
            )
            objective.judge(some, predictions, left.size)
        kept.append(fits.kept)
        seen += len(rows)
        if settings.race and seen < m:
            left = _race(left, objective, seen, m)
            still = left.residuals[1 : 1 + n_operators][wanted]
            if not still.all():
                kept = [np.compress(still, of_fold, axis=fits.axis) for of_fold in kept]
    candidate_weights = left.spread(objective.weigh(left.counts_of_each()))
    blend = float(candidate_weights.sum(axis=1) @ left.shares)
    residual_weights = candidate_weights.sum(axis=0)
    weights = residual_weights[1 : 1 + n_operators]
    share = float(residual_weights[-1]) if joined else 0.0
    inner = bases[0] + blend * (bases[1] - bases[0]) + share * of_sources
    bare = replace(task, kernels=task.kernels[:0], reach=task.reach[:, :0], others=())
    wanted = left.residuals[1 : 1 + n_operators]
    for rows, of_fold in zip(folds, kept, strict=True):
        inner[rows] += _kept_residuals(bare, rows, weights[wanted] @ of_fold)
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
    wanted = weights > SMALLEST_WEIGHT
    if task.has_gaps:
        of_each = residuals_with_gaps(task, residuals, settings, wanted)
        weighted: Floats = np.tensordot(weights[wanted], of_each, 1)
        return weighted
    operators = residual_operators(task, residuals, settings, wanted)
    predicted: Floats = np.tensordot(weights[wanted], operators, 1) @ residuals
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

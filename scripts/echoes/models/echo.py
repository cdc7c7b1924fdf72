"""The `echo` model: a constant with a high score, plus a residual predicted from the network.

Prediction = base + residual, except for the silenced gene itself, whose knockdown is predicted from
the knockdowns of other genes. The base is a blend of the mean training response and the re-weighted
median, which minimises the sum of log WMAE. The residual is predicted by kernel ridge regression
with kernels of the network; for a gene without links it is 0. Blends, kernels and penalties are
averaged with weights from an inner cross-validation on the training perturbations.

Kernel ridge regression: Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning",
2nd edition, Springer, 2009, section 5.8.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Floats, Ints, Singles
from echoes.models.inner_loop import score_sums, single_precision, weigh_candidates
from echoes.models.medians import INNER_TOLERANCE, Medians
from echoes.models.similarity import network_kernel, profile_kernel
from echoes.models.task import Prediction, Settings, Task
from echoes.scoring.metrics import weighted_mae

#: Names of kernels in the configuration → shares of the network kernel and the profile kernel.
KERNELS = {"network": (1.0, 0.0), "profile": (0.0, 1.0), "both": (0.5, 0.5)}


@dataclass(frozen=True)
class Echo:
    """Settings of the model: the candidates that the inner cross-validation weighs.

    Parameters
    ----------
    blends
        Shares of the re-weighted median in the base, 0 … 1.
    kernels
        Names in `KERNELS`; without a kernel there is no residual.
    penalties
        Ridge penalties in units of a kernel's mean diagonal. A residual of 0 is always a
        candidate too.
    inner_folds
        Number of folds of the inner cross-validation.
    """

    blends: tuple[float, ...]
    kernels: tuple[str, ...]
    penalties: tuple[float, ...]
    inner_folds: int

    @classmethod
    def from_settings(cls, settings: Settings) -> Echo:
        """Read the sections ``echo`` and ``inner_crossval`` of an experiment's settings."""
        candidates = {name: tuple(values) for name, values in settings["echo"].items()}
        return cls(**candidates, inner_folds=settings["inner_crossval"]["folds"])


def echo(task: Task, settings: Settings) -> Prediction:
    """Predict by the model `echo`, as `fit_echo` describes it."""
    return fit_echo(task, Echo.from_settings(settings))


def fill_silenced_entries(task: Task) -> Floats:
    """Training responses (m, G) without knockdowns, in log2 units.

    The entry of a silenced gene itself is replaced by its mean over the perturbations of other
    genes: a knockdown does not show how the gene responds to other perturbations.
    """
    rows, genes = task.silenced_entries()
    m, count = task.deltas.shape
    responses = task.deltas.copy()
    responses[rows, genes] = 0.0
    others = m - np.bincount(genes, minlength=count)
    responses[rows, genes] = (responses.sum(axis=0) / np.maximum(others, 1))[genes]
    return responses


def remaining_expression(task: Task) -> float:
    """Median share of their expression that silenced genes keep, at least 0.

    It is 1 if no silenced gene was measured. Expression is 2^x − 1 where x is log2(1 + expression),
    the scale of the control.
    """
    rows, genes = task.silenced_entries()
    control = task.control[genes]
    rows, genes, control = rows[control > 0], genes[control > 0], control[control > 0]
    if not len(rows):
        return 1.0
    left = np.expm1((control + task.deltas[rows, genes]) * np.log(2))
    return max(float(np.median(left / np.expm1(control * np.log(2)))), 0.0)


def knockdown_responses(task: Task, share: float) -> Floats:
    """Responses (q,) of the silenced genes themselves, log2 units; NaN where not measured.

    Where the expression of the control is not known, as in tables of differences, it is the median
    of the silenced genes' own responses in the training perturbations; NaN if there are none.

    Parameters
    ----------
    task
        Gives the control and the silenced genes.
    share
        Share of its expression that a silenced gene keeps, from `remaining_expression`.
    """
    rows, genes = task.silenced_entries_to_predict()
    control = np.maximum(task.control[genes], 0.0)
    knockdowns = np.full(task.n_to_predict, np.nan)
    knockdowns[rows] = np.log2(1 + share * np.expm1(control * np.log(2))) - control
    measured = task.deltas[task.silenced_entries()]
    if len(measured):
        knockdowns[rows] = np.where(np.isnan(control), np.median(measured), knockdowns[rows])
    return knockdowns


def _set_silenced_entries(predicted: Floats, knockdowns: Floats, silenced: Ints) -> None:
    """Write the responses of the silenced genes themselves into predictions (rows, G), in place."""
    rows = np.flatnonzero(~np.isnan(knockdowns))
    predicted[rows, silenced[rows]] = knockdowns[rows]


def residual_operators(task: Task, responses: Floats, settings: Echo) -> Iterator[Floats]:
    """Kernel ridge regressions, each as a matrix (q, m).

    The matrix times the residuals (m, G) of the training perturbations gives the predicted
    residuals (q, G). There is one for each kernel and, within a kernel, for each penalty.
    """
    if not settings.kernels:
        return
    m = task.n_training
    network = network_kernel(task)
    profile = profile_kernel(task, responses)
    for name in settings.kernels:
        network_share, profile_share = KERNELS[name]
        kernel = network_share * network[:, :m] + profile_share * profile[:, :m]
        values, vectors = np.linalg.eigh(kernel[:m])
        across = kernel[m:] @ vectors
        for penalty in settings.penalties:
            yield (across / (np.maximum(values, 0.0) + penalty)) @ vectors.T


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
    medians = Medians(task.deltas, task.weights)
    median = medians.reweighted()
    baseline = weighted_mae(task.deltas, task.deltas.mean(axis=0), task.weights)
    n_operators = len(settings.kernels) * len(settings.penalties)
    n_candidates = len(settings.blends) * (1 + n_operators)
    blends = single_precision(settings.blends)[:, None, None]
    # For each training row, from a fit without it: score sums, mean and median, and knockdown.
    sums = np.empty((4, m, n_candidates))
    bases = np.empty((2, m, genes))
    knockdowns = np.empty(m)
    predicted = np.empty((len(settings.blends), 1 + n_operators, genes), dtype=np.float32)

    def hold_out(rows: Ints) -> Singles:
        """Fit without some rows, score all candidates on them, and return the operators.

        The operators are kept because they are much smaller than what they predict.
        """
        part = task.split(rows)
        responses = fill_silenced_entries(part)
        bases[0, rows] = mean = responses.mean(axis=0)
        bases[1, rows] = medians.without(rows).reweighted(INNER_TOLERANCE)
        knockdowns[rows] = knockdown_responses(part, remaining_expression(part))
        operators = single_precision(list(residual_operators(part, responses, settings)))
        fitted = np.empty((0, *responses[:0].shape), dtype=np.float32)
        if n_operators:
            fitted = operators @ single_precision(responses - mean)

        def candidates(i: int) -> Singles:
            p = rows[i]
            predicted[:, :1] = bases[0, p] + blends * (bases[1, p] - bases[0, p])
            if n_operators:
                np.add(predicted[:, :1], fitted[:, i], out=predicted[:, 1:])
            if not np.isnan(knockdowns[p]):
                predicted[:, :, task.silenced[p]] = knockdowns[p]
            return predicted.reshape(n_candidates, genes)

        sums[:, rows] = score_sums(
            task.deltas[rows], task.weights[rows], candidates, n_candidates, baseline[rows]
        )
        return operators

    folds = task.inner_folds(settings.inner_folds)
    operators = [hold_out(rows) for rows in folds]
    candidate_weights = weigh_candidates(sums)[0].reshape(len(settings.blends), 1 + n_operators)
    blend = float(candidate_weights.sum(axis=1) @ settings.blends)
    weights = candidate_weights.sum(axis=0)[1:]
    inner = bases[0] + blend * (bases[1] - bases[0])
    for rows, of_fold in zip(folds, operators, strict=True):
        if n_operators:
            responses = fill_silenced_entries(task.split(rows))
            inner[rows] += np.tensordot(weights, of_fold, 1) @ (responses - responses.mean(axis=0))
    _set_silenced_entries(inner, knockdowns, task.silenced[:m])

    responses = fill_silenced_entries(task)
    mean = responses.mean(axis=0)
    base = mean + blend * (median - mean)
    weighted = map(np.multiply, weights, residual_operators(task, responses, settings))
    operator = sum(weighted, start=np.zeros((task.n_to_predict, m)))
    deltas = base + operator @ (responses - mean)
    _set_silenced_entries(
        deltas, knockdown_responses(task, remaining_expression(task)), task.silenced[m:]
    )
    return Prediction(
        deltas=deltas,
        # Kernels are centred on the training rows: their mean fitted residual is 0.
        centre=base,
        inner=inner,
        choices=_choices(settings, candidate_weights, blend),
    )


def _choices(settings: Echo, candidate_weights: Floats, blend: float) -> dict[str, float]:
    """Summarise the weights: blend, weight of no residual, weight of each kernel, mean penalty."""
    weights = candidate_weights.sum(axis=0)
    by_kernel = weights[1:].reshape(len(settings.kernels), len(settings.penalties))
    choices = {"blend": blend, "no_residual": float(weights[0])}
    for name, of_penalties in zip(settings.kernels, by_kernel, strict=True):
        choices[name] = float(of_penalties.sum())
    if by_kernel.size and by_kernel.sum() > 0:
        # The geometric mean: penalties differ by factors.
        logs = np.log(settings.penalties)
        choices["penalty"] = float(np.exp(by_kernel.sum(axis=0) @ logs / by_kernel.sum()))
        choices["smallest_penalty"] = float(by_kernel[:, int(np.argmin(logs))].sum())
    return choices

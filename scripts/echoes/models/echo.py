"""The `echo` model: a constant that the score favours, and a residual that follows the network.

Prediction = base + residual, and the silenced gene's own fall. The base is a blend of the mean
training response and the re-weighted median, which minimises the sum of log WMAE. The residual
is a kernel ridge regression on kernels of the network; where the network knows nothing of a
gene, it is 0. All that there is to choose is weighed by an inner loop on the training
perturbations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Floats, Ints, Singles
from echoes.models.inner_loop import score_sums, single, weigh
from echoes.models.kernels import network_kernel, profile_kernel
from echoes.models.medians import ROUGH, Medians
from echoes.models.task import Prediction, Problem
from echoes.scoring.metrics import weighted_mae

#: Kernels in the configuration: shares of the network's and of the profiles' kernel.
KERNELS = {"network": (1.0, 0.0), "profile": (0.0, 1.0), "both": (0.5, 0.5)}


@dataclass(frozen=True)
class Echo:
    """What the inner loop has to weigh, and in how many folds it does so.

    Parameters
    ----------
    blends
        Shares of the re-weighted median in the base, 0 … 1.
    kernels
        Names in `KERNELS`; without any, the prediction is the base.
    penalties
        Ridge penalties in units of a kernel's mean diagonal. No residual at all is weighed too.
    inner_folds
        Number of inner folds.
    """

    blends: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    kernels: tuple[str, ...] = ("network", "profile", "both")
    penalties: tuple[float, ...] = (1.0, 3.0, 10.0, 30.0, 100.0)
    inner_folds: int = 10


def without_own(problem: Problem) -> Floats:
    """Training responses (m, G) where a silenced gene's own is replaced by its mean elsewhere.

    A gene falls because it is silenced, which says nothing of how it answers to others.
    """
    rows, genes = problem.own()
    m, count = problem.deltas.shape
    responses = problem.deltas.copy()
    responses[rows, genes] = 0.0
    others = m - np.bincount(genes, minlength=count)
    responses[rows, genes] = (responses.sum(axis=0) / np.maximum(others, 1))[genes]
    return responses


def remaining_share(problem: Problem) -> float:
    """Median share of a silenced gene's expression that is left; 1 where none was measured.

    Expression is 2^x − 1 at x in log2(1 + expression), as the control is given.
    """
    rows, genes = problem.own()
    control = problem.control[genes]
    rows, genes, control = rows[control > 0], genes[control > 0], control[control > 0]
    if not len(rows):
        return 1.0
    left = np.expm1((control + problem.deltas[rows, genes]) * np.log(2))
    return max(float(np.median(left / np.expm1(control * np.log(2)))), 0.0)


def own_responses(problem: Problem, share: float) -> Floats:
    """Responses (q,) of the silenced genes themselves; NaN where they are not measured.

    Parameters
    ----------
    problem
        Gives the control and which genes are silenced.
    share
        Share of their expression that is left.
    """
    rows, genes = problem.own_asked()
    control = np.maximum(problem.control[genes], 0.0)
    own = np.full(problem.asked, np.nan)
    own[rows] = np.log2(1 + share * np.expm1(control * np.log(2))) - control
    return own


def _put_own(predicted: Floats, own: Floats, silenced: Ints) -> None:
    """Put the silenced genes' own responses into predictions, where they are measured."""
    rows = np.flatnonzero(~np.isnan(own))
    predicted[rows, silenced[rows]] = own[rows]


def residuals(problem: Problem, responses: Floats, how: Echo) -> Iterator[Floats]:
    """Operators (q, m) that take training residuals to those of what is asked, one a choice.

    The choices are each kernel with each penalty.
    """
    m = problem.training
    network = network_kernel(problem)
    profile = profile_kernel(problem, responses)
    for name in how.kernels:
        share, other = KERNELS[name]
        kernel = share * network[:, :m] + other * profile[:, :m]
        values, vectors = np.linalg.eigh(kernel[:m])
        across = kernel[m:] @ vectors
        for penalty in how.penalties:
            yield (across / (np.maximum(values, 0.0) + penalty)) @ vectors.T


def fit_echo(problem: Problem, how: Echo) -> Prediction:
    """Fit the model on a problem's training perturbations and predict the others.

    Parameters
    ----------
    problem
        At least 3 training perturbations.
    how
        What to weigh.
    """
    m, genes = problem.deltas.shape
    medians = Medians(problem.deltas, problem.weights)
    median = medians.reweighted()
    baseline = weighted_mae(problem.deltas, problem.deltas.mean(axis=0), problem.weights)
    choices = len(how.kernels) * len(how.penalties)
    count = len(how.blends) * (1 + choices)
    shares = single(how.blends)[:, None, None]
    # The inner loop: bases, residuals of each choice, and own responses where a row is held out.
    sums = np.empty((4, m, count))
    bases = np.empty((2, m, genes))
    own = np.empty(m)
    every = np.empty((len(how.blends), 1 + choices, genes), dtype=np.float32)

    def hold_out(rows: Ints) -> Singles:
        """Do without some rows; give the operators to them, smaller than what they predict."""
        part = problem.split(rows)
        responses = without_own(part)
        bases[0, rows] = mean = responses.mean(axis=0)
        bases[1, rows] = medians.without(rows).reweighted(ROUGH)
        own[rows] = own_responses(part, remaining_share(part))
        operators = single(list(residuals(part, responses, how)))
        fitted = np.empty((0, *responses[:0].shape), dtype=np.float32)
        if choices:
            fitted = operators @ single(responses - mean)

        def candidates(i: int) -> Singles:
            p = rows[i]
            every[:, :1] = bases[0, p] + shares * (bases[1, p] - bases[0, p])
            if choices:
                np.add(every[:, :1], fitted[:, i], out=every[:, 1:])
            if not np.isnan(own[p]):
                every[:, :, problem.silenced[p]] = own[p]
            return every.reshape(count, genes)

        sums[:, rows] = score_sums(
            problem.deltas[rows], problem.weights[rows], candidates, count, baseline[rows]
        )
        return operators

    folds = problem.inner_folds(how.inner_folds)
    operators = [hold_out(rows) for rows in folds]
    grid = weigh(sums)[0].reshape(len(how.blends), 1 + choices)
    blend = float(grid.sum(axis=1) @ how.blends)
    weights = grid.sum(axis=0)[1:]
    unseen = bases[0] + blend * (bases[1] - bases[0])
    for rows, each in zip(folds, operators, strict=True):
        if choices:
            responses = without_own(problem.split(rows))
            unseen[rows] += np.tensordot(weights, each, 1) @ (responses - responses.mean(axis=0))
    _put_own(unseen, own, problem.silenced[:m])

    responses = without_own(problem)
    mean = responses.mean(axis=0)
    base = mean + blend * (median - mean)
    weighted = map(np.multiply, weights, residuals(problem, responses, how))
    operator = sum(weighted, start=np.zeros((problem.asked, m)))
    deltas = base + operator @ (responses - mean)
    _put_own(deltas, own_responses(problem, remaining_share(problem)), problem.silenced[m:])
    return Prediction(
        deltas=deltas,
        # Kernels are centred on the training rows: their mean fitted residual is 0.
        centre=base,
        inner=unseen,
        choices=_choices(how, grid, blend),
    )


def _choices(how: Echo, grid: Floats, blend: float) -> dict[str, float]:
    """Tell what the inner loop has weighed: the blend, and the weight of each kernel and none."""
    shares = grid.sum(axis=0)
    parts = shares[1:].reshape(len(how.kernels), len(how.penalties))
    chosen = {"blend": blend, "no_residual": float(shares[0])}
    for name, part in zip(how.kernels, parts, strict=True):
        chosen[name] = float(part.sum())
    if parts.size and parts.sum() > 0:
        # The mean of the penalties' logarithms: they stand on a scale of powers.
        logs = np.log(how.penalties)
        chosen["penalty"] = float(np.exp(parts.sum(axis=0) @ logs / parts.sum()))
        chosen["smallest_penalty"] = float(parts[:, int(np.argmin(logs))].sum())
    return chosen

"""Simple predictions that a model has to beat, each behind the interface of the models."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from echoes.io.arrays import Floats
from echoes.models.inner_loop import score_sums, single, weigh
from echoes.models.kernels import network_kernel
from echoes.models.medians import ROUGH, Medians
from echoes.models.task import Prediction, Problem

#: Numbers of neighbours that `nearest` weighs.
NEIGHBOURS = (1, 2, 5, 10, 20)
#: Penalties that `bilinear` weighs, in units of the embeddings' mean squares.
BILINEAR_PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)

#: Principal axes whose variance is below this share of the largest are noise of rounding.
RELATIVE_RANK = 1e-12


def constant(problem: Problem, centre: Floats) -> Prediction:
    """Predict the same for every perturbation."""
    return Prediction(np.tile(centre, (problem.asked, 1)), centre)


def zero(problem: Problem) -> Prediction:
    """Predict no response at all."""
    return constant(problem, np.zeros(problem.deltas.shape[1]))


def mean(problem: Problem) -> Prediction:
    """Predict the mean training response."""
    return constant(problem, problem.deltas.mean(axis=0))


def median(problem: Problem) -> Prediction:
    """Predict the median training response of each gene."""
    return constant(problem, np.median(problem.deltas, axis=0))


def weighted_median(problem: Problem) -> Prediction:
    """Predict the median under the score's weights, which minimises the sum of all WMAE."""
    return constant(problem, Medians(problem.deltas, problem.weights).weighted())


def reweighted_median(problem: Problem) -> Prediction:
    """Predict the constant that minimises the sum of log WMAE, the score's own median."""
    return constant(problem, Medians(problem.deltas, problem.weights).reweighted())


def blend(problem: Problem, blends: tuple[float, ...], folds: int) -> Prediction:
    """Predict mean + λ·(re-weighted median − mean), the values of λ weighed by the inner loop."""
    medians = Medians(problem.deltas, problem.weights)
    centre = medians.reweighted()
    shares = single(blends)[:, None]
    means, others = np.empty_like(problem.deltas), np.empty_like(problem.deltas)
    for held_out in problem.inner_folds(folds):
        means[held_out] = np.delete(problem.deltas, held_out, axis=0).mean(axis=0)
        others[held_out] = medians.without(held_out).reweighted(ROUGH)
    sums = score_sums(
        problem.deltas,
        problem.weights,
        lambda p: single(means[p]) + shares * single(others[p] - means[p]),
        len(blends),
    )
    share = float(weigh(sums)[0] @ blends)
    average = problem.deltas.mean(axis=0)
    made = constant(problem, average + share * (centre - average))
    return Prediction(
        made.deltas, made.centre, inner=means + share * (others - means), choices={"share": share}
    )


def _weighed(
    problem: Problem, folds: int, many: Callable[[Problem], tuple[Floats, Floats]]
) -> Prediction:
    """Average a model's variants, weighed by the inner loop.

    Parameters
    ----------
    problem
        What to learn from and to predict.
    folds
        Inner folds.
    many
        Gives for a problem what each variant predicts, (C, q, G), and its centre, (C, G).
    """
    asked, centres = many(problem)
    inner = np.empty((len(asked), *problem.deltas.shape))
    for held_out in problem.inner_folds(folds):
        inner[:, held_out] = many(problem.split(held_out))[0]
    sums = score_sums(problem.deltas, problem.weights, lambda p: single(inner[:, p]), len(asked))
    weights = weigh(sums)[0]
    return Prediction(
        np.tensordot(weights, asked, 1), weights @ centres, np.tensordot(weights, inner, 1)
    )


def nearest(problem: Problem, folds: int) -> Prediction:
    """Predict the mean response of the k silenced genes nearest in the network.

    Nearness is the cosine of the centred network kernel. A gene without a link has no
    neighbours and is none: it gets the mean response.
    """

    def many(part: Problem) -> tuple[Floats, Floats]:
        m = part.training
        kernel = network_kernel(part)
        length = np.sqrt(np.maximum(np.diag(kernel), np.finfo(np.float64).tiny))
        cosine = kernel[:, :m] / np.outer(length, length[:m])
        # No silenced gene is a neighbour of its own.
        neighbours = part.known[:, None] & part.known[:m] & ~np.eye(len(kernel), m, dtype=np.bool_)
        order = np.argsort(-np.where(neighbours, cosine, -np.inf), axis=1, kind="stable")
        found = neighbours.sum(axis=1, keepdims=True)
        shares = np.empty((len(NEIGHBOURS), *neighbours.shape))
        for share, k in zip(shares, NEIGHBOURS, strict=True):
            taken = np.minimum(k, found)
            np.put_along_axis(share, order, (np.arange(m) < taken) / np.maximum(taken, 1), axis=1)
        # A gene without neighbours gets the mean.
        shares[:, found[:, 0] == 0] = 1 / m
        return shares[:, m:] @ part.deltas, shares[:, :m].mean(axis=1) @ part.deltas

    return _weighed(problem, folds, many)


def bilinear(problem: Problem, folds: int, rank: int) -> Prediction:
    """Predict by a ridge regression with embeddings of genes on both sides.

    Y ≈ b + P·W·Eᵀ, where the rows of E (G × rank) are the principal axes of the training
    responses and P holds those of the silenced genes; a gene that is not measured stands at 0
    (Ahlmann-Eltze, Huber and Anders, Nature Methods, 2025, doi:10.1038/s41592-025-02772-6).
    """

    def many(part: Problem) -> tuple[Floats, Floats]:
        m = part.training
        average = part.deltas.mean(axis=0)
        residual = part.deltas - average
        # Principal axes by way of the small matrix of inner products.
        squares, scores = np.linalg.eigh(residual @ residual.T)
        large = squares > squares[-1] * RELATIVE_RANK
        scores, squares = scores[:, large][:, -rank:], squares[large][-rank:]
        axes = (residual.T @ (scores / np.sqrt(squares))).T
        left = np.where(part.silenced[:, None] >= 0, axes.T[part.silenced], 0.0)
        square = left[:m].T @ left[:m]
        # Where no silenced gene is measured there is no scale, and nothing to fit.
        unit = np.trace(square) / max(len(square), 1) or 1.0
        # The axes are orthonormal: a penalty on their side would be one factor.
        target = left[:m].T @ (scores * np.sqrt(squares))
        asked = np.vstack([left[m:], left[:m].mean(axis=0)])
        identity = np.eye(len(square))
        found = np.array([
            asked @ np.linalg.solve(square + penalty * unit * identity, target) @ axes
            for penalty in BILINEAR_PENALTIES
        ])  # fmt: skip
        found += average
        return found[:, :-1], found[:, -1]

    return _weighed(problem, folds, many)

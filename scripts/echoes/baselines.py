"""Simple predictions that a model has to beat, each behind the interface of the models."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from echoes.kernels import network_kernel
from echoes.medians import ROUGH, Medians
from echoes.problem import Prediction, Problem
from echoes.selection import inner_folds, score_sums, single, weigh

Array = npt.NDArray[np.float64]

#: Numbers of neighbours that `nearest` weighs.
NEIGHBOURS = (1, 2, 5, 10, 20)
#: Penalties that `bilinear` weighs, in units of the embeddings' mean squares.
BILINEAR_PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)


def constant(problem: Problem, centre: Array) -> Prediction:
    """Predict the same for every perturbation."""
    asked = len(problem.silenced) - problem.training
    return Prediction(np.tile(centre, (asked, 1)), centre)


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
    for held_out in inner_folds(problem.training, folds):
        means[held_out] = np.delete(problem.deltas, held_out, axis=0).mean(axis=0)
        others[held_out] = medians.without(held_out).reweighted(centre, ROUGH)
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
        made.deltas, made.centre, inner=means + share * (others - means), choices={"blend": share}
    )


def _weighed(
    problem: Problem, folds: int, many: Callable[[Problem], tuple[Array, Array]]
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
    for held_out in inner_folds(problem.training, folds):
        inner[:, held_out] = many(problem.split(held_out))[0]
    sums = score_sums(problem.deltas, problem.weights, lambda p: single(inner[:, p]), len(asked))
    weights = weigh(sums)[0]
    return Prediction(
        np.tensordot(weights, asked, 1), weights @ centres, np.tensordot(weights, inner, 1)
    )


def nearest(problem: Problem, folds: int) -> Prediction:
    """Predict the mean response of the k silenced genes nearest in the network.

    Nearness is the cosine of the centred network kernel. A gene without a link has no
    neighbours: it gets the mean response.
    """

    def many(part: Problem) -> tuple[Array, Array]:
        m = part.training
        kernel = network_kernel(part)
        length = np.sqrt(np.diag(kernel))
        cosine = kernel / np.maximum(np.outer(length, length), np.finfo(np.float64).tiny)
        # No silenced gene is a neighbour of its own.
        cosine[np.diag_indices(m)] = -np.inf
        order = np.argsort(-cosine[:, :m], axis=1, kind="stable")
        average = part.deltas.mean(axis=0)
        variants = []
        for k in NEIGHBOURS:
            near = part.deltas[order[:, : min(k, m - 1)]].mean(axis=1)
            variants.append(np.where(part.known[:, None], near, average))
        found = np.array(variants)
        return found[:, m:], found[:, :m].mean(axis=1)

    return _weighed(problem, folds, many)


def bilinear(problem: Problem, folds: int, rank: int) -> Prediction:
    """Predict by a ridge regression with embeddings of genes on both sides.

    Y ≈ b + P·W·Eᵀ, where the rows of E (G × rank) are the principal axes of the training
    responses and P holds those of the silenced genes; a gene that is not measured stands at 0
    (Ahlmann-Eltze, Huber and Anders, Nature Methods, 2025, doi:10.1038/s41592-025-02772-6).
    """

    def many(part: Problem) -> tuple[Array, Array]:
        m = part.training
        average = part.deltas.mean(axis=0)
        residual = part.deltas - average
        _, _, axes = np.linalg.svd(residual, full_matrices=False)
        axes = axes[: min(rank, m - 1)]
        left = np.where(part.silenced[:, None] >= 0, axes.T[part.silenced], 0.0)
        square = left[:m].T @ left[:m]
        # Where no silenced gene is measured, nothing but the mean can follow.
        unit = np.trace(square) / len(square) or 1.0
        # The axes are orthonormal: a penalty on their side is one factor.
        target = left[:m].T @ (residual @ axes.T)
        found = np.array(
            [
                average
                + left
                @ np.linalg.solve(square + penalty * unit * np.eye(len(square)), target)
                @ axes
                for penalty in BILINEAR_PENALTIES
            ]
        )
        return found[:, m:], found[:, :m].mean(axis=1)

    return _weighed(problem, folds, many)

"""Simple predictions that a model should beat. They have the same interface as the models."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from echoes.io.arrays import Floats
from echoes.models.gap_ridge import patterns
from echoes.models.gaps import mean_response
from echoes.models.inner_loop import score_sums, single_precision, weigh_candidates
from echoes.models.medians import INNER_TOLERANCE, Medians
from echoes.models.similarity import network_kernel
from echoes.models.task import Prediction, Settings, Task

#: Numbers of neighbours that `nearest` weighs.
NEIGHBOURS = (1, 2, 5, 10, 20)
#: Penalties that `bilinear` weighs, in units of the mean square of the embeddings.
BILINEAR_PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)

#: Principal axes with less than this share of the largest variance are only rounding errors.
RELATIVE_RANK = 1e-12


def _constant(task: Task, centre: Floats) -> Prediction:
    """Predict the same for every perturbation."""
    return Prediction(np.tile(centre, (task.n_to_predict, 1)), centre)


def zero(task: Task, settings: Settings) -> Prediction:
    """Predict a response of 0 for every gene."""
    return _constant(task, np.zeros(task.deltas.shape[1]))


def mean(task: Task, settings: Settings) -> Prediction:
    """Predict the mean training response."""
    return _constant(task, mean_response(task.deltas))


def median(task: Task, settings: Settings) -> Prediction:
    """Predict the median training response of each gene."""
    if task.has_gaps:
        return _constant(task, Medians(task.deltas, task.weights).unweighted())
    return _constant(task, np.median(task.deltas, axis=0))


def weighted_median(task: Task, settings: Settings) -> Prediction:
    """Predict the median under the score's weights, which minimises the sum of all WMAE."""
    return _constant(task, Medians(task.deltas, task.weights).weighted())


def reweighted_median(task: Task, settings: Settings) -> Prediction:
    """Predict the re-weighted median, a constant that locally minimises the sum of log WMAE."""
    return _constant(task, Medians(task.deltas, task.weights).reweighted())


def blend(task: Task, settings: Settings) -> Prediction:
    """Predict mean + λ·(re-weighted median − mean), λ averaged over ``blend: shares``.

    The weights of this average come from the inner cross-validation.
    """
    shares = settings["blend"]["shares"]
    medians = Medians(task.deltas, task.weights)
    centre = medians.reweighted()
    # For each training row, from a fit without it.
    means, others = np.empty_like(task.deltas), np.empty_like(task.deltas)
    for held_out in task.inner_folds(settings["inner_crossval"]["folds"]):
        means[held_out] = mean_response(np.delete(task.deltas, held_out, axis=0))
        others[held_out] = medians.without(held_out).reweighted(INNER_TOLERANCE)
    column = single_precision(shares)[:, None]
    sums = score_sums(
        task.deltas,
        task.weights,
        lambda p: single_precision(means[p]) + column * single_precision(others[p] - means[p]),
        len(shares),
    )
    share = float(weigh_candidates(sums)[0] @ shares)
    average = mean_response(task.deltas)
    constant = average + share * (centre - average)
    return Prediction(
        np.tile(constant, (task.n_to_predict, 1)),
        constant,
        inner=means + share * (others - means),
        choices={"share": share},
    )


def _average_variants(
    task: Task, folds: int, predict_variants: Callable[[Task], tuple[Floats, Floats]]
) -> Prediction:
    """Average the variants of a model with weights from the inner cross-validation.

    Parameters
    ----------
    task
        The training perturbations, and those to predict.
    folds
        Number of inner folds.
    predict_variants
        Function that gives for a task the predictions of each variant, (C, q, G), and their
        centres, (C, G).
    """
    predicted, centres = predict_variants(task)
    inner = np.empty((len(predicted), *task.deltas.shape))
    for held_out in task.inner_folds(folds):
        inner[:, held_out] = predict_variants(task.split(held_out))[0]
    sums = score_sums(
        task.deltas, task.weights, lambda p: single_precision(inner[:, p]), len(predicted)
    )
    weights = weigh_candidates(sums)[0]
    return Prediction(
        np.tensordot(weights, predicted, 1), weights @ centres, np.tensordot(weights, inner, 1)
    )


def nearest(task: Task, settings: Settings) -> Prediction:
    """Predict the mean response of the k silenced genes that are nearest in the network.

    Genes are near if the cosine in the centred network kernel is high. A gene without a link
    has no neighbours and is no neighbour of others: its prediction is the mean response. The values
    of k are averaged with weights from the inner cross-validation. Of a gene that is not measured
    everywhere, the neighbours are the nearest of those perturbations that have it.
    """

    def predict_variants(part: Task) -> tuple[Floats, Floats]:
        m = part.n_training
        kernel = network_kernel(part)
        length = np.sqrt(np.maximum(np.diag(kernel), np.finfo(np.float64).tiny))
        cosine = kernel[:, :m] / np.outer(length, length[:m])
        # A perturbation is not its neighbour itself.
        neighbours = part.known[:, None] & part.known[:m] & ~np.eye(len(kernel), m, dtype=np.bool_)
        if part.has_gaps:
            return _nearest_measured(part.deltas, np.where(neighbours, cosine, -np.inf))
        order = np.argsort(-np.where(neighbours, cosine, -np.inf), axis=1, kind="stable")
        available = neighbours.sum(axis=1, keepdims=True)
        shares = np.empty((len(NEIGHBOURS), *neighbours.shape))
        for share, k in zip(shares, NEIGHBOURS, strict=True):
            taken = np.minimum(k, available)
            np.put_along_axis(share, order, (np.arange(m) < taken) / np.maximum(taken, 1), axis=1)
        # A gene without neighbours gets the mean.
        shares[:, available[:, 0] == 0] = 1 / m
        return shares[:, m:] @ part.deltas, shares[:, :m].mean(axis=1) @ part.deltas

    return _average_variants(task, settings["inner_crossval"]["folds"], predict_variants)


def _nearest_measured(deltas: Floats, likeness: Floats) -> tuple[Floats, Floats]:
    """Average each gene over the k most alike perturbations that have it, for each k.

    Parameters
    ----------
    deltas
        (m, G) training responses; NaN where not measured.
    likeness
        (m + q, m) likeness to the training perturbations; −inf for what is no neighbour.

    Returns
    -------
    predicted, centres
        (K, q, G), and (K, G): the mean over the training perturbations that have the gene.
    """
    m, genes = deltas.shape
    predicted = np.zeros((genes, len(NEIGHBOURS), len(likeness) - m))
    centres = np.zeros((len(NEIGHBOURS), genes))
    for pattern in patterns(~np.isnan(deltas)):
        rows = pattern.rows
        if not len(rows):
            continue
        near = likeness[np.ix_(np.concatenate([rows, np.arange(m, len(likeness))]), rows)]
        order = np.argsort(-near, axis=1, kind="stable")[:, : max(NEIGHBOURS)]
        # (K, rows): as many neighbours as there are, if there are fewer than k.
        taken = np.minimum(np.array(NEIGHBOURS)[:, None], np.isfinite(near).sum(axis=1))
        values = deltas[np.ix_(rows, pattern.genes)]
        sums = np.cumsum(values[order], axis=1)
        means = sums[np.arange(len(near)), np.maximum(taken, 1) - 1]
        means /= np.maximum(taken, 1)[:, :, None]
        means[taken == 0] = values.mean(axis=0)
        centres[:, pattern.genes] = means[:, : len(rows)].mean(axis=1)
        predicted[pattern.genes] = means[:, len(rows) :].transpose(2, 0, 1)
    return predicted.transpose(1, 2, 0), centres


def bilinear(task: Task, settings: Settings) -> Prediction:
    """Predict by a ridge regression with embeddings of genes on both sides.

    Y ≈ b + P·W·Eᵀ, where the rows of E (G × rank) are the principal axes of the training
    responses and P holds those of the silenced genes; a gene that is not measured stands at 0
    (Ahlmann-Eltze, Huber and Anders, Nature Methods, 2025, doi:10.1038/s41592-025-02772-6).
    The rank is ``response: n_components``, or the number of axes where there are fewer. The
    penalties are averaged with weights from the inner cross-validation.
    """
    rank = settings["response"]["n_components"]

    def predict_variants(part: Task) -> tuple[Floats, Floats]:
        m = part.n_training
        average = part.deltas.mean(axis=0)
        residual = part.deltas - average
        # Principal axes by way of the small matrix of inner products.
        squares, scores = np.linalg.eigh(residual @ residual.T)
        large = squares > squares[-1] * RELATIVE_RANK
        scores, squares = scores[:, large][:, -rank:], squares[large][-rank:]
        axes = (residual.T @ (scores / np.sqrt(squares))).T
        left = np.where(part.silenced[:, None] >= 0, axes.T[part.silenced], 0.0)
        square = left[:m].T @ left[:m]
        # If no silenced gene is measured, the scale would be 0 and there is nothing to fit.
        unit = np.trace(square) / max(len(square), 1) or 1.0
        # The axes are orthonormal: a penalty on their side would be one factor.
        target = left[:m].T @ (scores * np.sqrt(squares))
        # The last row gives the centre.
        embeddings = np.vstack([left[m:], left[:m].mean(axis=0)])
        identity = np.eye(len(square))
        predicted = np.array([
            embeddings @ np.linalg.solve(square + penalty * unit * identity, target) @ axes
            for penalty in BILINEAR_PENALTIES
        ])  # fmt: skip
        predicted += average
        return predicted[:, :-1], predicted[:, -1]

    return _average_variants(task, settings["inner_crossval"]["folds"], predict_variants)

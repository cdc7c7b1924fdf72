"""Simple predictions that a model should beat. They have the same interface as the models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from echoes.io.arrays import Floats, Ints
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
    task: Task,
    folds: int,
    predict_variants: Callable[[Task], tuple[Floats, Callable[[], Floats]]],
) -> Prediction:
    """Average the variants of a model with weights from the inner cross-validation.

    Parameters
    ----------
    task
        The training perturbations, and those to predict.
    folds
        Number of inner folds.
    predict_variants
        Function that gives for a task the predictions of each variant, (C, q, G), and another one
        that gives their centres, (C, G).
    """
    predicted, centres = predict_variants(task)
    inner = np.empty((len(predicted), *task.deltas.shape), dtype=np.float32)
    # What no variant reads is not copied for each fold.
    none = slice(0)
    bare = replace(
        task,
        weights=task.weights[:, none],
        reach=task.reach[:, none],
        features=task.features[:, none],
        others=(),
    )
    for held_out in task.inner_folds(folds):
        inner[:, held_out] = predict_variants(bare.split(held_out))[0]
    sums = score_sums(task.deltas, task.weights, lambda p: inner[:, p], len(predicted))
    weights = weigh_candidates(sums)[0]
    averaged = np.zeros(task.deltas.shape)
    for weight, of_variant in zip(weights, inner, strict=True):
        averaged += weight * of_variant
    return Prediction(np.tensordot(weights, predicted, 1), weights @ centres(), averaged)


def nearest(task: Task, settings: Settings) -> Prediction:
    """Predict the mean response of the k silenced genes that are nearest in the network.

    Genes are near if the cosine in the centred network kernel is high. A gene without a link
    has no neighbours and is no neighbour of others: its prediction is the mean response. The values
    of k are averaged with weights from the inner cross-validation. Of a gene that is not measured
    everywhere, the neighbours are the nearest of those perturbations that have it.
    """

    def predict_variants(part: Task) -> tuple[Floats, Callable[[], Floats]]:
        m = part.n_training
        likeness = _likeness(part)
        if part.has_gaps:
            predicted, centres = _nearest_measured(part.deltas, likeness)
            return predicted, lambda: centres
        return (
            _nearest_means(part.deltas, likeness[m:]),
            lambda: _nearest_counts(likeness[:m]) @ part.deltas / m,
        )

    return _average_variants(task, settings["inner_crossval"]["folds"], predict_variants)


def _likeness(task: Task) -> Floats:
    """Cosines of all perturbations with the training ones, (m + q, m); −inf for no neighbour."""
    m = task.n_training
    kernel = network_kernel(task)
    length = np.sqrt(np.maximum(np.diag(kernel), np.finfo(np.float64).tiny))
    cosine = kernel[:, :m] / length[:, None]
    cosine /= length[:m]
    cosine[~task.known] = -np.inf
    cosine[:, ~task.known[:m]] = -np.inf
    # A perturbation is not its neighbour itself.
    np.fill_diagonal(cosine, -np.inf)
    return cosine


def _nearest_order(likeness: Floats) -> tuple[Ints, Ints]:
    """Nearest training perturbations of each row, in order, and how many it has for each k."""
    order = np.argsort(-likeness, axis=1, kind="stable")[:, : max(NEIGHBOURS)]
    available = np.isfinite(likeness).sum(axis=1)
    return order, np.minimum(np.array(NEIGHBOURS)[:, None], available)


def _nearest_means(deltas: Floats, likeness: Floats) -> Floats:
    """Mean responses (K, q, G) of the k most alike training perturbations, for each k.

    Parameters
    ----------
    deltas
        (m, G) training responses.
    likeness
        (q, m) likeness to the training perturbations; −inf for what is no neighbour.
    """
    order, taken = _nearest_order(likeness)
    means = np.empty((len(NEIGHBOURS), len(likeness), deltas.shape[1]))
    for row, (near, counts) in enumerate(zip(order, taken.T, strict=True)):
        if not counts.any():
            # A gene without neighbours gets the mean.
            means[:, row] = mean_response(deltas)
            continue
        total = np.zeros(deltas.shape[1])
        done = 0
        for variant in np.argsort(counts, kind="stable"):
            total = total + deltas[near[done : counts[variant]]].sum(axis=0)
            done = counts[variant]
            means[variant, row] = total / done
    return means


def _nearest_counts(likeness: Floats) -> Floats:
    """Share that each training perturbation has in what is predicted for all of them, (K, m).

    Parameters
    ----------
    likeness
        (m, m) likeness of the training perturbations; −inf for what is no neighbour.
    """
    m = len(likeness)
    order, taken = _nearest_order(likeness)
    counts = np.empty((len(NEIGHBOURS), m))
    for variant, of_rows in enumerate(taken):
        used = np.arange(order.shape[1]) < of_rows[:, None]
        shares = np.repeat(1 / np.maximum(of_rows, 1), of_rows)
        # A gene without neighbours has the mean.
        counts[variant] = np.bincount(order[used], shares, m) + np.mean(of_rows == 0)
    return counts


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

    def predict_variants(part: Task) -> tuple[Floats, Callable[[], Floats]]:
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
        return predicted[:, :-1], lambda: predicted[:, -1]

    return _average_variants(task, settings["inner_crossval"]["folds"], predict_variants)

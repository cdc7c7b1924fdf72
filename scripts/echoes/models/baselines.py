"""Simple predictions that a model should beat. They have the same interface as the models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from echoes.io.arrays import Floats, Ints, Singles, largest_places, row_blocks
from echoes.models.eigenvectors import largest_eigenvectors
from echoes.models.gap_ridge import patterns
from echoes.models.gaps import mean_response
from echoes.models.inner_loop import score_sums, single_precision, weigh_candidates
from echoes.models.medians import INNER_TOLERANCE, Medians
from echoes.models.part_medians import reweighted_of_parts
from echoes.models.task import Prediction, Settings, Task

#: Numbers of neighbours that `nearest` weighs.
NEIGHBOURS = (1, 2, 5, 10, 20)
#: Penalties that `bilinear` weighs, in units of the mean square of the embeddings.
BILINEAR_PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)

#: Principal axes with less than this share of the largest variance are only rounding errors.
RELATIVE_RANK = 1e-12
#: Most entries of tables for each k that `nearest` keeps.
MOST_KEPT = 1 << 25
#: Size of a matrix from which on a part of its eigenvectors is found in less time than all.
FEWEST_PARTIAL = 200


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
    folds = task.inner_folds(settings["inner_crossval"]["folds"])
    of_folds = reweighted_of_parts(medians, folds, centre, INNER_TOLERANCE)
    for held_out, of_fold in zip(folds, of_folds, strict=True):
        means[held_out] = mean_response(np.delete(task.deltas, held_out, axis=0))
        others[held_out] = of_fold
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


#: Predicts some rows of a task from others: of training rows (t,) and rows (q,) to predict it gives
#: the predictions of each variant, (C, q, G), and a function that gives their centres, (C, G).
Variants = Callable[[Ints, Ints], tuple[Floats, Callable[[], Floats]]]


def _average_variants(task: Task, folds: int, predict_variants: Variants) -> Prediction:
    """Average the variants of a model with weights from the inner cross-validation."""
    m, q = task.n_training, task.n_to_predict
    everyone = np.arange(m)
    predicted, centres = predict_variants(everyone, np.arange(m, m + q))
    inner = np.empty((len(predicted), *task.deltas.shape), dtype=np.float32)
    for held_out in task.inner_folds(folds):
        inner[:, held_out] = predict_variants(np.delete(everyone, held_out), held_out)[0]
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
    folds = settings["inner_crossval"]["folds"]
    m, rows = task.n_training, np.arange(len(task.known))
    if task.has_gaps:

        def predict_variants(
            training: Ints, to_predict: Ints
        ) -> tuple[Floats, Callable[[], Floats]]:
            both = np.concatenate([training, to_predict])
            likeness = np.concatenate(list(_likeness(task, training, both)))
            predicted, centres = _nearest_measured(task.deltas[training], likeness)
            return predicted, lambda: centres

        return _average_variants(task, folds, predict_variants)
    inner: dict[int, Callable[[], Floats]] = {}
    for held_out in task.inner_folds(folds):
        inner |= _nearest_means(task, np.delete(rows[:m], held_out), held_out)

    # A large table for each k is not kept: its rows are made again.
    kept: dict[int, Singles] = {}
    if len(NEIGHBOURS) * task.deltas.size <= MOST_KEPT:
        kept = {p: single_precision(make()) for p, make in inner.items()}

    def candidates(p: int) -> Singles:
        return kept[p] if kept else single_precision(inner[p]())

    sums = score_sums(task.deltas, task.weights, candidates, len(NEIGHBOURS))
    weights = weigh_candidates(sums)[0]
    averaged = np.zeros(task.deltas.shape)
    for p in range(m):
        for weight, mean in zip(weights, candidates(p), strict=True):
            averaged[p] += weight * mean
    found = _nearest_means(task, rows[:m], rows[m:])
    deltas = np.empty((task.n_to_predict, task.deltas.shape[1]))
    for place, row in enumerate(rows[m:].tolist()):
        deltas[place] = np.tensordot(weights, found[row](), 1)
    centres = _nearest_counts(task) @ task.deltas / m
    return Prediction(deltas, weights @ centres, averaged)


def _likeness(task: Task, training: Ints, rows: Ints) -> Iterator[Floats]:
    """Cosines of rows with training perturbations in the centred network kernel, as blocks (b, t).

    The kernel is that of `similarity.network_kernel` for the task of these training perturbations;
    it is −inf for what is no neighbour.
    """
    known = task.known
    linked = training[known[training]]
    kernels = []
    for kernel in task.kernels if len(linked) else ():
        blocks = row_blocks(len(kernel), len(linked))
        column = np.concatenate([kernel[block][:, linked].mean(axis=1) for block in blocks])
        middle = column[linked].mean()
        own = np.where(known, np.diag(kernel) - column - column + middle, 0.0)
        scale = own[linked].mean()
        # If all features are the same, only rounding errors are left.
        noise = len(linked) * np.finfo(np.float64).eps * kernel[linked, linked].mean()
        if scale > noise:
            kernels.append((kernel, column, middle, scale, own / scale))
    square = sum((own for *_, own in kernels), np.zeros(len(known))) / max(len(task.kernels), 1)
    length = np.sqrt(np.maximum(square, np.finfo(np.float64).tiny))
    for block in row_blocks(len(rows), len(training)):
        some = rows[block]
        cosine = np.zeros((len(some), len(training)))
        for kernel, column, middle, scale, _ in kernels:
            part = kernel[some[:, None], training]
            part -= column[some, None]
            part -= column[training]
            part += middle
            part[~known[some]] = 0.0
            part[:, ~known[training]] = 0.0
            part /= scale
            cosine += part
        cosine /= max(len(task.kernels), 1)
        cosine /= length[some, None]
        cosine /= length[training]
        cosine[~known[some]] = -np.inf
        cosine[:, ~known[training]] = -np.inf
        # A perturbation is not its neighbour itself.
        cosine[some[:, None] == training] = -np.inf
        yield cosine


def _nearest_order(likeness: Floats) -> tuple[Ints, Ints]:
    """Nearest training perturbations of each row, in order, and how many it has for each k."""
    k = min(max(NEIGHBOURS), likeness.shape[1])
    order = np.empty((len(likeness), k), dtype=np.intp)
    for row, values in enumerate(likeness):
        order[row] = largest_places(values, k)
    available = np.isfinite(likeness).sum(axis=1)
    return order, np.minimum(np.array(NEIGHBOURS)[:, None], available)


def _nearest_means(task: Task, training: Ints, rows: Ints) -> dict[int, Callable[[], Floats]]:
    """Find neighbours; give for each row a function that makes their mean responses, (K, G).

    A gene without neighbours gets the mean of all.
    """
    average = mean_response(task.deltas[training])
    found: dict[int, Callable[[], Floats]] = {}
    first = 0
    for likeness in _likeness(task, training, rows):
        order, taken = _nearest_order(likeness)
        for row, near, counts in zip(rows[first:].tolist(), training[order], taken.T, strict=False):
            found[row] = partial(_means_of, task.deltas, near, counts, average)
        first += len(likeness)
    return found


def _means_of(deltas: Floats, near: Ints, counts: Ints, average: Floats) -> Floats:
    """Mean responses (K, G) of the first few rows of `near`, or the average if there are none."""
    means = np.empty((len(counts), deltas.shape[1]))
    if not counts.any():
        means[:] = average
        return means
    total = np.zeros(deltas.shape[1])
    done = 0
    for variant in np.argsort(counts, kind="stable"):
        total = total + deltas[near[done : counts[variant]]].sum(axis=0)
        done = counts[variant]
        means[variant] = total / done
    return means


def _nearest_counts(task: Task) -> Floats:
    """Share that each training perturbation has in what is predicted for all of them, (K, m)."""
    everyone = np.arange(task.n_training)
    parts = [_nearest_order(likeness) for likeness in _likeness(task, everyone, everyone)]
    order = np.concatenate([order for order, _ in parts])
    taken = np.concatenate([taken for _, taken in parts], axis=1)
    counts = np.empty((len(NEIGHBOURS), len(everyone)))
    for variant, of_rows in enumerate(taken):
        used = np.arange(order.shape[1]) < of_rows[:, None]
        shares = np.repeat(1 / np.maximum(of_rows, 1), of_rows)
        # A gene without neighbours has the mean.
        counts[variant] = np.bincount(order[used], shares, len(everyone)) + np.mean(of_rows == 0)
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
    overall = task.deltas.mean(axis=0)
    deviations = task.deltas - overall
    inner_products = deviations @ deviations.T

    def predict_variants(training: Ints, to_predict: Ints) -> tuple[Floats, Callable[[], Floats]]:
        # Principal axes by way of the small matrix of inner products of centred responses.
        square = inner_products[np.ix_(training, training)]
        column = square.mean(axis=1)
        square += column.mean() - column - column[:, None]
        squares, scores = largest_eigenvectors(square, rank, fewest=FEWEST_PARTIAL)
        large = squares > squares[-1] * RELATIVE_RANK
        scores, squares = scores[:, large][:, -rank:], squares[large][-rank:]
        # Axes are combinations of all responses, so that none are copied: what is held out has a
        # weight of 0, and the mean of the others is taken out of each.
        weights = np.zeros((len(squares), len(task.deltas)))
        weights[:, training] = (scores / np.sqrt(squares)).T
        weights[:, training] -= weights.sum(axis=1)[:, None] / len(training)
        silenced = task.silenced[np.concatenate([training, to_predict])]
        left = np.where(silenced[:, None] >= 0, (weights @ deviations[:, silenced]).T, 0.0)
        of_training, of_others = left[: len(training)], left[len(training) :]
        square = of_training.T @ of_training
        # If no silenced gene is measured, the scale would be 0 and there is nothing to fit.
        unit = np.trace(square) / max(len(square), 1) or 1.0
        # The axes are orthonormal: a penalty on their side would be one factor.
        target = of_training.T @ (scores * np.sqrt(squares))
        # The last row gives the centre.
        embeddings = np.vstack([of_others, of_training.mean(axis=0)])
        identity = np.eye(len(square))
        combinations = np.array([
            embeddings @ np.linalg.solve(square + penalty * unit * identity, target) @ weights
            for penalty in BILINEAR_PENALTIES
        ])  # fmt: skip
        combinations[:, :, training] += 1 / len(training)
        # As one product: one for each penalty would take longer.
        predicted = combinations.reshape(-1, len(task.deltas)) @ deviations
        predicted += overall
        predicted = predicted.reshape(*combinations.shape[:2], -1)
        return predicted[:, :-1], lambda: predicted[:, -1]

    return _average_variants(task, settings["inner_crossval"]["folds"], predict_variants)

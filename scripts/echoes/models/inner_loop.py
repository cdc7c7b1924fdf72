"""The inner cross-validation: score candidates on training perturbations that were held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from echoes.io.arrays import Floats, Ints, Singles, row_blocks
from echoes.models.gaps import mean_response
from echoes.scoring import metrics

#: Smaller differences of two scores mean nothing; rounding errors of single precision are smaller.
ROUNDING = 1e-4


def single_precision(values: npt.ArrayLike) -> Singles:
    """Convert numbers to single precision."""
    return np.asarray(values, dtype=np.float32)


def assign_folds(groups: Sequence[int], folds: int) -> list[Ints]:
    """Deal groups of rows to folds: the first to the first fold, the second to the second ….

    Groups are dealt in their sorted order, so that the order of the rows does not matter.

    Parameters
    ----------
    groups
        Group of each row, such as the rank of its silenced gene by name; all rows of a group are in
        one fold.
    folds
        Number of folds. Where there are fewer groups, each group is a fold: no fold is empty.

    Returns
    -------
    list of arrays
        The rows of each fold, in order.
    """
    number = {group: i for i, group in enumerate(sorted(set(groups)))}
    folds = min(folds, len(number))
    fold = np.array([number[group] for group in groups], dtype=np.intp) % folds
    return [np.flatnonzero(fold == i) for i in range(folds)]


def score_sums(
    truth: Floats,
    weights: Floats,
    candidates: Callable[[int], Singles],
    count: int,
    baseline: Floats | None = None,
) -> Floats:
    """Compute, for each row and candidate, the numbers whose sums over rows give the score.

    Parameters
    ----------
    truth, weights
        (m, G) responses, NaN where not measured, and their weights, 0 there.
    candidates
        Function that gives, for a row, the prediction of each candidate, (C, G).
    count
        Number of candidates, C.
    baseline
        (m,) WMAE of the baseline. None: the WMAE of predicting the mean of all m rows.

    Returns
    -------
    (4, m, C) array
        Term, and the sums of h²·y·ŷ, h²·y² and h²·ŷ² (see `scoring.metrics`). They are computed
        in single precision: they only serve to weigh candidates.
    """
    if baseline is None:
        baseline = metrics.weighted_mae(truth, mean_response(truth), weights)
    sums = np.empty((4, len(truth), count))
    blocks = row_blocks(count, truth.shape[1], small=True)
    # Two tables for all blocks: allocating new ones would take longer than the sums.
    tables = np.empty((2, blocks[0].stop * truth.shape[1]), dtype=np.float32)
    truths, weightings = single_precision(truth), single_precision(weights)
    full = np.float32(metrics.FULL_EFFECT)
    for p in range(len(truth)):
        predictions = candidates(p)
        if (measured := ~np.isnan(truth[p])).all():
            y, w = truths[p], weightings[p]
        else:
            predictions = predictions[:, measured]
            y, w = truths[p, measured], weightings[p, measured]
        absolute, square = np.abs(y), y * y
        for block in blocks:
            predicted = predictions[block]
            t, h = (table[: predicted.size].reshape(predicted.shape) for table in tables)
            np.subtract(predicted, y, out=t)
            sums[0, p, block] = np.abs(t, out=t) @ w
            np.abs(predicted, out=t)
            np.maximum(t, absolute, out=t)
            np.minimum(t, full, out=t)
            # The square of the smoothstep, (t²·(3 − 2t))², but for a factor.
            np.subtract(np.float32(1.5) * full, t, out=h)
            t *= t
            h *= t
            h *= h
            sums[2, p, block] = h @ square
            h *= predicted
            sums[1, p, block] = h @ y
            sums[3, p, block] = np.vecdot(h, predicted)
        sums[0, p] = max(baseline[p], metrics.EPSILON) / np.maximum(
            sums[0, p] / len(y), metrics.EPSILON
        )
    sums[1:] *= 4 / metrics.FULL_EFFECT**6
    sums[0] = np.minimum(np.log2(sums[0]), metrics.MAXIMAL_TERM)
    return sums


def score_of_sums(sums: Floats) -> Floats:
    """Score S · max(0, wcos), not rounded, from sums over rows of the numbers of `score_sums`.

    The sums have the shape (4, …), the scores the shape (…).
    """
    score: Floats = sums[0] * np.maximum(metrics.cosine_of_sums(*sums[1:]), 0.0)
    return score


def weigh_candidates(sums: Floats) -> tuple[Floats, Floats]:
    """Compute a weight for each candidate: the more clearly it is worse than the best, the smaller.

    The weight is exp(−d / s), divided by the sum of all weights. d is the best score minus the
    score of the candidate; s is the jackknife standard error of d over perturbations, at least
    `ROUNDING`. A candidate that the data cannot distinguish from the best one gets almost the
    same weight: with few perturbations, chance decides which candidate is best.

    Jackknife: Efron and Stein, Ann. Stat. 9 (1981), 586–596, doi:10.1214/aos/1176345462.

    Parameters
    ----------
    sums
        (4, m, C) from `score_sums`.

    Returns
    -------
    weights, scores
        (C,) weights with sum 1, and (C,) scores.
    """
    behind, scores = scores_behind(sums)
    weights = np.exp(-behind)
    return weights / weights.sum(), scores


def scores_behind(sums: Floats) -> tuple[Floats, Floats]:
    """Compute d / s of `weigh_candidates`, (C,), and the scores, (C,)."""
    m = sums.shape[1]
    whole = sums.sum(axis=1)
    scores = score_of_sums(whole)
    best = int(np.argmax(scores))
    without_row = score_of_sums(whole[:, None] - sums)
    difference = without_row[:, [best]] - without_row
    # A score is a sum over rows: that of one row less is m / (m − 1) times too small, which
    # turns the jackknife's factor (m − 1) / m into its inverse.
    deviation = difference - difference.mean(axis=0)
    error = np.sqrt(m / max(m - 1, 1) * np.sum(deviation**2, axis=0))
    return (scores[best] - scores) / np.maximum(error, ROUNDING), scores


def error_sums(
    truth: Floats, candidates: Callable[[int], Singles], count: int, power: int
) -> Floats:
    """Sum the errors of each row and candidate over genes, (m, C).

    Parameters
    ----------
    truth
        (m, G) responses; NaN where not measured.
    candidates, count
        As in `score_sums`.
    power
        1 for absolute errors, 2 for squared ones.
    """
    sums = np.empty((len(truth), count))
    table = np.empty(count * truth.shape[1], dtype=np.float32)
    for p, row in enumerate(single_precision(truth)):
        measured = ~np.isnan(row)
        predicted, y = candidates(p), row
        if not measured.all():
            predicted, y = predicted[:, measured], row[measured]
        error = table[: predicted.size].reshape(predicted.shape)
        np.subtract(predicted, y, out=error)
        if power == 2:
            sums[p] = np.einsum("cg,cg->c", error, error)
        else:
            sums[p] = np.abs(error, out=error).sum(axis=1)
    return sums


def weigh_errors(sums: Floats) -> Floats:
    """Compute a weight for each candidate from its errors, as `weigh_candidates` does from scores.

    Parameters
    ----------
    sums
        (m, C) errors from `error_sums`. d is their sum over rows minus that of the best candidate,
        and s its standard error over rows.

    Returns
    -------
    array
        (C,) weights with sum 1.
    """
    weights = np.exp(-errors_behind(sums))
    scaled: Floats = weights / weights.sum()
    return scaled


def errors_behind(sums: Floats) -> Floats:
    """Compute d / s of `weigh_errors`, (C,)."""
    m = len(sums)
    total = sums.sum(axis=0)
    behind = sums - sums[:, [int(total.argmin())]]
    error = np.sqrt(m / max(m - 1, 1) * np.sum((behind - behind.mean(axis=0)) ** 2, axis=0))
    floor = max(ROUNDING * float(total.min()) / m, np.finfo(np.float64).tiny)
    ratio: Floats = behind.sum(axis=0) / np.maximum(error, floor)
    return ratio

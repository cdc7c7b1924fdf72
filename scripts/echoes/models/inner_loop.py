"""The inner loop: what candidates are worth on training perturbations that were held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from echoes.io.arrays import Floats, Ints, Singles
from echoes.scoring import metrics

#: A difference of two scores that says nothing: single precision rounds to less.
ROUNDING = 1e-4


def single(values: npt.ArrayLike) -> Singles:
    """Bring numbers to single precision."""
    return np.asarray(values, dtype=np.float32)


def deal(groups: Sequence[object], folds: int) -> list[Ints]:
    """Deal rows out to folds like cards, a group at a time; no fold is empty.

    Parameters
    ----------
    groups
        What each row belongs to; rows of one group are never in two folds.
    folds
        Number of folds; as many as groups where there are fewer of these.

    Returns
    -------
    list of arrays
        The rows of each fold, in order.
    """
    number = {group: i for i, group in enumerate(dict.fromkeys(groups))}
    fold = np.array([number[group] for group in groups], dtype=np.intp) % min(folds, len(number))
    return [np.flatnonzero(fold == i) for i in range(min(folds, len(number)))]


def score_sums(
    truth: Floats,
    weights: Floats,
    candidates: Callable[[int], Singles],
    count: int,
    baseline: Floats | None = None,
) -> Floats:
    """Row sums from which the score of each candidate over any rows follows.

    Parameters
    ----------
    truth, weights
        (m, G) responses and their weights.
    candidates
        Gives for a row what each candidate predicts, (C, G).
    count
        C.
    baseline
        (m,) WMAE that a term compares with; by default that of the mean of all m rows.

    Returns
    -------
    (4, m, C) array
        Term, and the sums of h²·y·ŷ, h²·y² and h²·ŷ² (see `scoring.metrics`). Single precision
        is used on the way: these numbers weigh candidates and are not reported.
    """
    if baseline is None:
        baseline = metrics.weighted_mae(truth, truth.mean(axis=0), weights)
    sums = np.empty((4, len(truth), count))
    # Two tables for all rows: to ask the system for new ones takes longer than the sums.
    t, h = np.empty((2, count, truth.shape[1]), dtype=np.float32)
    for p, (y, w) in enumerate(zip(single(truth), single(weights), strict=True)):
        predicted = candidates(p)
        np.subtract(predicted, y, out=t)
        error = np.abs(t, out=t) @ w / y.size
        sums[0, p] = max(baseline[p], metrics.EPSILON) / np.maximum(error, metrics.EPSILON)
        np.abs(predicted, out=t)
        np.maximum(t, np.abs(y), out=t)
        t *= np.float32(1 / metrics.FULL_EFFECT)
        np.minimum(t, 1, out=t)
        # The square of the smoothstep, (t²·(3 − 2t))².
        np.multiply(t, -2, out=h)
        h += 3
        h *= t
        h *= t
        h *= h
        sums[2, p] = h @ (y * y)
        h *= predicted
        sums[1, p] = h @ y
        sums[3, p] = np.einsum("cg,cg->c", h, predicted)
    sums[0] = np.minimum(np.log2(sums[0]), metrics.MAXIMAL_TERM)
    return sums


def total(sums: Floats) -> Floats:
    """Score of summed rows, (4, …) → (…): S · max(0, wcos), not rounded."""
    score: Floats = sums[0] * np.maximum(metrics.cosine_of_sums(*sums[1:]), 0.0)
    return score


def weigh(sums: Floats) -> tuple[Floats, Floats]:
    """Weigh candidates by how clearly each falls behind the best one.

    A candidate weighs exp(−d / s): d is how far its score is below the best one's, s the
    jackknife standard error of that difference over perturbations, at least `ROUNDING`. What
    the rows cannot tell from the best one counts almost as much as it: on few perturbations,
    the best alone would be a matter of chance.

    Parameters
    ----------
    sums
        (4, m, C) of `score_sums`.

    Returns
    -------
    weights, scores
        (C,) weights with sum 1, and (C,) scores.
    """
    m = sums.shape[1]
    whole = sums.sum(axis=1)
    scores = total(whole)
    best = int(np.argmax(scores))
    without = total(whole[:, None] - sums)
    difference = without[:, [best]] - without
    # A score is a sum over rows: that of one row less is m / (m − 1) times too small, which
    # turns the jackknife's factor (m − 1) / m into its inverse.
    deviation = difference - difference.mean(axis=0)
    error = np.sqrt(m / max(m - 1, 1) * np.sum(deviation**2, axis=0))
    behind = scores[best] - scores
    weights = np.exp(-behind / np.maximum(error, ROUNDING))
    return weights / weights.sum(), scores

"""Discrimination: whether a prediction is nearer to its own truth than to those of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Literal

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints
from echoes.scoring.gaps import measured_pairs

Distance = Literal["l1", "cosine"]
#: Number of truths whose distances are computed at a time.
_TRUTHS = 32
#: Distance in `discrimination` → what one gene adds to it; for the cosine, to the inner product.
DISTANCES: dict[str, Callable[..., Floats]] = {
    "l1": lambda x, y: np.abs(x - y),
    "cosine": np.multiply,
}


def discrimination(
    truth: Floats,
    prediction: Floats,
    silenced: Ints,
    distance: Distance = "l1",
) -> Floats:
    """Share of the other perturbations whose truth is farther from a prediction than the right one.

    The discrimination score of the Virtual Cell Challenge [1]_, 1 at best and 0.5 by chance;
    [2]_ ranks the predictions for each truth instead. Ties count half. Each comparison of two
    perturbations leaves out the silenced genes of both: that these genes are low is enough to
    recognise the perturbation, without any knowledge of other responses. (The challenge leaves
    out only the silenced gene of the predicted perturbation.) Then a prediction that is the
    same for all perturbations has a mean score of exactly 0.5.

    Two perturbations are compared over the genes that were measured in both; where there is no
    such gene, they tie.

    Parameters
    ----------
    truth, prediction
        (n, G) deltas or deviations; the truth is NaN where not measured.
    silenced
        (n,) position of each row's silenced gene, −1 for none.
    distance
        Sum of absolute differences, or one minus the cosine. The cosine with a vector that
        is zero up to rounding is undefined; it ties.

    Returns
    -------
    Floats
        (n,) 0 … 1; NaN if there is only one perturbation, or for one without measured genes.

    Notes
    -----
    Distances that differ by no more than rounding are ties. Time grows with n²·G: on one
    core 0.02 s for n = 80 and G = 5,127; for n = 2,000 and G = 8,000 it is ten seconds
    (``l1``) or two (``cosine``). Memory is a second copy of the truth,
    two of the prediction and an n × n matrix; with gaps a few more of each.

    References
    ----------
    .. [1] Y. H. Roohani et al., "Virtual Cell Challenge: Toward a Turing test for the
       virtual cell", Cell 188, 3370-3374, 2025, doi:10.1016/j.cell.2025.06.008.
    .. [2] Y. Wu et al., "PerturBench: Benchmarking Machine Learning Models for Cellular
       Perturbation Analysis", 2024, arXiv:2408.10609.
    """
    return discriminations(truth, prediction, silenced, (distance,))[f"discrimination_{distance}"]


def discriminations(
    truth: Floats,
    prediction: Floats,
    silenced: Ints,
    distances: Sequence[Distance] = ("l1", "cosine"),
) -> dict[str, Floats]:
    """Compute `discrimination` with several distances, by the names of the metrics."""
    n = len(truth)
    if n == 1:
        return {f"discrimination_{distance}": np.full(1, np.nan) for distance in distances}
    measured = measured_pairs(truth)
    if measured is not True:
        scores = [_with_gaps(truth, prediction, silenced, measured, each) for each in distances]
    else:
        # A gene of zeros, at −1, stands in for the silenced genes that are not measured.
        Y, P = (np.pad(part, ((0, 0), (0, 1))) for part in (truth, prediction))
        # The silenced gene of a perturbation is left out of all its comparisons. Its truth may be
        # larger than all other entries together, so it is kept out of the sums from the start.
        Y[np.arange(n), silenced] = 0
        scores = [_complete(Y, P, silenced, each) for each in distances]
    names = [f"discrimination_{distance}" for distance in distances]
    return dict(zip(names, scores, strict=True))


def _complete(Y: Floats, P: Floats, silenced: Ints, distance: Distance) -> Floats:
    """Compute `discrimination` without gaps; the last column is zeros."""
    n, genes = Y.shape[0], Y.shape[1] - 1
    entry = DISTANCES[distance]
    sums = _absolute_differences(P, Y) if distance == "l1" else P @ Y.T
    length, square = np.sqrt(np.vecdot(P, P)), np.vecdot(Y, Y)
    noise = np.finfo(np.float64).eps * (genes + 8)
    score = np.empty(n)
    for p, gene in enumerate(silenced):
        # Distances to the right truth and to each other truth, minus what the two silenced genes
        # add. If both are the same gene, it is subtracted twice, on both sides alike.
        near = sums[p, p] - (entry(P[p, gene], 0) + entry(P[p, silenced], Y[p, silenced]))
        far = sums[p] - (entry(P[p, gene], Y[:, gene]) + entry(P[p, silenced], 0))
        if distance == "l1":
            size = np.maximum(sums[p, p], sums[p])
        else:
            near_square = _positive(square[p] - Y[p, silenced] ** 2)
            far_square = _positive(square - Y[:, gene] ** 2)
            # Both would be divided by the length of the same prediction.
            near, far = -near / np.sqrt(near_square), -far / np.sqrt(far_square)
            size = length[p] * (square[p] / near_square + square / far_square)
        won, lost = far - near > noise * size, near - far > noise * size
        score[p] = (1 + (won.sum() - lost.sum()) / (n - 1)) / 2
    return score


def _with_gaps(
    truth: Floats,
    prediction: Floats,
    silenced: Ints,
    measured: Bools,
    distance: Distance,
) -> Floats:
    """Compute `discrimination` over the genes that each two perturbations have in common.

    The silenced genes are left out as if they were gaps. Sums over common genes are products of
    matrices: what a gene adds to the right truth's distance counts where the other has it too.
    """
    kept = measured.copy()
    rows = np.flatnonzero(silenced >= 0)
    kept[rows, silenced[rows]] = False
    Y, P = np.where(kept, truth, 0.0), np.where(kept, prediction, 0.0)
    M = kept.astype(np.float64)
    n, genes = truth.shape
    noise = np.finfo(np.float64).eps * (genes + 8)
    # Element (p, q): prediction p and its own truth, or that of q, over the genes of both.
    if distance == "l1":
        near = np.abs(P - Y) @ M.T
        size = _absolute_differences(P, Y)
        # Filled with 0, a gene that only one of the two has adds its absolute value.
        far = size - np.abs(P) @ (1 - M).T - (1 - M) @ np.abs(Y).T
        size = np.maximum(size, near)
    elif distance == "cosine":
        near = -((P * Y) @ M.T) / np.sqrt(_positive((Y * Y) @ M.T))
        far = -(P @ Y.T) / np.sqrt(_positive(M @ (Y * Y).T))
        # Both would be divided by the length of the same prediction.
        size = 2 * np.sqrt((P * P) @ M.T)
    else:
        raise KeyError(distance)
    won, lost = far - near > noise * size, near - far > noise * size
    # A perturbation against itself is no comparison.
    np.fill_diagonal(won, val=False)
    np.fill_diagonal(lost, val=False)
    score: Floats = (1 + (won.sum(axis=1) - lost.sum(axis=1)) / (n - 1)) / 2
    return np.where(measured.any(axis=1), score, np.nan)


def _absolute_differences(P: Floats, Y: Floats) -> Floats:
    """Sum the absolute differences of each prediction and each truth: (n, G), (m, G) → (n, m)."""
    from scipy.spatial.distance import cdist

    # Predictions that are the same for many perturbations have the same distances.
    first: dict[bytes, int] = {}
    owners = [first.setdefault(blake2b(row.tobytes()).digest(), p) for p, row in enumerate(P)]
    rows, same = np.unique(owners, return_inverse=True)
    distinct = P[rows]
    sums = np.empty((len(distinct), len(Y)))
    # A few truths at a time stay in the processor's cache: 9 s, not 15, for n = 2,000.
    for q in range(0, len(Y), _TRUTHS):
        sums[:, q : q + _TRUTHS] = cdist(distinct, Y[q : q + _TRUTHS], "cityblock")
    return sums[same]


def _positive(values: Floats) -> Floats:
    """Replace values of 0 and below by NaN: a comparison with NaN is a tie."""
    return np.where(values > 0, values, np.nan)

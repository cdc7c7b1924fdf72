"""Discrimination: whether a prediction is nearer to its own truth than to those of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import Literal

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints, Singles, row_blocks

Distance = Literal["l1", "cosine"]
#: Gives some rows (r, G) of truths or predictions, which may be made when they are asked for.
Rows = Callable[[slice], Floats]
#: Number of predictions, and of truths, that are compared at a time: so memory stays small.
_PREDICTIONS, _TRUTHS = 1024, 128
#: Number of truths of which absolute differences are summed at a time: with few of them, they stay
#: in the processor's cache.
_CACHED = 32
#: The same in single precision: largest number of genes of a sum, number of truths at a time, and
#: number of entries. With fewer entries, threads would wait for each other.
_PIECE, _TOGETHER, _ENTRIES = 1024, 4, 1 << 18
#: Rows whose absolute values sum to less than this cannot overflow in single precision.
_LARGEST = 1e38
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
    core 0.02 s for n = 80 and G = 5,127; for n = 2,000 and G = 8,000 it is nine seconds
    (``l1``) or two (``cosine``). Absolute differences are summed in single precision, and
    again in double precision where a bound of their rounding leaves a comparison open: all
    comparisons come out as in double precision. Memory is that of a thousand rows of predictions
    and of distances; with gaps a few copies of truth and prediction, and n × n matrices.

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
    return discriminations_of_rows(
        lambda rows: truth[rows], lambda rows: prediction[rows], silenced, distances
    )


def discriminations_of_rows(
    truth: Rows,
    prediction: Rows,
    silenced: Ints,
    distances: Sequence[Distance] = ("l1", "cosine"),
    threads: int = 1,
) -> dict[str, Floats]:
    """Compute `discriminations` of rows that are made when they are needed, some at a time.

    Parameters
    ----------
    truth, prediction
        Functions that give rows of the truth and of the prediction; of each row several times.
    silenced, distances
        As in `discriminations`.
    threads
        How many blocks of predictions are compared at the same time.
    """
    n, names = len(silenced), [f"discrimination_{distance}" for distance in distances]
    if n == 1:
        return {name: np.full(1, np.nan) for name in names}
    genes = truth(slice(0, 1)).shape[1]
    if any(np.isnan(truth(rows)).any() for rows in row_blocks(n, genes)):
        Y, P = truth(slice(0, n)), prediction(slice(0, n))
        measured = ~np.isnan(Y)
        scores = [_with_gaps(Y, P, silenced, measured, distance) for distance in distances]
        return dict(zip(names, scores, strict=True))
    complete = _Complete(truth, prediction, silenced, distances)
    blocks = [slice(p, min(p + _PREDICTIONS, n)) for p in range(0, n, _PREDICTIONS)]
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(complete.scores, blocks))
    return {
        name: np.concatenate([each[distance] for each in found])
        for name, distance in zip(names, distances, strict=True)
    }


class _Complete:
    """Truths without gaps, and the predictions that are compared with them."""

    def __init__(
        self, truth: Rows, prediction: Rows, silenced: Ints, distances: Sequence[Distance]
    ) -> None:
        self._truth, self._prediction = truth, prediction
        self._silenced, self._distances = silenced, distances
        n = len(silenced)
        self._blocks = [slice(q, min(q + _TRUTHS, n)) for q in range(0, n, _TRUTHS)]
        sums = [(np.vecdot(Y, Y), _size(Y)) for Y in map(self._truths, self._blocks)]
        self._square, self._size = (np.concatenate(each) for each in zip(*sums, strict=True))

    def _truths(self, rows: slice) -> Floats:
        """Give truths with a gene of zeros at the end, at −1, for silenced genes not measured."""
        Y = np.pad(self._truth(rows), ((0, 0), (0, 1)))
        # The silenced gene of a perturbation is left out of all its comparisons. Its truth may be
        # larger than all other entries together, so it is kept out of the sums from the start.
        Y[np.arange(len(Y)), self._silenced[rows]] = 0
        return Y

    def scores(self, rows: slice) -> dict[str, Floats]:
        """Compute `discrimination` of some predictions, by the distance."""
        silenced, n = self._silenced, len(self._silenced)
        P, own = np.pad(self._prediction(rows), ((0, 0), (0, 1))), silenced[rows]
        distinct, same = _distinct(P)
        sums = {distance: np.empty((len(distinct), n)) for distance in self._distances}
        # What each of these genes is in all truths, and what each silenced gene is in these.
        right = self._truths(rows)
        of_own, of_silenced = np.empty((len(P), n)), right[:, silenced]
        size = _size(P)
        rough = max(size.max(), self._size.max()) < _LARGEST
        single = _Single(distinct) if rough and "l1" in sums else None
        if single:
            gene = P[np.arange(len(P)), own][:, None]
            pairs = zip(P[:, None], right[:, None], strict=True)
            nearest = np.concatenate([_absolute_differences(*pair) for pair in pairs])
            nearest -= np.abs(gene)
            size = 2 * size[:, None] + self._size[rows, None]
        del right
        for block in self._blocks:
            Y = self._truths(block)
            of_own[:, block] = Y[:, own].T
            if "cosine" in sums:
                sums["cosine"][:, block] = distinct @ Y.T
            if single:
                found, row = single.absolute_differences(Y), P[:, silenced[block]]
                near = nearest - np.abs(row - of_silenced[:, block])
                far = found[same] - (np.abs(gene - of_own[:, block]) + np.abs(row))
                # Where rounding could decide which one is nearer, sums are in double precision.
                unsure = np.abs(far - near) <= single.error(size + self._size[block])
                single.repeat(found, Y, same, unsure)
                sums["l1"][:, block] = found
            elif "l1" in sums:
                sums["l1"][:, block] = _absolute_differences(distinct, Y)
        noise = np.finfo(np.float64).eps * (P.shape[1] + 7)
        score: dict[str, Floats] = {each: np.empty(len(P)) for each in self._distances}
        for i, p in enumerate(range(n)[rows]):
            row, mine, theirs, gene = P[i, silenced], of_silenced[i], of_own[i], P[i, own[i]]
            for distance, found in sums.items():
                entry, far = DISTANCES[distance], found[same[i]]
                # Distances to the right truth and to each other truth, minus what the two silenced
                # genes add. If both are the same gene, it is subtracted twice, on both sides alike.
                near = far[p] - (entry(gene, 0) + entry(row, mine))
                size = np.maximum(far[p], far)
                far = far - (entry(gene, theirs) + entry(row, 0))
                if distance == "cosine":
                    near_square = _positive(self._square[p] - mine**2)
                    far_square = _positive(self._square - theirs**2)
                    # Both would be divided by the length of the same prediction.
                    near, far = -near / np.sqrt(near_square), -far / np.sqrt(far_square)
                    ratio = self._square[p] / near_square + self._square / far_square
                    size = np.sqrt(np.vecdot(P[i], P[i])) * ratio
                won, lost = far - near > noise * size, near - far > noise * size
                score[distance][i] = (1 + (won.sum() - lost.sum()) / (n - 1)) / 2
        return score


class _Single:
    """Predictions whose differences from truths are summed in single precision, and bounded.

    As |x − y| = 2·max(x, y) − x − y, only the larger values are summed for each pair.
    """

    def __init__(self, P: Floats) -> None:
        self._exact, self._sum = P, P.sum(axis=1)
        genes = P.shape[1]
        self._pieces = -(-genes // _PIECE)
        self._length = -(-genes // self._pieces)
        self._rows = self._rounded(P)

    def _rounded(self, values: Floats) -> Singles:
        """Round to single precision; zeros fill up the last piece of genes."""
        rows = np.zeros((len(values), self._pieces * self._length), dtype=np.float32)
        rows[:, : values.shape[1]] = values
        return rows

    def absolute_differences(self, Y: Floats) -> Floats:
        """Sum the absolute differences of each prediction and each truth, about: (n, m)."""
        rows, ones = self._rounded(Y), np.ones(self._length, dtype=np.float32)
        larger = np.empty((len(self._rows), len(Y)))
        step = max(1, _ENTRIES // (_TOGETHER * rows.shape[1]))
        space = np.empty((_TOGETHER, step, rows.shape[1]), dtype=np.float32)
        # NumPy would copy the rows that are shorter than its buffer.
        buffer = np.setbufsize(16)
        for p in range(0, len(self._rows), step):
            some = self._rows[p : p + step]
            for q in range(0, len(Y), _TOGETHER):
                truths = rows[q : q + _TOGETHER, None]
                entries = space[: len(truths), : len(some)]
                np.maximum(truths, some, out=entries)
                by_piece = entries.reshape(*entries.shape[:2], -1, self._length) @ ones
                sums = by_piece.sum(axis=2, dtype=np.float64)
                larger[p : p + step, q : q + _TOGETHER] = sums.T
        np.setbufsize(buffer)
        found: Floats = 2 * larger - self._sum[:, None] - Y.sum(axis=1)
        return found

    def error(self, size: Floats) -> Floats:
        """Bound the errors of the differences of two of these sums, and of all in double precision.

        Rounding changes an entry by half an epsilon of its size, and a sum of L numbers in any
        order by less than L of them [1]_. Both count twice, as the larger values do. What is left
        of eight further epsilons is more than any number of genes needs in double precision.

        Parameters
        ----------
        size
            Sum of the absolute values in all four rows.

        References
        ----------
        .. [1] N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, SIAM,
           2002, chapter 4.
        """
        single = np.finfo(np.float32)
        underflow = 8 * self._rows.shape[1] * float(single.tiny)
        bound: Floats = (self._length + 8) * float(single.eps) * size + underflow
        return bound

    def repeat(self, found: Floats, Y: Floats, same: Ints, unsure: Bools) -> None:
        """Sum again in double precision, where a comparison of one of the same rows is unsure."""
        again = np.zeros(found.shape, dtype=np.bool_)
        for row, columns in zip(same, unsure, strict=True):
            again[row] |= columns
        for row in np.flatnonzero(again.any(axis=1)):
            columns = again[row]
            found[row, columns] = _absolute_differences(self._exact[row, None], Y[columns])[0]


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


def _distinct(P: Floats) -> tuple[Floats, Ints]:
    """Find the different rows, and the place of each row among them.

    Predictions that are the same for many perturbations have the same distances.
    """
    first: dict[bytes, int] = {}
    owners = [first.setdefault(blake2b(row.tobytes()).digest(), p) for p, row in enumerate(P)]
    rows, same = np.unique(owners, return_inverse=True)
    return (P if len(rows) == len(P) else P[rows]), same


def _absolute_differences(P: Floats, Y: Floats) -> Floats:
    """Sum the absolute differences of each prediction and each truth: (n, G), (m, G) → (n, m)."""
    from scipy.spatial.distance import cdist

    sums = np.empty((len(P), len(Y)))
    for q in range(0, len(Y), _CACHED):
        sums[:, q : q + _CACHED] = cdist(P, Y[q : q + _CACHED], "cityblock")
    return sums


def _size(rows: Floats) -> Floats:
    """Sum the absolute values of each row."""
    sums: Floats = np.abs(rows).sum(axis=1)
    return sums


def _positive(values: Floats) -> Floats:
    """Replace values of 0 and below by NaN: a comparison with NaN is a tie."""
    return np.where(values > 0, values, np.nan)

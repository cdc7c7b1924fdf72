"""Null networks: the same network with its links, or with its silenced genes, shuffled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from echoes.io.arrays import Ints

#: Average number of swaps that `rewire` makes for each link.
SWAPS_PER_LINK = 10

# Limit for networks in which hardly any swap is possible, such as a star or a nearly complete one.
_MOST_ROUNDS = 100


def _swap_ends(ends: npt.NDArray[np.int64], genes: int, random: np.random.Generator) -> int:
    """Draw random pairs of links; the two links of a pair swap one gene each, in place.

    A pair stays as it is if the swap would link a gene to itself, or if one of its links, old or
    new, is also an old or a new link of another pair. Pairs that stay as they are still block
    others: this is why the same random numbers, drawn again, undo the round, and why a step from
    one graph to another is as likely as the step back.

    Parameters
    ----------
    ends
        (2m,) genes; link k joins those at 2k and 2k + 1.
    genes
        Number of genes.
    random
        The generator of random numbers.

    Returns
    -------
    int
        Number of pairs that have swapped.
    """

    def pairs(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return np.minimum(one, other) * genes + np.maximum(one, other)

    links = len(ends) // 2
    # Sometimes only a few pairs: in a small dense graph, many pairs would all block each other.
    count = (links // 2) >> (int(random.geometric(0.5)) - 1)
    chosen = random.permutation(links)[: 2 * count]
    i, j = (2 * chosen + random.integers(2, size=2 * count)).reshape(2, count)
    a, b, beside_a, beside_b = ends[i], ends[j], ends[i ^ 1], ends[j ^ 1]
    present, proposed = pairs(ends[::2], ends[1::2]), (pairs(b, beside_a), pairs(a, beside_b))
    _, which, times = np.unique(
        np.concatenate([present, *proposed]), return_inverse=True, return_counts=True
    )
    unique = times[which] == 1
    swaps = (b != beside_a) & (a != beside_b) & unique[i // 2] & unique[j // 2]
    swaps &= unique[links : links + count] & unique[links + count :]
    ends[i[swaps]], ends[j[swaps]] = b[swaps], a[swaps]
    return int(np.count_nonzero(swaps))


def rewire(adjacency: sp.csr_array[np.float64], seed: int) -> sp.csr_array[np.float64]:
    """Shuffle the links at random; each gene keeps its number of links.

    Two links a–b and c–d become a–d and c–b, about ten times for each link. After many swaps,
    every graph in which genes have these numbers of links is equally likely (without a link of
    a gene to itself, and without two links between the same genes). A weight moves with its
    link, so the weighted degree of a gene changes. In some networks few swaps are possible; in a
    star or a complete graph there is none, and the network stays as it is.

    Source: Maslov and Sneppen, Science 296 (2002), 910–913, doi:10.1126/science.1065103.
    Refused swaps count as steps too, as they must: Fosdick et al., SIAM Review 60 (2018),
    315–355, doi:10.1137/16M1087175.

    Parameters
    ----------
    adjacency
        (N, N) symmetric weights. Its diagonal, the self-loops, stays as it is.
    seed
        Seed of the random numbers, at least 0.

    Returns
    -------
    csr_array
        (N, N) symmetric, with the same weights in other places.
    """
    half = sp.triu(adjacency, 1, format="coo")
    ends = np.stack([half.row, half.col], axis=1).astype(np.int64).ravel()
    random = np.random.default_rng(seed)
    rounds = swaps = 0
    while swaps < SWAPS_PER_LINK / 2 * half.nnz and rounds < _MOST_ROUNDS:
        swaps += _swap_ends(ends, adjacency.shape[0], random)
        rounds += 1
    # The loop above ends after a successful swap, which favours some graphs. Here the number of
    # rounds is fixed in advance, which does not.
    for _ in range(rounds):
        _swap_ends(ends, adjacency.shape[0], random)
    i, j = ends.reshape(-1, 2).T.astype(half.row.dtype)
    half = sp.coo_array((half.data, (i, j)), shape=adjacency.shape)
    return sp.csr_array(half + half.T + sp.diags_array(adjacency.diagonal()))


def permute_labels(training: Sequence[str], validation: Sequence[str], seed: int) -> Ints:
    """Draw a permutation of the perturbations in which each takes the place of another one.

    The permutation is one cycle through all perturbations, in a random order. It depends on the
    names and the seed, and not on the order of the rows.

    Parameters
    ----------
    training, validation
        The n and v silenced genes; they are permuted together.
    seed
        Seed of the random numbers, at least 0.

    Returns
    -------
    array
        (n + v,) positions, training perturbations first: perturbation i takes the place of
        perturbation `result[i]`. If there is only one perturbation, it keeps its place.
    """
    n, v = len(training), len(validation)
    by_name = np.concatenate([
        np.argsort(np.asarray(training, dtype=np.str_), kind="stable"),
        n + np.argsort(np.asarray(validation, dtype=np.str_), kind="stable"),
    ]).astype(np.intp)  # fmt: skip
    order = by_name[np.random.default_rng(seed).permutation(n + v)]
    labels = np.empty(n + v, dtype=np.intp)
    labels[order] = np.roll(order, 1)
    return labels

"""From links to a weighted graph, its adjacency matrix and its random-walk Laplacian."""

from __future__ import annotations

import csv
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from echoes.io.arrays import Bools, Floats, Ints
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath

#: STRING writes a confidence of 1 as this.
FULL_SCORE = 1000

#: Swaps that `rewire` makes for each link, on average.
SWAPS_PER_LINK = 10

# Where hardly any swap is possible, as in a star or a nearly complete graph.
_MOST_ROUNDS = 100


@dataclass(frozen=True)
class Links:
    """Links with at least one end among the core genes.

    Parameters
    ----------
    file
        Where they were read.
    names
        Gene names, sorted; ends are positions in it.
    source, target
        The two ends of each link.
    score
        Combined score of each link, 0 … 1000.
    rows
        Rows of the file.
    unmapped
        Rows with an end that the info table does not name.
    """

    file: str
    names: tuple[str, ...]
    source: npt.NDArray[np.int32]
    target: npt.NDArray[np.int32]
    score: npt.NDArray[np.int32]
    rows: int
    unmapped: int


@dataclass(frozen=True)
class Network:
    """A graph of N genes.

    Parameters
    ----------
    genes
        Gene names, sorted: first those with a link, then the core genes without one.
    connected
        How many have a link.
    adjacency
        (N, N) symmetric CSR matrix of weights, with self-loops.
    file
        Where its links were read.
    """

    genes: tuple[str, ...]
    connected: int
    adjacency: sp.csr_array[np.float64]
    file: str


def build_network(
    links: Links,
    core: Collection[str],
    *,
    self_loop: float = 1.0,
    edge_multiplicity: float = 1.0,
) -> Network:
    """Build the graph of links and core genes: A = multiplicity · W + self_loop · I.

    Parameters
    ----------
    links
        Links, each in both directions. Those of the same pair add up; one of a gene
        with itself adds to its self-loop.
    core
        Genes that are in the network whether they have a link or not.
    self_loop
        Weight of a gene's link to itself. A gene without any link has a
        self-loop of 1 where this is 0, so that a walker can stay.
    edge_multiplicity
        Factor of all links: 2 is the published method, which adds both directions
        of a file that already holds both.

    Raises
    ------
    InputError
        When a link stands in one direction only.
    """
    # Two proteins of one gene may be linked: that adds to the gene's self-loop, but joins it
    # to no other.
    joins = (links.score > 0) & (links.source != links.target)
    used = np.union1d(links.source[joins], links.target[joins])
    kept = (links.score > 0) & np.isin(links.source, used)
    source, target, score = links.source[kept], links.target[kept], links.score[kept]
    linked = [links.names[i] for i in used]
    genes = (*linked, *sorted(set(core) - set(linked)))
    # Names are sorted, so `used` has them in the order of the network.
    renumber = np.empty(len(links.names), dtype=np.int32)
    renumber[used] = np.arange(len(used))
    ends = (renumber[source], renumber[target])
    n = len(genes)
    # Whole scores are summed, not weights: then the order of the rows does not matter.
    scores = sp.coo_array((score.astype(np.float64), ends), shape=(n, n)).tocsr()
    one_way = sp.coo_array(scores - scores.T)
    one_way.eliminate_zeros()
    if one_way.nnz:
        i, j = one_way.row[0], one_way.col[0]
        raise InputError(
            links.file,
            f"{genes[i]} and {genes[j]}",
            "the two directions of this link differ, or one is missing",
            expected="each link twice, a b and b a, with one score, as in STRING's files",
            remedy="Fetch the file again, or add the missing directions.",
        )
    loops = np.full(n, self_loop, dtype=np.float64)
    loops[len(linked) :] = self_loop or 1.0
    scores.data *= edge_multiplicity
    scores.data /= FULL_SCORE
    adjacency = sp.csr_array(scores + sp.diags_array(loops))
    adjacency.sort_indices()
    return Network(genes, len(linked), adjacency, links.file)


def degree(adjacency: sp.csr_array[np.float64]) -> Floats:
    """Weighted degree of each gene, self-loops included: A·1, shape (N,)."""
    return np.asarray(adjacency @ np.ones(adjacency.shape[0]))


def has_link(adjacency: sp.csr_array[np.float64]) -> Bools:
    """Tell of each gene whether it has a link to another one, (N,)."""
    entries = np.diff(adjacency.indptr) - (adjacency.diagonal() != 0)
    linked: Bools = entries > 0
    return linked


def random_walk_laplacian(adjacency: sp.csr_array[np.float64]) -> sp.csr_array[np.float64]:
    """L = I − A·D⁻¹ with D = diag(A·1), shape (N, N); its columns sum to 0."""
    n = adjacency.shape[0]
    walk = adjacency @ sp.diags_array(1 / degree(adjacency))
    return sp.csr_array(sp.eye_array(n) - walk)


def _swap_ends(ends: npt.NDArray[np.int64], genes: int, random: np.random.Generator) -> int:
    """Let random pairs of links swap an end each, in place.

    A pair is refused where it would link a gene to itself, or where one of its links, as they
    are or as proposed, is that of another pair or proposed by one. Pairs that are refused may
    collide with others too: that way the same draws, made again, undo the round, and each graph
    is reached from another as readily as the other from it.

    Parameters
    ----------
    ends
        (2m,) genes; link k joins those at 2k and 2k + 1.
    genes
        Number of genes.
    random
        Where random numbers come from.

    Returns
    -------
    int
        How many pairs have swapped.
    """

    def pairs(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return np.minimum(one, other) * genes + np.maximum(one, other)

    links = len(ends) // 2
    # Few pairs now and then: in a small dense graph many would all be in each other's way.
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

    Two links a–b and c–d become a–d and c–b, about ten times for each link. In the long run
    every graph with these numbers of links, without a link twice or to itself, is equally
    likely. A weight moves with its link, so that a gene's weighted degree changes. Where
    hardly any swap is possible there are fewer, and none in a star or a complete graph.

    Source: Maslov and Sneppen, Science 296 (2002), 910–913, doi:10.1126/science.1065103; that
    refused swaps must count as steps: Fosdick et al., SIAM Review 60 (2018), 315–355,
    doi:10.1137/16M1087175.

    Parameters
    ----------
    adjacency
        (N, N) symmetric weights. Its diagonal, the self-loops, stays as it is.
    seed
        Where the random numbers start, at least 0.

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
    # The first half ends at a swap, which favours graphs that many swaps lead to. The second
    # has a number of rounds that is given.
    for _ in range(rounds):
        _swap_ends(ends, adjacency.shape[0], random)
    i, j = ends.reshape(-1, 2).T.astype(half.row.dtype)
    half = sp.coo_array((half.data, (i, j)), shape=adjacency.shape)
    return sp.csr_array(half + half.T + sp.diags_array(adjacency.diagonal()))


def isolated(
    network: Network, training: Sequence[str], validation: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Name the silenced genes that no link reaches, and check that one is reached.

    Parameters
    ----------
    network
        The network that holds them.
    training, validation
        The silenced genes of each group.

    Returns
    -------
    isolated_training, isolated_validation
        In their given order.

    Raises
    ------
    InputError
        When no training gene has a link: a diffusion would say nothing.
    """
    linked = set(network.genes[: network.connected])
    alone, alone_too = ([g for g in group if g not in linked] for group in (training, validation))
    if len(alone) == len(training):
        raise InputError(
            network.file,
            "",
            f"no silenced gene has a link ({abbreviate(training)})",
            expected="at least one of them in the network",
            remedy="Check species and gene names, or lower `network: score_threshold:`.",
        )
    return alone, alone_too


def read_positions(path: StrPath, genes: Sequence[str]) -> Ints:
    """Tell where genes stand in the network, from its table of genes.

    Raises
    ------
    InputError
        When the network lacks one of them.
    """
    with Path(path).open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines, delimiter="\t")
        next(rows, [])
        position = {row[0]: i for i, row in enumerate(rows) if row}
    missing = [gene for gene in genes if gene not in position]
    if missing:
        raise InputError(
            path,
            "column gene",
            f"{abbreviate(missing)} missing",
            expected="all silenced genes",
            remedy="Build the network again from the same perturbations.",
        )
    return np.array([position[gene] for gene in genes], dtype=np.intp)

"""Null networks: what shuffling keeps, and that all outcomes are equally likely."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
import scipy.sparse as sp
from scipy.stats import chi2

from echoes.network import null
from echoes.network.null import permute_labels, rewire

Graph = frozenset[tuple[int, int]]


def matrix(n: int, *pairs: tuple[int, int]) -> sp.csr_array[np.float64]:
    """An adjacency matrix with distinct weights and self-loops, no two of which are equal."""
    dense = np.zeros((n, n))
    for weight, (a, b) in enumerate(sorted(pairs, reverse=True), start=1):
        dense[a, b] = dense[b, a] = weight
    return sp.csr_array(dense + np.diag(0.5 + np.arange(n)))


def graph(adjacency: sp.csr_array[np.float64]) -> Graph:
    """The pairs of genes that are linked."""
    upper = sp.triu(adjacency, 1, format="coo")
    return frozenset(zip(upper.row.tolist(), upper.col.tolist(), strict=True))


def random_pairs(n: int, count: int, seed: int) -> list[tuple[int, int]]:
    every = list(combinations(range(n), 2))
    chosen = np.random.default_rng(seed).choice(len(every), count, replace=False)
    return [every[i] for i in chosen]


def numbers_of_links(adjacency: sp.csr_array[np.float64]) -> list[int]:
    return np.diff(adjacency.indptr).tolist()


def test_rewire_keeps_what_it_shall_and_moves_the_rest() -> None:
    given = matrix(60, *random_pairs(50, 200, 0))  # 10 genes at least have no link
    before = given.copy()
    rewired = rewire(given, 0)
    assert (given != before).nnz == 0
    assert rewired.shape == given.shape
    assert rewired.dtype == given.dtype
    assert rewired.indices.dtype == given.indices.dtype
    assert rewired.has_sorted_indices
    assert rewired.has_canonical_format
    assert (rewired != rewired.T).nnz == 0
    assert numbers_of_links(rewired) == numbers_of_links(given)
    np.testing.assert_array_equal(rewired.diagonal(), given.diagonal())
    np.testing.assert_array_equal(np.sort(rewired.data), np.sort(given.data))
    # By chance alone one pair in six is linked.
    same = len(graph(rewired) & graph(given))
    assert same < 100
    # Weights are not drawn anew: each belongs to one link still, now another.
    moved = sum(given[pair] != rewired[pair] for pair in graph(rewired) & graph(given))
    assert moved > same / 2


def test_rewire_is_the_same_for_a_seed_and_no_other() -> None:
    given = matrix(40, *random_pairs(40, 120, 1))
    one, again, other = (rewire(given, seed) for seed in (3, 3, 4))
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
    assert graph(one) != graph(other)


@pytest.mark.parametrize(
    ("n", "pairs"),
    [
        (0, []),
        (1, []),
        (3, []),
        (2, [(0, 1)]),
        (3, [(0, 2), (1, 2)]),
        (9, [(i, 8) for i in range(8)]),
        (6, list(combinations(range(6), 2))),
        (7, list(combinations(range(6), 2))),
    ],
    ids=["nothing", "gene", "loops", "link", "path", "star", "complete", "complete and a gene"],
)
def test_rewire_leaves_alone_what_has_no_other_way(n: int, pairs: list[tuple[int, int]]) -> None:
    given = matrix(n, *pairs)
    np.testing.assert_array_equal(rewire(given, 0).toarray(), given.toarray())


def test_rewire_without_self_loops() -> None:
    given = matrix(20, *random_pairs(20, 40, 2))
    given = sp.csr_array(given - sp.diags_array(given.diagonal()))
    rewired = rewire(given, 0)
    assert rewired.nnz == given.nnz == 80
    assert not rewired.diagonal().any()


def test_two_links_have_three_ways() -> None:
    given = matrix(4, (0, 1), (2, 3))
    found = {graph(rewire(given, seed)) for seed in range(40)}
    assert found == {
        frozenset({(0, 1), (2, 3)}),
        frozenset({(0, 2), (1, 3)}),
        frozenset({(0, 3), (1, 2)}),
    }


@pytest.mark.parametrize(("n", "links"), [(6, 4), (6, 9), (8, 14), (30, 100), (300, 900)])
def test_the_same_draws_undo_a_round(n: int, links: int) -> None:
    """So every step is as likely as the one back, and all graphs are equally likely in the end."""
    accepted = 0
    ends = np.array(random_pairs(n, links, n)).ravel()
    for seed in range(200):
        before = ends.copy()
        count = null._swap_ends(ends, n, np.random.default_rng(seed))
        after = ends.copy()
        assert null._swap_ends(ends, n, np.random.default_rng(seed)) == count
        np.testing.assert_array_equal(ends, before)
        accepted += count
        ends = after
    assert accepted > 0


def realisations(links_of_each: tuple[int, ...]) -> list[Graph]:
    """All graphs in which genes have these numbers of links."""
    n = len(links_of_each)
    possible = combinations(combinations(range(n), 2), sum(links_of_each) // 2)
    return [
        frozenset(pairs)
        for pairs in possible
        if np.bincount(np.ravel(pairs), minlength=n).tolist() == list(links_of_each)
    ]


def test_all_graphs_are_equally_likely() -> None:
    # Six paths, and a triangle beside a link, from which many more swaps are possible.
    every = realisations((2, 2, 2, 1, 1))
    assert len(every) == 7
    given, runs = matrix(5, *every[0]), 500
    counts = Counter(graph(rewire(given, seed)) for seed in range(runs))
    assert counts.keys() == set(every)
    expected = runs / len(every)
    statistic = sum((count - expected) ** 2 / expected for count in counts.values())
    assert statistic < chi2.isf(0.01, len(every) - 1)


def test_weights_are_equally_likely_everywhere() -> None:
    given, runs = matrix(4, (0, 1), (2, 3)), 400
    ways = Counter(tuple(rewire(given, seed).toarray()[0, 1:].tolist()) for seed in range(runs))
    # The first gene has one of two weights, on its link to one of three.
    assert len(ways) == 6
    statistic = sum((count - runs / 6) ** 2 / (runs / 6) for count in ways.values())
    assert statistic < chi2.isf(0.01, 5)


def test_communities_dissolve() -> None:
    random, links = np.random.default_rng(0), 1200
    community = np.repeat([0, 1], [150, 100])
    every = np.array(list(combinations(range(250), 2)))
    kind = community[every].sum(axis=1)
    share_of_kind = np.array([0.57, 0.05, 0.38])
    chance = (share_of_kind / np.bincount(kind))[kind]
    pairs = every[random.choice(len(every), links, replace=False, p=chance)]
    given = matrix(250, *map(tuple, pairs.tolist()))

    def share(adjacency: sp.csr_array[np.float64]) -> float:
        ends = np.array(sorted(graph(adjacency)))
        return float(np.mean(community[ends[:, 0]] == community[ends[:, 1]]))

    # In the configuration model any two of the 2m ends are as likely to meet.
    ends: npt.NDArray[np.int64] = np.bincount(community[pairs.ravel()])
    expected = float((ends * (ends - 1)).sum() / (2 * links * (2 * links - 1)))
    assert share(given) > 0.9
    assert 0.5 < expected < 0.6
    shares = [share(rewire(given, seed)) for seed in range(20)]
    # Each share has a deviation of about 0.014; multiple links, which there are none of here,
    # would change the mean by less than that.
    assert np.mean(shares) == pytest.approx(expected, abs=0.01)
    assert np.std(shares) == pytest.approx(np.sqrt(expected * (1 - expected) / links), rel=0.5)


def test_a_network_of_realistic_size_is_rewired_thoroughly() -> None:
    random, n = np.random.default_rng(0), 2000
    chance = (10.0 + np.arange(n)) ** -0.7  # a few genes have hundreds of links
    drawn = random.choice(n, (40_000, 2), p=chance / chance.sum())
    pairs = np.unique(np.sort(drawn[drawn[:, 0] != drawn[:, 1]], axis=1), axis=0)
    half = sp.coo_array((random.random(len(pairs)), tuple(pairs.T)), shape=(n, n))
    given = sp.csr_array(half + half.T + sp.eye_array(n))
    rewired = rewire(given, 0)
    links = numbers_of_links(given)
    assert max(links) > 300
    assert numbers_of_links(rewired) == links
    # What two rewirings share is chance, and no more of the network that they come from.
    other = graph(rewire(given, 1))
    chance_of_it = len(graph(rewired) & other) / len(pairs)
    assert len(graph(rewired) & graph(given)) / len(pairs) == pytest.approx(chance_of_it, abs=0.01)


def names(n: int, v: int) -> tuple[list[str], list[str]]:
    return [f"T{i:03d}" for i in range(n)], [f"V{i:03d}" for i in range(v)]


@pytest.mark.parametrize(("n", "v"), [(2, 0), (1, 1), (0, 2), (2, 1), (5, 3), (80, 60)])
def test_no_label_stays_where_it_was(n: int, v: int) -> None:
    for seed in range(50):
        labels = permute_labels(*names(n, v), seed)
        assert labels.dtype == np.intp
        assert sorted(labels.tolist()) == list(range(n + v))
        assert not (labels == np.arange(n + v)).any()


@pytest.mark.parametrize(("n", "v"), [(0, 0), (1, 0), (0, 1)])
def test_there_is_no_other_label_to_take(n: int, v: int) -> None:
    assert permute_labels(*names(n, v), 0).tolist() == list(range(n + v))


def test_labels_are_the_same_for_a_seed_and_no_other() -> None:
    one, again, other = (permute_labels(*names(30, 10), seed).tolist() for seed in (3, 3, 4))
    assert one == again != other


def test_every_label_is_as_likely() -> None:
    drawn = np.array([permute_labels(*names(3, 1), seed) for seed in range(900)])
    # Six cycles through four genes, in which each gene meets each other one twice.
    _, counts = np.unique(drawn, axis=0, return_counts=True)
    assert len(counts) == 6
    assert ((counts - 150) ** 2 / 150).sum() < 15  # 1 % of χ² with 5 degrees of freedom


def test_labels_do_not_depend_on_the_order_of_rows() -> None:
    training, validation = names(12, 5)
    random = np.random.default_rng(0)
    one, other = random.permutation(12), random.permutation(5)
    shuffled = [training[i] for i in one], [validation[i] for i in other]
    plain = [*training, *validation]
    place = dict(zip(plain, permute_labels(training, validation, 4), strict=True))
    rows = [*shuffled[0], *shuffled[1]]
    found = permute_labels(*shuffled, 4)
    assert [rows[i] for i in found] == [plain[place[name]] for name in rows]

"""From links to the adjacency matrix and the Laplacian, against matrices made by hand."""

from __future__ import annotations

import gzip
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import scipy.sparse as sp
from scipy.stats import chi2

from echoes.io.errors import InputError
from echoes.network import graph as module
from echoes.network.graph import (
    Links,
    Network,
    build_network,
    degree,
    isolated,
    random_walk_laplacian,
    read_positions,
    rewire,
)
from echoes.network.string_db import read_info, read_links


def links(*rows: tuple[str, str, float], names: tuple[str, ...] = ()) -> Links:
    """Links as they stand in a file, one row a direction."""
    known = tuple(sorted({gene for a, b, _ in rows for gene in (a, b)} | set(names)))
    position = {gene: i for i, gene in enumerate(known)}
    return Links(
        file="links.txt",
        names=known,
        source=np.array([position[a] for a, _, _ in rows], dtype=np.int32),
        target=np.array([position[b] for _, b, _ in rows], dtype=np.int32),
        score=np.array([round(1000 * weight) for _, _, weight in rows], dtype=np.int32),
        rows=len(rows),
        unmapped=0,
    )


def both_ways(*pairs: tuple[str, str, float], names: tuple[str, ...] = ()) -> Links:
    rows = [row for a, b, weight in pairs for row in ((a, b, weight), (b, a, weight))]
    return links(*rows, names=names)


PATH = both_ways(("B", "C", 0.5), ("A", "B", 0.75))


@pytest.mark.parametrize("multiplicity", [1, 2])
@pytest.mark.parametrize("self_loop", [0.0, 1.0, 2.5])
def test_adjacency_by_hand(multiplicity: float, self_loop: float) -> None:
    network = build_network(
        PATH, ["B", "Z", "D"], self_loop=self_loop, edge_multiplicity=multiplicity
    )
    m, s, alone = multiplicity, self_loop, self_loop or 1.0
    expected = [
        [s, 0.75 * m, 0, 0, 0],
        [0.75 * m, s, 0.5 * m, 0, 0],
        [0, 0.5 * m, s, 0, 0],
        [0, 0, 0, alone, 0],
        [0, 0, 0, 0, alone],
    ]
    assert network.genes == ("A", "B", "C", "D", "Z")
    assert network.connected == 3
    np.testing.assert_array_equal(network.adjacency.toarray(), expected)
    # Neither zeros on the diagonal nor halves of entries are stored.
    assert network.adjacency.nnz == np.count_nonzero(expected)
    assert network.adjacency.has_sorted_indices
    np.testing.assert_array_equal(degree(network.adjacency), np.sum(expected, axis=1))


def test_published_adjacency_is_the_default_with_multiplicity_two() -> None:
    given = build_network(PATH, [], edge_multiplicity=2).adjacency
    plain = build_network(PATH, [], self_loop=0.0).adjacency
    np.testing.assert_array_equal(given.toarray(), 2 * plain.toarray() + np.eye(3))


def test_rows_of_one_pair_add_up() -> None:
    network = build_network(
        both_ways(("A", "B", 0.5), ("A", "B", 0.25), ("B", "C", 0.5)), [], self_loop=0.0
    )
    np.testing.assert_array_equal(
        network.adjacency.toarray(), [[0, 0.75, 0], [0.75, 0, 0.5], [0, 0.5, 0]]
    )


def test_proteins_of_one_name_add_up_and_loop(tmp_path: Path) -> None:
    info, table = tmp_path / "info.txt", tmp_path / "links.txt.gz"
    info.write_text(
        "#string_protein_id\tpreferred_name\tprotein_size\tannotation\n"
        + "".join(f"{i}\t{name}\t1\tnone\n" for i, name in [("p1", "A"), ("p2", "A"), ("q", "B")])
    )
    pairs = [("p1", "q", 500), ("p2", "q", 750), ("p1", "p2", 625)]
    table.write_bytes(
        gzip.compress(
            "".join(
                ["protein1 protein2 combined_score\n"]
                + [f"{a} {b} {s}\n{b} {a} {s}\n" for a, b, s in pairs]
            ).encode()
        )
    )
    network = build_network(read_links(table, read_info(info), {"A"}, 0.5), {"A"})
    assert network.genes == ("A", "B")
    # A's own two proteins link it to itself, once from each.
    np.testing.assert_array_equal(network.adjacency.toarray(), [[2.25, 1.25], [1.25, 1]])


def test_a_gene_linked_to_itself_alone_is_isolated() -> None:
    network = build_network(both_ways(("A", "B", 0.5), ("C", "C", 0.75)), ["C"])
    assert network.genes == ("A", "B", "C")
    assert network.connected == 2
    np.testing.assert_array_equal(
        network.adjacency.toarray(), [[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]]
    )


def test_rows_of_one_pair_may_stand_in_any_order() -> None:
    forth = [("A", "B", weight) for weight in (0.7, 0.8, 0.9, 0.6)]
    back = [("B", "A", weight) for weight in (0.7, 0.9, 0.8, 0.6)]
    adjacency = build_network(links(*forth, *back), [], self_loop=0.0).adjacency.toarray()
    np.testing.assert_allclose(adjacency, [[0, 3], [3, 0]], rtol=1e-14)
    np.testing.assert_array_equal(adjacency, adjacency.T)


def test_every_gene_has_a_degree_when_links_weigh_nothing() -> None:
    network = build_network(both_ways(("A", "B", 0.0), ("B", "C", 0.5)), [], self_loop=0.0)
    assert (degree(network.adjacency) > 0).all()


@pytest.mark.parametrize("self_loop", [0, 2])
def test_whole_numbers_are_as_good_as_floats(self_loop: int) -> None:
    given = build_network(PATH, ["Z"], self_loop=self_loop).adjacency
    expected = build_network(PATH, ["Z"], self_loop=float(self_loop)).adjacency
    assert given.dtype == np.float64
    np.testing.assert_array_equal(given.toarray(), expected.toarray())


def test_order_is_connected_then_isolated_each_sorted() -> None:
    table = both_ways(("M", "Y", 0.5), ("C", "M", 0.5), names=("A", "B", "Q", "Z"))
    network = build_network(table, ["Z", "A", "M", "K"])
    # B and Q are in the info table only: neither linked nor core.
    assert network.genes == ("C", "M", "Y", "A", "K", "Z")
    assert network.connected == 3
    linked = network.adjacency.toarray()[:3, :3] - np.eye(3)
    np.testing.assert_array_equal(linked, [[0, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0]])


def test_order_of_rows_and_core_does_not_matter() -> None:
    rows = [("A", "B", 0.5), ("B", "A", 0.5), ("B", "C", 0.75), ("C", "B", 0.75)]
    one = build_network(links(*rows), ["X", "A", "W"])
    other = build_network(links(*reversed(rows)), {"W", "X", "A"})
    assert one.genes == other.genes
    np.testing.assert_array_equal(one.adjacency.indices, other.adjacency.indices)
    np.testing.assert_array_equal(one.adjacency.data, other.adjacency.data)


@pytest.mark.parametrize(
    "rows",
    [
        [("A", "B", 0.5), ("B", "A", 0.5), ("ZEB1", "EGFR", 0.5)],
        [("A", "B", 0.5), ("B", "A", 0.5), ("ZEB1", "EGFR", 0.5), ("EGFR", "ZEB1", 0.625)],
    ],
    ids=["missing", "different"],
)
def test_one_direction_names_the_pair(rows: list[tuple[str, str, float]]) -> None:
    with pytest.raises(InputError, match=r"links\.txt: EGFR and ZEB1: the two directions"):
        build_network(links(*rows), [])


@pytest.mark.parametrize("self_loop", [0.0, 1.0, 2.5])
def test_laplacian_equals_the_dense_formula(self_loop: float) -> None:
    table = both_ways(("A", "B", 0.9), ("A", "C", 0.6), ("C", "D", 0.513), ("D", "E", 0.999))
    network = build_network(table, ["Z"], self_loop=self_loop, edge_multiplicity=2)
    dense = network.adjacency.toarray()
    laplacian = random_walk_laplacian(network.adjacency).toarray()
    np.testing.assert_allclose(
        laplacian, np.eye(6) - dense @ np.linalg.inv(np.diag(dense.sum(axis=1))), atol=1e-15
    )
    np.testing.assert_allclose(laplacian.sum(axis=0), 0, atol=1e-15)
    # Rows do not sum to 0: it is the columns that a walker leaves by.
    assert np.abs(laplacian.sum(axis=1)).max() > 0.1
    # Nobody leaves a gene without links.
    np.testing.assert_array_equal(laplacian[5], 0)


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
        count = module._swap_ends(ends, n, np.random.default_rng(seed))
        after = ends.copy()
        assert module._swap_ends(ends, n, np.random.default_rng(seed)) == count
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


def test_isolated_keeps_the_given_order() -> None:
    network = build_network(PATH, ["Z", "Q", "K"])
    assert isolated(network, ["Z", "A", "K"], ["Q", "B"]) == (["Z", "K"], ["Q"])
    assert isolated(network, ["A"], ["Q"]) == ([], ["Q"])
    assert isolated(network, ["A"], []) == ([], [])


def test_isolated_raises_when_no_training_gene_is_reached() -> None:
    network = build_network(PATH, ["Z", "Q"])
    with pytest.raises(InputError, match=r"links\.txt: no silenced gene has a link \(Z, Q\)"):
        isolated(network, ["Z", "Q"], ["A"])


def write_genes(path: Path, network: Network) -> None:
    rows = [f"{gene}\t{i < network.connected}\n" for i, gene in enumerate(network.genes)]
    path.write_text("gene\tconnected\n" + "".join(rows), encoding="utf-8")


def test_read_positions(tmp_path: Path) -> None:
    path = tmp_path / "genes.tsv"
    write_genes(path, build_network(PATH, ["Z", "D"]))
    np.testing.assert_array_equal(read_positions(path, ["Z", "A", "C", "A"]), [4, 0, 2, 0])
    assert read_positions(path, []).shape == (0,)


def test_read_positions_names_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "genes.tsv"
    write_genes(path, build_network(PATH, []))
    with pytest.raises(InputError, match=r"genes\.tsv: column gene: X, Y missing"):
        read_positions(path, ["A", "X", "B", "Y"])


def test_read_positions_takes_no_header_for_a_gene(tmp_path: Path) -> None:
    path = tmp_path / "genes.tsv"
    write_genes(path, build_network(PATH, []))
    with pytest.raises(InputError, match="gene missing"):
        read_positions(path, ["gene"])

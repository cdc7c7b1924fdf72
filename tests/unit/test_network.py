"""From links to the adjacency matrix and the Laplacian, against matrices made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from echoes.io.errors import InputError
from echoes.network.graph import (
    Network,
    build_network,
    check_connected,
    degree,
    random_walk_laplacian,
    read_genes,
    read_positions,
    summarise,
    write_genes,
)
from echoes.network.links import Links


def links(*pairs: tuple[str, str, float], names: tuple[str, ...] = ()) -> Links:
    """Links between genes by name, in any order."""
    known = tuple(sorted({gene for a, b, _ in pairs for gene in (a, b)} | set(names)))
    rows = sorted((*sorted((known.index(a), known.index(b))), weight) for a, b, weight in pairs)
    return Links(
        file="links.txt",
        names=known,
        source=np.array([source for source, _, _ in rows], dtype=np.int32),
        target=np.array([target for _, target, _ in rows], dtype=np.int32),
        weight=np.array([weight for _, _, weight in rows], dtype=np.float64),
    )


def network_of(
    table: Links,
    core: list[str] | set[str],
    *,
    self_loop: float = 1.0,
    edge_multiplicity: float = 1.0,
) -> Network:
    return build_network(table, core, self_loop=self_loop, edge_multiplicity=edge_multiplicity)


PATH = links(("B", "C", 0.5), ("A", "B", 0.75))


@pytest.mark.parametrize("multiplicity", [1, 2])
@pytest.mark.parametrize("self_loop", [0.0, 1.0, 2.5])
def test_adjacency_by_hand(multiplicity: float, self_loop: float) -> None:
    network = network_of(PATH, ["B", "Z", "D"], self_loop=self_loop, edge_multiplicity=multiplicity)
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
    given = network_of(PATH, [], edge_multiplicity=2).adjacency
    plain = network_of(PATH, [], self_loop=0.0).adjacency
    np.testing.assert_array_equal(given.toarray(), 2 * plain.toarray() + np.eye(3))


def test_a_link_of_a_gene_with_itself_counts_twice_as_both_its_ends_are_there() -> None:
    table = links(("A", "A", 0.625), ("A", "B", 1.25))
    network = network_of(table, {"A"}, edge_multiplicity=2)
    assert network.genes == ("A", "B")
    np.testing.assert_array_equal(network.adjacency.toarray(), [[3.5, 2.5], [2.5, 1]])


def test_a_gene_linked_to_itself_alone_is_isolated() -> None:
    network = network_of(links(("A", "B", 0.5), ("C", "C", 0.75)), ["C"])
    assert network.genes == ("A", "B", "C")
    assert network.connected == 2
    np.testing.assert_array_equal(
        network.adjacency.toarray(), [[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]]
    )


def test_every_gene_has_a_degree_when_links_weigh_nothing() -> None:
    network = network_of(links(("A", "B", 0.0), ("B", "C", 0.5)), [], self_loop=0.0)
    assert (degree(network.adjacency) > 0).all()


@pytest.mark.parametrize("self_loop", [0, 2])
def test_whole_numbers_are_as_good_as_floats(self_loop: int) -> None:
    given = network_of(PATH, ["Z"], self_loop=self_loop).adjacency
    expected = network_of(PATH, ["Z"], self_loop=float(self_loop)).adjacency
    assert given.dtype == np.float64
    np.testing.assert_array_equal(given.toarray(), expected.toarray())


def test_order_is_connected_then_isolated_each_sorted() -> None:
    table = links(("M", "Y", 0.5), ("C", "M", 0.5), names=("A", "B", "Q", "Z"))
    network = network_of(table, ["Z", "A", "M", "K"])
    # B and Q are in the info table only: neither linked nor core.
    assert network.genes == ("C", "M", "Y", "A", "K", "Z")
    assert network.connected == 3
    linked = network.adjacency.toarray()[:3, :3] - np.eye(3)
    np.testing.assert_array_equal(linked, [[0, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0]])


def test_order_of_core_does_not_matter() -> None:
    one, other = network_of(PATH, ["X", "A", "W"]), network_of(PATH, {"W", "X", "A"})
    assert one.genes == other.genes
    np.testing.assert_array_equal(one.adjacency.indices, other.adjacency.indices)
    np.testing.assert_array_equal(one.adjacency.data, other.adjacency.data)


@pytest.mark.parametrize("self_loop", [0.0, 1.0, 2.5])
def test_laplacian_equals_the_dense_formula(self_loop: float) -> None:
    table = links(("A", "B", 0.9), ("A", "C", 0.6), ("C", "D", 0.513), ("D", "E", 0.999))
    network = network_of(table, ["Z"], self_loop=self_loop, edge_multiplicity=2)
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


@pytest.mark.parametrize(
    "pairs",
    [[(0, 1), (0, 0)], [(0, 1), (0, 1)], [(1, 0)]],
    ids=["not sorted", "twice", "the wrong way round"],
)
def test_links_that_are_no_table_are_refused(pairs: list[tuple[int, int]]) -> None:
    source, target = np.array(pairs, dtype=np.int32).T
    with pytest.raises(ValueError, match="not sorted"):
        Links("links.txt", ("A", "B"), source, target, np.ones(len(pairs)))


def test_negative_links_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        links(("A", "B", -0.5))


def test_isolated_keeps_the_given_order() -> None:
    network = network_of(PATH, ["Z", "Q", "K"])
    assert network.isolated(["Z", "A", "K"]) == ["Z", "K"]
    assert network.isolated(["Q", "B", "Q"]) == ["Q", "Q"]
    assert network.isolated(["A"]) == network.isolated([]) == []


def test_one_silenced_gene_needs_a_link() -> None:
    network = network_of(PATH, ["Z", "Q"])
    check_connected(network, PATH, {"Z": "Z", "also A": "A"})
    with pytest.raises(InputError) as error:
        check_connected(network, PATH, {"7157": "Z", "Q": "Q"})
    assert str(error.value).startswith(
        "links.txt: no silenced gene has a link; the names are Entrez ids (7157, Q) and symbols "
        "(A, B, C); expected at least one of them in the network. Check the species and"
    )


def test_summary() -> None:
    table = links(("B", "C", 0.5), ("A", "B", 0.75), names=("Q",))
    network = network_of(table, ["Z", "Q"])
    groups = {"train": ["Q", "old", "Z"], "validation": ["B"]}
    assert summarise(network, table, groups, {"Q": "Q", "old": "A", "Z": "Z", "B": "B"}) == {
        "kept_links": 2,
        "genes": 5,
        "connected_genes": 3,
        "isolated_genes": 2,
        "adjacency_entries": 5 + 4,
        "perturbed": {
            "train": {"genes": 3, "isolated": ["Q", "Z"], "not_in_network": ["Z"]},
            "validation": {"genes": 1, "isolated": [], "not_in_network": []},
        },
        "isolated": ["Q", "Z"],
    }


def test_table_of_genes(tmp_path: Path) -> None:
    path = tmp_path / "genes.tsv"
    network = network_of(PATH, ["Z", "D"])
    write_genes(path, network, {"train": ["B", "Z"], "response": {"C", "B"}})
    assert path.read_text() == (
        "gene\tindex\trole\tconnected\n"
        "A\t0\t\t1\nB\t1\ttrain,response\t1\nC\t2\tresponse\t1\nD\t3\t\t0\nZ\t4\ttrain\t0\n"
    )
    assert read_genes(path) == network.genes
    np.testing.assert_array_equal(read_positions(path, ["Z", "A", "C", "A"], 5), [4, 0, 2, 0])
    assert read_positions(path, [], 5).shape == (0,)


@pytest.mark.parametrize("name", ["A,B", "α", 'say "x"'])
def test_any_gene_is_found_again_in_the_table_of_genes(tmp_path: Path, name: str) -> None:
    network = network_of(links(("A", name, 1.0), (name, "Z", 1.0)), [])
    write_genes(tmp_path / "genes.tsv", network, {})
    assert read_genes(tmp_path / "genes.tsv") == network.genes
    positions = read_positions(tmp_path / "genes.tsv", [name], 3)
    assert [network.genes[i] for i in positions] == [name]


def test_read_positions_names_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "genes.tsv"
    write_genes(path, network_of(PATH, []), {})
    with pytest.raises(InputError, match=r"genes\.tsv: column gene: X, Y missing"):
        read_positions(path, ["A", "X", "B", "Y"], 3)


def test_read_positions_takes_no_header_for_a_gene(tmp_path: Path) -> None:
    path = tmp_path / "genes.tsv"
    write_genes(path, network_of(PATH, []), {})
    with pytest.raises(InputError, match="gene missing"):
        read_positions(path, ["gene"], 3)

"""From links to the adjacency matrix and the Laplacian, against matrices made by hand."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from echoes.errors import InputError
from echoes.network import (
    Links,
    Network,
    build_network,
    degree,
    isolated,
    random_walk_laplacian,
    read_positions,
)
from echoes.string_db import read_info, read_links


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

"""From links to a weighted graph, its adjacency matrix and its random-walk Laplacian."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from echoes.io.arrays import Bools, Floats, Ints, positions
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.io.records import Layout, wrong_record
from echoes.network.identifiers import kind_of_name
from echoes.network.links import Links


@dataclass(frozen=True)
class Network:
    """A graph of N genes.

    Parameters
    ----------
    genes
        N gene names: first the genes with a link to another gene, then the core genes without
        one; each of the two parts is sorted.
    connected
        Number of genes with a link to another gene.
    adjacency
        (N, N) symmetric CSR matrix of weights, with self-loops on the diagonal.
    file
        The file that the links were read from.
    """

    genes: tuple[str, ...]
    connected: int
    adjacency: sp.csr_array[np.float64]
    file: str

    def isolated(self, genes: Sequence[str]) -> list[str]:
        """Those of the given genes without a link to another gene, in the given order."""
        linked = set(self.genes[: self.connected])
        return [gene for gene in genes if gene not in linked]


def build_network(
    links: Links, core: Collection[str], *, self_loop: float, edge_multiplicity: float
) -> Network:
    """Build the graph of all linked genes and all core genes: A = multiplicity · W + self_loop · I.

    W = U + Uᵀ is symmetric, where U has each link once. Therefore a link of a gene to itself
    adds twice its weight to the diagonal; it does not connect the gene.

    Parameters
    ----------
    links
        Links between genes.
    core
        Names of genes that are in the network even if they have no link.
    self_loop
        Weight that is added to each gene's link to itself. If it is 0, genes without any link
        get a self-loop of 1, so that a random walk can stay there.
    edge_multiplicity
        Factor of all links. It is 2 in the published method, which reads each link twice: once
        in each direction.
    """
    joins = (links.weight > 0) & (links.source != links.target)
    used = np.union1d(links.source[joins], links.target[joins])
    kept = (links.weight > 0) & np.isin(links.source, used)
    linked = [links.names[i] for i in used]
    genes = (*linked, *sorted(set(core) - set(linked)))
    # Names are sorted, so `used` has them in the order of the network.
    renumber = np.empty(len(links.names), dtype=np.int32)
    renumber[used] = np.arange(len(used))
    n = len(genes)
    ends = (renumber[links.source[kept]], renumber[links.target[kept]])
    half = sp.coo_array((links.weight[kept], ends), shape=(n, n)).tocsr()
    weights = sp.csr_array(half + half.T)
    weights.data *= edge_multiplicity
    loops = np.full(n, self_loop, dtype=np.float64)
    loops[len(linked) :] = self_loop or 1.0
    adjacency = sp.csr_array(weights + sp.diags_array(loops))
    adjacency.sort_indices()
    return Network(genes, len(linked), adjacency, links.file)


#: Columns of the table of genes.
_COLUMNS = ["gene", "index", "role", "connected"]
_LAYOUT = Layout(
    {"data": "float m", "indices": "int m", "indptr": "int p", "shape": "int d"},
    # Data set, networks, network, file.
    depth=4,
)


def save_matrix(path: StrPath, matrix: sp.csr_array[np.float64]) -> None:
    """Write a matrix of a network in the npz format of `scipy.sparse.save_npz`."""
    arrays = {name: getattr(matrix, name) for name in ("indices", "indptr", "shape", "data")}
    kind = {"format": np.array(b"csr"), "_is_array": np.array(True)}
    _LAYOUT.save(path, arrays | kind, compress=True)


def load_matrix(path: StrPath) -> sp.csr_array[np.float64]:
    """Read a matrix that `save_matrix` wrote.

    Raises
    ------
    InputError
        If the file is no such matrix or damaged, is that of another network, has numbers that are
        not finite, or positions outside of the matrix.
    """
    data, indices, indptr, shape = _LAYOUT.load(path, d=2)
    try:
        matrix = sp.csr_array((data, indices, indptr), shape=tuple(shape))
        matrix.check_format(full_check=True)
    except ValueError as error:
        raise wrong_record(path, "", str(error), "a matrix that this workflow wrote") from error
    if shape[0] != shape[1]:
        raise wrong_record(path, "", f"a matrix of shape {shape.tolist()}", "a square one")
    return matrix


def degree(adjacency: sp.csr_array[np.float64]) -> Floats:
    """Sum of the weights of each gene's links, with its self-loop: A·1, shape (N,)."""
    return np.asarray(adjacency @ np.ones(adjacency.shape[0]))


def has_link(adjacency: sp.csr_array[np.float64]) -> Bools:
    """Whether each gene has a link to another gene, (N,)."""
    linked: Bools = link_counts(adjacency) > 0
    return linked


def link_counts(adjacency: sp.csr_array[np.float64]) -> Ints:
    """Count the other genes that each gene is linked to, (N,)."""
    counts: Ints = np.diff(adjacency.indptr) - (adjacency.diagonal() != 0)
    return counts


def random_walk_laplacian(adjacency: sp.csr_array[np.float64]) -> sp.csr_array[np.float64]:
    """Random-walk Laplacian I − A·D⁻¹ with D = diag(A·1), shape (N, N); its columns sum to 0."""
    n = adjacency.shape[0]
    walk = adjacency @ sp.diags_array(1 / degree(adjacency))
    return sp.csr_array(sp.eye_array(n) - walk)


def kinds_of_names(*lists: Sequence[str]) -> str:
    """Write what kinds of names some lists have, each with its first names."""
    return " and ".join(
        f"{kind_of_name(names[0])} ({abbreviate(names, 3)})" for names in lists if names
    )


def check_connected(network: Network, links: Links, silenced: Mapping[str, str]) -> None:
    """Check that at least one of the silenced genes of the training set has a link.

    Parameters
    ----------
    network
        The network.
    links
        The links that it was built from.
    silenced
        The node of each silenced gene, by the gene's name in the screen.

    Raises
    ------
    InputError
        When none of them has one: then no diffusion depends on the network.
    """
    if len(network.isolated(list(silenced.values()))) == len(silenced):
        raise InputError(
            network.file,
            "",
            "no silenced gene has a link; the names are "
            f"{kinds_of_names(list(silenced), links.names)}",
            expected="at least one of them in the network",
            remedy="Check the species and the kind of names, give a table of other names "
            "(`names: {table: …}`), or lower `score_threshold:` of the network.",
        )


def summarise(
    network: Network,
    links: Links,
    perturbed: Mapping[str, Sequence[str]],
    nodes: Mapping[str, str],
) -> dict[str, Any]:
    """Count the genes and links of a network, and list the genes without a link.

    Parameters
    ----------
    network
        The network.
    links
        The links that it was built from.
    perturbed
        The silenced genes of each group of perturbations, by the name of the group.
    nodes
        The node of each silenced gene.

    Returns
    -------
    dict
        Numbers and gene names, to be written as JSON.
    """
    named, linked = set(links.names), set(network.genes[: network.connected])
    isolated = {
        group: [gene for gene in genes if nodes[gene] not in linked]
        for group, genes in perturbed.items()
    }
    return {
        "kept_links": len(links.weight),
        "genes": len(network.genes),
        "connected_genes": network.connected,
        "isolated_genes": len(network.genes) - network.connected,
        "adjacency_entries": network.adjacency.nnz,
        "perturbed": {
            group: {
                "genes": len(genes),
                "isolated": isolated[group],
                "not_in_network": [gene for gene in isolated[group] if nodes[gene] not in named],
            }
            for group, genes in perturbed.items()
        },
        "isolated": list(network.genes[network.connected :]),
    }


def write_genes(path: StrPath, network: Network, groups: Mapping[str, Collection[str]]) -> None:
    """Write the table of the network's genes, tab-separated, one row a gene.

    Its columns are ``gene``; ``index``, the gene's position in the network; ``role``, the
    groups that the gene belongs to, with commas; and ``connected``, 1 if it has a link.

    Parameters
    ----------
    path
        The file to write.
    network
        The network.
    groups
        Gene names of each group, by the name of the group.
    """
    # Imported here, so that jobs that only read the table need not load pyarrow.
    from echoes.io.tables import write_rows

    roles = {name: set(genes) for name, genes in groups.items()}
    rows = (
        [
            gene,
            index,
            ",".join(name for name, genes in roles.items() if gene in genes),
            int(index < network.connected),
        ]
        for index, gene in enumerate(network.genes)
    )
    write_rows(path, _COLUMNS, rows, delimiter="\t")


def read_genes(path: StrPath) -> tuple[str, ...]:
    """Read the names of the network's genes, in their order, from the table of `write_genes`.

    Raises
    ------
    InputError
        When the genes are not in the order of `Network`: then they are not those of its matrix.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as lines:
            header, *rows = [row for row in csv.reader(lines, delimiter="\t") if row]
        keys = [(-int(connected), gene) for gene, _, _, connected in rows]
        ordered = header == _COLUMNS and [int(row[1]) for row in rows] == list(range(len(rows)))
    except (ValueError, csv.Error):
        rows, keys, ordered = [], [], False
    if not ordered or any(a >= b for a, b in itertools.pairwise(keys)):
        raise wrong_record(
            path, "", "the genes are in another order", "that of the network, with their index"
        )
    return tuple(row[0] for row in rows)


def read_positions(path: StrPath, genes: Sequence[str], count: int) -> Ints:
    """Look up the positions of genes in the network, from the table of `write_genes`.

    Parameters
    ----------
    path
        The table of the network's genes.
    genes
        k names of nodes (see `echoes.network.nodes`); a name may be repeated.
    count
        Number of the genes of the network.

    Returns
    -------
    array
        (k,) positions.

    Raises
    ------
    InputError
        When a gene is not in the network, or the table is that of another network.
    """
    known = read_genes(path)
    if len(known) != count:
        raise wrong_record(path, "", f"{len(known)} genes", f"the {count} of the matrix")
    position = positions(genes, known)
    missing = [gene for gene, place in zip(genes, position.tolist(), strict=True) if place < 0]
    if missing:
        raise InputError(
            path,
            "column gene",
            f"{abbreviate(missing)} missing",
            expected="all silenced genes",
            remedy="Build the network again from the same perturbations.",
        )
    return position

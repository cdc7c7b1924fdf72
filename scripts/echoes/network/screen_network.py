"""The network of a screen: its genes are found among the links' names, and the graph is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from echoes.io.errors import InputError
from echoes.network.aliases import Names
from echoes.network.graph import (
    Network,
    build_network,
    check_connected,
    kinds_of_names,
    summarise,
)
from echoes.network.links import Links, links_of_core
from echoes.network.matches import Matches, match_names, misspelled, warnings
from echoes.network.nodes import RESPONSE, SILENCED

# With fewer response genes than this, it may be chance that none is in the network.
_FEW = 5


@dataclass(frozen=True)
class ScreenNetwork:
    """The network around the genes of a screen.

    Parameters
    ----------
    network
        The graph.
    matches
        What the silenced and the response genes matched in it, by `SILENCED` and `RESPONSE`.
    groups
        Names of the nodes of ``train``, ``validation`` and ``response`` genes.
    summary
        Counts and warnings, to be written as JSON.
    """

    network: Network
    matches: Mapping[str, Matches]
    groups: Mapping[str, Sequence[str]]
    summary: Mapping[str, Any]


def build_screen_network(
    links: Links,
    names: Names | None,
    silenced: Mapping[str, Sequence[str]],
    response: Sequence[str],
    *,
    self_loop: float,
    edge_multiplicity: float,
    asked: bool = False,
    every_gene: bool = False,
) -> ScreenNetwork:
    """Find the genes of a screen in a network, and build the graph of the links around them.

    Two silenced genes never share a node, nor do two response genes; a silenced gene and a
    response gene may. A gene that is not found is a node without links, under its own name.

    Parameters
    ----------
    links
        All links.
    names
        Other names of genes; None if there are none.
    silenced
        The silenced genes of the groups ``train`` and ``validation``; a gene may be repeated.
    response
        The response genes.
    self_loop, edge_multiplicity
        See `echoes.network.graph.build_network`.
    asked
        Whether the genes of ``validation`` were named by hand: then there is a warning of each
        that is not in the network, with similar names.
    every_gene
        Whether to keep all links, and not only those around the genes of the screen.

    Raises
    ------
    InputError
        When no silenced gene of ``train`` has a link, or no response gene is in the network.
    """
    every = list(dict.fromkeys(gene for genes in silenced.values() for gene in genes))
    matches = {
        SILENCED: match_names(every, links.names, names),
        RESPONSE: match_names(response, links.names, names),
    }
    core = {node for found in matches.values() for node in found.names()}
    around = links if every_gene else links_of_core(links, core)
    network = build_network(around, core, self_loop=self_loop, edge_multiplicity=edge_multiplicity)
    nodes = matches[SILENCED].nodes()
    check_connected(network, links, {gene: nodes[gene] for gene in silenced["train"]})
    if len(response) >= _FEW and not any(matches[RESPONSE].matched):
        raise InputError(
            network.file,
            "",
            f"none of the {len(response):,} response genes is in the network; the names are "
            f"{kinds_of_names(response, links.names)}",
            expected="names of the same kind",
            remedy="Check the species and the kind of names, or give a table of other names: "
            "`names: {table: …}`.",
        )
    groups = {group: [nodes[gene] for gene in genes] for group, genes in silenced.items()}
    summary = {
        "core_genes": len(core),
        **summarise(network, around, silenced, nodes),
        "coverage": {role: found.counts() for role, found in matches.items()},
        "warnings": [
            *(told for role, found in matches.items() for told in warnings(found, role)),
            *(misspelled(matches[SILENCED], silenced["validation"], links.names) if asked else ()),
        ],
    }
    return ScreenNetwork(
        network, matches, {**groups, "response": matches[RESPONSE].names()}, summary
    )

"""The genes around a silenced gene, by where a walk from it is most often."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from echoes.io.arrays import Floats, Ints, largest_places


@dataclass(frozen=True)
class Neighbourhood:
    """Nodes around a perturbation, the silenced gene or genes first.

    Parameters
    ----------
    nodes
        (k,) positions in the network, by falling mass after the silenced ones.
    mass
        (k,) share of the walk that is at each of them.
    links
        Pairs of places in `nodes` that a link joins.
    """

    nodes: Ints
    mass: Floats
    links: list[tuple[int, int]]


def neighbourhood(
    diffusion: Floats, silenced: Ints, adjacency: sp.csr_array[np.float64], size: int
) -> Neighbourhood:
    """Find the nodes that get the most of a diffusion, and the links between them.

    Parameters
    ----------
    diffusion
        (N,) probabilities of a random walk with restart from the silenced genes.
    silenced
        (s,) positions of the silenced genes in the network.
    adjacency
        (N, N) weights of links.
    size
        Most nodes beside the silenced ones. A node without mass is left out.
    """
    others = diffusion.copy()
    others[silenced] = 0.0
    count = min(size, int(np.count_nonzero(others > 0)))
    nodes = np.concatenate([silenced, largest_places(others, count)])
    links = []
    linked = np.zeros(len(diffusion), dtype=np.bool_)
    # SciPy takes many times as long to cut out so few rows and columns.
    for i, node in enumerate(nodes):
        row = adjacency.indices[adjacency.indptr[node] : adjacency.indptr[node + 1]]
        linked[row] = True
        links += [(i, i + 1 + int(k)) for k in np.flatnonzero(linked[nodes[i + 1 :]])]
        linked[row] = False
    return Neighbourhood(nodes, diffusion[nodes], links)

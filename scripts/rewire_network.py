"""Rewire the network at random; each gene keeps its number of links."""

import logging
from collections.abc import Sequence

import numpy as np

from echoes.io.arrays import load_matrix, save_matrix
from echoes.io.command import parser, run
from echoes.network.null import rewire

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--adjacency", required=True, help="npz of the adjacency matrix")
    args.add_argument("--seed", type=int, required=True, help="seed of the random numbers")
    args.add_argument("--output", required=True, help="npz of the rewired adjacency matrix")
    given = args.parse_args(argv)

    adjacency = load_matrix(given.adjacency)
    rewired = rewire(adjacency, given.seed)
    loops = np.count_nonzero(adjacency.diagonal())
    links, same = ((a.nnz - loops) // 2 for a in (adjacency, adjacency.multiply(rewired)))
    log.info("%d links; %d of them join genes that were linked before", links, same)
    save_matrix(given.output, rewired)


if __name__ == "__main__":
    run(main)

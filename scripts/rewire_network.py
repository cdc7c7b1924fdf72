"""Rewire the network at random; each gene keeps its number of links."""

import logging
from collections.abc import Sequence

import numpy as np

from echoes.io.command import parser, run, whole
from echoes.network.graph import load_matrix, save_matrix
from echoes.network.null import rewire

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--adjacency", required=True, help="npz of the adjacency matrix")
    options.add_argument("--seed", type=whole(0), required=True, help="seed of the random numbers")
    options.add_argument("--output", required=True, help="npz of the rewired adjacency matrix")
    args = options.parse_args(argv)

    adjacency = load_matrix(args.adjacency)
    rewired = rewire(adjacency, args.seed)
    loops = np.count_nonzero(adjacency.diagonal())
    links, same = ((a.nnz - loops) // 2 for a in (adjacency, adjacency.multiply(rewired)))
    log.info("%d links; %d of them join genes that were linked before", links, same)
    save_matrix(args.output, rewired)


if __name__ == "__main__":
    run(main)

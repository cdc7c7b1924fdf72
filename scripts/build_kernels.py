"""Compute kernels, the inner products of silenced genes' diffusions, for models that need them."""

import logging
from collections.abc import Sequence

import numpy as np

from echoes.io.arrays import row_blocks
from echoes.io.command import parser, run, whole
from echoes.models.kernels import Kernels, reach, save_kernels
from echoes.network.diffusion import load_diffusions
from echoes.network.features import TRANSFORMS, transform
from echoes.network.graph import degree, has_link, load_matrix, read_positions
from echoes.network.nodes import RESPONSE, SILENCED, read_nodes
from echoes.network.null import permute_labels
from echoes.screen import record

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--diffusions", nargs="+", required=True, help="npz files, in order")
    options.add_argument(
        "--adjacency", required=True, help="npz of their network's adjacency matrix"
    )
    options.add_argument("--genes", required=True, help="table of the network's genes")
    options.add_argument("--coverage", required=True, help="table of the node of each gene")
    options.add_argument("--perturbations", required=True, help="npz of the screen")
    options.add_argument(
        "--transform", choices=TRANSFORMS, required=True, help="transformation of the diffusions"
    )
    options.add_argument(
        "--permute-labels", nargs="?", type=whole(0), help="seed to shuffle the silenced genes with"
    )
    options.add_argument("--output", required=True, help="npz of the kernels")
    args = options.parse_args(argv)

    (genes,) = record.load_fields(args.perturbations, "genes")
    training, validation = record.load_sets(args.perturbations)
    sets = [*training, *validation]
    names = [gene for genes_of_one in sets for gene in genes_of_one]
    adjacency = load_matrix(args.adjacency)
    count = adjacency.shape[0]
    silenced = read_positions(args.genes, read_nodes(args.coverage, SILENCED, names), count)
    degrees = degree(adjacency)
    # A pair is known if one of its genes is.
    starts = np.cumsum([0, *map(len, sets)])[:-1]
    linked = np.logical_or.reduceat(has_link(adjacency)[silenced], starts)
    places = None
    if args.permute_labels is not None:
        fields = record.load_fields(args.perturbations, "silenced", "validation_silenced")
        joined, asked = (each.tolist() for each in fields)
        places = permute_labels(joined, asked, args.permute_labels)
        linked = linked[places]
    log.info("%d of %d silenced genes have a link", linked.sum(), len(linked))
    nodes = read_nodes(args.coverage, RESPONSE, genes.tolist())
    measured = read_positions(args.genes, nodes, count)
    kernels = np.empty((len(args.diffusions), len(sets), len(sets)))
    shares = np.zeros((len(sets), len(measured)))
    # One after the other, and in place: several at once might not fit in the memory.
    for path, kernel in zip(args.diffusions, kernels, strict=True):
        walks = load_diffusions(path, n=len(training), v=len(validation), N=count)
        rows = np.vstack([walks.train, walks.validation]) if validation else walks.train
        del walks
        if places is not None:
            rows = rows[places]
        reached = reach([rows], measured)
        reached /= len(kernels)
        shares += reached
        for block in row_blocks(*rows.shape):
            rows[block] = transform(rows[block], degrees, args.transform)
        np.matmul(rows, rows.T, out=kernel)
        del rows, reached
    save_kernels(args.output, Kernels(kernels, shares, linked))


if __name__ == "__main__":
    run(main)

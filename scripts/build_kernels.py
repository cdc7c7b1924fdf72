"""Compare the silenced genes' diffusions: kernels for the models that learn from likeness."""

import logging
from collections.abc import Sequence

import numpy as np

from echoes.io.arrays import load_arrays, load_matrix, save_arrays
from echoes.io.command import parser, run
from echoes.models.kernels import build_kernels, reach
from echoes.network.features import TRANSFORMS, permute_labels, transform
from echoes.network.graph import degree, has_link, read_positions
from echoes.screen import record

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--diffusions", nargs="+", required=True, help="npz files, in order")
    args.add_argument("--adjacency", required=True, help="npz of their network's adjacency matrix")
    args.add_argument("--genes", required=True, help="table of the network's genes")
    args.add_argument("--perturbations", required=True, help="npz of the aligned tables")
    args.add_argument("--transform", choices=TRANSFORMS, default="none", help="of the diffusions")
    args.add_argument(
        "--permute-labels", nargs="?", type=int, help="seed to shuffle the silenced genes with"
    )
    args.add_argument("--output", required=True, help="npz of the kernels")
    given = args.parse_args(argv)

    genes, *symbols = record.load_fields(
        given.perturbations, "genes", "silenced", "validation_silenced"
    )
    silenced = read_positions(given.genes, np.concatenate(symbols).tolist())
    adjacency = load_matrix(given.adjacency)
    degrees = degree(adjacency)
    linked = has_link(adjacency)[silenced]
    diffusions = [np.vstack(load_arrays(path, "train", "validation")) for path in given.diffusions]
    if given.permute_labels is not None:
        places = permute_labels(len(symbols[0]), len(symbols[1]), given.permute_labels)
        diffusions = [diffusion[places] for diffusion in diffusions]
        linked = linked[places]
    log.info("%d of %d silenced genes have a link", linked.sum(), len(linked))
    save_arrays(
        given.output,
        {
            "kernels": build_kernels(
                [transform(diffusion, degrees, given.transform) for diffusion in diffusions]
            ),
            "reach": reach(diffusions, read_positions(given.genes, genes.tolist())),
            "known": linked,
        },
    )


if __name__ == "__main__":
    run(main)

"""Compare the silenced genes' diffusions: kernels for the models that learn from similar genes."""

import logging
from collections.abc import Sequence

import numpy as np

from echoes.io.arrays import load_matrix
from echoes.io.command import parser, run
from echoes.models.kernels import Kernels, build_kernels, reach, save_kernels
from echoes.network.diffusion import load_diffusions
from echoes.network.features import TRANSFORMS, transform
from echoes.network.graph import degree, has_link, read_positions
from echoes.network.null import permute_labels
from echoes.screen import record

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--diffusions", nargs="+", required=True, help="npz files, in order")
    args.add_argument("--adjacency", required=True, help="npz of their network's adjacency matrix")
    args.add_argument("--genes", required=True, help="table of the network's genes")
    args.add_argument("--perturbations", required=True, help="npz of the screen")
    args.add_argument(
        "--transform", choices=TRANSFORMS, required=True, help="transformation of the diffusions"
    )
    args.add_argument(
        "--permute-labels", nargs="?", type=int, help="seed to shuffle the silenced genes with"
    )
    args.add_argument("--output", required=True, help="npz of the kernels")
    given = args.parse_args(argv)

    genes, training, validation = record.load_fields(
        given.perturbations, "genes", "silenced", "validation_silenced"
    )
    silenced = read_positions(given.genes, np.concatenate([training, validation]).tolist())
    adjacency = load_matrix(given.adjacency)
    degrees = degree(adjacency)
    linked = has_link(adjacency)[silenced]
    loaded = map(load_diffusions, given.diffusions)
    diffusions = [np.vstack([part.train, part.validation]) for part in loaded]
    if given.permute_labels is not None:
        places = permute_labels(len(training), len(validation), given.permute_labels)
        diffusions = [diffusion[places] for diffusion in diffusions]
        linked = linked[places]
    log.info("%d of %d silenced genes have a link", linked.sum(), len(linked))
    features = [transform(diffusion, degrees, given.transform) for diffusion in diffusions]
    measured = read_positions(given.genes, genes.tolist())
    kernels = Kernels(build_kernels(features), reach(diffusions, measured), linked)
    save_kernels(given.output, kernels)


if __name__ == "__main__":
    run(main)

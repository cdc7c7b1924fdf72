"""Put the diffusions of an experiment side by side and filter their columns by variance."""

import logging
from collections.abc import Sequence

import numpy as np

from echoes.io.command import between, parser, run, whole
from echoes.network.diffusion import load_diffusions
from echoes.network.features import TRANSFORMS, build_features, save_features, transform
from echoes.network.graph import degree, load_matrix
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
    options.add_argument(
        "--transform", choices=TRANSFORMS, required=True, help="transformation of the diffusions"
    )
    options.add_argument(
        "--permute-labels", nargs="?", type=whole(0), help="seed to shuffle the silenced genes with"
    )
    options.add_argument(
        "--variance-percentile",
        nargs="?",
        type=between(0, 100),
        help="columns with a variance below this percentile are left out",
    )
    options.add_argument("--perturbations", nargs="?", help="npz of the screen, to shuffle them")
    options.add_argument("--output", required=True, help="npz of the features")
    args = options.parse_args(argv)

    degrees = degree(load_matrix(args.adjacency))
    blocks, residuals = [], []
    if args.permute_labels is not None:
        fields = record.load_fields(args.perturbations, "silenced", "validation_silenced")
        training, validation = (field.tolist() for field in fields)
    for path in args.diffusions:
        diffusions = load_diffusions(path, N=len(degrees))
        n = len(diffusions.train)
        stacked = np.vstack([diffusions.train, diffusions.validation])
        rows = transform(stacked, degrees, args.transform)
        if args.permute_labels is not None:
            rows = rows[permute_labels(training, validation, args.permute_labels)]
        blocks.append((rows[:n], rows[n:]))
        residuals.append(diffusions.residual.max())
    features = build_features(blocks, residuals, args.variance_percentile)
    total = sum(train.shape[1] for train, _ in blocks)
    log.info("%d of %d columns kept", features.train.shape[1], total)
    save_features(args.output, features)


if __name__ == "__main__":
    run(main)

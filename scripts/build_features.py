"""Put the diffusions of an experiment side by side and filter their columns by variance."""

import logging
from collections.abc import Sequence

import numpy as np

from echoes.io.arrays import load_arrays, load_matrix, save_arrays
from echoes.io.command import parser, run
from echoes.network.features import TRANSFORMS, build_features, permute_labels, transform
from echoes.network.graph import degree

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--diffusions", nargs="+", required=True, help="npz files, in order")
    args.add_argument(
        "--variance-percentile", nargs="?", type=float, help="least percentile of a kept column"
    )
    args.add_argument("--adjacency", required=True, help="npz of their network's adjacency matrix")
    args.add_argument("--transform", choices=TRANSFORMS, default="none", help="of the diffusions")
    args.add_argument(
        "--permute-labels", nargs="?", type=int, help="seed to shuffle the silenced genes with"
    )
    args.add_argument("--output", required=True, help="npz of the features")
    given = args.parse_args(argv)

    degrees = degree(load_matrix(given.adjacency))
    blocks, residuals = [], []
    for path in given.diffusions:
        train, validation, residual = load_arrays(path, "train", "validation", "residual")
        rows = transform(np.vstack([train, validation]), degrees, given.transform)
        if given.permute_labels is not None:
            rows = rows[permute_labels(len(train), len(validation), given.permute_labels)]
        blocks.append((rows[: len(train)], rows[len(train) :]))
        residuals.append(residual.max())
    features = build_features(blocks, given.variance_percentile)
    total = sum(train.shape[1] for train, _ in blocks)
    log.info("%d of %d columns kept", features.train.shape[1], total)
    save_arrays(given.output, {**vars(features), "residual": residuals})


if __name__ == "__main__":
    run(main)

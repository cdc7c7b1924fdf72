"""Put the diffusions of an experiment side by side and filter their columns by variance."""

import logging
from collections.abc import Sequence

from echoes.command import parser, run
from echoes.features import build_features
from echoes.files import load_arrays, save_arrays

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--diffusions", nargs="+", required=True, help="npz files, in order")
    args.add_argument(
        "--variance-percentile", nargs="?", type=float, help="least percentile of a kept column"
    )
    args.add_argument("--output", required=True, help="npz of the features")
    given = args.parse_args(argv)

    blocks, residuals = [], []
    for path in given.diffusions:
        train, validation, residual = load_arrays(path, "train", "validation", "residual")
        blocks.append((train, validation))
        residuals.append(residual.max())
    features = build_features(blocks, given.variance_percentile)
    total = sum(train.shape[1] for train, _ in blocks)
    log.info("%d of %d columns kept", features.train.shape[1], total)
    save_arrays(given.output, {**vars(features), "residual": residuals})


if __name__ == "__main__":
    run(main)

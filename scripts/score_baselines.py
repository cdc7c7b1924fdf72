"""Compute the metrics of the held-out predictions of all baselines."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from echoes.io.command import parser, run, whole
from echoes.io.files import load_record
from echoes.scoring import ranking, scored
from echoes.scoring.out_of_fold import load_parts
from echoes.screen import record
from echoes.screen.measured import Measured

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--perturbations", required=True, help="npz of the screen")
    options.add_argument(
        "--settings",
        nargs="+",
        required=True,
        help="json of the settings of each baseline; its parts are beside it, and the npz of its "
        "metrics is written there",
    )
    ranking.add_option(options)
    options.add_argument("--threads", type=whole(1), default=1, help="threads that compare rows")
    args = options.parse_args(argv)

    (genes,) = record.load_fields(args.perturbations, "genes")
    measured: Measured | None = None
    for path in args.settings:
        settings, folder = load_record(path), Path(path).parent
        parts = folder / "held_out", settings["crossval"]["parts"]
        some = settings.get("split", False)
        predictions = load_parts(*parts, some=some, spread=False, G=len(genes))
        if measured is None or not np.array_equal(measured.rows, predictions.rows):
            measured = Measured(args.perturbations, predictions.rows)
        found, _ = measured.score(
            predictions, parts, ranking=args.ranking_threshold, threads=args.threads
        )
        scored.save(folder / "metrics.npz", found)
        log.info("%s: score %.5f", folder.name, found.metrics.score.total)


if __name__ == "__main__":
    run(main)

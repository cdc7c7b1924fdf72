"""Compute the metrics of the held-out predictions of all baselines."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from echoes.io.command import between, parser, run, whole
from echoes.io.files import load_record
from echoes.scoring import scored
from echoes.scoring.held_out import add_coverage
from echoes.scoring.out_of_fold import load_parts, with_spread
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
    options.add_argument(
        "--ranking-threshold",
        nargs="?",
        type=between(0),
        help="absolute effect that makes a gene differentially expressed; without, no rankings",
    )
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
        found = measured.score(predictions, ranking=args.ranking_threshold, threads=args.threads)
        metrics = add_coverage(found.metrics, with_spread(predictions, *parts), measured.truth)
        scored.save(folder / "metrics.npz", replace(found, metrics=metrics))
        log.info("%s: score %.5f", folder.name, metrics.score.total)


if __name__ == "__main__":
    run(main)

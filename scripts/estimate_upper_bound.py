"""Estimate how well the best of all models could score, from guides or halves of cells."""

import logging
from collections.abc import Sequence

from echoes.io.arrays import positions
from echoes.io.command import parser, run, whole
from echoes.scoring import ranking
from echoes.scoring.tables import save_csv
from echoes.scoring.upper_bound import bound_of_guides, bound_of_halves, upper_bound_table
from echoes.screen import halves, record

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--perturbations", required=True, help="npz of the screen")
    options.add_argument(
        "--halves", nargs="?", help="npz of the effects of two halves of the cells, if any"
    )
    options.add_argument("--seed", type=whole(0), required=True, help="seed of the bootstrap")
    ranking.add_option(options)
    options.add_argument("--output", required=True, help="table of upper bounds")
    args = options.parse_args(argv)

    perturbations, names, genes, truth, weights, baseline = record.load_fields(
        args.perturbations,
        *("perturbations", "silenced", "genes", "truth", "weights", "baseline"),
    )
    silenced = positions(names.tolist(), genes.tolist())
    threshold = args.ranking_threshold
    screen = (perturbations, truth, weights, baseline, silenced, names)
    bounds = [bound_of_guides(*screen, ranking=threshold)]
    if args.halves:
        half = halves.load(args.halves, perturbations, genes)
        rows = positions(half.perturbations.tolist(), perturbations.tolist())
        bounds.append(
            bound_of_halves(
                (half.effects, half.cells),
                *(half.perturbations, truth[rows], weights[rows], silenced[rows], names[rows]),
                n=len(truth),
                ranking=threshold,
            )
        )
    found = [bound for bound in bounds if bound is not None]
    for bound in found:
        log.info("%s: replicates of %d of %d perturbations", bound.replicates, bound.r, bound.n)
    save_csv(args.output, upper_bound_table(found, args.seed))


if __name__ == "__main__":
    run(main)

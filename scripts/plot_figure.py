"""Draw an experiment's figure: truth beside prediction, and the correlation of each gene."""

from collections.abc import Sequence

import numpy as np

from echoes.io.arrays import positions
from echoes.io.command import parser, run
from echoes.report import style
from echoes.report.heatmaps import draw
from echoes.scoring import predictions
from echoes.screen import record


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--perturbations", required=True, help="npz of the screen")
    options.add_argument("--predictions", required=True, help="npz of all predictions")
    options.add_argument("--title", required=True, help="title of the figure")
    options.add_argument("--png", required=True, help="the figure as png")
    options.add_argument("--pdf", required=True, help="the figure as pdf")
    args = options.parse_args(argv)

    found = predictions.load(args.predictions)
    (names,) = record.load_fields(args.perturbations, "perturbations")
    sets = record.load_sets(args.perturbations)[0]
    # Of a given split only some perturbations are predicted.
    rows = positions(found.perturbations.tolist(), names.tolist())
    own = np.zeros(found.truth.shape, dtype=bool)
    columns = record.own_positions([sets[row] for row in rows], found.genes.tolist())
    for column in np.atleast_2d(columns.T):
        (known,) = np.nonzero(column >= 0)
        own[known, column[known]] = True
    with style.style():
        style.save(draw(found, title=args.title, own=own), [args.png, args.pdf], dpi=200)


if __name__ == "__main__":
    run(main)

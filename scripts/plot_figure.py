"""Draw an experiment's figure: truth beside prediction, and the correlation of each gene."""

from collections.abc import Sequence

import matplotlib as mpl

from echoes.io.arrays import load_arrays
from echoes.io.command import parser, run
from echoes.io.files import atomic_path
from echoes.report.heatmaps import draw


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--predictions", required=True, help="npz of all predictions")
    args.add_argument("--title", required=True, help="title of the figure")
    args.add_argument("--measured", action="store_true", help="the truth is what was measured")
    args.add_argument("--png", required=True, help="the figure as png")
    args.add_argument("--pdf", required=True, help="the figure as pdf")
    given = args.parse_args(argv)

    truth, prediction, names, correlation = load_arrays(
        given.predictions, "truth", "prediction", "names", "gene_correlation"
    )
    # Names come from files: a dollar sign in one shall not start mathematics.
    with mpl.rc_context({"text.parse_math": False}):
        figure = draw(
            truth,
            prediction,
            names.tolist(),
            correlation,
            title=given.title,
            measured=given.measured,
        )
        with atomic_path(given.png) as path:
            figure.savefig(path, dpi=150)
        with atomic_path(given.pdf) as path:
            # Without a date, the same figure has the same bytes.
            figure.savefig(path, metadata={"CreationDate": None})


if __name__ == "__main__":
    run(main)

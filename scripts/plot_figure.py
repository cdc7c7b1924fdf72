"""Draw an experiment's figure: truth beside prediction, and the correlation of each gene."""

from collections.abc import Sequence

import matplotlib as mpl

from echoes.io.command import parser, run
from echoes.io.files import atomic_path
from echoes.report.heatmaps import draw
from echoes.scoring import predictions


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--predictions", required=True, help="npz of all predictions")
    args.add_argument("--title", required=True, help="title of the figure")
    args.add_argument("--png", required=True, help="the figure as png")
    args.add_argument("--pdf", required=True, help="the figure as pdf")
    given = args.parse_args(argv)

    # Names come from files: a dollar sign in one shall not start mathematics.
    with mpl.rc_context({"text.parse_math": False}):
        figure = draw(predictions.load(given.predictions), title=given.title)
        with atomic_path(given.png) as path:
            figure.savefig(path, dpi=150)
        with atomic_path(given.pdf) as path:
            # Without a date, the same figure has the same bytes.
            figure.savefig(path, metadata={"CreationDate": None})


if __name__ == "__main__":
    run(main)

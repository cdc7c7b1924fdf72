"""Draw an experiment's figure: truth beside prediction, and the correlation of each gene."""

from collections.abc import Sequence

import matplotlib as mpl

from echoes.io.command import parser, run
from echoes.io.files import atomic_path
from echoes.report.heatmaps import draw
from echoes.scoring import predictions


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--predictions", required=True, help="npz of all predictions")
    options.add_argument("--title", required=True, help="title of the figure")
    options.add_argument("--png", required=True, help="the figure as png")
    options.add_argument("--pdf", required=True, help="the figure as pdf")
    args = options.parse_args(argv)

    # Names come from files: a dollar sign in a name must not start a formula.
    with mpl.rc_context({"text.parse_math": False}):
        figure = draw(predictions.load(args.predictions), title=args.title)
        with atomic_path(args.png) as path:
            figure.savefig(path, dpi=150)
        with atomic_path(args.pdf) as path:
            # Without a date, the same figure has the same bytes.
            figure.savefig(path, metadata={"CreationDate": None})


if __name__ == "__main__":
    run(main)

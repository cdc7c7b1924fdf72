"""Make the charts of the page, which have no data yet, and the script that draws them."""

from collections.abc import Sequence

from echoes.io.command import parser, run
from echoes.io.files import save_record
from echoes.report.page.charts import bundle


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--output", required=True, help="json of the charts and the script")
    args = options.parse_args(argv)

    save_record(args.output, bundle(), 2)


if __name__ == "__main__":
    run(main)

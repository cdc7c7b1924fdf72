"""Describe a screen of cells before anything is learned from it: a table and a figure."""

from collections.abc import Sequence

from echoes.io.command import parser, run
from echoes.io.files import atomic_path, load_record
from echoes.report import style
from echoes.report.screen_figure import draw_screen
from echoes.report.screen_table import screen_table


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--facts", required=True, help="json of what is known of the cells")
    options.add_argument("--title", required=True, help="title of the figure")
    options.add_argument("--table", required=True, help="table, markdown")
    options.add_argument("--figures", nargs="+", required=True, help="figure, in several formats")
    args = options.parse_args(argv)

    facts = load_record(args.facts)
    with atomic_path(args.table) as path:
        path.write_text(screen_table(facts), encoding="utf-8")
    with style.style():
        style.save(draw_screen(facts, title=args.title), args.figures)


if __name__ == "__main__":
    run(main)

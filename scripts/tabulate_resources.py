"""Print a table of the resources that jobs requested and used, from extended benchmarks."""

import sys
from collections.abc import Sequence
from pathlib import Path

from echoes.io.command import parser, run
from echoes.io.files import atomic_path
from echoes.report.resources import as_text, tabulate


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; nothing is written if no benchmark says what its job requested."""
    options = parser(__doc__)
    options.add_argument("--benchmarks", default="benchmarks", help="folder of the benchmarks")
    options.add_argument("--output", help="csv file for the table, too")
    args = options.parse_args(argv)

    # Each rule has the name of its script.
    rules = [path.stem for path in Path(__file__).parent.glob("*.py")]
    table = as_text(tabulate(Path(args.benchmarks), rules))
    if table.empty:
        return
    if args.output:
        with atomic_path(args.output) as path:
            table.to_csv(path, index=False, lineterminator="\n")
    # Names are aligned to the left, numbers to the right.
    for name in ("rule", "experiment"):
        width = max(map(len, [name, *table[name]]))
        table = table.assign(**{name: table[name].str.ljust(width)}).rename(
            columns={name: name.ljust(width)}
        )
    lines = table.to_string(index=False).splitlines()
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in lines))


if __name__ == "__main__":
    run(main)

"""Tabulate what the jobs of a run asked for and what they used, by their benchmarks."""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from echoes.io.command import parser, run
from echoes.io.files import atomic_path
from echoes.report.resources import COLUMNS, read_benchmarks, tabulate

#: Digits after the point; names and counts have none.
DIGITS = {"memory_share": 2, "longest_min": 2, "time_share": 2}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--benchmarks", default="benchmarks", help="folder of the benchmarks")
    args.add_argument("--output", help="table to write too, csv")
    given = args.parse_args(argv)

    # Each rule has the name of its script.
    rules = [path.stem for path in Path(__file__).parent.glob("*.py")]
    rows = tabulate(read_benchmarks(Path(given.benchmarks), rules))
    cells = [[_text(*cell) for cell in zip(COLUMNS, row, strict=True)] for row in rows]
    if given.output:
        with atomic_path(given.output) as path, path.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out, lineterminator="\n").writerows([COLUMNS, *cells])
    sys.stdout.write(_aligned([list(COLUMNS), *cells]))


def _text(column: str, value: str | float | None) -> str:
    """Write a value with the digits that it is worth, and nothing where there is none."""
    if isinstance(value, float | int):
        return f"{value:.{DIGITS.get(column, 0)}f}"
    return value or ""


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """Write rows with names to the left and numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


if __name__ == "__main__":
    run(main)

"""Update the tables of config/README.md from the schema of the configuration."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from echoes.io.command import parser, run
from echoes.io.files import atomic_path
from echoes.plan.document import fill_tables


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--schema", required=True, type=Path, help="the schema, yaml")
    options.add_argument("--page", required=True, type=Path, help="the page to bring up to date")
    args = options.parse_args(argv)

    schema = yaml.safe_load(args.schema.read_text(encoding="utf-8"))
    page = fill_tables(args.page.read_text(encoding="utf-8"), schema)
    with atomic_path(args.page) as partial:
        partial.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    run(main)

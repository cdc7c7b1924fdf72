"""Write the tables of config/README.md anew from the schema of the configuration."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from echoes.io.command import parser, run
from echoes.io.files import atomic_path
from echoes.plan.document import fill_tables


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--schema", required=True, type=Path, help="the schema, yaml")
    args.add_argument("--page", required=True, type=Path, help="the page to bring up to date")
    given = args.parse_args(argv)

    schema = yaml.safe_load(given.schema.read_text(encoding="utf-8"))
    page = fill_tables(given.page.read_text(encoding="utf-8"), schema)
    with atomic_path(given.page) as partial:
        partial.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    run(main)

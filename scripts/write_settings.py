"""Write one record of the plan: an experiment's settings, what is compared, or a sweep's runs."""

from collections.abc import Sequence

from echoes.io.command import parser, run
from echoes.io.errors import InputError
from echoes.io.files import load_json, save_json


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--plan", required=True, help="json of all records")
    args.add_argument("--record", required=True, help="name of the record")
    args.add_argument("--output", required=True, help="json of the record")
    given = args.parse_args(argv)

    records = load_json(given.plan)
    if given.record not in records:
        raise InputError(
            given.plan,
            "",
            f"there is no record {given.record}",
            expected="one of the experiments and sweeps of the configuration",
            remedy="Run the workflow again.",
        )
    save_json(given.output, records[given.record])


if __name__ == "__main__":
    run(main)

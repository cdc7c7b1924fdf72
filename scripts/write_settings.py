"""Write one record of the plan: settings of an experiment, list of experiments, or of runs."""

from collections.abc import Sequence
from pathlib import Path

from echoes.io.command import parser, run
from echoes.io.errors import InputError
from echoes.io.files import load_json, save_record


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--plan", required=True, help="json of all records")
    options.add_argument("--record", required=True, help="name of the record")
    options.add_argument("--output", required=True, help="json of the record")
    args = options.parse_args(argv)

    records = load_json(args.plan)
    if args.record not in records:
        raise InputError(
            args.plan,
            "",
            f"there is no record {args.record}",
            expected="one of the experiments and sweeps of the configuration",
            remedy="Run the workflow again.",
        )
    # The name of the record begins in the folder of the data set.
    save_record(args.output, records[args.record], len(Path(args.record).parts) + 1)


if __name__ == "__main__":
    run(main)

"""Check a submission against the sample submission: print that it is valid, or all its faults."""

import sys
from collections.abc import Sequence

from echoes.io.command import BAD_INPUT, parser, run
from echoes.report.submission_check import check_submission


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("sample", help="sample submission of the competition")
    args.add_argument("submission", help="submission to check")
    given = args.parse_args(argv)

    check = check_submission(given.sample, given.submission)
    for fault in check.faults:
        sys.stdout.write(f"{fault}\n")
    if check.faults:
        sys.exit(BAD_INPUT)
    size = f"{check.rows} rows and {check.genes} genes"
    sys.stdout.write(f"valid: {size}, in the order of {given.sample}\n")


if __name__ == "__main__":
    run(main)

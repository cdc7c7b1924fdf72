"""Write the submission: the validation rows in their order, then zero rows."""

from collections.abc import Sequence

from echoes.io.command import parser, run
from echoes.io.tables import write_matrix
from echoes.report.submission import check_against_sample, pad
from echoes.scoring.predictions import load_validation
from echoes.screen import record

ROW_NAMES = "pert_id"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--perturbations", required=True, help="npz of the screen")
    args.add_argument("--predictions", required=True, help="npz of all predictions")
    args.add_argument("--padding", type=int, required=True, help="zero rows to append")
    args.add_argument("--sample", nargs="?", help="sample submission to check against, if any")
    args.add_argument("--output", required=True, help="the submission")
    given = args.parse_args(argv)

    ids, genes = record.load_fields(given.perturbations, "validation_ids", "genes")
    validation = load_validation(given.predictions)
    submission = pad(ids.tolist(), genes.tolist(), validation, given.padding)
    if given.sample:
        check_against_sample(given.sample, submission, ROW_NAMES)
    write_matrix(given.output, ROW_NAMES, submission)


if __name__ == "__main__":
    run(main)

"""Write the submission: the validation rows in their order, then zero rows."""

from collections.abc import Sequence

from echoes.io.command import parser, run, whole
from echoes.io.tables import write_matrix
from echoes.report.submission import check_against_sample, pad
from echoes.scoring.predictions import load_validation
from echoes.screen import record

ROW_NAMES = "pert_id"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--perturbations", required=True, help="npz of the screen")
    options.add_argument("--predictions", required=True, help="npz of all predictions")
    options.add_argument("--padding", type=whole(0), required=True, help="zero rows to append")
    options.add_argument("--sample", nargs="?", help="sample submission to check against, if any")
    options.add_argument("--output", required=True, help="the submission")
    args = options.parse_args(argv)

    ids, genes = record.load_fields(args.perturbations, "validation_ids", "genes")
    validation = load_validation(args.predictions, v=len(ids), G=len(genes))
    submission = pad(ids.tolist(), genes.tolist(), validation, args.padding)
    if args.sample:
        check_against_sample(args.sample, submission, ROW_NAMES)
    write_matrix(args.output, ROW_NAMES, submission)


if __name__ == "__main__":
    run(main)

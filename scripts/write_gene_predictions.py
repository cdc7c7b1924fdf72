"""Write the predictions of genes that the configuration names, with their expected errors."""

from collections.abc import Sequence

import numpy as np

from echoes.io.command import parser, run
from echoes.report.export import expected_error
from echoes.report.gene_predictions import make_block, write_blocks
from echoes.scoring.out_of_fold import load_part
from echoes.screen import record


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--perturbations", required=True, help="npz of the screen")
    options.add_argument("--predictions", required=True, help="npz of the validation genes")
    options.add_argument("--output", required=True, help="parquet of all predictions")
    options.add_argument("--largest", required=True, help="table of the largest effects")
    args = options.parse_args(argv)

    part = load_part(args.predictions)
    names, silenced, seen, genes = record.load_fields(
        args.perturbations, "validation_ids", "validation_silenced", "silenced", "genes"
    )
    error = expected_error(part)
    block = make_block(
        names.tolist(),
        np.isin(silenced, seen),
        predicted=part.prediction,
        centre=part.centre[part.fold],
        expected_error=np.full_like(part.prediction, np.nan) if error is None else error,
    )
    write_blocks(args.output, args.largest, genes.tolist(), [block])


if __name__ == "__main__":
    run(main)

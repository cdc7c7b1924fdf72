"""Bring the responses of a prior to the perturbations and genes of the screen."""

import logging
from collections.abc import Sequence

from echoes.io.arrays import positions
from echoes.io.command import parser, run
from echoes.models.transfer import align_responses, save_aligned
from echoes.network import aliases
from echoes.network.matches import match_names
from echoes.screen import record
from echoes.screen.gene_rows import choose_rows, rows_of_prior

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--prior", required=True, help="npz of a prior's screen")
    options.add_argument("--perturbations", required=True, help="npz of the screen")
    aliases.add_options(options)
    options.add_argument("--output", required=True, help="npz of the responses")
    args = options.parse_args(argv)

    # Nothing but names of the screen is read.
    silenced, genes = record.load_fields(args.perturbations, "silenced", "genes")
    wanted, names = silenced.tolist(), aliases.read_option(args)
    numbers = rows_of_prior(*record.load_fields(args.prior, "silenced", "genes", "responses"))
    matches = match_names(list(dict.fromkeys(wanted)), numbers.rows, names)
    columns = match_names(genes.tolist(), numbers.columns, names).names()
    known, deltas = align_responses(
        choose_rows(numbers, matches.nodes(), wanted), positions(columns, numbers.columns)
    )
    common = len(set(columns) & set(numbers.columns))
    log.info("%d of %d perturbations, %d of %d genes", len(known), len(wanted), common, len(genes))
    save_aligned(args.output, known, deltas)


if __name__ == "__main__":
    run(main)

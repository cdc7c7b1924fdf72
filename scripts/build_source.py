"""Compute how alike silenced genes are by a prior or a table of genes."""

import logging
from collections.abc import Sequence

from echoes.io.arrays import Bools
from echoes.io.command import parser, run, text
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import save_json
from echoes.models.kernels import kernels_of_rows, save_source
from echoes.network import aliases
from echoes.network.matches import match_names
from echoes.screen import record
from echoes.screen.gene_rows import choose_rows, read_gene_table, rows_of_prior

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    source = options.add_mutually_exclusive_group(required=True)
    source.add_argument("--prior", help="npz of a prior's screen")
    source.add_argument("--table", help="matrix of genes and numbers")
    options.add_argument("--genes-in", choices=("columns", "rows"), help="where its genes are")
    options.add_argument(
        "--column", nargs="?", type=text, help="column with the names of its rows, if set"
    )
    options.add_argument("--perturbations", required=True, help="npz of the screen")
    aliases.add_options(options)
    options.add_argument("--output", required=True, help="npz of the kernel")
    options.add_argument("--summary", required=True, help="json of the genes that are known")
    args = options.parse_args(argv)

    training, validation = record.load_fields(args.perturbations, "silenced", "validation_silenced")
    wanted = [*training.tolist(), *validation.tolist()]
    if args.prior:
        fields = record.load_fields(args.prior, "silenced", "genes", "responses")
        numbers = rows_of_prior(*fields)
    else:
        numbers = read_gene_table(args.table, genes_in=args.genes_in, name_column=args.column)
    matches = match_names(list(dict.fromkeys(wanted)), numbers.rows, aliases.read_option(args))
    rows = choose_rows(numbers, matches.nodes(), wanted)
    kernels = kernels_of_rows(rows, scale_columns=args.prior is None)
    _require_known(args.prior or args.table, numbers.rows, wanted, kernels.known)
    save_source(args.output, kernels)
    known = int(kernels.known.sum())
    log.info("%d of %d silenced genes are known", known, len(wanted))
    save_json(args.summary, {"genes": len(wanted), "known": known, "how": matches.counts()})


def _require_known(file: str, names: Sequence[str], wanted: Sequence[str], known: Bools) -> None:
    """Refuse a source that knows no silenced gene."""
    if not known.any():
        raise InputError(
            file,
            "",
            f"none of the silenced genes ({abbreviate(wanted)}) is there, but {abbreviate(names)}",
            expected="some of the silenced genes",
            remedy="Check the kind of names, or give a table of names: `names: {table: …}`.",
        )


if __name__ == "__main__":
    run(main)

"""Read the cells or the pseudobulk of an .h5ad file: mean responses, their t and weights."""

import logging
from collections.abc import Sequence

from echoes.io.command import parser, run, whole
from echoes.io.files import load_record, save_record, sha256_of
from echoes.network import aliases
from echoes.network.matches import name_finder
from echoes.screen import halves, record
from echoes.screen.cell_facts import as_record
from echoes.screen.cells import save_statistics
from echoes.screen.dataset import read_guides
from echoes.screen.h5ad_screen import cell_warnings, read_h5ad_screen

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--settings", required=True, help="json of the data set's settings")
    options.add_argument("--h5ad", required=True, help="the .h5ad file")
    options.add_argument("--guides", nargs="?", help="table of guides and their genes, if any")
    aliases.add_options(options)
    options.add_argument("--threads", type=whole(1), required=True, help="threads to compute with")
    options.add_argument("--output", required=True, help="npz of the screen, in log2")
    options.add_argument(
        "--statistics", required=True, help="npz of t and standard errors of the responses"
    )
    options.add_argument(
        "--halves", required=True, help="npz of the effects of two halves of the cells"
    )
    options.add_argument("--facts", required=True, help="json of cells, knockdown and warnings")
    args = options.parse_args(argv)

    settings = load_record(args.settings)
    guides = read_guides(settings["guides"], args.guides)
    name_genes = name_finder(aliases.read_option(args))
    cells = read_h5ad_screen(
        args.h5ad, settings, guides, name_genes, threads=args.threads, halve=True
    )
    facts = as_record(cells.facts)
    warnings = cell_warnings(facts)
    for warning in warnings:
        log.warning("%s: %s", args.h5ad, warning)
    source = {"path": args.h5ad, "sha256": sha256_of(args.h5ad)}
    record.save(args.output, cells.screen)
    save_statistics(args.statistics, cells)
    halves.save(args.halves, cells.halves or halves.empty(cells.screen.genes))
    # Data set, perturbations, file.
    save_record(args.facts, {"input": source, **facts, "warnings": warnings}, 3)
    log.info("%d perturbations × %d genes", *cells.screen.responses.shape)


if __name__ == "__main__":
    run(main)

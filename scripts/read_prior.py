"""Read a prior: a screen of other cells, whose responses tell which genes are alike."""

import logging
from collections.abc import Sequence

import numpy as np

from echoes.io.command import parser, run, whole
from echoes.io.files import load_record, save_json, sha256_of
from echoes.network.matches import name_finder
from echoes.screen import record
from echoes.screen.dataset import read_guides
from echoes.screen.prior import read_prior

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--settings", required=True, help="json of the prior's settings")
    options.add_argument(
        "--table", required=True, help="table of means, deltas or effects, or h5ad"
    )
    options.add_argument("--guides", nargs="?", help="table of guides and their genes, if any")
    options.add_argument(
        "--threads", type=whole(1), required=True, help="threads to read cells with"
    )
    options.add_argument("--output", required=True, help="npz of the screen, in log2")
    options.add_argument(
        "--summary", required=True, help="json of counts, the checksum and warnings"
    )
    args = options.parse_args(argv)

    settings = load_record(args.settings)
    guides = read_guides(settings["guides"], args.guides)
    names = name_finder(None)
    screen, warnings = read_prior(args.table, settings, guides, names, threads=args.threads)
    warnings = [f"{args.table}: {warning}" for warning in warnings]
    for warning in warnings:
        log.warning("%s", warning)
    summary = {
        "input": {"path": args.table, "sha256": sha256_of(args.table)},
        "layout": settings["layout"],
        "perturbations": len(screen.perturbations),
        "response_genes": len(screen.genes),
        "missing": int(np.count_nonzero(np.isnan(screen.responses))),
        "warnings": warnings,
    }
    log.info("%(perturbations)d perturbations × %(response_genes)d genes", summary)
    record.save(args.output, screen)
    save_json(args.summary, summary)


if __name__ == "__main__":
    run(main)

"""Build the weighted graph of the links around the silenced and the response genes."""

import argparse
import logging
from collections.abc import Sequence
from typing import Any

from echoes.io.command import between, parser, run
from echoes.io.errors import abbreviate
from echoes.io.files import load_record, save_record, sha256_of
from echoes.network import aliases
from echoes.network.graph import save_matrix, write_genes
from echoes.network.links import load_links
from echoes.network.nodes import write_coverage
from echoes.network.screen_network import build_screen_network
from echoes.network.string_db import read_info
from echoes.screen import record

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--links", required=True, help="npz of the links")
    options.add_argument("--record", required=True, help="json of counts of the links")
    options.add_argument("--perturbations", required=True, help="npz of the screen")
    aliases.add_options(options)
    options.add_argument("--aliases", nargs="?", help="STRING's table of aliases, if any")
    options.add_argument("--info", nargs="?", help="STRING's table of proteins, with the aliases")
    options.add_argument("--self-loop", type=between(0), required=True, help="weight of self-loops")
    options.add_argument(
        "--edge-multiplicity",
        type=between(0, ends=False),
        required=True,
        help="factor of all links",
    )
    options.add_argument(
        "--asked", action="store_true", help="the genes to predict were named by hand"
    )
    options.add_argument(
        "--every-gene", action="store_true", help="keep all links, not only those around the screen"
    )
    options.add_argument("--adjacency", required=True, help="npz of the adjacency matrix")
    options.add_argument("--genes", required=True, help="table of the genes of the network")
    options.add_argument("--coverage", required=True, help="table of the node of each gene")
    options.add_argument("--summary", required=True, help="json of counts and warnings")
    args = options.parse_args(argv)

    (genes,) = record.load_fields(args.perturbations, "genes")
    response = genes.tolist()
    # A gene of several perturbations is listed as often.
    training, validation = (
        [gene for genes in sets for gene in genes] for sets in record.load_sets(args.perturbations)
    )
    built = build_screen_network(
        load_links(args.links),
        _other_names(args),
        {"train": training, "validation": validation},
        response,
        self_loop=args.self_loop,
        edge_multiplicity=args.edge_multiplicity,
        asked=args.asked,
        every_gene=args.every_gene,
    )
    reading = load_record(args.record)
    counts = {key: reading[key] for key in reading if key.endswith(("_rows", "threshold"))}
    table = {"source": args.names, "sha256": sha256_of(args.names)} if args.names else None
    summary = {
        "self_loop": args.self_loop,
        "edge_multiplicity": args.edge_multiplicity,
        "names": table,
        **counts,
        **built.summary,
    }
    _log(summary)
    write_genes(args.genes, built.network, built.groups)
    write_coverage(args.coverage, built.matches)
    save_matrix(args.adjacency, built.network.adjacency)
    save_record(args.summary, summary, 4)


def _other_names(args: argparse.Namespace) -> aliases.Names | None:
    """Read the table of names, or STRING's aliases, whichever is given."""
    if args.aliases:
        return aliases.read_string_aliases(args.aliases, read_info(args.info))
    return aliases.read_option(args)


def _log(summary: dict[str, Any]) -> None:
    """Log counts, genes without a link, and warnings."""
    log.info(
        "%(kept_links)d links; %(genes)d genes, %(isolated_genes)d of them isolated; "
        "%(adjacency_entries)d entries",
        summary,
    )
    for name, group in summary["perturbed"].items():
        isolated = abbreviate(group["isolated"], 20) or "none"
        log.info("isolated genes of %s: %s", name, isolated)
    for warning in summary["warnings"]:
        log.warning("%s", warning)


if __name__ == "__main__":
    run(main)

"""Read an edge list (table, GraphML or SIF), in the neutral layout of all networks."""

import logging
from collections.abc import Sequence

from echoes.io.command import between, parser, run, text
from echoes.io.files import save_record, sha256_of
from echoes.network.edges import read_edges
from echoes.network.links import save_links

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--edges", required=True, help="table, GraphML or SIF")
    for end in ("source", "target"):
        options.add_argument(
            f"--{end}", nargs="?", type=text, help=f"column of the {end} genes, if any"
        )
    options.add_argument("--weight", nargs="?", type=text, help="column of the weights, if any")
    options.add_argument(
        "--no-header", action="store_true", help="columns are given by position, counted from 1"
    )
    options.add_argument(
        "--scale", type=between(0, ends=False), required=True, help="largest possible weight"
    )
    options.add_argument(
        "--directed", choices=("once", "both"), required=True, help="how often pairs are listed"
    )
    options.add_argument(
        "--score-threshold",
        type=between(0, 1),
        required=True,
        help="lowest weight of a link, 0 … 1",
    )
    options.add_argument("--output", required=True, help="npz of the links")
    options.add_argument("--record", required=True, help="json of counts and checksum")
    args = options.parse_args(argv)

    links, rows = read_edges(
        args.edges,
        source=_column(args.source, args.no_header),
        target=_column(args.target, args.no_header),
        weight=_column(args.weight, args.no_header),
        header=not args.no_header,
        scale=args.scale,
        directed=args.directed,
        threshold=args.score_threshold,
    )
    record = {
        "score_threshold": args.score_threshold,
        "link_rows": rows.total,
        "self_link_rows": rows.self_links,
        "repeated_link_rows": rows.repeated,
        "links": rows.kept,
        "named_genes": len(links.names),
        "inputs": {"edges": {"source": args.edges, "sha256": sha256_of(args.edges)}},
    }
    log.info("%(link_rows)d rows; %(links)d links", record)
    save_links(args.output, links)
    save_record(args.record, record, 4)


def _column(name: str | None, by_position: bool) -> str | int | None:
    """Name a column, or give its position in a table without a header."""
    return int(name) if by_position and name and name.isdecimal() else name


if __name__ == "__main__":
    run(main)

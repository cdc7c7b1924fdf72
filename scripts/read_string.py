"""Read the confident links of STRING's tables, in the neutral layout of all networks."""

import logging
from collections.abc import Sequence

from echoes.io.command import between, parser, run
from echoes.io.files import load_record, save_record
from echoes.network import string_db
from echoes.network.links import save_links

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--links", required=True, help="STRING's table of links")
    options.add_argument("--info", required=True, help="STRING's table of proteins")
    options.add_argument(
        "--receipts", nargs=2, required=True, help="json of where links and info came from"
    )
    options.add_argument(
        "--score-threshold",
        type=between(0, 1),
        required=True,
        help="lowest confidence of a link, 0 … 1",
    )
    options.add_argument(
        "--channels", nargs="*", help="channels that are combined; none for the combined score"
    )
    options.add_argument("--output", required=True, help="npz of the links")
    options.add_argument("--record", required=True, help="json of counts and checksums")
    args = options.parse_args(argv)

    links, rows = string_db.read_links(
        args.links,
        string_db.read_info(args.info),
        None,
        args.score_threshold,
        args.channels or None,
    )
    record = {
        "score_threshold": args.score_threshold,
        "channels": args.channels or None,
        "link_rows": rows.total,
        "unmapped_link_rows": rows.unmapped,
        "links": len(links.weight),
        "named_genes": len(links.names),
        "inputs": dict(zip(("links", "info"), map(load_record, args.receipts), strict=True)),
    }
    log.info("%(link_rows)d link rows; %(links)d links", record)
    save_links(args.output, links)
    save_record(args.record, record, 4)


if __name__ == "__main__":
    run(main)

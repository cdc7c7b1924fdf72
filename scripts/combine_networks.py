"""Combine the links of several networks: their union, their intersection or their mean."""

import logging
from collections.abc import Sequence

from echoes.io.command import between, parser, run
from echoes.io.files import load_record, save_record
from echoes.network.combine import combine
from echoes.network.links import load_links, save_links

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--networks", nargs="+", required=True, help="names of the networks")
    options.add_argument("--links", nargs="+", required=True, help="npz of the links of each")
    options.add_argument("--records", nargs="+", required=True, help="json of each, likewise")
    options.add_argument(
        "--how", choices=("union", "intersection", "mean"), required=True, help="how to combine"
    )
    options.add_argument(
        "--weights", nargs="*", type=between(0, ends=False), help="weights of a mean"
    )
    options.add_argument("--output", required=True, help="npz of the links")
    options.add_argument("--record", required=True, help="json of counts and checksums")
    args = options.parse_args(argv)

    links = combine([*map(load_links, args.links)], args.how, args.weights or None)
    records = dict(zip(args.networks, map(load_record, args.records), strict=True))
    record = {
        "links": len(links.weight),
        "named_genes": len(links.names),
        "networks": records,
    }
    parts = ", ".join(f"{name} {one['links']}" for name, one in records.items())
    log.info("%s of %s: %d links", args.how, parts, len(links.weight))
    save_links(args.output, links)
    save_record(args.record, record, 4)


if __name__ == "__main__":
    run(main)

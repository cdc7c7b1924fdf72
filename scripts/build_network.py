"""Build the weighted graph of STRING links around the silenced and the response genes."""

import logging
from collections.abc import Sequence

from echoes.io.arrays import save_matrix
from echoes.io.command import parser, run
from echoes.io.errors import abbreviate
from echoes.io.files import save_json
from echoes.network import graph, string_db
from echoes.screen import record

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--links", required=True, help="STRING's table of links")
    options.add_argument("--info", required=True, help="STRING's table of proteins")
    options.add_argument("--perturbations", required=True, help="npz of the screen")
    options.add_argument(
        "--score-threshold", type=float, required=True, help="lowest confidence of a link, 0 … 1"
    )
    options.add_argument("--self-loop", type=float, required=True, help="weight of self-loops")
    options.add_argument(
        "--edge-multiplicity", type=float, required=True, help="factor of all links"
    )
    options.add_argument("--adjacency", required=True, help="npz of the adjacency matrix")
    options.add_argument("--genes", required=True, help="table of the genes of the network")
    options.add_argument("--summary", required=True, help="json of counts")
    args = options.parse_args(argv)

    fields = record.load_fields(args.perturbations, "silenced", "validation_silenced", "genes")
    training, validation, response = (names.tolist() for names in fields)
    core = {*training, *validation, *response}
    info = string_db.read_info(args.info)
    links, rows = string_db.read_links(args.links, info, core, args.score_threshold)
    network = graph.build_network(
        links, core, self_loop=args.self_loop, edge_multiplicity=args.edge_multiplicity
    )
    graph.check_connected(network, training)
    summary = {
        "score_threshold": args.score_threshold,
        "self_loop": args.self_loop,
        "edge_multiplicity": args.edge_multiplicity,
        "link_rows": rows.total,
        "unmapped_link_rows": rows.unmapped,
        "kept_link_rows": rows.kept,
        "core_genes": len(core),
        **graph.summarise(network, links, {"train": training, "validation": validation}),
    }
    log.info(
        "%(link_rows)d link rows, %(kept_link_rows)d kept; %(genes)d genes, "
        "%(isolated_genes)d of them isolated; %(adjacency_entries)d entries",
        summary,
    )
    for name, silenced in (("training", training), ("validation", validation)):
        isolated = network.isolated(silenced)
        log.info(
            "%d isolated %s genes: %s", len(isolated), name, abbreviate(isolated, 20) or "none"
        )
    groups = {"train": training, "validation": validation, "response": response}
    graph.write_genes(args.genes, network, groups)
    save_matrix(args.adjacency, network.adjacency)
    save_json(args.summary, summary)


if __name__ == "__main__":
    run(main)

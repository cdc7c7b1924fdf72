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
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--links", required=True, help="STRING's table of links")
    args.add_argument("--info", required=True, help="STRING's table of proteins")
    args.add_argument("--perturbations", required=True, help="npz of the screen")
    args.add_argument(
        "--score-threshold", type=float, required=True, help="lowest confidence of a link, 0 … 1"
    )
    args.add_argument("--self-loop", type=float, required=True, help="weight of self-loops")
    args.add_argument("--edge-multiplicity", type=float, required=True, help="factor of all links")
    args.add_argument("--adjacency", required=True, help="npz of the adjacency matrix")
    args.add_argument("--genes", required=True, help="table of the genes of the network")
    args.add_argument("--summary", required=True, help="json of counts")
    given = args.parse_args(argv)

    fields = record.load_fields(given.perturbations, "silenced", "validation_silenced", "genes")
    training, validation, response = (names.tolist() for names in fields)
    core = {*training, *validation, *response}
    info = string_db.read_info(given.info)
    links, rows = string_db.read_links(given.links, info, core, given.score_threshold)
    network = graph.build_network(
        links, core, self_loop=given.self_loop, edge_multiplicity=given.edge_multiplicity
    )
    graph.check_connected(network, training)
    summary = {
        "score_threshold": given.score_threshold,
        "self_loop": given.self_loop,
        "edge_multiplicity": given.edge_multiplicity,
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
        alone = network.isolated(silenced)
        log.info("%d isolated %s genes: %s", len(alone), name, abbreviate(alone, 20) or "none")
    groups = {"train": training, "validation": validation, "response": response}
    graph.write_genes(given.genes, network, groups)
    save_matrix(given.adjacency, network.adjacency)
    save_json(given.summary, summary)


if __name__ == "__main__":
    run(main)

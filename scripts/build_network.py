"""Build the weighted graph of STRING links around the perturbed and the response genes."""

import logging
from collections.abc import Sequence

from echoes.io.arrays import save_matrix
from echoes.io.command import parser, run
from echoes.io.errors import abbreviate
from echoes.io.files import save_json
from echoes.io.tables import write_rows
from echoes.network import graph as network
from echoes.network import string_db
from echoes.screen import record

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--links", required=True, help="STRING's table of links")
    args.add_argument("--info", required=True, help="STRING's table of proteins")
    args.add_argument("--perturbations", required=True, help="npz of the aligned tables")
    args.add_argument("--score-threshold", type=float, default=0.5, help="least confidence, 0 … 1")
    args.add_argument("--self-loop", type=float, default=1.0, help="weight of self-loops")
    args.add_argument("--edge-multiplicity", type=float, required=True, help="factor of all links")
    args.add_argument("--adjacency", required=True, help="npz of the adjacency matrix")
    args.add_argument("--genes", required=True, help="table of the genes of the network")
    args.add_argument("--summary", required=True, help="json of counts")
    given = args.parse_args(argv)

    data = record.load(given.perturbations)
    groups = {
        "train": data.silenced.tolist(),
        "validation": data.validation_silenced.tolist(),
        "response": data.genes.tolist(),
    }
    core = set().union(*groups.values())
    info = string_db.read_info(given.info)
    links = string_db.read_links(given.links, info, core, given.score_threshold)
    graph = network.build_network(
        links, core, self_loop=given.self_loop, edge_multiplicity=given.edge_multiplicity
    )
    known = set(info.values())
    isolated = network.isolated(graph, groups["train"], groups["validation"])
    summary = {
        "score_threshold": given.score_threshold,
        "self_loop": given.self_loop,
        "edge_multiplicity": given.edge_multiplicity,
        "link_rows": links.rows,
        "unmapped_link_rows": links.unmapped,
        "kept_link_rows": len(links.score),
        "core_genes": len(core),
        "genes": len(graph.genes),
        "connected_genes": graph.connected,
        "isolated_genes": len(graph.genes) - graph.connected,
        "adjacency_entries": graph.adjacency.nnz,
        "perturbed": {
            name: {
                "genes": len(groups[name]),
                "isolated": alone,
                "not_in_string": [gene for gene in alone if gene not in known],
            }
            for name, alone in zip(("train", "validation"), isolated, strict=True)
        },
        "isolated": list(graph.genes[graph.connected :]),
    }
    log.info(
        "%(link_rows)d link rows, %(kept_link_rows)d kept; %(genes)d genes, "
        "%(isolated_genes)d of them isolated; %(adjacency_entries)d entries",
        summary,
    )
    for name, alone in zip(("training", "validation"), isolated, strict=True):
        log.info("%d isolated %s genes: %s", len(alone), name, abbreviate(alone, 20) or "none")

    roles = {name: set(members) for name, members in groups.items()}
    write_rows(
        given.genes,
        ["gene", "index", "role", "connected"],
        (
            [
                gene,
                index,
                ",".join(name for name, members in roles.items() if gene in members),
                int(index < graph.connected),
            ]
            for index, gene in enumerate(graph.genes)
        ),
        delimiter="\t",
    )
    save_matrix(given.adjacency, graph.adjacency)
    save_json(given.summary, summary)


if __name__ == "__main__":
    run(main)

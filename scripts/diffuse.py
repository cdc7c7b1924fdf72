"""Solve the random walk with restart from every silenced gene, for one restart parameter."""

import logging
from collections.abc import Sequence

import numpy as np

from echoes.io.arrays import Floats, Ints, row_blocks
from echoes.io.command import between, parser, run, whole
from echoes.network.diffusion import BACKENDS, Diffusions, diffuse, save_diffusions
from echoes.network.graph import load_matrix, read_positions
from echoes.network.nodes import SILENCED, read_nodes
from echoes.screen import record

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--adjacency", required=True, help="npz of the adjacency matrix")
    options.add_argument("--laplacian", required=True, help="npz of the random-walk Laplacian")
    options.add_argument("--genes", required=True, help="table of the genes of the network")
    options.add_argument("--coverage", required=True, help="table of the node of each gene")
    options.add_argument("--perturbations", required=True, help="npz of the screen")
    share, positive = between(0, 1, ends=False), between(0, ends=False)
    options.add_argument("--alpha", type=share, required=True, help="probability of a step, 0 … 1")
    options.add_argument(
        "--tolerance", type=positive, required=True, help="largest residual allowed, l1 norm"
    )
    options.add_argument("--backend", choices=BACKENDS, required=True, help="name of the solver")
    options.add_argument(
        "--memory-gb", type=between(0), required=True, help="memory of a dense matrix, 10⁹ bytes"
    )
    options.add_argument("--workers", type=whole(1), required=True, help="most processes")
    options.add_argument("--output", required=True, help="npz of the diffusions")
    args = options.parse_args(argv)

    training, validation = record.load_sets(args.perturbations)
    sets = [*training, *validation]
    members = [gene for genes in sets for gene in genes]
    symbols, row = np.unique(members, return_inverse=True)
    nodes = read_nodes(args.coverage, SILENCED, symbols.tolist())
    adjacency = load_matrix(args.adjacency)
    solution = diffuse(
        adjacency,
        load_matrix(args.laplacian),
        read_positions(args.genes, nodes, adjacency.shape[0]),
        args.alpha,
        tolerance=args.tolerance,
        backend=args.backend,
        memory_gb=args.memory_gb,
        workers=args.workers,
    )
    log.info(
        "α = %g: %d genes, %s backend, %d iterations, largest residual %.3g",
        args.alpha,
        len(symbols),
        solution.backend,
        solution.iterations,
        solution.residual.max(),
    )
    residual = solution.residual[row]
    if len(members) > len(sets):
        # The walk is linear in its start: that of a pair is the sum of those of its genes.
        starts = np.cumsum([0, *map(len, sets)])[:-1]
        (walks,) = _take(solution.x, row)
        x, residual = np.add.reduceat(walks, starts), np.add.reduceat(residual, starts)
        train, of_validation = np.split(x, [len(training)])
    else:
        train, of_validation = _take(solution.x, *np.split(row, [len(training)]))
    save_diffusions(
        args.output,
        Diffusions(train, of_validation, residual, solution.iterations, solution.backend),
    )


def _take(x: Floats, *rows: Ints) -> list[Floats]:
    """Take rows of a table, several times; where most are taken, they change places within it.

    So there is no second table of that size, where as many rows are taken as there are.
    """
    largest = max(range(len(rows)), key=lambda part: len(rows[part]))
    most = rows[largest]
    taken = [x[:0] if part == largest else x[some] for part, some in enumerate(rows)]
    if len(most) > len(x):
        taken[largest] = x[most]
        return taken
    for columns in row_blocks(*x.shape[::-1]):
        x[: len(most), columns] = x[most, columns]
    taken[largest] = x[: len(most)]
    return taken


if __name__ == "__main__":
    run(main)
